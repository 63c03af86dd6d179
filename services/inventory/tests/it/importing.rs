//! What files say is on the shelf, and orders that are sent before they are paid.
use super::*;
use contracts::orders::{OrderFulfilled, OrderRefunded};
use contracts::payments::PaymentMethod;

async fn import(rig: &Rig, counts: &[(&str, i64)], replace: bool) -> Vec<StockImported> {
    let count = |(name, on_hand): &(&str, i64)| StockCount { sku: sku(name), on_hand: *on_hand };
    let counts = counts.iter().map(count).collect();
    rig.call(&admin(), ImportStock { counts, replace }).await.unwrap()
}

#[tokio::test]
async fn an_import_counts_new_skus_and_leaves_what_the_shop_has_sold_since() {
    use StockImported::{Kept, Set};
    let rig = rig().await;
    assert_eq!(import(&rig, &[("A", 5), ("B", 0)], false).await, [Set, Set]);
    let order = rig.id();
    reserve(&rig, order, &[("A", 2)]).await.unwrap();
    rig.tell(paid(order, &[("A", 2)])).await;
    assert_eq!(import(&rig, &[("A", 5), ("B", 0), ("C", 7)], false).await, [Kept, Kept, Set]);
    assert_eq!(level(&rig, "A").await, (3, 0));
    assert_eq!(import(&rig, &[("A", 9), ("B", 0)], true).await, [Set, Kept]);
    assert_eq!(level(&rig, "A").await, (9, 0));
    let reasons = deltas(&rig, "A").await;
    let reasons: Vec<_> = reasons.iter().map(|(delta, reason)| (*delta, &**reason)).collect();
    assert_eq!(reasons, [(5, "import"), (-2, "sold"), (6, "import")]);
    rig.stop().await;
}

#[tokio::test]
async fn a_count_that_cannot_be_is_rejected_alone() {
    let rig = rig().await;
    stock(&rig, "A", 5).await;
    reserve(&rig, rig.id(), &[("A", 3)]).await.unwrap();
    let outcomes = import(&rig, &[("A", 2), ("B", -1), ("C", 1)], true).await;
    let rejected = |outcome: &StockImported| matches!(outcome, StockImported::Rejected { .. });
    assert_eq!(outcomes.iter().map(rejected).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((level(&rig, "A").await, level(&rig, "C").await), ((5, 3), (1, 0)));
    let twice = StockCount { sku: sku("D"), on_hand: 1 };
    let twice = ImportStock { counts: vec![twice.clone(), twice], replace: false };
    assert!(matches!(no(rig.call(&admin(), twice).await), StockRefused::Invalid { .. }));
    let guest = ImportStock { counts: Vec::new(), replace: false };
    assert_eq!(no(rig.call(&Caller::Guest, guest).await), StockRefused::NotAllowed);
    rig.stop().await;
}

fn fulfilled(order: OrderId, of: &[(&str, u32)]) -> OrderFulfilled {
    let (cart, payment) = (uuid::Uuid::now_v7().into(), uuid::Uuid::now_v7().into());
    let (lines, method) = (lines(of), PaymentMethod::CashOnDelivery);
    OrderFulfilled { order, account: None, cart, lines, payment, method }
}

#[tokio::test]
async fn stock_leaves_when_the_order_is_sent_or_paid_whichever_comes_first() {
    let rig = rig().await;
    stock(&rig, "A", 9).await;
    for payment_first in [true, false] {
        let order = rig.id();
        let (before, _) = level(&rig, "A").await;
        reserve(&rig, order, &[("A", 2)]).await.unwrap();
        if payment_first {
            rig.tell(paid(order, &[("A", 2)])).await;
        }
        rig.tell(fulfilled(order, &[("A", 2)])).await;
        rig.tell(paid(order, &[("A", 2)])).await;
        assert_eq!(level(&rig, "A").await, (before - 2, 0));
    }
    rig.stop().await;
}

#[tokio::test]
async fn what_came_back_is_on_the_shelf_only_if_staff_put_it_there() {
    let rig = rig().await;
    stock(&rig, "A", 9).await;
    for (restock, left) in [(false, 7), (true, 7)] {
        let order = rig.id();
        reserve(&rig, order, &[("A", 2)]).await.unwrap();
        rig.tell(paid(order, &[("A", 2)])).await;
        let refunded = OrderRefunded { order, account: None, lines: lines(&[("A", 2)]), restock };
        rig.tell(refunded.clone()).await;
        rig.tell(refunded).await;
        assert_eq!(level(&rig, "A").await, (left, 0), "restock: {restock}");
    }
    let undelivered = rig.id();
    reserve(&rig, undelivered, &[("A", 1)]).await.unwrap();
    rig.tell(fulfilled(undelivered, &[("A", 1)])).await;
    assert_eq!(level(&rig, "A").await, (6, 0));
    rig.tell(cancelled(undelivered, &[("A", 1)], false)).await;
    assert_eq!(level(&rig, "A").await, (7, 0), "the parcel came back");
    rig.stop().await;
}
