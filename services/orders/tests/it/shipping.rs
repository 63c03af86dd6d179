//! Parcels: from the first piece that leaves to the last that arrives.
use crate::shop::*;
use crate::web::{get, post, send};
use contracts::orders::{
    CancelReason, CreateShipment, GetTracking, Idempotency, Order, OrderCancelled, OrderDelivered,
    OrderFulfilled, OrderRef, OrderRefused, OrderStatus, Shipment, ShipmentDelivered, ShipmentSent,
    ShipmentStatus, UpdateShipment,
};
use contracts::{CallError, Caller, OrderId, Role, SessionId, ShipmentId};
use kit::testing::{admin, shopper};
use serde_json::{Value, json};
use std::sync::Arc;

pub type Shown = Result<Order, CallError<OrderRefused>>;

/// A parcel with these lines; nothing means all that is left.
pub fn parcel(order: OrderId, lines: &[(&str, u32)], idempotency: Idempotency) -> CreateShipment {
    let line = |(name, count): &(&str, u32)| contracts::inventory::StockLine {
        sku: sku(name),
        quantity: pieces(*count),
    };
    let lines = lines.iter().map(line).collect();
    CreateShipment { order, lines, carrier: None, tracking: None, idempotency }
}

impl Shop {
    pub async fn ship(&self, order: OrderId, lines: &[(&str, u32)]) -> Shown {
        self.rig.call(&admin(), parcel(order, lines, any_key())).await
    }
    pub async fn parcel_is(
        &self,
        order: OrderId,
        shipment: ShipmentId,
        status: ShipmentStatus,
    ) -> Shown {
        let status = Some(status);
        let update = UpdateShipment { order, shipment, status, carrier: None, tracking: None };
        self.rig.call(&admin(), update).await
    }
    /// A paid order of these lines.
    pub async fn paid(&self, who: &Caller, lines: &[(&str, u32)]) -> Order {
        self.fill(who, lines);
        let order = self.check_out(who, checkout(any_key())).await.expect("an order");
        self.capture(&order).await;
        self.get(who, order.id).await
    }
}

fn wrong_state(text: &str) -> Option<OrderRefused> {
    Some(OrderRefused::WrongState { status: text.into() })
}

#[tokio::test]
async fn an_order_goes_out_in_two_parcels_and_every_step_is_told_once() {
    let shop = Shop::open().await;
    let (sent, arrived) =
        (shop.rig.listen::<ShipmentSent>(), shop.rig.listen::<ShipmentDelivered>());
    let (fulfilled, delivered) =
        (shop.rig.listen::<OrderFulfilled>(), shop.rig.listen::<OrderDelivered>());
    let ada = shopper();
    let order = shop.paid(&ada, &[("BOOK-1", 2), ("BOOK-2", 1)]).await;
    let first = shop.ship(order.id, &[("BOOK-1", 1)]).await.unwrap();
    assert_eq!((first.status, first.shipments.len()), (OrderStatus::Paid, 1));
    let second = shop.ship(order.id, &[]).await.unwrap();
    assert_eq!(second.status, OrderStatus::Fulfilled);
    assert_eq!(second.shipments[0], first.shipments[0], "oldest first");
    let (one, two) = (second.shipments[0].id, second.shipments[1].id);
    for (parcel, status) in [(two, OrderStatus::Fulfilled), (one, OrderStatus::Delivered)] {
        for _ in 0..2 {
            let seen = shop.parcel_is(order.id, parcel, ShipmentStatus::Delivered).await.unwrap();
            assert_eq!(seen.status, status);
        }
    }
    assert_eq!(shop.get(&ada, order.id).await, shop.get(&admin(), order.id).await);
    shop.rig.settled().await;
    let sent: Vec<_> = sent.lock().iter().map(|told| (told.shipment, told.lines.len())).collect();
    assert_eq!(sent, [(one, 1), (two, 2)]);
    let arrived: Vec<_> = arrived.lock().iter().map(|told| told.shipment).collect();
    assert_eq!(arrived, [two, one]);
    let (fulfilled, delivered) = (fulfilled.lock().clone(), delivered.lock().clone());
    assert_eq!((fulfilled.len(), delivered.len()), (1, 1));
    assert_eq!((fulfilled[0].lines.len(), fulfilled[0].payment), (2, order.payment.id));
    assert_eq!((delivered[0].account, delivered[0].total), (ada.account(), order.total));
    shop.close().await;
}

