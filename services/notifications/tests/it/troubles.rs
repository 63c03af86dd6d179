//! Neighbours that do not answer, workers that die, and a great many letters.
use crate::shop::{Shop, all_waiting, all_written, change, count, mails, paid, placed, until};
use contracts::identity::{LinkPurpose, UserRegistered};
use contracts::orders::OrdersForLetters;
use contracts::{CallError, NoRefusal};
use kit::db::Engine;
use kit::plug::{Node, Setup};
use kit::testing::Rig;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

#[tokio::test(flavor = "multi_thread")]
async fn letters_wait_for_a_neighbour_that_is_away_and_are_then_written() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    let guests = shop.order(&rig, None, Some("guest@example.com"));
    shop.change(|facts| facts.orders_away = true);
    rig.tell(placed(&rig, &order, Some(ada))).await;
    rig.tell(UserRegistered { account: ada }).await;
    // Tries after 0, 1 and 2 more seconds, by the clock and not before.
    for (tries, wait) in [(1, 1), (2, 2), (3, 4)] {
        all_waiting(&rig).await;
        let tried = format!("letters WHERE kind = 'order_confirmation' AND tries = {tries}");
        assert_eq!(count(&rig, &tried).await, 1);
        let asked = shop.change(|facts| facts.asked_of_orders.len());
        assert_eq!(asked, tries);
        rig.work("notifications", "write_letters").await;
        rig.clock.forward(Duration::from_secs(wait) - Duration::from_millis(1));
        rig.work("notifications", "write_letters").await;
        assert_eq!(shop.change(|facts| facts.asked_of_orders.len()), asked, "not before its time");
        rig.clock.forward(Duration::from_millis(1));
    }
    all_waiting(&rig).await;
    assert_eq!(mails(&rig).await.len(), 1, "the welcome needs no order");
    shop.change(|facts| (facts.orders_away, facts.identity_away) = (false, true));
    rig.tell(placed(&rig, &guests, None)).await;
    rig.clock.forward(Duration::from_secs(60));
    until(&rig, "the guest's", || async { mails(&rig).await.len() == 2 }).await;
    all_waiting(&rig).await;
    shop.change(|facts| facts.identity_away = false);
    rig.clock.forward(Duration::from_secs(600));
    all_written(&rig).await;
    assert_eq!(mails(&rig).await.len(), 3);
    rig.stop().await;
}

