//! What staff is told when few are left.
use super::*;

/// What was told since: SKU, how many can be ordered, and the threshold.
async fn lows(rig: &Rig) -> Arc<Mutex<Vec<LowStock>>> {
    rig.settled().await;
    rig.listen::<LowStock>()
}
fn told(lows: &Arc<Mutex<Vec<LowStock>>>) -> Vec<(String, i64, i64)> {
    let told = lows.lock();
    told.iter().map(|low| (low.sku.to_string(), low.available, low.threshold)).collect()
}
async fn watch_at(rig: &Rig, name: &str, low_stock_at: Option<i64>) -> StockLevel {
    let set = SetStock { sku: sku(name), on_hand: None, low_stock_at: Some(low_stock_at) };
    rig.call(&admin(), set).await.unwrap()
}

#[tokio::test]
async fn staff_is_told_once_when_what_can_be_ordered_falls_to_the_threshold() {
    let rig = rig().await;
    stock(&rig, "A", 8).await;
    let lows = lows(&rig).await;
    let (first, second) = (rig.id(), rig.id());
    reserve(&rig, first, &[("A", 2)]).await.unwrap();
    assert!(told(&lows).is_empty(), "six are left, and five are few");
    reserve(&rig, second, &[("A", 2)]).await.unwrap();
    reserve(&rig, rig.id(), &[("A", 1)]).await.unwrap();
    rig.tell(paid(first, &[("A", 2)])).await;
    rig.settled().await;
    assert_eq!(told(&lows), [("A".to_owned(), 4, 5)]);
    release(&rig, second).await;
    stock(&rig, "A", 20).await;
    stock(&rig, "A", 5).await;
    rig.settled().await;
    assert_eq!(told(&lows).len(), 2, "above in between: told again");
    rig.stop().await;
}

#[tokio::test]
async fn a_sku_may_have_a_threshold_of_its_own() {
    let rig = rig().await;
    stock(&rig, "A", 8).await;
    stock(&rig, "B", 8).await;
    let lows = lows(&rig).await;
    assert_eq!(watch_at(&rig, "A", Some(7)).await.low_stock_at, Some(7));
    watch_at(&rig, "B", Some(0)).await;
    reserve(&rig, rig.id(), &[("A", 1), ("B", 7)]).await.unwrap();
    rig.settled().await;
    assert_eq!(told(&lows), [("A".to_owned(), 7, 7)]);
    assert_eq!(watch_at(&rig, "A", None).await.low_stock_at, None);
    let unknown = SetStock { sku: sku("C"), on_hand: None, low_stock_at: Some(Some(1)) };
    assert_eq!(no(rig.call(&admin(), unknown).await), StockRefused::NotFound);
    let nothing = SetStock { sku: sku("A"), on_hand: None, low_stock_at: None };
    assert!(matches!(no(rig.call(&admin(), nothing).await), StockRefused::Invalid { .. }));
    rig.stop().await;
}

#[tokio::test]
async fn what_runs_out_is_listed_by_sku_in_pages() {
    let rig = rig().await;
    for (name, on_hand) in [("A", 5), ("B", 6), ("C", 0), ("D", 100)] {
        stock(&rig, name, on_hand).await;
    }
    watch_at(&rig, "D", Some(100)).await;
    let list = |low, limit, cursor| ListStock { low, limit, cursor };
    let names = |page: &StockPage| -> Vec<String> {
        page.items.iter().map(|item| item.sku.to_string()).collect()
    };
    let first = rig.call(&admin(), list(true, 2, None)).await.unwrap();
    assert_eq!(names(&first), ["A", "C"]);
    let rest = rig.call(&admin(), list(true, 2, first.next_cursor)).await.unwrap();
    assert_eq!((names(&rest), rest.next_cursor), (vec!["D".to_owned()], None));
    let all = rig.call(&admin(), list(false, 100, None)).await.unwrap();
    assert_eq!(names(&all), ["A", "B", "C", "D"]);
    let some = StockOf { skus: vec![sku("D"), sku("NONE"), sku("B")] };
    let some = rig.call(&admin(), some).await.unwrap();
    let some: Vec<_> = some.iter().map(|level| (level.sku.as_str(), level.on_hand)).collect();
    assert_eq!(some, [("B", 6), ("D", 100)]);
    assert_eq!(
        no(rig.call(&Caller::Guest, StockOf { skus: Vec::new() }).await),
        StockRefused::NotAllowed
    );
    let strange = list(false, 100, Some("???".to_owned()));
    assert_eq!(no(rig.call(&admin(), strange).await), StockRefused::Cursor);
    let guest = rig.call(&Caller::Guest, list(false, 1, None)).await;
    assert_eq!(no(guest), StockRefused::NotAllowed);
    rig.stop().await;
}