#[tokio::test]
async fn of_twenty_who_send_the_last_two_pieces_at_once_two_do() {
    let shop = Arc::new(Shop::open().await);
    let told = shop.rig.listen::<OrderFulfilled>();
    let order = shop.paid(&shopper(), &[("BOOK-1", 2)]).await.id;
    let all: Vec<_> = (0..20)
        .map(|_| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.ship(order, &[("BOOK-1", 1)]).await })
        })
        .collect();
    let mut sent = 0;
    for one in all {
        match one.await.unwrap() {
            Ok(_) => sent += 1,
            Err(why) => assert_eq!(why.refused(), wrong_state("fulfilled")),
        }
    }
    let seen = shop.get(&admin(), order).await;
    assert_eq!((sent, seen.shipments.len(), seen.status), (2, 2, OrderStatus::Fulfilled));
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 1);
    shop.close().await;
}

#[tokio::test]
async fn one_key_sends_one_parcel_however_often_it_comes() {
    let shop = Arc::new(Shop::open().await);
    let told = shop.rig.listen::<ShipmentSent>();
    let (order, staff) = (shop.paid(&shopper(), &[("BOOK-1", 3)]).await.id, admin());
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (shop, staff) = (Arc::clone(&shop), staff.clone());
            let one = parcel(order, &[("BOOK-1", 1)], key("k"));
            tokio::spawn(async move { shop.rig.call(&staff, one).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for one in all {
        answers.push(one.await.unwrap());
    }
    assert!(answers.iter().all(|seen| *seen == answers[0]));
    let other = Idempotency { body: [1; 32], ..key("k") };
    let reused = shop.rig.call(&staff, parcel(order, &[("BOOK-1", 2)], other)).await;
    assert_eq!(reused.unwrap_err().refused(), Some(OrderRefused::KeyReused));
    // A form error is not kept.
    let too_many = shop.rig.call(&staff, parcel(order, &[("BOOK-1", 3)], key("l"))).await;
    let Some(OrderRefused::Invalid { field, .. }) = too_many.unwrap_err().refused() else {
        panic!("it is sent");
    };
    assert_eq!(field, "lines[0].quantity");
    assert!(shop.rig.call(&staff, parcel(order, &[("BOOK-1", 2)], key("l"))).await.is_ok());
    shop.rig.settled().await;
    assert_eq!(told.lock().len(), 2);
    shop.close().await;
}

#[tokio::test]
async fn shipping_while_cancelling_ends_in_one_of_the_two() {
    let shop = Arc::new(Shop::open().await);
    let (cancelled, sent) =
        (shop.rig.listen::<OrderCancelled>(), shop.rig.listen::<ShipmentSent>());
    let mut ids = Vec::new();
    for round in 0..12_u32 {
        let ada = shopper();
        let order = shop.paid_order(&ada).await.id;
        ids.push(order);
        let cancelling = {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { shop.cancel(&ada, order).await })
        };
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        let shipped = shop.ship(order, &[]).await;
        let dropped = cancelling.await.unwrap();
        let status = shop.status(order).await;
        match (shipped, dropped) {
            (Ok(_), Err(why)) => {
                assert_eq!(why.refused(), wrong_state("fulfilled"));
                assert_eq!(status, OrderStatus::Fulfilled);
            }
            (Err(why), Ok(_)) => {
                assert_eq!(why.refused(), wrong_state("cancelled"));
                assert_eq!(status, OrderStatus::Cancelled);
            }
            both => panic!("{both:?}"),
        }
    }
    shop.rig.settled().await;
    let (cancelled, sent) = (cancelled.lock().clone(), sent.lock().clone());
    assert_eq!(cancelled.len() + sent.len(), ids.len());
    assert!(cancelled.iter().all(|told| sent.iter().all(|sent| sent.order != told.order)));
    shop.close().await;
}

#[tokio::test]
async fn what_is_partly_on_its_way_is_not_cancelled() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.paid_order(&ada).await.id;
    shop.ship(order, &[("BOOK-1", 1)]).await.unwrap();
    for who in [&ada, &admin()] {
        let refused = shop.cancel(who, order).await.unwrap_err().refused();
        assert_eq!(refused, wrong_state("paid, and partly on its way"));
    }
    shop.close().await;
}

