//! Refunds that staff decide.
use crate::*;
use contracts::Role;
use kit::testing::admin;

fn refund(payment: PaymentId, minor: Option<i64>, name: &str) -> RefundPayment {
    let reason = "a page was missing".to_owned();
    let (amount, idempotency) = (minor.map(usd), key(name));
    RefundPayment { payment, amount, reason, restock: false, idempotency }
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

impl Shop {
    /// Has the provider decline whatever is to be given back of a payment.
    pub async fn break_refunds(&self, payment: PaymentId) {
        self.set_refunded(payment, true).await;
    }
    /// Has the provider give back what was not given back yet, again.
    pub async fn mend_refunds(&self, payment: PaymentId) {
        self.set_refunded(payment, false).await;
    }
    async fn set_refunded(&self, payment: PaymentId, all: bool) {
        use sandbox_book::{Column, Entity};
        use sea_orm::entity::prelude::*;
        let charge = self.payment(payment).await.unwrap().charge.unwrap();
        let amount = if all { Expr::col(Column::Amount) } else { Expr::value(0) };
        Entity::update_many()
            .col_expr(Column::Refunded, amount)
            .filter(Column::Id.eq(charge))
            .exec(self.db().reader())
            .await
            .unwrap();
    }
    /// Lets a day and more pass, in steps of ten minutes.
    async fn pass_a_day(&self) {
        self.quiet().await;
        for _ in 0..(30 * 6) {
            self.rig.clock.forward(Duration::from_secs(600));
            self.quiet().await;
        }
    }
}

#[tokio::test]
async fn a_declined_refund_is_tried_for_a_day_and_then_failed_and_free_again() {
    let shop = Shop::open().await;
    let staff = admin();
    let order = shop.placed(None, card("tok_visa"), 1_000, PaymentStatus::Captured).await;
    shop.break_refunds(order.payment).await;
    shop.rig.call(&staff, refund(order.payment, Some(600), "1")).await.unwrap();
    shop.quiet().await;
    let shown = shop.shown(order.payment).await;
    assert_eq!(shown.refunds[0].status, RefundStatus::Pending);
    let line = shown.transactions.last().unwrap();
    assert_eq!(
        (line.outcome.as_str(), line.failure_code.as_deref()),
        ("asked", Some("refund_refused"))
    );
    let much = no(shop.rig.call(&staff, refund(order.payment, Some(500), "2")).await);
    assert_eq!(much, RefundRefused::TooMuch { left: usd(400) });
    shop.pass_a_day().await;
    let shown = shop.shown(order.payment).await;
    assert_eq!(shown.refunds[0].status, RefundStatus::Failed);
    assert_eq!((shown.status, shown.refunded), (PaymentStatus::Captured, usd(0)));
    let line = shown.transactions.last().unwrap();
    assert_eq!((line.kind.as_str(), line.outcome.as_str()), ("refund", "declined"));
    let tries = {
        use payments::store::rows::attempt::Entity;
        use sea_orm::entity::prelude::*;
        let row = Entity::find_by_id(shown.refunds[0].id.0).one(shop.db().reader()).await;
        let row = row.unwrap().unwrap();
        assert_eq!(row.state, "done");
        row.tries
    };
    assert!((5..20).contains(&tries), "{tries}");
    // Nothing is asked any more, and all of it is left.
    shop.pass_a_day().await;
    shop.mend_refunds(order.payment).await;
    let again = shop.rig.call(&staff, refund(order.payment, None, "3")).await.unwrap();
    assert_eq!(again.amount, usd(1_000));
    shop.until(order.payment, PaymentStatus::Refunded).await;
    shop.rig.settled().await;
    assert_eq!(shop.refunded.lock().len(), 1);
    shop.end().await;
}

#[tokio::test]
async fn a_refund_that_the_provider_declines_for_a_while_is_done_in_the_end() {
    let shop = Shop::open().await;
    let order = shop.placed(None, card("tok_visa"), 1_000, PaymentStatus::Captured).await;
    shop.break_refunds(order.payment).await;
    shop.cancel(&order).await;
    shop.pass(3).await;
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Captured));
    shop.mend_refunds(order.payment).await;
    shop.rig.clock.forward(Duration::from_secs(3_600));
    shop.until(order.payment, PaymentStatus::Refunded).await;
    let shown = shop.shown(order.payment).await;
    assert_eq!(shown.transactions.last().unwrap().failure_code, None);
    shop.end().await;
}

