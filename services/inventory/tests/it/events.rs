//! What orders tells: paid and cancelled.
use super::*;
use futures_util::future::join_all;

fn owned(of: &[(i64, &str)]) -> Vec<(i64, String)> {
    of.iter().map(|(delta, reason)| (*delta, (*reason).to_owned())).collect()
}

#[tokio::test]
async fn a_paid_order_takes_what_it_holds_off_the_shelf() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let order = rig.id();
    reserve(&rig, order, &[("A", 2)]).await.unwrap();
    rig.tell(paid(order, &[("A", 2)])).await;
    assert_eq!(level(&rig, "A").await, (3, 0));
    let sold = history(&rig, "A").await.pop().unwrap();
    assert_eq!((sold.delta, &*sold.reason, sold.order, sold.by), (-2, "sold", Some(order), None));
    assert!(reserve(&rig, order, &[("A", 2)]).await.is_ok(), "a late repetition");
    release(&rig, order).await;
    assert_eq!(level(&rig, "A").await, (3, 0), "what was taken is never released");
    rig.stop().await;
}

#[tokio::test]
async fn a_redelivered_payment_takes_once() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let order = rig.id();
    reserve(&rig, order, &[("A", 2)]).await.unwrap();
    let id = rig.tell(paid(order, &[("A", 2)])).await;
    rig.tell_again(id, paid(order, &[("A", 2)])).await;
    // The same fact under another id gets past the inbox; the state of the hold knows it.
    rig.tell(paid(order, &[("A", 2)])).await;
    assert_eq!(level(&rig, "A").await, (3, 0));
    assert_eq!(deltas(&rig, "A").await, owned(&[(5, "set"), (-2, "sold")]));
    rig.stop().await;
}

#[tokio::test]
async fn a_cancelled_order_lets_its_hold_go_once() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let (order, other) = (rig.id(), rig.id());
    reserve(&rig, order, &[("A", 2)]).await.unwrap();
    reserve(&rig, other, &[("A", 1)]).await.unwrap();
    for _ in 0..2 {
        rig.tell(cancelled(order, &[("A", 2)], false)).await;
    }
    release(&rig, order).await;
    assert_eq!(level(&rig, "A").await, (5, 1));
    assert_eq!(deltas(&rig, "A").await, owned(&[(5, "set")]), "nothing left the shelf");
    rig.stop().await;
}

#[tokio::test]
async fn an_order_cancelled_after_it_was_paid_restocks_once() {
    let rig = rig().await;
    stock(&rig, "A", 2).await;
    let told = listen(&rig).await;
    let order = rig.id();
    reserve(&rig, order, &[("A", 2)]).await.unwrap();
    rig.tell(paid(order, &[("A", 2)])).await;
    let id = rig.tell(cancelled(order, &[("A", 2)], true)).await;
    rig.tell_again(id, cancelled(order, &[("A", 2)], true)).await;
    rig.tell(cancelled(order, &[("A", 2)], true)).await;
    rig.tell(paid(order, &[("A", 2)])).await;
    release(&rig, order).await;
    assert_eq!(level(&rig, "A").await, (2, 0));
    assert_eq!(deltas(&rig, "A").await, owned(&[(2, "set"), (-2, "sold"), (2, "returned")]));
    assert_eq!(no(reserve(&rig, order, &[("A", 1)]).await), ReserveRefused::Released);
    rig.settled().await;
    let crossings: Vec<bool> = told.lock().iter().map(|told| told.in_stock).collect();
    assert_eq!(crossings, [false, true], "the sale of what was held crosses nothing");
    rig.stop().await;
}

#[tokio::test]
async fn a_cancellation_before_the_reserve_refuses_the_late_reserve() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let order = rig.id();
    rig.tell(cancelled(order, &[("A", 2)], false)).await;
    assert_eq!(no(reserve(&rig, order, &[("A", 2)]).await), ReserveRefused::Released);
    assert_eq!(level(&rig, "A").await, (5, 0));
    rig.stop().await;
}

