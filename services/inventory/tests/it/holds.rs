//! Reserving and releasing.
use super::*;
use futures_util::future::join_all;

#[tokio::test]
async fn a_hold_promises_stock_and_its_repetition_changes_nothing() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let order = rig.id();
    for _ in 0..3 {
        assert_eq!(reserve(&rig, order, &[("A", 2)]).await, Ok(Reserved { order }));
    }
    assert_eq!(level(&rig, "A").await, (5, 2));
    rig.stop().await;
}

#[tokio::test]
async fn the_exact_last_unit_can_be_reserved_and_the_next_buyer_is_told() {
    let rig = rig().await;
    stock(&rig, "A", 1).await;
    let told = listen(&rig).await;
    assert!(reserve(&rig, rig.id(), &[("A", 1)]).await.is_ok());
    let refused = no(reserve(&rig, rig.id(), &[("A", 1)]).await);
    let short = vec![Shortage { sku: sku("A"), requested: 1, available: 0 }];
    assert_eq!(refused, ReserveRefused::OutOfStock { short });
    rig.settled().await;
    let gone = AvailabilityChanged { sku: sku("A"), in_stock: false };
    assert_eq!(*told.lock(), [gone]);
    rig.stop().await;
}

#[tokio::test]
async fn two_lines_of_one_sku_count_together() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let refused = no(reserve(&rig, rig.id(), &[("A", 3), ("a", 3)]).await);
    let short = vec![Shortage { sku: sku("A"), requested: 6, available: 5 }];
    assert_eq!(refused, ReserveRefused::OutOfStock { short });
    assert_eq!(level(&rig, "A").await, (5, 0));
    assert!(reserve(&rig, rig.id(), &[("A", 3), ("A", 2)]).await.is_ok());
    assert_eq!(level(&rig, "A").await, (5, 5));
    rig.stop().await;
}

#[tokio::test]
async fn a_refusal_names_every_short_sku_and_holds_nothing_of_the_order() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    stock(&rig, "B", 1).await;
    let order = rig.id();
    let refused = no(reserve(&rig, order, &[("NOVEL", 1), ("B", 2), ("A", 5)]).await);
    let ReserveRefused::OutOfStock { short } = refused else { panic!("{refused:?}") };
    let short: Vec<_> = short.iter().map(|s| (s.sku.as_str(), s.requested, s.available)).collect();
    assert_eq!(short, [("B", 2, 1), ("NOVEL", 1, 0)]);
    assert_eq!(level(&rig, "A").await, (5, 0));
    // A refusal leaves no mark: the order may try again with less, or once there is more.
    assert!(reserve(&rig, order, &[("A", 5)]).await.is_ok());
    rig.stop().await;
}

#[tokio::test]
async fn an_order_without_lines_is_not_held() {
    let rig = rig().await;
    let answer = reserve(&rig, rig.id(), &[]).await;
    assert!(matches!(answer, Err(CallError::NotDone(_))), "{answer:?}");
    rig.stop().await;
}

#[tokio::test]
async fn a_release_gives_the_stock_back_once() {
    let rig = rig().await;
    stock(&rig, "A", 2).await;
    let (one, other) = (rig.id(), rig.id());
    reserve(&rig, one, &[("A", 1)]).await.unwrap();
    reserve(&rig, other, &[("A", 1)]).await.unwrap();
    let told = listen(&rig).await;
    for _ in 0..3 {
        release(&rig, one).await;
    }
    assert_eq!(level(&rig, "A").await, (2, 1));
    assert_eq!(no(reserve(&rig, one, &[("A", 1)]).await), ReserveRefused::Released);
    rig.settled().await;
    assert_eq!(*told.lock(), [AvailabilityChanged { sku: sku("A"), in_stock: true }]);
    rig.stop().await;
}

#[tokio::test]
async fn an_order_that_holds_other_lines_is_refused_and_keeps_its_hold() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let order = rig.id();
    reserve(&rig, order, &[("A", 2)]).await.unwrap();
    let other = reserve(&rig, order, &[("A", 3)]).await;
    assert_eq!(no(other), ReserveRefused::OtherLines, "the simulation's seed 1140");
    assert_eq!(level(&rig, "A").await, (5, 2));
    rig.stop().await;
}

#[tokio::test]
async fn a_release_before_its_reserve_refuses_the_late_reserve() {
    let rig = rig().await;
    stock(&rig, "A", 2).await;
    let order = rig.id();
    release(&rig, order).await;
    release(&rig, order).await;
    assert_eq!(no(reserve(&rig, order, &[("A", 1)]).await), ReserveRefused::Released);
    assert_eq!(level(&rig, "A").await, (2, 0));
    rig.stop().await;
}

