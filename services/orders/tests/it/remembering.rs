//! What orders knows of those who ordered, and forgets.
use crate::shop::*;
use contracts::identity::AccountErased;
use contracts::orders::{HasBought, Order, ShipmentStatus};
use contracts::{AccountId, CallError, Caller, Sku};
use kit::testing::{admin, shopper};

async fn bought(shop: &Shop, who: &Caller, skus: &[&str]) -> bool {
    let skus: Vec<Sku> = skus.iter().map(|name| sku(name)).collect();
    let ask = HasBought { account: who.account().unwrap(), skus };
    shop.rig.call(&Caller::Store, ask).await.unwrap()
}

#[tokio::test]
async fn what_was_bought_is_what_was_paid_and_not_given_back() {
    let shop = Shop::open().await;
    let (ada, bob) = (shopper(), shopper());
    let order = shop.order(&ada).await;
    assert!(!bought(&shop, &ada, &["BOOK-1"]).await, "not paid");
    shop.capture(&order).await;
    assert!(bought(&shop, &ada, &["BOOK-1"]).await);
    assert!(bought(&shop, &ada, &["BOOK-9", "BOOK-1"]).await);
    for other in [&["BOOK-2"][..], &["BOOK"], &["BOOK_1"], &["OOK-1"], &["TITLE"], &[]] {
        assert!(!bought(&shop, &ada, other).await, "{other:?}");
    }
    assert!(!bought(&shop, &bob, &["BOOK-1"]).await, "another's");
    shop.ship(order.id, &[]).await.unwrap();
    assert!(bought(&shop, &ada, &["BOOK-1"]).await);

    let cancelled = shop.paid_order(&bob).await;
    shop.cancel(&bob, cancelled.id).await.unwrap();
    assert!(!bought(&shop, &bob, &["BOOK-1"]).await, "cancelled");
    shop.close().await;
}

#[tokio::test]
async fn what_is_paid_on_delivery_is_bought_when_it_is_paid() {
    use contracts::orders::{Checkout, PayWith};
    use contracts::payments::PaymentMethod;
    let shop = Shop::open().await;
    let ada = shopper();
    shop.fill(&ada, &[("BOOK-1", 1)]);
    let payment = PayWith { method: PaymentMethod::CashOnDelivery, token: None };
    let command = Checkout { payment, ..checkout(any_key()) };
    let order: Order = shop.check_out(&ada, command).await.unwrap();
    let sent = shop.ship(order.id, &[]).await.unwrap();
    shop.parcel_is(order.id, sent.shipments[0].id, ShipmentStatus::Delivered).await.unwrap();
    assert!(!bought(&shop, &ada, &["BOOK-1"]).await);
    shop.capture(&order).await;
    assert!(bought(&shop, &ada, &["BOOK-1"]).await);
    shop.close().await;
}

#[tokio::test]
async fn what_others_bought_is_told_to_the_store_itself_only() {
    let shop = Shop::open().await;
    let ada = shopper();
    let account = ada.account().unwrap();
    let ask = HasBought { account, skus: vec![sku("BOOK-1")] };
    for caller in [&ada, &admin(), &Caller::Guest] {
        let asked = shop.rig.call(caller, ask.clone()).await;
        assert!(matches!(asked, Err(CallError::NotDone(_))), "{asked:?}");
    }
    let many = HasBought { account, skus: vec![sku("BOOK-1"); 101] };
    assert!(shop.rig.call(&Caller::Store, many).await.is_err());
    shop.close().await;
}

#[tokio::test]
async fn the_orders_of_an_account_that_is_gone_name_nobody_and_stay_for_the_books() {
    let shop = Shop::open().await;
    let (ada, bob) = (shopper(), shopper());
    let (paid, pending) = (shop.paid_order(&ada).await, shop.order(&ada).await);
    let bobs = shop.paid_order(&bob).await;
    let account: AccountId = ada.account().unwrap();
    // One that joined the account later keeps the address that the guest gave.
    shop.sql("UPDATE orders SET email = 'ada@example.com'").await;
    for _ in 0..2 {
        shop.rig.tell(AccountErased { account }).await;
    }
    for before in [&paid, &pending] {
        let seen = shop.get(&admin(), before.id).await;
        let address = &seen.shipping_address;
        let personal = [&address.name, &address.line1, &address.city, &address.postal_code];
        assert!(personal.iter().all(|text| text.is_empty()), "{address:?}");
        assert_eq!((&address.line2, &address.phone), (&None, &None));
        assert_eq!(address.country, "GB", "for the books");
        assert_eq!(
            (&seen.items, seen.total, seen.status),
            (&before.items, before.total, before.status)
        );
        assert_eq!(seen.version, before.version + 1, "once");
    }
    assert_eq!(shop.get(&bob, bobs.id).await, bobs);
    assert_eq!(shop.count("orders WHERE email IS NOT NULL").await, 1, "that of the other");
    // The order goes on.
    shop.capture(&pending).await;
    assert!(shop.ship(pending.id, &[]).await.is_ok());
    shop.close().await;
}
