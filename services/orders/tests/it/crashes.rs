//! Orders crashes around the commit of each step of a checkout. The waves are run by hand here,
//! so that nothing else commits in between.
use crate::shop::*;
use contracts::orders::{Became, WhatBecameOf};
use contracts::{CallError, Caller};
use kit::faults::{CallFault, Faults, Point};
use kit::plug::{Node, Setup};
use kit::testing::shopper;
use kit::wave::Waves;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Crashes at one commit that is counted from when it is armed.
struct CrashAt {
    commits: AtomicI32,
    point: Point,
}

impl Faults for CrashAt {
    fn crashes(&self, _: &'static str, point: Point) -> bool {
        if point == Point::BeforeCommit {
            self.commits.fetch_sub(1, Ordering::AcqRel);
        }
        point == self.point && self.commits.load(Ordering::Acquire) == 0
    }
    fn call(&self, _: &'static str, _: &'static str) -> CallFault {
        CallFault::None
    }
}

/// Runs `work` while `waves` are run by hand.
async fn driven<T>(waves: Waves, work: impl Future<Output = T>) -> T {
    let drive = async {
        loop {
            for (kind, _) in waves.waiting() {
                waves.run_kind(kind, 1000).await;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = drive => unreachable!("it is driven for ever"),
    }
}

async fn start(shop: &Shop, faults: Option<Arc<CrashAt>>) -> Node {
    let faults = faults.map(|faults| faults as Arc<dyn Faults>);
    let setup = Setup { faults, tasks: false, stop: Default::default(), ..shop.rig.setup.clone() };
    let node = Node::start(&[Box::new(orders::plug())], &setup).await.unwrap();
    let running = &node.services[0];
    let at_start = running.take_start().expect("it was not started before");
    driven(running.waves.clone(), at_start).await.unwrap();
    node
}

async fn count(node: &Node, table: &str) -> i64 {
    use sea_orm::{ConnectionTrait as _, Statement};
    let db = node.services[0].db.reader();
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let sql = Statement::from_string(db.get_database_backend(), sql);
    db.query_one_raw(sql).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// A checkout whose `commit`th commit crashes, and what stands when the store is back and the
/// same key was sent again.
async fn crash_at(commit: i32, point: Point) {
    let shop = Shop::without_orders().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 2)]);
    let before = shop.available("BOOK-1");
    let crash = Arc::new(CrashAt { commits: AtomicI32::new(i32::MAX), point });
    let first = start(&shop, Some(Arc::clone(&crash))).await;
    crash.commits.store(commit, Ordering::Release);
    let waves = first.services[0].waves.clone();
    let lost = driven(waves, shop.check_out(&ada, checkout(key("k")))).await;
    assert!(matches!(lost, Err(CallError::Unknown(_))), "{commit} {point:?}: {lost:?}");
    let held: Vec<_> = shop.others.lock().holds.keys().copied().collect();
    assert_eq!(held.len(), usize::from(commit == 2), "an unknown outcome is not undone");
    shop.rig.registry.forget("orders");
    shop.rig.bus.forget("orders");
    first.stop().await;

    let second = start(&shop, None).await;
    shop.rig.clock.forward(Duration::from_secs(31));
    let waves = second.services[0].waves.clone();
    let order = driven(waves.clone(), shop.check_out(&ada, checkout(key("k")))).await.unwrap();
    assert!(held.iter().all(|id| *id == order.id), "it goes on with the same id");
    assert_eq!((shop.holds(), shop.available("BOOK-1")), (1, before - 2));
    assert_eq!((count(&second, "orders").await, count(&second, "outbox").await), (1, 1));
    let ask = shop.rig.call(&Caller::Store, WhatBecameOf { order: order.id });
    assert_eq!(driven(waves.clone(), ask).await.unwrap(), Became::Placed);
    let again = driven(waves, shop.check_out(&ada, checkout(key("k")))).await.unwrap();
    assert_eq!(again, order);
    second.stop().await;
}

#[tokio::test]
async fn a_crash_before_the_key_is_committed_leaves_nothing() {
    crash_at(1, Point::BeforeCommit).await;
}
#[tokio::test]
async fn a_crash_after_the_key_is_committed_is_gone_on_from() {
    crash_at(1, Point::AfterCommit).await;
}
#[tokio::test]
async fn a_crash_before_the_order_is_committed_keeps_its_stock_and_is_gone_on_from() {
    crash_at(2, Point::BeforeCommit).await;
}
#[tokio::test]
async fn a_crash_after_the_order_is_committed_places_no_second_one() {
    crash_at(2, Point::AfterCommit).await;
}