#[tokio::test]
async fn a_paid_order_without_a_hold_takes_what_is_available() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let missing = rig.listen::<StockMissing>();
    let (never_held, let_go) = (rig.id(), rig.id());
    reserve(&rig, let_go, &[("A", 2)]).await.unwrap();
    release(&rig, let_go).await;
    rig.tell(paid(never_held, &[("A", 3)])).await;
    rig.tell(paid(let_go, &[("A", 2)])).await;
    assert_eq!(level(&rig, "A").await, (0, 0));
    // What was taken late comes back as well.
    rig.tell(cancelled(let_go, &[("A", 2)], true)).await;
    assert_eq!(level(&rig, "A").await, (2, 0));
    rig.settled().await;
    assert!(missing.lock().is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn a_paid_order_whose_stock_is_gone_is_told_missing_once_and_takes_nothing() {
    let rig = rig().await;
    stock(&rig, "A", 3).await;
    stock(&rig, "B", 9).await;
    let told = rig.listen::<StockMissing>();
    let (order, other) = (rig.id(), rig.id());
    let wanted = [("A", 2), ("B", 1)];
    reserve(&rig, order, &wanted).await.unwrap();
    release(&rig, order).await;
    reserve(&rig, other, &[("A", 2)]).await.unwrap();
    rig.tell(paid(order, &wanted)).await;
    rig.tell(paid(order, &wanted)).await;
    rig.settled().await;
    assert_eq!(*told.lock(), [StockMissing { order, lines: lines(&[("A", 1)]) }]);
    rig.tell(cancelled(order, &wanted, true)).await;
    assert_eq!((level(&rig, "A").await, level(&rig, "B").await), ((3, 2), (9, 0)));
    assert_eq!(no(reserve(&rig, order, &wanted).await), ReserveRefused::Released);
    rig.stop().await;
}

#[tokio::test]
async fn of_paid_orders_in_one_set_the_later_ones_miss_what_the_first_took() {
    let rig = rig().await;
    stock(&rig, "A", 3).await;
    let told = rig.listen::<StockMissing>();
    let orders: Vec<OrderId> = (0..10).map(|_| rig.id()).collect();
    join_all(orders.iter().map(|order| rig.tell(paid(*order, &[("A", 1)])))).await;
    rig.settled().await;
    assert_eq!(level(&rig, "A").await, (0, 0));
    assert_eq!(told.lock().len(), 7);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_at_once_leaves_books_that_agree_with_their_history() {
    let rig = rig().await;
    for name in ["A", "B"] {
        stock(&rig, name, 40).await;
    }
    let orders: Vec<OrderId> = (0..60).map(|_| rig.id()).collect();
    let stories = orders.iter().enumerate().map(|(n, order)| {
        let (rig, order) = (&rig, *order);
        async move {
            let of = if n % 2 == 0 { [("A", 1), ("B", 1)] } else { [("B", 1), ("A", 1)] };
            let held = reserve(rig, order, &of).await.is_ok();
            if n % 5 == 0 {
                release(rig, order).await;
            } else if held {
                rig.tell(paid(order, &of)).await;
                if n % 3 == 0 {
                    rig.tell(cancelled(order, &of, true)).await;
                }
            }
        }
    });
    let adjust = (0..20).map(|n| {
        let (sku, idempotency_key) = (sku("A"), format!("key-{n}"));
        let reason = "found one".to_owned();
        let call = AdjustStock { sku, delta: 1, reason, idempotency_key };
        let rig = &rig;
        async move { rig.call(&Caller::Store, call).await.unwrap() }
    });
    futures_util::join!(join_all(stories), join_all(adjust));
    for name in ["A", "B"] {
        let (on_hand, reserved) = level(&rig, name).await;
        let moved: i64 = history(&rig, name).await.iter().map(|line| line.delta).sum();
        assert_eq!((on_hand, reserved), (moved, 0), "{name}");
    }
    let sold = deltas(&rig, "B").await.iter().filter(|(_, reason)| reason == "sold").count();
    assert!((30..=48).contains(&sold), "{sold}");
    rig.stop().await;
}
