//! Crashes: between the provider's answer and our commit, and anywhere else.
use crate::*;
use kit::plug::Setup;
use kit::testing::Seeded;
use payments::provider;
use payments::sandbox::{Lost, Said, Sandbox};
use payments::settle::{Outcome, settle};

/// A node whose worker is run by hand. The shop around it has no node of its own.
async fn by_hand() -> (Shop, Node) {
    let rig = Rig::start(&[], Config::default()).await;
    let setup = Setup { tasks: false, ..rig.setup.clone() };
    let node = Node::start(&services(), &setup).await.unwrap();
    let running = &node.services[0];
    running.waves.spawn();
    running.take_start().unwrap().await.unwrap();
    (Shop::around(rig), node)
}

async fn turn(node: &Node) {
    let turn = &node.service("payments").unwrap().workers["provider"];
    while turn().await.unwrap() == kit::worker::Worked::More {}
}

async fn status(node: &Node, id: PaymentId) -> PaymentStatus {
    let db = &node.service("payments").unwrap().db;
    reads::payment(db.reader(), id).await.unwrap().unwrap().status
}

#[tokio::test]
async fn a_crash_between_the_providers_answer_and_our_commit_charges_once() {
    let (shop, node) = by_hand().await;
    let running = node.service("payments").unwrap();
    let sandbox = Sandbox::new(&running.waves);
    let order = shop.order(None, card("tok_visa"), 500);
    shop.rig.tell(order.clone()).await;
    // The worker asks, and dies before it commits what was said.
    let taken =
        running.waves.write((), |wave, ()| Box::pin(provider::take_due(wave))).await.unwrap();
    assert_eq!(taken.len(), 1);
    let outcome = provider::ask(&sandbox, taken[0].clone()).await;
    assert_eq!(outcome.said, Ok(Said::Captured));
    drop(outcome);
    turn(&node).await;
    assert_eq!(status(&node, order.payment).await, PaymentStatus::Pending, "still on lease");
    shop.rig.clock.forward(Duration::from_secs(29));
    turn(&node).await;
    assert_eq!(status(&node, order.payment).await, PaymentStatus::Pending, "still on lease");
    shop.rig.clock.forward(Duration::from_secs(1));
    turn(&node).await;
    assert_eq!(status(&node, order.payment).await, PaymentStatus::Captured);
    assert_eq!(shop.captured.lock().len(), 1);
    let book = sandbox_book::all(running.db.reader()).await.unwrap();
    assert_eq!(book.len(), 1);
    assert_ledger(&running.db).await;
    node.stop().await;
}

#[tokio::test]
async fn a_crash_before_the_provider_was_asked_charges_once_under_the_same_key() {
    let (shop, node) = by_hand().await;
    let running = node.service("payments").unwrap();
    let order = shop.order(None, card("tok_visa"), 500);
    shop.rig.tell(order.clone()).await;
    let taken =
        running.waves.write((), |wave, ()| Box::pin(provider::take_due(wave))).await.unwrap();
    shop.rig.clock.forward(Duration::from_secs(31));
    turn(&node).await;
    assert_eq!(status(&node, order.payment).await, PaymentStatus::Captured);
    let book = sandbox_book::all(running.db.reader()).await.unwrap();
    assert_eq!(book.iter().map(|row| row.id).collect::<Vec<_>>(), [taken[0].id]);
    assert_ledger(&running.db).await;
    node.stop().await;
}

#[tokio::test]
async fn a_worker_that_was_thought_dead_charges_nothing_after_the_payment_was_closed() {
    let (shop, node) = by_hand().await;
    let running = node.service("payments").unwrap();
    let sandbox = Sandbox::new(&running.waves);
    let order = shop.order(None, card("tok_visa"), 500);
    shop.rig.tell(order.clone()).await;
    let slow =
        running.waves.write((), |wave, ()| Box::pin(provider::take_due(wave))).await.unwrap();
    assert_eq!(shop.close(&order).await, Closing::Closed);
    shop.rig.clock.forward(Duration::from_secs(31));
    turn(&node).await;
    // It wakes up and asks all the same: the key was voided.
    let outcome = provider::ask(&sandbox, slow[0].clone()).await;
    assert_eq!(outcome.said, Ok(Said::Voided));
    assert_eq!(status(&node, order.payment).await, PaymentStatus::Voided);
    assert_ledger(&running.db).await;
    node.stop().await;
}