#[tokio::test]
async fn a_release_and_its_reserve_at_once_never_leave_a_hold_after_the_release_came_last() {
    let rig = rig().await;
    stock(&rig, "A", 1_000).await;
    let orders: Vec<OrderId> = (0..60).map(|_| rig.id()).collect();
    let both = orders.iter().map(|order| async {
        futures_util::join!(reserve(&rig, *order, &[("A", 1)]), release(&rig, *order)).0
    });
    for answer in join_all(both).await {
        // Held and then let go, or refused by the mark.
        assert!(matches!(answer, Ok(_) | Err(CallError::Refused(ReserveRefused::Released))));
    }
    assert_eq!(level(&rig, "A").await, (1_000, 0));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_buyers_at_once_never_both_get_the_last_unit() {
    let rig = rig().await;
    stock(&rig, "A", 7).await;
    let told = listen(&rig).await;
    let buyers = (0..50).map(|_| {
        let (calls, order) = (rig.calls.clone(), rig.id());
        let call = ReserveStock { order, lines: lines(&[("A", 1)]) };
        tokio::spawn(async move { calls.call(&Caller::Guest, call).await })
    });
    let answers: Vec<_> = join_all(buyers).await.into_iter().map(Result::unwrap).collect();
    let winners = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(winners, 7);
    for refused in answers.into_iter().filter(Result::is_err) {
        let ReserveRefused::OutOfStock { short } = no(refused) else { panic!("not short") };
        assert_eq!((short[0].requested, short[0].available), (1, 0));
    }
    assert_eq!(level(&rig, "A").await, (7, 7));
    rig.settled().await;
    assert_eq!(told.lock().len(), 1, "the last unit went once");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_order_reserved_by_many_at_once_is_held_once() {
    let rig = rig().await;
    stock(&rig, "A", 100).await;
    let order = rig.id();
    let twins = (0..40).map(|_| reserve(&rig, order, &[("A", 3)]));
    for answer in join_all(twins).await {
        assert_eq!(answer, Ok(Reserved { order }));
    }
    assert_eq!(level(&rig, "A").await, (100, 3));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twins_that_meet_in_two_replicas_are_one_hold() {
    let rig = rig().await;
    stock(&rig, "A", 1_000).await;
    for round in 1..=40 {
        let order = rig.id();
        let twin = || reserve(&rig, order, &[("A", 2)]);
        let (one, other) = futures_util::join!(twin(), twin());
        assert_eq!((one, other), (Ok(Reserved { order }), Ok(Reserved { order })));
        assert_eq!(level(&rig, "A").await, (1_000, 2 * round));
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_buyers_of_the_last_two_tell_that_they_are_gone() {
    let rig = rig().await;
    let names: Vec<String> = (0..60).map(|n| format!("PAIR-{n:02}")).collect();
    for name in &names {
        stock(&rig, name, 2).await;
    }
    let told = listen(&rig).await;
    // Each replica gets one of a pair: neither alone sees the shelf become empty.
    for some in names.chunks(4) {
        let buyers = some.iter().flat_map(|name| [name, name]);
        let buy = buyers.map(async |name| reserve(&rig, rig.id(), &[(name, 1)]).await);
        let held = join_all(buy).await;
        assert!(held.iter().all(Result::is_ok), "{held:?}");
    }
    rig.settled().await;
    let mut gone: Vec<String> = told.lock().iter().map(|told| told.sku.to_string()).collect();
    gone.sort();
    assert_eq!(gone, names);
    rig.stop().await;
}

/// The place of the n-th line of an order in a sequence that differs by order.
fn scattered(order: usize, line: usize) -> usize {
    (order * 7 + line * [1, 5, 11, 13, 17, 19][order % 6]) % 24
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_that_name_many_skus_in_any_order_never_lock_each_other_out() {
    let rig = rig().await;
    let names: Vec<String> = (0..24).map(|n| format!("BOOK-{n:02}")).collect();
    for name in &names {
        stock(&rig, name, 10_000).await;
    }
    let mut wanted = vec![0_i64; names.len()];
    let mut buyers = Vec::new();
    for n in 0..500 {
        let of: Vec<usize> = (0..8).map(|line| scattered(n, line)).collect();
        of.iter().for_each(|which| wanted[*which] += 1);
        let of: Vec<(&str, u32)> = of.iter().map(|which| (names[*which].as_str(), 1)).collect();
        let (calls, order) = (rig.calls.clone(), rig.id());
        let call = ReserveStock { order, lines: lines(&of) };
        buyers.push(tokio::spawn(async move {
            calls.call(&Caller::Guest, call).await.map(|held| held.order)
        }));
    }
    let held: Vec<OrderId> =
        join_all(buyers).await.into_iter().map(|answer| answer.unwrap().unwrap()).collect();
    for (name, wanted) in names.iter().zip(&wanted) {
        assert_eq!(level(&rig, name).await, (10_000, *wanted), "{name}");
    }
    // And all of them end at once, half paid, half cancelled, some undone besides.
    let ends = held.iter().enumerate().map(|(n, order)| {
        let rig = &rig;
        let of: Vec<usize> = (0..8).map(|line| scattered(n, line)).collect();
        let of: Vec<(&str, u32)> = of.iter().map(|which| (names[*which].as_str(), 1)).collect();
        let (paid, cancelled) = (paid(*order, &of), cancelled(*order, &of, false));
        async move {
            match n % 4 {
                0 | 1 => {
                    rig.tell(paid).await;
                }
                2 => {
                    rig.tell(cancelled).await;
                }
                _ => release(rig, *order).await,
            }
        }
    });
    join_all(ends).await;
    let mut sold = vec![0_i64; names.len()];
    for n in (0..500).filter(|n| n % 4 < 2) {
        (0..8).for_each(|line| sold[scattered(n, line)] += 1);
    }
    for (name, sold) in names.iter().zip(&sold) {
        assert_eq!(level(&rig, name).await, (10_000 - sold, 0), "{name}");
    }
    rig.stop().await;
}
