//! Wallets: made, spent, listed, and never overdrawn.
use crate::*;
use futures_util::future::join_all;

#[tokio::test]
async fn a_new_account_has_an_empty_wallet_even_before_it_is_made() {
    let shop = Shop::open().await;
    let caller = shopper();
    assert_eq!(shop.balance(&caller).await, 0);
    let registered = UserRegistered { account: caller.account().unwrap() };
    let id = shop.rig.tell(registered.clone()).await;
    shop.rig.tell_again(id, registered.clone()).await;
    shop.rig.tell(registered).await;
    assert_eq!(shop.balance(&caller).await, 0);
    assert_eq!(no(shop.rig.call(&Caller::Guest, GetWallet).await), NoWallet);
    shop.end().await;
}

#[tokio::test]
async fn a_wallet_pays_in_the_wave_that_hears_of_the_order() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(2_500).await;
    let order = shop.order(payer.account(), wallet(), 2_500);
    shop.rig.tell(order.clone()).await;
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Captured));
    assert_eq!(shop.captured.lock().len(), 1);
    assert_eq!(shop.balance(&payer).await, 0);
    shop.end().await;
}

#[tokio::test]
async fn too_little_in_a_wallet_fails_and_moves_nothing() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(2_500).await;
    let order = shop.placed(payer.account(), wallet(), 2_501, PaymentStatus::Failed).await;
    assert_eq!(shop.failed.lock().pop().unwrap().failure_code, "insufficient_funds");
    // An account whose wallet was not made yet has nothing either.
    shop.placed(shopper().account(), wallet(), 1, PaymentStatus::Failed).await;
    assert_eq!(shop.failed.lock().pop().unwrap().failure_code, "insufficient_funds");
    shop.cancel(&order).await;
    assert_eq!(shop.balance(&payer).await, 2_500);
    assert!(shop.captured.lock().is_empty() && shop.refunded.lock().is_empty());
    shop.end().await;
}

#[tokio::test]
async fn guests_have_no_wallet_and_another_currency_does_not_pay() {
    let shop = Shop::open().await;
    shop.placed(None, wallet(), 100, PaymentStatus::Failed).await;
    assert_eq!(shop.failed.lock().pop().unwrap().failure_code, "wallet_needs_account");
    let payer = shop.shopper_with(500).await;
    let order = OrderPlaced {
        total: Money::new(100, Currency::EUR),
        ..shop.order(payer.account(), wallet(), 100)
    };
    shop.rig.tell(order.clone()).await;
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Failed));
    assert_eq!(shop.failed.lock().pop().unwrap().failure_code, "currency_mismatch");
    assert_eq!(shop.balance(&payer).await, 500);
    shop.end().await;
}

#[tokio::test]
async fn many_orders_at_once_never_overdraw_a_wallet() {
    let shop = Shop::open().await;
    let rich = shop.shopper_with(1_000).await;
    let other = shop.shopper_with(350).await;
    let mut orders: Vec<OrderPlaced> =
        (0..40).map(|_| shop.order(rich.account(), wallet(), 70)).collect();
    orders.extend((0..20).map(|_| shop.order(other.account(), wallet(), 50)));
    // The bus gives them to the replicas in turn.
    join_all(orders.iter().map(|order| shop.rig.tell(order.clone()))).await;
    let (mut paid, mut refused) = (0, 0);
    for order in &orders {
        match shop.status(order.payment).await {
            Some(PaymentStatus::Captured) => paid += 1,
            Some(PaymentStatus::Failed) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((paid, refused), (14 + 7, 60 - 21));
    assert_eq!((shop.balance(&rich).await, shop.balance(&other).await), (1_000 - 14 * 70, 0));
    assert_eq!((shop.captured.lock().len(), shop.failed.lock().len()), (21, 39));
    shop.end().await;
}

#[tokio::test]
async fn orders_top_ups_and_cancellations_at_once_lose_no_cent() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(1_000).await;
    let orders: Vec<OrderPlaced> =
        (0..20).map(|_| shop.order(payer.account(), wallet(), 100)).collect();
    join_all(orders.iter().enumerate().map(|(n, order)| {
        let (shop, payer) = (&shop, &payer);
        async move {
            shop.rig.tell(order.clone()).await;
            if n % 2 == 0 {
                shop.top_up(payer, 30, "tok_visa", &format!("more {n}")).await.unwrap();
            } else {
                shop.cancel(order).await;
            }
        }
    }))
    .await;
    let mut spent = 0;
    for order in &orders {
        let payment = shop.payment(order.payment).await.unwrap();
        spent += payment.captured.minor - payment.refunded.minor;
    }
    assert_eq!(shop.balance(&payer).await, 1_000 + 10 * 30 - spent);
    shop.end().await;
}

#[tokio::test]
async fn movements_are_listed_newest_first_page_by_page() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(1_000).await;
    let stranger = shop.shopper_with(77).await;
    let mut orders = Vec::new();
    for minor in [100, 200, 300] {
        orders.push(shop.placed(payer.account(), wallet(), minor, PaymentStatus::Captured).await);
    }
    shop.cancel(&orders[1]).await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = shop.rig.call(&payer, WalletEntries { limit: 2, cursor }).await.unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(
            page.items.into_iter().map(|entry| (entry.amount.minor, entry.kind, entry.order)),
        );
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let expected = [
        (200, "refund".to_owned(), Some(orders[1].order)),
        (-300, "purchase".to_owned(), Some(orders[2].order)),
        (-200, "purchase".to_owned(), Some(orders[1].order)),
        (-100, "purchase".to_owned(), Some(orders[0].order)),
        (1_000, "top_up".to_owned(), None),
    ];
    assert_eq!(seen, expected);
    let all = WalletEntries { limit: 100, cursor: None };
    assert_eq!(shop.rig.call(&stranger, all.clone()).await.unwrap().items.len(), 1);
    assert_eq!(no(shop.rig.call(&Caller::Guest, all).await), WalletEntriesRefused::NotLoggedIn);
    let forged = WalletEntries { limit: 10, cursor: Some("e30".into()) };
    assert_eq!(no(shop.rig.call(&payer, forged).await), WalletEntriesRefused::Cursor);
    shop.end().await;
}

