//! What staff do: set, adjust, look.
use super::*;
use futures_util::future::join_all;
use kit::testing::shopper;

fn adjust(name: &str, delta: i64, reason: &str, key: &str) -> AdjustStock {
    AdjustStock {
        sku: sku(name),
        delta,
        reason: reason.to_owned(),
        idempotency_key: key.to_owned(),
    }
}

#[tokio::test]
async fn setting_stock_makes_a_new_sku_and_is_recorded_with_who_did_it() {
    let rig = rig().await;
    let told = listen(&rig).await;
    let staff = admin();
    let set = |on_hand| SetStock::counted(sku("A/1"), on_hand);
    let is = rig.call(&staff, set(10)).await.unwrap();
    assert_eq!(
        is,
        StockLevel { sku: sku("A/1"), on_hand: 10, reserved: 0, available: 10, low_stock_at: None }
    );
    rig.clock.forward(std::time::Duration::from_secs(1));
    for on_hand in [4, 4, 0, 0, 1] {
        assert_eq!(rig.call(&staff, set(on_hand)).await.unwrap().on_hand, on_hand);
    }
    let lines = history(&rig, "A/1").await;
    let deltas: Vec<_> = lines.iter().map(|line| (line.delta, &*line.reason)).collect();
    assert_eq!(deltas, [(10, "set"), (-6, "set"), (-4, "set"), (1, "set")]);
    assert!(lines.iter().all(|line| line.by == staff.account() && line.order.is_none()));
    assert!(lines[0].at < lines[1].at);
    rig.settled().await;
    let crossings: Vec<bool> = told.lock().iter().map(|told| told.in_stock).collect();
    assert_eq!(crossings, [true, false, true]);
    rig.stop().await;
}

#[tokio::test]
async fn a_new_sku_with_nothing_on_the_shelf_is_known_and_not_news() {
    let rig = rig().await;
    let told = listen(&rig).await;
    stock(&rig, "A", 0).await;
    assert_eq!(level(&rig, "A").await, (0, 0));
    assert!(history(&rig, "A").await.is_empty());
    rig.settled().await;
    assert!(told.lock().is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn nobody_takes_away_what_is_promised_to_orders() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    reserve(&rig, rig.id(), &[("A", 3)]).await.unwrap();
    let below = StockRefused::BelowReserved { reserved: 3 };
    let set = SetStock::counted(sku("A"), 2);
    assert_eq!(no(rig.call(&admin(), set).await), below);
    assert_eq!(no(rig.call(&admin(), adjust("A", -3, "lost", "k1")).await), below);
    assert_eq!(rig.call(&admin(), adjust("A", -2, "lost", "k2")).await.unwrap().available, 0);
    assert_eq!(level(&rig, "A").await, (3, 3));
    assert_eq!(deltas(&rig, "A").await.len(), 2, "a refused change leaves no line");
    rig.stop().await;
}

#[tokio::test]
async fn an_adjustment_repeated_with_its_key_answers_the_same_and_happens_once() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let staff = admin();
    let first = rig.call(&staff, adjust("A", -2, "damaged", "k")).await.unwrap();
    stock(&rig, "A", 100).await;
    let again = rig.call(&staff, adjust("A", -2, "damaged", "k")).await.unwrap();
    assert_eq!((first.on_hand, &first), (3, &again), "the first answer, whatever is there now");
    for other in [
        adjust("A", -3, "damaged", "k"),
        adjust("A", -2, "lost", "k"),
        adjust("B", -2, "damaged", "k"),
    ] {
        assert_eq!(no(rig.call(&staff, other).await), StockRefused::KeyReused);
    }
    assert_eq!(level(&rig, "A").await, (100, 0));
    // Another's key of the same name is another key.
    rig.call(&admin(), adjust("A", -2, "damaged", "k")).await.unwrap();
    assert_eq!(level(&rig, "A").await, (98, 0));
    rig.stop().await;
}

