//! The numbers of receipts: from 1, none left out, none given twice.
use crate::*;
use contracts::AccountId;
use futures_util::future::join_all;
use kit::Unexpected;
use kit::plug::Setup;
use kit::testing::admin;
use payments::provider;
use payments::sandbox::Sandbox;
use payments::settle::settle;
use std::collections::BTreeSet;

/// Places orders of all kinds at once, and confirms and delivers them as they come.
async fn sell(shop: &Shop, account: Option<AccountId>, count: usize) -> Vec<OrderPlaced> {
    let staff = admin();
    let kinds = [
        wallet(),
        card("tok_visa"),
        bank(),
        cash(),
        card("tok_chargedThenError"),
        card("tok_chargeDeclined"),
    ];
    let orders: Vec<OrderPlaced> =
        (0..count).map(|n| shop.order(account, kinds[n % kinds.len()].clone(), 100)).collect();
    join_all(orders.iter().map(|order| {
        let staff = &staff;
        async move {
            shop.rig.tell(order.clone()).await;
            match order.method {
                PaymentMethod::BankTransfer => {
                    shop.confirm(staff, order, None, "k").await.unwrap();
                }
                PaymentMethod::CashOnDelivery => shop.deliver(order).await,
                _ => {}
            }
        }
    }))
    .await;
    orders
}

#[tokio::test]
async fn batches_at_once_on_all_replicas_number_without_a_gap() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(100_000).await;
    let orders = sell(&shop, payer.account(), 240).await;
    shop.pass(5).await;
    let given = assert_receipts(shop.db()).await;
    assert_eq!(given, 200, "all but the refused cards");
    shop.rig.settled().await;
    let told = shop.captured.lock().clone();
    let numbers: BTreeSet<i64> = told.iter().filter_map(|told| told.receipt).collect();
    assert_eq!(numbers, (1..=given).collect());
    assert_eq!(told.len(), 200);
    for told in &told {
        let stored = shop.payment(told.payment).await.unwrap();
        assert_eq!(stored.receipt, told.receipt);
    }
    for order in orders.iter().filter(|order| order.token.as_deref() == Some("tok_chargeDeclined"))
    {
        assert_eq!(shop.payment(order.payment).await.unwrap().receipt, None);
    }
    shop.end().await;
}

#[tokio::test]
async fn money_that_goes_back_at_once_and_top_ups_have_no_receipt() {
    let shop = Shop::open().await;
    shop.shopper_with(500).await;
    let late = shop.order(None, card("tok_timeout"), 800);
    shop.rig.tell(late.clone()).await;
    shop.pass(1).await;
    shop.close(&late).await;
    shop.pass(10).await;
    shop.until(late.payment, PaymentStatus::Refunded).await;
    assert_eq!(shop.payment(late.payment).await.unwrap().receipt, None);
    let paid = shop.placed(None, card("tok_visa"), 100, PaymentStatus::Captured).await;
    assert_eq!(shop.payment(paid.payment).await.unwrap().receipt, Some(1));
    // What is given back later keeps its receipt.
    shop.cancel(&paid).await;
    shop.until(paid.payment, PaymentStatus::Refunded).await;
    assert_eq!(shop.payment(paid.payment).await.unwrap().receipt, Some(1));
    let free = shop.placed(None, card("tok_visa"), 0, PaymentStatus::Captured).await;
    assert_eq!(shop.payment(free.payment).await.unwrap().receipt, Some(2));
    shop.end().await;
}

#[tokio::test]
async fn a_rollback_gives_its_number_back() {
    let rig = Rig::start(&[], Config::default()).await;
    let setup = Setup { tasks: false, ..rig.setup.clone() };
    let node = Node::start(&services(), &setup).await.unwrap();
    let running = &node.services[0];
    running.waves.spawn();
    running.take_start().unwrap().await.unwrap();
    let shop = Shop::around(rig);
    let sandbox = Sandbox::new(&running.waves);
    for number in 1..=3 {
        let order = shop.order(None, card("tok_visa"), 500);
        shop.rig.tell(order.clone()).await;
        let taken = running.waves.write((), |wave, ()| Box::pin(provider::take_due(wave)));
        let taken = taken.await.unwrap();
        let outcome = provider::ask(&sandbox, taken[0].clone()).await;
        let failed = running.waves.write(outcome.clone(), |wave, outcome| {
            Box::pin(async move {
                settle(wave, std::slice::from_ref(outcome)).await?;
                Err::<(), _>(Unexpected::new("as if the disk were full"))
            })
        });
        assert!(failed.await.is_err());
        let settled = running
            .waves
            .write(outcome, |wave, outcome| Box::pin(settle(wave, std::slice::from_ref(outcome))));
        settled.await.unwrap();
        let found = reads::payment(running.db.reader(), order.payment).await.unwrap().unwrap();
        assert_eq!(found.receipt, Some(number));
    }
    assert_ledger(&running.db).await;
    node.stop().await;
}

#[tokio::test]
async fn a_store_of_the_last_release_goes_on_with_its_payments() {
    use kit::db::{Db, DbOptions};
    use kit::migrate::migrate;
    use kit::migration;
    use sea_orm::ConnectionTrait as _;
    let place = kit::testing::Place::under_test();
    let (url, schema) = place.of("payments");
    let options = DbOptions { connections: 2, durable: false };
    let db = Db::open("payments", &url, schema.as_deref(), options).await.unwrap();
    migrate(&db, &[migration!("0001_payments")]).await.unwrap();
    let sqlite = !place.is_server();
    let id = |n: u8| {
        let hex = format!("0190000000007000800000000000000{n}");
        if sqlite { format!("x'{hex}'") } else { format!("'{hex}'::uuid") }
    };
    let payment = format!(
        "INSERT INTO payments VALUES ({}, {}, NULL, 'card', 500, 'USD', 'captured', NULL, 500, \
         100, 100, NULL, FALSE, 3, 7)",
        id(1),
        id(2)
    );
    let refund =
        format!("INSERT INTO refunds VALUES ({}, {}, 100, 'USD', 'torn', 'done', 8)", id(3), id(1));
    for sql in [payment, refund] {
        db.reader().execute_unprepared(&sql).await.unwrap();
    }
    migrate(&db, &[migration!("0001_payments"), migration!("0002_whole_shop")]).await.unwrap();
    let kept = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    let shown = payments::queries::for_staff(db.reader(), kept).await.unwrap().unwrap();
    assert_eq!((shown.status, shown.receipt), (PaymentStatus::Captured, None));
    assert_eq!((shown.refunds.len(), shown.transactions.len()), (1, 2));
    assert_eq!(shown.refunds[0].status, RefundStatus::Done);
    db.close().await;
}
