//! What a paid order does to the cart that it came from.
use crate::*;
use contracts::inventory::StockLine;
use contracts::orders::OrderPaid;
use contracts::{CartId, OrderId};
use futures_util::future::join_all;
use kit::testing::shopper;

fn paid(shop: &Shop, cart: CartId, bought: &[(&str, u32)]) -> OrderPaid {
    let line = |(name, n): &(&str, u32)| StockLine { sku: sku(name), quantity: count(*n) };
    OrderPaid {
        order: shop.rig.id::<OrderId>(),
        account: None,
        cart,
        lines: bought.iter().map(line).collect(),
        total: usd(1),
        placed_with: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_ordered_leaves_though_more_was_added_meanwhile() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.add(&ada, None, "A-1", 2).await.unwrap();
    let cart = shop.add(&ada, None, "B-2", 1).await.unwrap().cart.id.unwrap();
    let order = paid(&shop, cart, &[("A-1", 2), ("B-2", 1)]);
    shop.add(&ada, None, "A-1", 3).await.unwrap();
    shop.add(&ada, None, "C-3", 1).await.unwrap();
    let id = shop.rig.tell(order.clone()).await;
    let after = shop.cart(&ada, None).await;
    assert_eq!(lines(&after), [("A-1".into(), 3), ("C-3".into(), 1)]);
    assert_eq!(after.version, 5);
    shop.rig.tell_again(id, order.clone()).await;
    assert_eq!(shop.cart(&ada, None).await, after, "a redelivered message");
    shop.rig.tell(order).await;
    assert_eq!(shop.cart(&ada, None).await, after, "the same fact in another message");
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_an_unknown_cart_changes_nothing() {
    let shop = Shop::open().await;
    let unknown = shop.rig.id::<CartId>();
    shop.rig.tell(paid(&shop, unknown, &[("A-1", 1)])).await;
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_placed_as_a_guest_clears_the_cart_that_was_merged_meanwhile() {
    let shop = Shop::open().await;
    let ada = shopper();
    shop.add(&ada, None, "A-1", 1).await.unwrap();
    let guests = shop.add(&Caller::Guest, None, "A-1", 2).await.unwrap();
    let order = paid(&shop, guests.cart.id.unwrap(), &[("A-1", 2)]);
    let merged = shop.cart(&ada, guests.token.as_deref()).await;
    assert_ne!(merged.id, guests.cart.id);
    assert_eq!(lines(&merged), [("A-1".into(), 3)]);
    shop.rig.tell(order).await;
    assert_eq!(lines(&shop.cart(&ada, None).await), [("A-1".into(), 1)]);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_and_adds_at_once_lose_nothing() {
    let shop = Shop::open().await;
    let ada = shopper();
    let cart = shop.add(&ada, None, "A-1", 100).await.unwrap().cart.id.unwrap();
    let orders: Vec<OrderPaid> = (0..20).map(|_| paid(&shop, cart, &[("A-1", 5)])).collect();
    let adds = join_all((0..30).map(|_| shop.add(&ada, None, "A-1", 1)));
    let told = join_all(orders.into_iter().map(|order| shop.rig.tell(order)));
    let (added, _) = futures_util::future::join(adds, told).await;
    assert!(added.iter().all(Result::is_ok));
    let cart = shop.cart(&ada, None).await;
    assert_eq!(cart.version, 51);
    assert_eq!(lines(&cart), [("A-1".into(), 30)]);
    shop.rig.stop().await;
}