#[tokio::test]
async fn a_refused_adjustment_is_kept_and_an_invalid_one_is_not() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let (staff, order) = (admin(), rig.id());
    reserve(&rig, order, &[("A", 4)]).await.unwrap();
    let below = StockRefused::BelowReserved { reserved: 4 };
    assert_eq!(no(rig.call(&staff, adjust("A", -2, "lost", "k")).await), below);
    release(&rig, order).await;
    assert_eq!(no(rig.call(&staff, adjust("A", -2, "lost", "k")).await), below);
    assert!(rig.call(&staff, adjust("A", 0, "lost", "other")).await.is_err());
    assert!(rig.call(&staff, adjust("A", -1, "lost", "other")).await.is_ok());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_adjustment_sent_by_many_at_once_happens_once() {
    let rig = rig().await;
    stock(&rig, "A", 50).await;
    let staff = admin();
    let twins = (0..20).map(|_| rig.call(&staff, adjust("A", -2, "damaged", "k")));
    for answer in join_all(twins).await {
        assert_eq!(answer.unwrap().on_hand, 48);
    }
    assert_eq!(level(&rig, "A").await, (48, 0));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_at_once_lose_nothing() {
    let rig = rig().await;
    stock(&rig, "A", 100).await;
    let staff = admin();
    let keys: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
    let changes = keys.iter().enumerate().map(|(n, key)| {
        let delta = if n % 2 == 0 { 3 } else { -1 };
        rig.call(&staff, adjust("A", delta, "counted", key))
    });
    let new = (0..10).map(|_| rig.call(&staff, SetStock::counted(sku("NEW"), 7)));
    let (changed, made) = futures_util::join!(join_all(changes), join_all(new));
    assert!(changed.iter().all(Result::is_ok), "{changed:?}");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    assert_eq!(level(&rig, "A").await, (140, 0));
    assert_eq!(deltas(&rig, "NEW").await, [(7, "set".to_owned())]);
    rig.stop().await;
}

#[tokio::test]
async fn only_staff_see_and_change_stock() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    for caller in [Caller::Guest, shopper()] {
        let refused = [
            no(rig.call(&caller, GetStock { sku: sku("A") }).await),
            no(rig.call(&caller, SetStock::counted(sku("A"), -1)).await),
            no(rig.call(&caller, adjust("A", 0, "", "")).await),
            no(rig.call(&caller, StockHistory { sku: sku("A"), limit: 0, cursor: None }).await),
        ];
        assert!(refused.iter().all(|refused| *refused == StockRefused::NotAllowed), "{refused:?}");
    }
    assert_eq!(level(&rig, "A").await, (5, 0));
    rig.stop().await;
}

#[tokio::test]
async fn wrong_commands_are_refused_with_the_field_named() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    let field = |refused| match refused {
        StockRefused::Invalid { field, .. } => field,
        other => panic!("{other:?}"),
    };
    for on_hand in [-1, 1_000_000_001, i64::MIN, i64::MAX] {
        let set = SetStock::counted(sku("A"), on_hand);
        assert_eq!(field(no(rig.call(&admin(), set).await)), "on_hand");
    }
    let long = "é".repeat(201);
    for (wrong, name) in [
        (adjust("A", 0, "x", "k"), "delta"),
        (adjust("A", i64::MIN, "x", "k"), "delta"),
        (adjust("A", i64::MAX, "x", "k"), "delta"),
        (adjust("A", 1_000_000_000, "x", "k"), "delta"),
        (adjust("A", 1, "", "k"), "reason"),
        (adjust("A", 1, "  ", "k"), "reason"),
        (adjust("A", 1, "a\0b", "k"), "reason"),
        (adjust("A", 1, &long, "k"), "reason"),
        (adjust("A", 1, "x", ""), "idempotency_key"),
        (adjust("A", 1, "x", "é"), "idempotency_key"),
    ] {
        assert_eq!(field(no(rig.call(&admin(), wrong.clone()).await)), name, "{wrong:?}");
    }
    for limit in [0, 101] {
        let page = StockHistory { sku: sku("A"), limit, cursor: None };
        assert_eq!(field(no(rig.call(&admin(), page).await)), "limit");
    }
    let page = StockHistory { sku: sku("A"), limit: 1, cursor: Some("forged".to_owned()) };
    assert_eq!(no(rig.call(&admin(), page).await), StockRefused::Cursor);
    assert_eq!(level(&rig, "A").await, (5, 0));
    let reason = "é".repeat(200);
    rig.call(&admin(), adjust("A", -5, &reason, "k")).await.unwrap();
    assert_eq!(deltas(&rig, "A").await.pop(), Some((-5, reason)));
    rig.stop().await;
}

#[tokio::test]
async fn a_sku_without_stock_is_not_found() {
    let rig = rig().await;
    let nothing = StockRefused::NotFound;
    assert_eq!(no(rig.call(&admin(), GetStock { sku: sku("A") }).await), nothing);
    assert_eq!(no(rig.call(&admin(), adjust("A", 1, "x", "k")).await), nothing);
    let page = StockHistory { sku: sku("A"), limit: 1, cursor: None };
    assert_eq!(no(rig.call(&admin(), page).await), nothing);
    rig.stop().await;
}

#[tokio::test]
async fn anybody_may_ask_what_is_available() {
    let rig = rig().await;
    stock(&rig, "B", 5).await;
    stock(&rig, "A", 1).await;
    reserve(&rig, rig.id(), &[("A", 1), ("B", 2)]).await.unwrap();
    let skus = ["B", "A", "NOVEL", "B"].map(sku).to_vec();
    let answer = rig.call(&Caller::Guest, AvailableOf { skus }).await.unwrap();
    let answer: Vec<_> = answer.iter().map(|is| (is.sku.as_str(), is.available)).collect();
    assert_eq!(answer, [("B", 3), ("A", 0), ("B", 3)]);
    let none = rig.call(&Caller::Guest, AvailableOf { skus: vec![] }).await;
    assert_eq!(none, Ok(vec![]));
    let many: Vec<Sku> = (0..10_000).map(|n| sku(&format!("S{n}"))).collect();
    assert_eq!(rig.call(&Caller::Guest, AvailableOf { skus: many.clone() }).await, Ok(vec![]));
    let too_many = [many, vec![sku("A")]].concat();
    let refused = rig.call(&Caller::Guest, AvailableOf { skus: too_many }).await;
    assert!(matches!(refused, Err(CallError::NotDone(_))));
    rig.stop().await;
}
