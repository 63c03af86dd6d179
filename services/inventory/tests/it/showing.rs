//! What is told of stock for showing comes from memory, and is still what is.
use super::*;
use kit::bus::Bus;
use kit::calls::{Calls, Registry};
use kit::plug::{Node, Setup};
use std::time::Duration;

const SKUS: [&str; 3] = ["A", "B", "C"];

/// What is shown of each SKU; none where there is no stock.
async fn shown(calls: &Calls) -> Vec<Option<i64>> {
    let skus = SKUS.map(sku).to_vec();
    let known = calls.call(&Caller::Guest, AvailableOf { skus }).await.unwrap();
    let number = |name: &str| known.iter().find(|one| one.sku.as_str() == name);
    SKUS.iter().map(|name| number(name).map(|one| one.available)).collect()
}
/// What is there.
async fn there(rig: &Rig) -> Vec<Option<i64>> {
    let skus = SKUS.map(sku).to_vec();
    let levels = rig.call(&admin(), StockOf { skus }).await.unwrap();
    let number = |name: &str| levels.iter().find(|one| one.sku.as_str() == name);
    SKUS.iter().map(|name| number(name).map(|one| one.available)).collect()
}
/// Asks each replica; another one than that which changed something may be a second behind.
async fn agree(rig: &Rig, after: &str) {
    if rig.nodes.len() > 1 {
        rig.clock.forward(Duration::from_secs(1));
    }
    for _ in &rig.nodes {
        assert_eq!(shown(&rig.calls).await, there(rig).await, "{after}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_shown_at_once() {
    let rig = rig().await;
    agree(&rig, "nothing").await;
    for name in ["A", "B"] {
        stock(&rig, name, 10).await;
        agree(&rig, "set").await;
    }
    stock(&rig, "C", 0).await;
    agree(&rig, "none is there, which is not nothing").await;
    let (sold, undone, gone): (OrderId, OrderId, OrderId) = (rig.id(), rig.id(), rig.id());
    for order in [sold, undone, gone] {
        reserve(&rig, order, &[("A", 2), ("B", 1)]).await.unwrap();
        agree(&rig, "reserved").await;
    }
    release(&rig, undone).await;
    agree(&rig, "released").await;
    rig.tell(paid(sold, &[("A", 2), ("B", 1)])).await;
    agree(&rig, "taken").await;
    rig.tell(cancelled(gone, &[("A", 2), ("B", 1)], false)).await;
    agree(&rig, "cancelled").await;
    rig.tell(cancelled(sold, &[("A", 2), ("B", 1)], true)).await;
    agree(&rig, "given back").await;
    let count = StockCount { sku: sku("C"), on_hand: 7 };
    rig.call(&admin(), ImportStock { counts: vec![count], replace: true }).await.unwrap();
    agree(&rig, "imported").await;
    no(reserve(&rig, rig.id(), &[("A", 1), ("C", 8)]).await);
    agree(&rig, "refused").await;
    assert_eq!(shown(&rig.calls).await, [Some(10), Some(10), Some(7)]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_is_known_to_be_short_until_it_changes() {
    let rig = rig().await;
    if rig.nodes.len() > 1 {
        // The replica that refused knows it, and any may be asked.
        return rig.stop().await;
    }
    stock(&rig, "A", 3).await;
    let short = async |count| {
        let lines = lines(&[("A", count), ("NONE", 1)]);
        let short = rig.call(&Caller::Guest, ShortOf { lines }).await.unwrap();
        short.first().map(|short| short.available)
    };
    let (held, early) = (rig.id(), rig.id());
    reserve(&rig, held, &[("A", 2)]).await.unwrap();
    assert_eq!(short(2).await, None, "nobody was refused yet");
    no(reserve(&rig, early, &[("A", 2), ("NONE", 1)]).await);
    assert_eq!((short(2).await, short(1).await), (Some(1), None));
    let twice = ShortOf { lines: lines(&[("A", 1), ("A", 1)]) };
    let twice = rig.call(&Caller::Guest, twice).await.unwrap();
    assert_eq!((twice.len(), twice[0].requested, twice[0].available), (1, 2, 1));
    release(&rig, held).await;
    assert_eq!(short(2).await, None, "it changed");
    no(reserve(&rig, rig.id(), &[("A", 4)]).await);
    assert_eq!((short(4).await, short(3).await), (Some(3), None));
    // One of a set takes the rest, and another is refused in the same: what is left counts.
    let (one, other) =
        tokio::join!(reserve(&rig, rig.id(), &[("A", 3)]), reserve(&rig, rig.id(), &[("A", 3)]),);
    assert!(one.is_ok() != other.is_ok());
    assert_eq!(short(1).await, Some(0));
    stock(&rig, "A", 9).await;
    assert_eq!(short(6).await, None, "restocked");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_while_many_buy_is_what_is_left() {
    let rig = rig().await;
    stock(&rig, "A", 1_000).await;
    let orders: Vec<OrderId> = (0..200).map(|_| rig.id()).collect();
    let buy = futures_util::future::join_all(orders.iter().map(|order| async {
        reserve(&rig, *order, &[("A", 1)]).await.unwrap();
        shown(&rig.calls).await[0].unwrap()
    }));
    let look = async {
        for _ in 0..200 {
            shown(&rig.calls).await;
        }
    };
    let (seen, ()) = tokio::join!(buy, look);
    if rig.nodes.len() == 1 {
        // Whoever was told that it holds a piece is never shown a number that still has it.
        assert!(seen.iter().all(|left| *left < 1_000), "{seen:?}");
    }
    assert_eq!(seen.len(), 200);
    agree(&rig, "all have bought").await;
    let pay = orders.iter().map(|order| rig.tell(paid(*order, &[("A", 1)])));
    futures_util::future::join_all(pay).await;
    agree(&rig, "all have paid").await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_writes_is_shown_within_a_second() {
    let rig = rig().await;
    stock(&rig, "A", 3).await;
    agree(&rig, "warm").await;
    // On the same database, without a word to this process: as the command line beside a store.
    let (bus, registry) = (Bus::default(), Registry::default());
    let setup =
        Setup { bus, registry: registry.clone(), stop: Default::default(), ..rig.setup.clone() };
    let beside = Node::start(&[Box::new(inventory::plug())], &setup).await.unwrap();
    let calls = Calls::any("beside", registry);
    for on_hand in [5, 0, 9] {
        calls.call(&admin(), SetStock::counted(sku("A"), on_hand)).await.unwrap();
        calls.call(&admin(), SetStock::counted(sku("B"), on_hand + 1)).await.unwrap();
        assert_eq!(shown(&calls).await[..2], [Some(on_hand), Some(on_hand + 1)]);
        rig.clock.forward(Duration::from_secs(1));
        for _ in &rig.nodes {
            assert_eq!(shown(&rig.calls).await[..2], [Some(on_hand), Some(on_hand + 1)]);
        }
    }
    beside.stop().await;
    rig.stop().await;
}
