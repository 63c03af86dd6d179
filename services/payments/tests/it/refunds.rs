//! Refunds that staff decide.
use crate::*;
use contracts::Role;
use kit::testing::admin;

fn refund(payment: PaymentId, minor: Option<i64>, name: &str) -> RefundPayment {
    let reason = "a page was missing".to_owned();
    RefundPayment { payment, amount: minor.map(usd), reason, idempotency: key(name) }
}

#[tokio::test]
async fn parts_add_up_to_the_whole_and_not_beyond() {
    let shop = Shop::open().await;
    let (payer, staff) = (shop.shopper_with(1_000).await, admin());
    for with in [wallet(), card("tok_visa")] {
        let order =
            shop.placed(payer.account(), with.clone(), 1_000, PaymentStatus::Captured).await;
        let at_once = with.method == PaymentMethod::Wallet;
        let first = shop.rig.call(&staff, refund(order.payment, Some(300), "1")).await.unwrap();
        assert_eq!((first.payment, first.amount), (order.payment, usd(300)));
        assert_eq!(first.status == RefundStatus::Done, at_once);
        let too_much = no(shop.rig.call(&staff, refund(order.payment, Some(701), "2")).await);
        assert_eq!(too_much, RefundRefused::TooMuch { left: usd(700) });
        shop.until(order.payment, PaymentStatus::PartiallyRefunded).await;
        let rest = shop.rig.call(&staff, refund(order.payment, None, "3")).await.unwrap();
        assert_eq!(rest.amount, usd(700));
        shop.until(order.payment, PaymentStatus::Refunded).await;
        let nothing = no(shop.rig.call(&staff, refund(order.payment, None, "4")).await);
        assert_eq!(nothing, RefundRefused::NothingCaptured);
        shop.rig.settled().await;
        let told: Vec<_> = std::mem::take(&mut *shop.refunded.lock())
            .into_iter()
            .map(|told| (told.amount.minor, told.refunded.minor, told.whole))
            .collect();
        assert_eq!(told, [(300, 300, false), (700, 1_000, true)]);
        // Cancelled afterwards: nothing is left.
        shop.cancel(&order).await;
        assert_eq!(shop.balance(&payer).await, 1_000);
    }
    shop.end().await;
}

#[tokio::test]
async fn the_same_key_gives_back_once_and_answers_the_same() {
    let shop = Shop::open().await;
    let (payer, staff) = (shop.shopper_with(1_000).await, admin());
    let order = shop.placed(payer.account(), wallet(), 1_000, PaymentStatus::Captured).await;
    let ask = refund(order.payment, Some(100), "k");
    let first = shop.rig.call(&staff, ask.clone()).await.unwrap();
    let many = futures_util::future::join_all((0..6).map(|_| shop.rig.call(&staff, ask.clone())));
    for again in many.await {
        assert_eq!(again.unwrap(), first);
    }
    let other = Idempotency { body: [8; 32], ..key("k") };
    let other = RefundPayment { idempotency: other, ..ask.clone() };
    assert_eq!(no(shop.rig.call(&staff, other).await), RefundRefused::KeyReused);
    assert_eq!(shop.balance(&payer).await, 100);
    // A refusal is kept as well, though more was captured by then.
    let pending = shop.order(None, card("tok_timeout"), 50);
    shop.rig.tell(pending.clone()).await;
    let early = refund(pending.payment, None, "early");
    assert_eq!(no(shop.rig.call(&staff, early.clone()).await), RefundRefused::NothingCaptured);
    shop.pass(4).await;
    shop.until(pending.payment, PaymentStatus::Captured).await;
    assert_eq!(no(shop.rig.call(&staff, early).await), RefundRefused::NothingCaptured);
    shop.end().await;
}

