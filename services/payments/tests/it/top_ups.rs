//! Money into a wallet.
use crate::*;
use futures_util::future::join_all;

#[tokio::test]
async fn a_top_up_is_credited_and_told_once() {
    let shop = Shop::open().await;
    let caller = shop.shopper_with(0).await;
    let first = shop.top_up(&caller, 2_500, "tok_visa", "k").await.unwrap();
    assert_eq!((first.amount, first.status), (usd(2_500), PaymentStatus::Captured));
    let again = shop.top_up(&caller, 2_500, "tok_visa", "k").await.unwrap();
    assert_eq!(again, first);
    assert_eq!(shop.balance(&caller).await, 2_500);
    shop.rig.settled().await;
    let told = shop.topped_up.lock().clone();
    let account = caller.account().unwrap();
    assert_eq!(told, [WalletToppedUp { top_up: first.id, account, amount: usd(2_500) }]);
    // The key is the account's own: another's is another.
    let other = shop.shopper_with(0).await;
    assert_ne!(shop.top_up(&other, 2_500, "tok_visa", "k").await.unwrap().id, first.id);
    assert_eq!(shop.charges().await.len(), 2);
    shop.end().await;
}

#[tokio::test]
async fn the_same_key_at_once_charges_once() {
    let shop = Shop::open().await;
    let caller = shop.shopper_with(0).await;
    let many = join_all((0..10).map(|_| shop.top_up(&caller, 500, "tok_visa", "k"))).await;
    let mut done = 0;
    for answer in many {
        match answer {
            Ok(_) => done += 1,
            Err(CallError::Refused(TopUpRefused::InProgress)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(done >= 1);
    assert_eq!(shop.balance(&caller).await, 500);
    assert_eq!(shop.charges().await.len(), 1);
    let reused = TopUp {
        amount: usd(600),
        with: card("tok_visa"),
        idempotency: Idempotency { body: [9; 32], ..key("k") },
    };
    assert_eq!(no(shop.rig.call(&caller, reused).await), TopUpRefused::KeyReused);
    shop.end().await;
}

#[tokio::test]
async fn a_refused_card_credits_nothing_and_stays_refused() {
    let shop = Shop::open().await;
    let caller = shop.shopper_with(0).await;
    for (token, code) in [
        ("tok_chargeDeclined", "card_declined"),
        ("tok_insufficientFunds", "insufficient_funds"),
        ("tok_of_nobody", "invalid_token"),
    ] {
        for _ in 0..2 {
            let refused = no(shop.top_up(&caller, 500, token, token).await);
            assert_eq!(refused, TopUpRefused::Declined { failure_code: code.to_owned() });
        }
    }
    assert_eq!(shop.balance(&caller).await, 0);
    assert_eq!(shop.charges().await.len(), 3);
    shop.end().await;
}

#[tokio::test]
async fn what_the_provider_decides_late_is_credited_once_and_the_answer_stays() {
    let shop = Shop::open().await;
    let caller = shop.shopper_with(0).await;
    let late = shop.top_up(&caller, 500, "tok_timeout", "late").await.unwrap();
    assert_eq!((late.status, shop.balance(&caller).await), (PaymentStatus::Pending, 0));
    shop.pass(10).await;
    assert_eq!(shop.balance(&caller).await, 500);
    assert_eq!(shop.top_up(&caller, 500, "tok_timeout", "late").await, Ok(late.clone()));
    shop.pass(40).await;
    assert_eq!(shop.balance(&caller).await, 500);

    let lost = shop.top_up(&caller, 70, "tok_chargedThenError", "lost").await.unwrap();
    assert_eq!((lost.status, shop.balance(&caller).await), (PaymentStatus::Captured, 570));
    let asks = shop.top_up(&caller, 80, "tok_threeDSecure", "asks").await.unwrap();
    assert_eq!((asks.status, shop.balance(&caller).await), (PaymentStatus::RequiresAction, 570));
    shop.rig.settled().await;
    assert_eq!(shop.topped_up.lock().len(), 2);
    assert_eq!(shop.charges().await.len(), 3);
    shop.end().await;
}

#[tokio::test]
async fn a_top_up_before_the_wallet_is_made_finds_its_wallet() {
    let shop = Shop::open().await;
    let caller = shopper();
    shop.top_up(&caller, 500, "tok_visa", "k").await.unwrap();
    shop.rig.tell(UserRegistered { account: caller.account().unwrap() }).await;
    assert_eq!(shop.balance(&caller).await, 500);
    shop.end().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name_and_charges_nothing() {
    let shop = Shop::open().await;
    let caller = shop.shopper_with(0).await;
    let fine = || TopUp { amount: usd(1), with: card("tok_visa"), idempotency: key("k") };
    let guest = no(shop.rig.call(&Caller::Guest, fine()).await);
    assert_eq!(guest, TopUpRefused::NotLoggedIn);
    assert_eq!(no(shop.rig.call(&Caller::Store, fine()).await), TopUpRefused::NotLoggedIn);
    let long = "x".repeat(201);
    let no_token = PayWith { token: None, ..card("") };
    for (field, wrong) in [
        ("amount.amount", TopUp { amount: usd(0), ..fine() }),
        ("amount.amount", TopUp { amount: usd(-1), ..fine() }),
        ("amount.amount", TopUp { amount: usd(100_000_001), ..fine() }),
        ("amount.amount", TopUp { amount: usd(i64::MAX), ..fine() }),
        ("amount.currency", TopUp { amount: Money::new(1, Currency::EUR), ..fine() }),
        ("payment.method", TopUp { with: wallet(), ..fine() }),
        ("payment.token", TopUp { with: card(""), ..fine() }),
        ("payment.token", TopUp { with: card("a\0"), ..fine() }),
        ("payment.token", TopUp { with: card(&long), ..fine() }),
        ("payment.token", TopUp { with: no_token, ..fine() }),
    ] {
        let refused = no(shop.rig.call(&caller, wrong.clone()).await);
        let TopUpRefused::Invalid { field: named, .. } = refused else { panic!("{refused:?}") };
        assert_eq!(named, field, "{wrong:?}");
    }
    assert!(shop.charges().await.is_empty());
    // Nothing of that was kept: the key is still free.
    shop.rig.call(&caller, fine()).await.unwrap();
    let most = TopUp { amount: usd(100_000_000), idempotency: key("most"), ..fine() };
    shop.rig.call(&caller, most).await.unwrap();
    assert_eq!(shop.balance(&caller).await, 100_000_001);
    shop.end().await;
}