/// A shop whose orders let the first who asks wait until the gate is opened, and then answer it
/// with `late`; and how often they were asked.
async fn gated(late: Option<CallError<NoRefusal>>) -> (Rig, Shop, Arc<AtomicUsize>, Arc<Notify>) {
    let (rig, shop) = Shop::without_orders().await;
    let (asked, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (counts, waits, known) = (Arc::clone(&asked), Arc::clone(&gate), shop.clone());
    rig.registry.answer::<OrdersForLetters>(move |caller, call| {
        let (counts, waits, known) = (Arc::clone(&counts), Arc::clone(&waits), known.clone());
        let late = late.clone();
        Box::pin(async move {
            if counts.fetch_add(1, Ordering::SeqCst) == 0 {
                waits.notified().await;
                if let Some(error) = late {
                    return Err(error);
                }
            }
            known.orders_for_letters(&caller, &call)
        })
    });
    (rig, shop, asked, gate)
}
/// Waits until orders were asked so often.
async fn asked_of_orders(asked: &AtomicUsize, times: usize) {
    while asked.load(Ordering::SeqCst) < times {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_claimed_and_left_is_written_by_another_and_only_once() {
    // The first who asks is thought dead, and then comes back with bad news.
    let (rig, shop, asked, gate) = gated(Some(CallError::NotDone("too late".into()))).await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    rig.tell(paid(&rig, &order, Some(ada))).await;
    // The worker of a node has it; this test's own turns find nothing to do.
    asked_of_orders(&asked, 1).await;
    rig.work("notifications", "write_letters").await;
    assert_eq!((asked.load(Ordering::SeqCst), mails(&rig).await.len()), (1, 0), "it is claimed");
    rig.clock.forward(Duration::from_secs(61));
    all_written(&rig).await;
    assert_eq!(mails(&rig).await.len(), 1);

    gate.notify_one();
    // Its turn ends when it has noticed that its claim is gone: give it the time.
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert_eq!(count(&rig, "letters WHERE state = 'written' AND next_at IS NULL").await, 1);
    }
    rig.clock.forward(Duration::from_secs(600));
    all_written(&rig).await;
    assert_eq!((mails(&rig).await.len(), asked.load(Ordering::SeqCst)), (1, 2));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_replica_had_claimed_is_written_by_the_next_and_only_once() {
    let (mut rig, shop, asked, gate) = gated(None).await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    rig.tell(paid(&rig, &order, Some(ada))).await;
    asked_of_orders(&asked, 1).await;
    if rig.nodes[0].service("notifications").unwrap().db.engine() != Engine::Sqlite {
        // Replicas cannot know who of them died.
        rig.clock.forward(Duration::from_secs(61));
    }
    let setup = Setup { stop: Default::default(), ..rig.setup.clone() };
    let next = Node::start(&[Box::new(notifications::plug())], &setup).await.unwrap();
    rig.nodes.push(next);
    all_written(&rig).await;
    // It was not dead, after all.
    gate.notify_one();
    rig.clock.forward(Duration::from_secs(61));
    all_written(&rig).await;
    assert_eq!((mails(&rig).await.len(), count(&rig, "notifications").await), (1, 1));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_changed_while_it_was_written_is_written_anew() {
    let (rig, shop, asked, gate) = gated(None).await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    rig.tell(paid(&rig, &order, Some(ada))).await;
    asked_of_orders(&asked, 1).await;
    // As whoever else claims it.
    change(&rig, "UPDATE letters SET next_at = next_at + 1").await;
    gate.notify_one();
    rig.clock.forward(Duration::from_secs(61));
    all_written(&rig).await;
    asked_of_orders(&asked, 2).await;
    assert_eq!((mails(&rig).await.len(), count(&rig, "notifications").await), (1, 1));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_comes_while_its_welcome_is_written_goes_alone() {
    let (rig, shop, asked, gate) = gated(None).await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    rig.tell(UserRegistered { account: ada }).await;
    rig.clock.forward(Duration::from_secs(2));
    // Written in one set with the welcome.
    rig.tell(placed(&rig, &order, Some(ada))).await;
    asked_of_orders(&asked, 1).await;
    rig.tell(shop.link(&rig, ada, LinkPurpose::VerifyEmail)).await;
    gate.notify_one();
    all_written(&rig).await;
    let kept = mails(&rig).await;
    let kinds: Vec<&str> = kept.iter().map(|mail| mail.kind.as_str()).collect();
    assert_eq!(kinds, ["order_confirmation", "verify_email", "welcome"]);
    assert!(kept[1].text.contains("/verify-email?token="), "{}", kept[1].text);
    assert!(!kept[2].text.contains("/verify-email"), "{}", kept[2].text);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_great_many_letters_are_written_in_sets() {
    const MANY: usize = 1_200;
    let (rig, shop) = Shop::open().await;
    shop.change(|facts| facts.identity_away = true);
    let rig = Arc::new(rig);
    let mut telling = Vec::new();
    for _ in 0..MANY {
        let ada = shop.person(&rig, "Ada");
        let (order, told) = (shop.order(&rig, Some(ada), None), Arc::clone(&rig));
        telling.push(tokio::spawn(async move {
            told.tell(placed(&told, &order, Some(ada))).await;
        }));
    }
    for told in telling {
        told.await.unwrap();
    }
    all_waiting(&rig).await;
    shop.change(|facts| {
        facts.identity_away = false;
        facts.asked_of_identity.clear();
        facts.asked_for_shop = 0;
    });
    rig.clock.forward(Duration::from_secs(600));
    let started = std::time::Instant::now();
    all_written(&rig).await;
    let sets = shop.change(|facts| facts.asked_of_identity.clone());
    println!("{MANY} letters in {:?}, in sets of {sets:?}", started.elapsed());
    assert_eq!(sets.iter().sum::<usize>(), MANY, "each is asked about once: {sets:?}");
    assert!(sets.iter().all(|set| *set <= 500) && sets.len() <= 5, "{sets:?}");
    assert_eq!(shop.change(|facts| facts.asked_for_shop), sets.len(), "once for each set");
    for table in ["mails", "notifications"] {
        assert_eq!(count(&rig, table).await, i64::try_from(MANY).unwrap());
    }
}