#[tokio::test]
async fn twins_of_one_key_at_once_give_back_once() {
    let shop = Shop::open().await;
    let (payer, staff) = (shop.shopper_with(1_000).await, admin());
    let order = shop.placed(payer.account(), wallet(), 1_000, PaymentStatus::Captured).await;
    let ask = refund(order.payment, Some(100), "twins");
    let answers =
        futures_util::future::join_all((0..8).map(|_| shop.rig.call(&staff, ask.clone())));
    let answers: Vec<Refund> = answers.await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| answer == &answers[0]));
    assert_eq!(shop.balance(&payer).await, 100);
    shop.end().await;
}

#[tokio::test]
async fn only_staff_with_the_right_give_money_back() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(1_000).await;
    let order = shop.placed(payer.account(), wallet(), 1_000, PaymentStatus::Captured).await;
    let Caller::Account { account, session, .. } = shopper() else { unreachable!() };
    let support = Caller::Account { account, session, role: Role::Support };
    for caller in [Caller::Guest, payer.clone(), support] {
        let refused = no(shop.rig.call(&caller, refund(order.payment, None, "x")).await);
        assert_eq!(refused, RefundRefused::NotAllowed);
    }
    assert_eq!(shop.balance(&payer).await, 0);
    shop.rig.call(&Caller::Store, refund(order.payment, None, "x")).await.unwrap();
    assert_eq!(shop.balance(&payer).await, 1_000);
    shop.end().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let shop = Shop::open().await;
    let (payer, staff) = (shop.shopper_with(1_000).await, admin());
    let order = shop.placed(payer.account(), wallet(), 1_000, PaymentStatus::Captured).await;
    let unknown = no(shop.rig.call(&staff, refund(shop.rig.id(), None, "a")).await);
    assert_eq!(unknown, RefundRefused::NotFound);
    for minor in [0, -1, i64::MIN] {
        let refused = no(shop.rig.call(&staff, refund(order.payment, Some(minor), "b")).await);
        assert!(
            matches!(refused, RefundRefused::Invalid { field, .. } if field == "amount.amount")
        );
    }
    for reason in ["x".repeat(201), "a\0b".to_owned(), "a\nb".to_owned()] {
        let ask = RefundPayment { reason, ..refund(order.payment, None, "c") };
        let refused = no(shop.rig.call(&staff, ask).await);
        assert!(matches!(refused, RefundRefused::Invalid { field, .. } if field == "reason"));
    }
    for (minor, currency) in [(1, Currency::EUR), (i64::MAX, Currency::USD)] {
        let amount = Some(Money::new(minor, currency));
        let name = format!("d {minor}");
        let ask = RefundPayment { amount, ..refund(order.payment, None, &name) };
        let refused = no(shop.rig.call(&staff, ask).await);
        assert_eq!(refused, RefundRefused::TooMuch { left: usd(1_000) });
    }
    let fits = RefundPayment { reason: "ü".repeat(200), ..refund(order.payment, None, "e") };
    shop.rig.call(&staff, fits).await.unwrap();
    shop.end().await;
}

#[tokio::test]
async fn refunds_at_once_never_exceed_the_capture() {
    let shop = Shop::open().await;
    let staff = admin();
    let order = shop.placed(None, card("tok_visa"), 1_000, PaymentStatus::Captured).await;
    let names: Vec<String> = (0..10).map(|n| format!("r{n}")).collect();
    let asks =
        names.iter().map(|name| shop.rig.call(&staff, refund(order.payment, Some(300), name)));
    let done = futures_util::future::join_all(asks).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(done, 3);
    shop.cancel(&order).await;
    shop.until(order.payment, PaymentStatus::Refunded).await;
    shop.pass(2).await;
    assert_eq!(shop.charges().await[0].2, 1_000);
    assert_eq!(shop.payment(order.payment).await.unwrap().refunded, usd(1_000));
    shop.rig.settled().await;
    assert_eq!(shop.refunded.lock().iter().map(|told| told.amount.minor).sum::<i64>(), 1_000);
    shop.end().await;
}