#[tokio::test]
async fn a_parcel_that_arrives_through_many_hands_at_once_arrives_once() {
    let shop = Arc::new(Shop::open().await);
    let (told, arrived) =
        (shop.rig.listen::<OrderDelivered>(), shop.rig.listen::<ShipmentDelivered>());
    let order = shop.paid_order(&shopper()).await.id;
    let shipment = shop.ship(order, &[]).await.unwrap().shipments[0].id;
    let all: Vec<_> = (0..20)
        .map(|_| {
            let shop = Arc::clone(&shop);
            let is =
                async move { shop.parcel_is(order, shipment, ShipmentStatus::Delivered).await };
            tokio::spawn(is)
        })
        .collect();
    let mut answers = Vec::new();
    for one in all {
        answers.push(one.await.unwrap().unwrap());
    }
    assert!(answers.iter().all(|seen| *seen == answers[0]));
    let back = shop.parcel_is(order, shipment, ShipmentStatus::Returned).await;
    let refused = back.unwrap_err().refused();
    assert_eq!(refused, wrong_state("on its way, its parcel delivered"));
    shop.rig.settled().await;
    assert_eq!((told.lock().len(), arrived.lock().len()), (1, 1));
    shop.close().await;
}

#[tokio::test]
async fn only_staff_ship_and_only_what_is_there() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.paid_order(&ada).await.id;
    let (account, session) = (shop.rig.id(), shop.rig.id::<SessionId>());
    let support = Caller::Account { account, session, role: Role::Support };
    for (caller, refused) in
        [(&ada, OrderRefused::NotAllowed), (&Caller::Guest, OrderRefused::NotLoggedIn)]
    {
        let sent = shop.rig.call(caller, parcel(order, &[], any_key())).await;
        assert_eq!(sent.unwrap_err().refused(), Some(refused.clone()));
        let (shipment, status) = (shop.rig.id(), Some(ShipmentStatus::Delivered));
        let update = UpdateShipment { order, shipment, status, carrier: None, tracking: None };
        let updated = shop.rig.call(caller, update).await;
        assert_eq!(updated.unwrap_err().refused(), Some(refused));
    }
    let nowhere = shop.rig.id::<OrderId>();
    let refused = shop.ship(nowhere, &[]).await.unwrap_err().refused();
    assert_eq!(refused, Some(OrderRefused::NotFound));
    let refused = shop.parcel_is(order, shop.rig.id(), ShipmentStatus::Delivered).await;
    assert_eq!(refused.unwrap_err().refused(), Some(OrderRefused::NotFound));
    let pending = shop.order(&ada).await.id;
    let refused = shop.ship(pending, &[]).await.unwrap_err().refused();
    assert_eq!(refused, wrong_state("pending"));
    assert!(shop.rig.call(&support, parcel(order, &[], any_key())).await.is_ok());
    shop.close().await;
}

