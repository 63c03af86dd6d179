//! Holds whose order never appeared.
use super::*;
use contracts::orders::{Became, WhatBecameOf};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const WORKER: (&str, &str) = ("inventory", "ask_about_holds");

/// Orders, as the test plays it: what became of which order; it knows nothing of others.
#[derive(Clone, Default)]
struct Orders {
    became: Arc<Mutex<BTreeMap<OrderId, Became>>>,
    asked: Arc<Mutex<Vec<OrderId>>>,
}

impl Orders {
    fn played(rig: &Rig) -> Self {
        let orders = Self::default();
        let played = orders.clone();
        rig.play::<WhatBecameOf>(move |caller, WhatBecameOf { order }| {
            assert_eq!(caller, Caller::Store);
            played.asked.lock().push(order);
            let became = played.became.lock().get(&order).copied();
            became.ok_or_else(|| CallError::Unknown("orders is away".to_owned()))
        });
        orders
    }
    fn knows(&self, order: OrderId, became: Became) {
        self.became.lock().insert(order, became);
    }
    fn asked_about(&self, order: OrderId) -> usize {
        self.asked.lock().iter().filter(|asked| **asked == order).count()
    }
}

async fn held(rig: &Rig) -> OrderId {
    let order = rig.id();
    reserve(rig, order, &[("A", 1)]).await.unwrap();
    order
}

#[tokio::test]
async fn a_hold_whose_order_never_appeared_is_let_go_after_asking() {
    let rig = rig().await;
    let orders = Orders::played(&rig);
    stock(&rig, "A", 2).await;
    let order = held(&rig).await;
    orders.knows(order, Became::NeverPlaced);
    rig.clock.forward(Duration::from_secs(59));
    rig.work(WORKER.0, WORKER.1).await;
    assert_eq!(orders.asked_about(order), 0, "a checkout has a minute");
    assert_eq!(level(&rig, "A").await, (2, 1));
    rig.clock.forward(Duration::from_secs(1));
    rig.work(WORKER.0, WORKER.1).await;
    assert_eq!(level(&rig, "A").await, (2, 0));
    assert_eq!(no(reserve(&rig, order, &[("A", 1)]).await), ReserveRefused::Released);
    let asked = orders.asked_about(order);
    rig.clock.forward(Duration::from_secs(3600));
    rig.work(WORKER.0, WORKER.1).await;
    assert_eq!(orders.asked_about(order), asked, "the answer was final");
    rig.stop().await;
}

#[tokio::test]
async fn a_hold_of_a_placed_order_stays_whatever_time_passes_and_is_asked_about_once() {
    let rig = rig().await;
    let orders = Orders::played(&rig);
    stock(&rig, "A", 2).await;
    let order = held(&rig).await;
    orders.knows(order, Became::Placed);
    rig.clock.forward(Duration::from_secs(60));
    rig.work(WORKER.0, WORKER.1).await;
    let asked = orders.asked_about(order);
    for _ in 0..3 {
        rig.clock.forward(Duration::from_secs(24 * 3600));
        rig.work(WORKER.0, WORKER.1).await;
    }
    assert_eq!(orders.asked_about(order), asked);
    assert_eq!(level(&rig, "A").await, (2, 1));
    rig.tell(cancelled(order, &[("A", 1)], false)).await;
    assert_eq!(level(&rig, "A").await, (2, 0), "its end comes by its event");
    rig.stop().await;
}

#[tokio::test]
async fn a_hold_is_left_while_its_order_is_being_placed_or_orders_is_away() {
    let rig = rig().await;
    let orders = Orders::played(&rig);
    stock(&rig, "A", 9).await;
    let placing = held(&rig).await;
    orders.knows(placing, Became::StillPlacing);
    rig.clock.forward(Duration::from_secs(1));
    let nobody_knows = held(&rig).await;
    rig.clock.forward(Duration::from_secs(60));
    for _ in 0..3 {
        rig.work(WORKER.0, WORKER.1).await;
        rig.clock.forward(Duration::from_secs(6));
    }
    assert!(orders.asked_about(placing) >= 3 && orders.asked_about(nobody_knows) >= 3);
    assert_eq!(level(&rig, "A").await, (9, 2));
    orders.knows(placing, Became::NeverPlaced);
    orders.knows(nobody_knows, Became::NeverPlaced);
    rig.work(WORKER.0, WORKER.1).await;
    assert_eq!(level(&rig, "A").await, (9, 0));
    rig.stop().await;
}

#[tokio::test]
async fn one_hold_that_nobody_knows_does_not_hold_up_the_others_for_ever() {
    let rig = rig().await;
    let orders = Orders::played(&rig);
    stock(&rig, "A", 300).await;
    let _nobody_knows = held(&rig).await;
    rig.clock.forward(Duration::from_secs(1));
    for _ in 0..150 {
        orders.knows(held(&rig).await, Became::NeverPlaced);
    }
    rig.clock.forward(Duration::from_secs(60));
    for _ in 0..4 {
        rig.work(WORKER.0, WORKER.1).await;
    }
    assert_eq!(level(&rig, "A").await, (300, 1));
    rig.stop().await;
}

#[tokio::test]
async fn an_order_that_ends_between_question_and_answer_keeps_its_end() {
    let rig = rig().await;
    stock(&rig, "A", 9).await;
    let (paid_meanwhile, cancelled_meanwhile): (OrderId, OrderId) = (rig.id(), rig.id());
    for order in [paid_meanwhile, cancelled_meanwhile] {
        reserve(&rig, order, &[("A", 2)]).await.unwrap();
    }
    // Orders answers only after its events were heard.
    let bus = (rig.bus.clone(), rig.setup.sources.clone());
    rig.registry.answer::<WhatBecameOf>(move |_, WhatBecameOf { order }| {
        let bus = bus.clone();
        Box::pin(async move {
            if order == paid_meanwhile {
                tell(&bus, paid(order, &[("A", 2)])).await;
            } else {
                tell(&bus, cancelled(order, &[("A", 2)], false)).await;
            }
            // A lie, to see that the state decides.
            Ok(if order == paid_meanwhile { Became::NeverPlaced } else { Became::Placed })
        })
    });
    rig.clock.forward(Duration::from_secs(61));
    rig.work(WORKER.0, WORKER.1).await;
    assert_eq!(level(&rig, "A").await, (7, 0));
    rig.stop().await;
}

async fn tell<E: contracts::Event>(bus: &(kit::bus::Bus, kit::clock::Sources), event: E) {
    let message = kit::bus::Envelope {
        id: bus.1.id(),
        name: E::NAME.into(),
        source: "test".into(),
        subject: event.subject(),
        version: 2,
        part: 0,
        time: bus.1.now(),
        traceparent: None,
        body: serde_json::to_string(&event).unwrap().into(),
        typed: None,
    };
    bus.0.deliver(Arc::new(message), "inventory").await.unwrap();
}

#[tokio::test]
async fn a_paid_hold_is_never_asked_about() {
    let rig = rig().await;
    let orders = Orders::played(&rig);
    stock(&rig, "A", 9).await;
    let order = held(&rig).await;
    rig.tell(paid(order, &[("A", 1)])).await;
    rig.clock.forward(Duration::from_secs(600));
    rig.work(WORKER.0, WORKER.1).await;
    assert_eq!(orders.asked_about(order), 0);
    rig.stop().await;
}
