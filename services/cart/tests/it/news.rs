//! What the cart service tells, and what it does when an order is placed that is paid later.
use crate::*;
use contracts::cart::{
    CartCleared, CartsMerged, ChangeItem, ClearCart, ItemAdded, ItemChanged, ItemRemoved,
    RemoveItem,
};
use contracts::inventory::StockLine;
use contracts::orders::{OrderPaid, OrderPlaced};
use contracts::payments::PaymentMethod;
use contracts::{CartId, OrderId};
use kit::testing::shopper;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_of_a_cart_is_told_and_nothing_else() {
    let shop = Shop::open().await;
    let added = shop.rig.listen::<ItemAdded>();
    let changed = shop.rig.listen::<ItemChanged>();
    let removed = shop.rig.listen::<ItemRemoved>();
    let cleared = shop.rig.listen::<CartCleared>();
    let ada = shopper();
    shop.add(&ada, None, "A-1", 2).await.unwrap();
    let cart = shop.add(&ada, None, "A-1", 3).await.unwrap().cart.id.unwrap();
    assert!(shop.add(&ada, None, "NONE", 1).await.is_err());
    for quantity in [7, 7] {
        let call = ChangeItem { of: by(None), sku: sku("A-1"), quantity: count(quantity) };
        shop.rig.call(&ada, call).await.unwrap();
    }
    for _ in 0..2 {
        let call = RemoveItem { of: by(None), sku: sku("A-1") };
        shop.rig.call(&ada, call).await.unwrap();
    }
    shop.add(&ada, None, "B-2", 1).await.unwrap();
    for _ in 0..2 {
        shop.rig.call(&ada, ClearCart { of: by(None) }).await.unwrap();
    }
    shop.rig.settled().await;
    let account = ada.account();
    let numbers: Vec<_> =
        added.lock().iter().map(|it| (it.sku.to_string(), it.added, it.quantity.get())).collect();
    assert_eq!(
        numbers,
        [("A-1".to_owned(), 2, 2), ("A-1".to_owned(), 3, 5), ("B-2".to_owned(), 1, 1)]
    );
    assert!(added.lock().iter().all(|it| it.cart == cart && it.account == account));
    let seven = ItemChanged { cart, account, sku: sku("A-1"), quantity: count(7) };
    assert_eq!(*changed.lock(), [seven]);
    assert_eq!(*removed.lock(), [ItemRemoved { cart, account, sku: sku("A-1") }]);
    assert_eq!(*cleared.lock(), [CartCleared { cart, account }]);
    shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_is_told_once_with_both_carts() {
    let shop = Shop::open().await;
    let merged = shop.rig.listen::<CartsMerged>();
    let ada = shopper();
    let own = shop.add(&ada, None, "A-1", 1).await.unwrap().cart.id.unwrap();
    let guests = shop.add(&Caller::Guest, None, "B-2", 2).await.unwrap();
    for _ in 0..2 {
        shop.cart(&ada, guests.token.as_deref()).await;
    }
    shop.rig.settled().await;
    let (account, guest) = (ada.account().unwrap(), guests.cart.id.unwrap());
    assert_eq!(*merged.lock(), [CartsMerged { cart: own, account, guest }]);
    shop.rig.stop().await;
}

fn placed(shop: &Shop, cart: CartId, method: PaymentMethod) -> OrderPlaced {
    OrderPlaced {
        order: shop.rig.id::<OrderId>(),
        account: None,
        cart,
        lines: vec![StockLine { sku: sku("A-1"), quantity: count(2) }],
        total: usd(2000),
        payment: shop.rig.id(),
        method,
        token: None,
        expires_at: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_paid_later_leaves_the_cart_when_it_is_ordered_and_not_again_when_paid() {
    let shop = Shop::open().await;
    for (method, left) in [
        (PaymentMethod::BankTransfer, 3),
        (PaymentMethod::CashOnDelivery, 3),
        (PaymentMethod::Card, 5),
    ] {
        let ada = shopper();
        let cart = shop.add(&ada, None, "A-1", 5).await.unwrap().cart.id.unwrap();
        let order = placed(&shop, cart, method);
        let id = shop.rig.tell(order.clone()).await;
        shop.rig.tell_again(id, order.clone()).await;
        assert_eq!(lines(&shop.cart(&ada, None).await), [("A-1".to_owned(), left)], "{method:?}");
        let paid = OrderPaid {
            order: order.order,
            account: None,
            cart,
            lines: order.lines,
            total: order.total,
            placed_with: Some(method),
        };
        shop.rig.tell(paid).await;
        assert_eq!(lines(&shop.cart(&ada, None).await), [("A-1".to_owned(), 3)], "{method:?}");
    }
    shop.rig.stop().await;
}