#[tokio::test]
async fn the_timeline_shows_every_step_and_parcel_to_the_guest_whose_order_it_is() {
    let shop = Shop::open().await;
    shop.fill_named("cart-1".into(), &[("BOOK-1", 2)]);
    let placed = shop.rig.call(&Caller::Guest, guest_checkout("cart-1", any_key())).await.unwrap();
    shop.capture(&placed.order).await;
    let order = placed.order.id;
    shop.ship(order, &[("BOOK-1", 1)]).await.unwrap();
    let seen = shop.ship(order, &[]).await.unwrap();
    for parcel in &seen.shipments {
        shop.rig.clock.forward(std::time::Duration::from_secs(60));
        shop.parcel_is(order, parcel.id, ShipmentStatus::Delivered).await.unwrap();
    }
    let of = OrderRef { order, token: placed.order_token };
    let tracking = shop.rig.call(&Caller::Guest, GetTracking { of }).await.unwrap();
    let steps: Vec<_> = tracking.timeline.iter().map(|step| step.status).collect();
    let (fulfilled, delivered) = (OrderStatus::Fulfilled, OrderStatus::Delivered);
    assert_eq!(steps, [OrderStatus::Pending, OrderStatus::Paid, fulfilled, delivered]);
    assert!(tracking.timeline.windows(2).all(|two| two[0].at <= two[1].at));
    let ended = |parcel: &Shipment| {
        parcel.status == ShipmentStatus::Delivered && parcel.ended_at > Some(parcel.shipped_at)
    };
    assert_eq!((tracking.shipments.len(), tracking.status), (2, delivered));
    assert!(tracking.shipments.iter().all(ended));
    shop.close().await;
}

async fn patch(shop: &Shop, caller: &Caller, path: &str, body: &str) -> crate::web::Asked {
    let headers = [("content-type", "application/json")];
    send(shop, caller, "PATCH", path, &headers, body.to_owned()).await
}

