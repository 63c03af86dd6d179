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

impl Shop {
    async fn confirm_top_up(
        &self,
        caller: &Caller,
        top_up: contracts::TopUpId,
        name: &str,
    ) -> Result<ToppedUp, CallError<TopUpRefused>> {
        self.rig.call(caller, ConfirmTopUp { top_up, idempotency: key(name) }).await
    }
    async fn top_up_status(&self, top_up: contracts::TopUpId) -> PaymentStatus {
        self.shown(PaymentId(top_up.0)).await.status
    }
}

#[tokio::test]
async fn a_top_up_that_requires_an_action_is_completed_by_its_owner_once() {
    let shop = Shop::open().await;
    let (caller, stranger) = (shop.shopper_with(0).await, shop.shopper_with(0).await);
    let asks = shop.top_up(&caller, 800, "tok_threeDSecure", "k").await.unwrap();
    assert_eq!(asks.status, PaymentStatus::RequiresAction);
    assert_eq!(no(shop.confirm_top_up(&stranger, asks.id, "c").await), TopUpRefused::NotFound);
    let unknown = shop.rig.id();
    assert_eq!(no(shop.confirm_top_up(&caller, unknown, "c").await), TopUpRefused::NotFound);
    let guest = no(shop.confirm_top_up(&Caller::Guest, asks.id, "c").await);
    assert_eq!(guest, TopUpRefused::NotLoggedIn);
    let done = shop.confirm_top_up(&caller, asks.id, "c").await.unwrap();
    assert_eq!((done.id, done.status), (asks.id, PaymentStatus::Captured));
    assert_eq!(shop.confirm_top_up(&caller, asks.id, "c").await, Ok(done));
    let again = no(shop.confirm_top_up(&caller, asks.id, "other").await);
    assert_eq!(again, TopUpRefused::WrongState);
    // The first answer to the top-up itself stays what it was.
    assert_eq!(shop.top_up(&caller, 800, "tok_threeDSecure", "k").await, Ok(asks));
    shop.pass(3).await;
    assert_eq!(shop.balance(&caller).await, 800);
    shop.rig.settled().await;
    assert_eq!(shop.topped_up.lock().len(), 1);
    for token in ["tok_visa", "tok_timeout"] {
        let other = shop.top_up(&caller, 50, token, token).await.unwrap();
        let refused = no(shop.confirm_top_up(&caller, other.id, token).await);
        assert_eq!(refused, TopUpRefused::WrongState);
    }
    shop.pass(5).await;
    shop.end().await;
}

#[tokio::test]
async fn a_top_up_that_is_completed_many_times_at_once_is_credited_once() {
    let shop = Shop::open().await;
    let caller = shop.shopper_with(0).await;
    let asks = shop.top_up(&caller, 800, "tok_threeDSecure", "k").await.unwrap();
    let names: Vec<String> = (0..8).map(|n| format!("k{}", n % 4)).collect();
    let many = join_all(names.iter().map(|name| shop.confirm_top_up(&caller, asks.id, name)));
    let mut done = 0;
    for answer in many.await {
        match answer {
            Ok(_) => done += 1,
            Err(CallError::Refused(TopUpRefused::InProgress | TopUpRefused::WrongState)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(done >= 1);
    shop.pass(3).await;
    assert_eq!(shop.balance(&caller).await, 800);
    assert_eq!(shop.charges().await.len(), 1);
    shop.rig.settled().await;
    assert_eq!(shop.topped_up.lock().len(), 1);
    shop.end().await;
}

#[tokio::test]
async fn a_top_up_that_nobody_completes_is_voided_after_an_hour() {
    let shop = Shop::open().await;
    let caller = shop.shopper_with(0).await;
    let left = shop.top_up(&caller, 800, "tok_threeDSecure", "left").await.unwrap();
    let order =
        shop.placed(None, card("tok_threeDSecure"), 100, PaymentStatus::RequiresAction).await;
    shop.rig.clock.forward(Duration::from_secs(3_599));
    let newer = shop.top_up(&caller, 70, "tok_threeDSecure", "newer").await.unwrap();
    shop.rig.work("payments", "abandoned").await;
    shop.quiet().await;
    assert_eq!(shop.top_up_status(left.id).await, PaymentStatus::RequiresAction);
    shop.rig.clock.forward(Duration::from_secs(1));
    shop.rig.work("payments", "abandoned").await;
    shop.quiet().await;
    assert_eq!(shop.top_up_status(left.id).await, PaymentStatus::Voided);
    let charges = shop.charges().await;
    let voided = charges.iter().filter(|(_, _, _, state)| state == "voided");
    assert_eq!(voided.map(|(_, amount, _, _)| *amount).collect::<Vec<_>>(), [800]);
    let late = no(shop.confirm_top_up(&caller, left.id, "late").await);
    assert_eq!(late, TopUpRefused::WrongState);
    // Neither the one that still has time, nor an order's: that has a clock of its own.
    assert_eq!(shop.top_up_status(newer.id).await, PaymentStatus::RequiresAction);
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::RequiresAction));
    shop.confirm_top_up(&caller, newer.id, "c").await.unwrap();
    assert_eq!(shop.balance(&caller).await, 70);
    shop.end().await;
}

#[tokio::test]
async fn completing_beside_giving_up_ends_with_the_money_in_one_place() {
    let shop = Shop::open().await;
    let caller = shop.shopper_with(0).await;
    let mut credited = 0;
    for n in 0..8 {
        let name = format!("k{n}");
        let asks = shop.top_up(&caller, 100, "tok_threeDSecure", &name).await.unwrap();
        shop.rig.clock.forward(Duration::from_secs(3_600));
        let (_, answer) = tokio::join!(
            shop.rig.work("payments", "abandoned"),
            shop.confirm_top_up(&caller, asks.id, &name)
        );
        shop.pass(2).await;
        match answer {
            Ok(done) => assert_eq!(done.id, asks.id),
            Err(CallError::Refused(TopUpRefused::WrongState)) => {}
            other => panic!("{other:?}"),
        }
        match shop.top_up_status(asks.id).await {
            PaymentStatus::Captured => credited += 100,
            PaymentStatus::Voided => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(shop.balance(&caller).await, credited);
    shop.end().await;
}