#[tokio::test]
async fn what_is_offered_stands_in_the_shops_order_and_guests_have_no_wallet() {
    let methods = |offered: Vec<OfferedMethod>| -> Vec<PaymentMethod> {
        offered.into_iter().map(|offered| offered.method).collect()
    };
    use PaymentMethod::{BankTransfer, Card, CashOnDelivery, Wallet};
    let shop = Shop::open().await;
    let guest = shop.rig.call(&Caller::Guest, PaymentMethods).await.unwrap();
    assert!(guest.iter().all(|offer| !offer.needs_account && !offer.name.is_empty()));
    assert!(guest.iter().all(|offer| offer.needs_token == (offer.method == Card)));
    assert_eq!(methods(guest), [Card, BankTransfer, CashOnDelivery]);
    let known = shop.rig.call(&shopper(), PaymentMethods).await.unwrap();
    assert_eq!(methods(known), [Wallet, Card, BankTransfer, CashOnDelivery]);
    shop.end().await;

    let mut config = Config::default();
    config.payments.methods = "cash_on_delivery, wallet".to_owned();
    let shop = Shop::with(config).await;
    let known = shop.rig.call(&shopper(), PaymentMethods).await.unwrap();
    assert_eq!(methods(known), [CashOnDelivery, Wallet]);
    let guest = shop.rig.call(&Caller::Guest, PaymentMethods).await.unwrap();
    assert_eq!(methods(guest), [CashOnDelivery]);
    shop.end().await;
}

#[tokio::test]
async fn a_method_that_is_not_offered_is_not_begun() {
    let mut config = Config::default();
    config.payments.methods = "cash_on_delivery".to_owned();
    let shop = Shop::with(config).await;
    let payer = shopper();
    for with in [wallet(), card("tok_visa"), bank()] {
        shop.placed(payer.account(), with, 100, PaymentStatus::Failed).await;
        assert_eq!(shop.failed.lock().pop().unwrap().failure_code, "method_not_offered");
    }
    // Nor in the place of another.
    let order = shop.placed(None, cash(), 100, PaymentStatus::Pending).await;
    let instead = NewPayment { payment: shop.rig.id(), with: card("tok_visa") };
    let go_on = ContinuePayment {
        order: order.order,
        account: None,
        payment: order.payment,
        amount: order.total,
        instead: Some(instead),
    };
    assert_eq!(shop.rig.call(&Caller::Store, go_on).await, Ok(PaymentStatus::Failed));
    let refused = no(shop.top_up(&payer, 100, "tok_visa", "k").await);
    assert!(matches!(refused, TopUpRefused::Invalid { field, .. } if field == "payment.method"));
    assert!(shop.charges().await.is_empty() && shop.captured.lock().is_empty());
    shop.end().await;
}