#[tokio::test]
async fn a_failed_refund_may_be_given_back_by_hand_once() {
    let shop = Shop::open().await;
    let staff = admin();
    let order = shop.placed(None, card("tok_visa"), 1_000, PaymentStatus::Captured).await;
    shop.break_refunds(order.payment).await;
    let failed = shop.rig.call(&staff, refund(order.payment, Some(600), "1")).await.unwrap();
    shop.pass_a_day().await;
    shop.mend_refunds(order.payment).await;
    let by_hand = |name: &str| ConfirmRefund {
        payment: order.payment,
        refund: failed.id,
        idempotency: key(name),
    };
    for name in ["a", "a", "b"] {
        let done = shop.rig.call(&staff, by_hand(name)).await.unwrap();
        assert_eq!(done.status, RefundStatus::Done);
    }
    assert_eq!(shop.payment(order.payment).await.unwrap().refunded, usd(600));
    // It left from the bank: the provider still has what the card paid.
    assert_eq!(book_sum(shop.db(), "bank").await, 600);
    assert_eq!(book_sum(shop.db(), "card").await, -1_000);
    let much = no(shop.rig.call(&staff, refund(order.payment, Some(401), "2")).await);
    assert_eq!(much, RefundRefused::TooMuch { left: usd(400) });
    shop.rig.settled().await;
    assert_eq!(shop.refunded.lock().len(), 1);

    // One whose amount was given back otherwise is not booked any more.
    let other = shop.placed(None, card("tok_visa"), 1_000, PaymentStatus::Captured).await;
    shop.break_refunds(other.payment).await;
    let failed = shop.rig.call(&staff, refund(other.payment, None, "1")).await.unwrap();
    shop.pass_a_day().await;
    shop.mend_refunds(other.payment).await;
    shop.rig.call(&staff, refund(other.payment, Some(1), "2")).await.unwrap();
    let late =
        ConfirmRefund { payment: other.payment, refund: failed.id, idempotency: key("late") };
    assert!(matches!(no(shop.rig.call(&staff, late).await), ConfirmRefused::WrongState { .. }));
    shop.until(other.payment, PaymentStatus::PartiallyRefunded).await;
    shop.end().await;
}

#[tokio::test]
async fn money_of_a_replaced_payment_that_does_not_go_back_pays_nothing() {
    let shop = Shop::open().await;
    let staff = admin();
    let order = shop.order(None, card("tok_timeout"), 700);
    shop.rig.tell(order.clone()).await;
    shop.pass(1).await;
    let second = shop.rig.id();
    let go_on = |present: PaymentId, payment: PaymentId| ContinuePayment {
        order: order.order,
        account: None,
        payment: present,
        amount: order.total,
        instead: Some(NewPayment { payment, with: bank() }),
    };
    let waits = shop.rig.call(&Caller::Store, go_on(order.payment, second)).await;
    assert_eq!(waits, Ok(PaymentStatus::Pending));
    shop.break_refunds(order.payment).await;
    shop.pass_a_day().await;
    shop.mend_refunds(order.payment).await;
    let late = shop.shown(order.payment).await;
    assert_eq!(
        (late.status, late.refunds[0].status),
        (PaymentStatus::Voided, RefundStatus::Failed)
    );
    shop.rig.call(&staff, refund(order.payment, Some(300), "1")).await.unwrap();
    shop.until(order.payment, PaymentStatus::PartiallyRefunded).await;
    // The order is not paid: another payment may be begun, and closing finds nothing.
    let third = shop.rig.id();
    let waits = shop.rig.call(&Caller::Store, go_on(second, third)).await;
    assert_eq!(waits, Ok(PaymentStatus::Pending));
    assert_eq!(shop.close(&order).await, Closing::Closed);
    shop.cancel(&order).await;
    shop.until(order.payment, PaymentStatus::Refunded).await;
    assert!(shop.captured.lock().is_empty());
    shop.end().await;
}