#[tokio::test]
async fn a_refund_whose_answer_was_not_committed_pays_back_once() {
    let (shop, node) = by_hand().await;
    let running = node.service("payments").unwrap();
    let sandbox = Sandbox::new(&running.waves);
    let order = shop.order(None, card("tok_visa"), 500);
    shop.rig.tell(order.clone()).await;
    turn(&node).await;
    shop.cancel(&order).await;
    let taken =
        running.waves.write((), |wave, ()| Box::pin(provider::take_due(wave))).await.unwrap();
    assert_eq!(provider::ask(&sandbox, taken[0].clone()).await.said, Ok(Said::Refunded));
    shop.rig.clock.forward(Duration::from_secs(31));
    turn(&node).await;
    assert_eq!(status(&node, order.payment).await, PaymentStatus::Refunded);
    assert_eq!(shop.refunded.lock().len(), 1);
    let book = sandbox_book::all(running.db.reader()).await.unwrap();
    assert_eq!(book.iter().filter(|row| row.kind == "refund").count(), 1);
    assert_ledger(&running.db).await;
    node.stop().await;
}

#[tokio::test]
async fn what_two_workers_bring_is_applied_once_and_a_stale_answer_undoes_nothing() {
    let (shop, node) = by_hand().await;
    let running = node.service("payments").unwrap();
    let sandbox = Sandbox::new(&running.waves);
    let settle = async |outcome: &Outcome| {
        let settled = running.waves.write(outcome.clone(), |wave, outcome| {
            Box::pin(settle(wave, std::slice::from_ref(outcome)))
        });
        settled.await.unwrap();
    };
    let bring = async || {
        let taken = running.waves.write((), |wave, ()| Box::pin(provider::take_due(wave)));
        let taken = taken.await.unwrap();
        assert_eq!(taken.len(), 1);
        let outcome = provider::ask(&sandbox, taken[0].clone()).await;
        for _ in 0..2 {
            settle(&outcome).await;
        }
        for said in [
            Err(Lost("timeout".into())),
            Ok(Said::Pending),
            Ok(Said::NotFound),
            Ok(Said::RequiresAction),
            Ok(Said::Declined("card_declined".into())),
            Ok(Said::Voided),
        ] {
            settle(&Outcome { said, ..outcome.clone() }).await;
        }
        settle(&outcome).await;
        shop.rig.clock.forward(Duration::from_secs(600));
        turn(&node).await;
    };
    let order = shop.order(None, card("tok_visa"), 500);
    shop.rig.tell(order.clone()).await;
    bring().await;
    assert_eq!(status(&node, order.payment).await, PaymentStatus::Captured);
    shop.cancel(&order).await;
    bring().await;
    assert_eq!(status(&node, order.payment).await, PaymentStatus::Refunded);
    assert_eq!((shop.captured.lock().len(), shop.refunded.lock().len()), (1, 1));
    assert!(shop.failed.lock().is_empty() && shop.asks.lock().is_empty());
    let caller = shopper();
    let top_up = shop.top_up(&caller, 70, "tok_timeout", "k").await.unwrap();
    assert_eq!(top_up.status, PaymentStatus::Pending);
    shop.rig.clock.forward(Duration::from_secs(3));
    bring().await;
    assert_eq!(shop.balance(&caller).await, 70);
    assert_eq!(shop.topped_up.lock().len(), 1);
    assert_ledger(&running.db).await;
    node.stop().await;
}

#[tokio::test]
async fn a_store_that_restarts_alone_goes_on_at_once() {
    let (shop, node) = by_hand().await;
    let running = node.service("payments").unwrap();
    let order = shop.order(None, card("tok_visa"), 500);
    shop.rig.tell(order.clone()).await;
    running.waves.write((), |wave, ()| Box::pin(provider::take_due(wave))).await.unwrap();
    let alone = running.db.engine() == kit::db::Engine::Sqlite;
    node.stop().await;
    shop.rig.bus.forget("payments");
    shop.rig.registry.forget("payments");
    let sources = kit::clock::Sources::new(
        Arc::new(shop.rig.clock.clone()),
        Arc::new(Seeded::new(kit::testing::any_seed())),
    );
    let setup = Setup { tasks: false, sources, stop: Default::default(), ..shop.rig.setup.clone() };
    let node = Node::start(&services(), &setup).await.unwrap();
    node.services[0].waves.spawn();
    node.services[0].take_start().unwrap().await.unwrap();
    turn(&node).await;
    let now = if alone { PaymentStatus::Captured } else { PaymentStatus::Pending };
    assert_eq!(status(&node, order.payment).await, now, "beside others the lease has to end");
    shop.rig.clock.forward(Duration::from_secs(31));
    turn(&node).await;
    assert_eq!(status(&node, order.payment).await, PaymentStatus::Captured);
    assert_ledger(&node.service("payments").unwrap().db).await;
    node.stop().await;
}