#[tokio::test]
async fn staff_ship_over_http() {
    let shop = Shop::open().await;
    let (ada, staff) = (shopper(), admin());
    let order = shop.paid(&ada, &[("BOOK-1", 2), ("BOOK-2", 1)]).await.id;
    let path = format!("/v1/orders/{order}/shipments");
    let body = json!({
        "lines": [{"sku": "book-1", "quantity": 1}], "carrier": "DHL", "tracking": "T1"
    });
    let sent = post(&shop, &staff, &path, "k", &body.to_string()).await;
    assert_eq!(sent.status.as_u16(), 201, "{}", sent.text);
    let first = sent.json();
    assert_eq!(first["shipments"][0]["lines"], json!([{"sku": "BOOK-1", "quantity": 1}]));
    assert_eq!((&first["tracking"], &first["status"]), (&json!("T1"), &json!("paid")));
    assert_eq!(post(&shop, &staff, &path, "k", &body.to_string()).await.json(), first, "replayed");
    let reused = post(&shop, &staff, &path, "k", "{}").await;
    assert_eq!((reused.status.as_u16(), reused.code().as_str()), (422, "idempotency_key_reused"));
    let rest = post(&shop, &staff, &path, "l", "").await;
    assert_eq!((rest.status.as_u16(), &rest.json()["status"]), (201, &json!("fulfilled")));
    let more = post(&shop, &staff, &path, "m", "").await;
    assert_eq!((more.status.as_u16(), more.code().as_str()), (409, "wrong_state"));
    assert_eq!(more.json()["order_status"], "fulfilled");

    let shipments = rest.json()["shipments"].as_array().unwrap().clone();
    let one = |at: usize| format!("{path}/{}", shipments[at]["id"].as_str().unwrap());
    let corrected = patch(&shop, &staff, &one(1), r#"{"carrier": "UPS", "tracking": "T2"}"#).await;
    assert_eq!(corrected.json()["tracking"], "T2", "{}", corrected.text);
    for at in [0, 1] {
        let arrived = patch(&shop, &staff, &one(at), r#"{"status": "delivered"}"#).await;
        assert_eq!(arrived.status.as_u16(), 200, "{}", arrived.text);
    }
    let back = patch(&shop, &staff, &one(0), r#"{"status": "returned"}"#).await;
    assert_eq!((back.status.as_u16(), back.code().as_str()), (409, "wrong_state"));
    let tracking = get(&shop, &ada, &format!("/v1/orders/{order}/tracking")).await.json();
    assert_eq!((&tracking["status"], &tracking["tracking"]), (&json!("delivered"), &json!("T2")));
    assert_eq!(tracking["shipments"][1]["carrier"], "UPS");
    assert!(tracking["shipments"][1]["ended_at"].is_string());
    shop.close().await;
}

#[tokio::test]
async fn wrong_parcels_name_their_fields() {
    let shop = Shop::open().await;
    let (ada, staff) = (shopper(), admin());
    let order = shop.paid_order(&ada).await.id;
    let path = format!("/v1/orders/{order}/shipments");
    for (caller, status) in [(&Caller::Guest, 401), (&ada, 403)] {
        // 401 and 403 come before the key and the body.
        for path in [path.clone(), format!("/v1/orders/{}/shipments", shop.rig.id::<OrderId>())] {
            let asked = send(&shop, caller, "POST", &path, &[], "{ nonsense").await;
            assert_eq!(asked.status.as_u16(), status, "{}", asked.text);
            let one = format!("{path}/{}", shop.rig.id::<ShipmentId>());
            assert_eq!(patch(&shop, caller, &one, "{ nonsense").await.status.as_u16(), status);
        }
    }
    let missing = send(&shop, &staff, "POST", &path, &[], "").await;
    assert_eq!(missing.code(), "idempotency_key_required");
    let line = |sku: &str, quantity: Value| json!({"lines": [{"sku": sku, "quantity": quantity}]});
    for (body, field) in [
        (json!({"lines": []}), "lines"),
        (line("BOOK-1", json!(3)), "lines[0].quantity"),
        (line("BOOK-1", json!(0)), "lines[0].quantity"),
        (line("BOOK-1", json!(1.5)), "lines[0].quantity"),
        (line("BOOK-2", json!(1)), "lines[0].sku"),
        (json!({"carrier": ""}), "carrier"),
        (json!({"carrier": "a\u{0}b"}), "carrier"),
        (json!({"tracking": "x".repeat(101)}), "tracking"),
    ] {
        let asked = post(&shop, &staff, &path, "k", &body.to_string()).await;
        assert_eq!((asked.status.as_u16(), asked.field().as_str()), (400, field), "{}", asked.text);
    }
    let unknown = post(&shop, &staff, &path, "k", r#"{"weight": 3}"#).await;
    assert_eq!(unknown.status.as_u16(), 400, "{}", unknown.text);
    let shipment = shop.ship(order, &[]).await.unwrap().shipments[0].id;
    let one = format!("{path}/{shipment}");
    for (body, field) in [
        (json!({"status": "lost"}), "status"),
        (json!({"tracking": "\u{0}"}), "tracking"),
        (json!({"carrier": 7}), "carrier"),
    ] {
        let asked = patch(&shop, &staff, &one, &body.to_string()).await;
        assert_eq!((asked.status.as_u16(), asked.field().as_str()), (400, field), "{}", asked.text);
    }
    for path in ["nonsense", &*shop.rig.id::<ShipmentId>().to_string()] {
        let path = format!("/v1/orders/{order}/shipments/{path}");
        assert_eq!(patch(&shop, &staff, &path, "{}").await.status.as_u16(), 404);
    }
    shop.close().await;
}

#[tokio::test]
async fn an_order_of_the_first_release_is_shipped_like_any_other() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.paid_order(&ada).await;
    shop.sql(
        "UPDATE orders SET shipments = NULL, placed_with = NULL, paid_at = NULL, \
         receipt = NULL, bank_account = NULL, next_expires_at = NULL, closing = NULL",
    )
    .await;
    assert_eq!(shop.get(&ada, order.id).await, order);
    let sent = shop.ship(order.id, &[]).await.unwrap();
    assert_eq!(sent.status, OrderStatus::Fulfilled);
    let seen = shop.parcel_is(order.id, sent.shipments[0].id, ShipmentStatus::Delivered).await;
    assert_eq!(seen.unwrap().status, OrderStatus::Delivered);
    let other = shop.paid_order(&ada).await;
    let cancelled = shop.cancel(&ada, other.id).await.unwrap();
    assert_eq!(cancelled.cancel_reason, Some(CancelReason::ByShopper));
    shop.close().await;
}
