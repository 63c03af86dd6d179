//! Payments that wait: bank transfers until staff see them arrive, cash until the order does.
use crate::*;
use contracts::Role;
use futures_util::future::join_all;
use kit::testing::admin;

impl Shop {
    /// Books a refund that staff gave back by hand.
    async fn by_hand(
        &self,
        payment: PaymentId,
        refund: contracts::RefundId,
        name: &str,
    ) -> Result<Refund, CallError<ConfirmRefused>> {
        let command = ConfirmRefund { payment, refund, idempotency: key(name) };
        self.rig.call(&admin(), command).await
    }
    async fn switch(&self, order: &OrderPlaced, with: PayWith) -> (OrderPlaced, PaymentStatus) {
        let payment = self.rig.id();
        let command = ContinuePayment {
            order: order.order,
            account: order.account,
            payment: order.payment,
            amount: order.total,
            instead: Some(NewPayment { payment, with: with.clone() }),
        };
        let status = self.rig.call(&Caller::Store, command).await.unwrap();
        (OrderPlaced { payment, method: with.method, token: with.token, ..order.clone() }, status)
    }
}

fn wrong(status: PaymentStatus) -> ConfirmRefused {
    ConfirmRefused::WrongState { status }
}

#[tokio::test]
async fn a_transfer_waits_for_staff_and_is_captured_once() {
    let shop = Shop::open().await;
    let staff = admin();
    let order = shop.placed(None, bank(), 1_999, PaymentStatus::Pending).await;
    shop.pass(3).await;
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Pending));
    assert!(shop.charges().await.is_empty() && shop.captured.lock().is_empty());
    let first = shop.confirm(&staff, &order, Some(1_999), "k").await.unwrap();
    assert_eq!((first.status, first.receipt), (PaymentStatus::Captured, Some(1)));
    assert_eq!((first.order, first.method), (Some(order.order), PaymentMethod::BankTransfer));
    assert_eq!(shop.confirm(&staff, &order, Some(1_999), "k").await, Ok(first.clone()));
    // Another key, and no amount: it is there, and nothing changes.
    assert_eq!(shop.confirm(&staff, &order, None, "other").await, Ok(first.clone()));
    assert_eq!(first.transactions.len(), 1);
    let line = &first.transactions[0];
    assert_eq!((line.kind.as_str(), line.outcome.as_str()), ("confirm", "done"));
    assert_eq!((line.by, line.amount), (staff.account(), usd(1_999)));
    shop.rig.settled().await;
    let told = shop.captured.lock().clone();
    let (payment, amount) = (order.payment, usd(1_999));
    assert_eq!(told, [PaymentCaptured { payment, order: order.order, amount, receipt: Some(1) }]);
    assert_eq!(book_sum(shop.db(), "bank").await, -1_999);
    assert_eq!(book_sum(shop.db(), "sales").await, 1_999);
    shop.end().await;
}

#[tokio::test]
async fn a_transfer_that_is_confirmed_many_times_at_once_is_confirmed_once() {
    let shop = Shop::open().await;
    let staff = admin();
    for same_key in [true, false] {
        let order = shop.placed(None, bank(), 500, PaymentStatus::Pending).await;
        let names: Vec<String> =
            (0..8).map(|n| if same_key { "k".to_owned() } else { format!("k{n}") }).collect();
        let answers = join_all(names.iter().map(|name| shop.confirm(&staff, &order, None, name)));
        let answers: Vec<_> = answers.await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| answer == &answers[0]));
        assert_eq!(answers[0].transactions.len(), 1);
    }
    shop.rig.settled().await;
    assert_eq!(shop.captured.lock().len(), 2);
    assert_eq!(book_sum(shop.db(), "bank").await, -1_000);
    shop.end().await;
}

#[tokio::test]
async fn only_staff_confirm_and_only_what_was_asked_for() {
    let shop = Shop::open().await;
    let staff = admin();
    let order = shop.placed(None, bank(), 500, PaymentStatus::Pending).await;
    let Caller::Account { account, session, .. } = shopper() else { unreachable!() };
    let support = Caller::Account { account, session, role: Role::Support };
    for caller in [Caller::Guest, shopper(), support] {
        let refused = no(shop.confirm(&caller, &order, None, "k").await);
        assert_eq!(refused, ConfirmRefused::NotAllowed);
        let shown = no(shop.rig.call(&caller, GetPayment { payment: order.payment }).await);
        assert_eq!(shown, ConfirmRefused::NotAllowed);
    }
    for (n, minor) in [499, 501, 0, -500, i64::MAX, i64::MIN].into_iter().enumerate() {
        let refused = no(shop.confirm(&staff, &order, Some(minor), &format!("w{n}")).await);
        assert_eq!(refused, ConfirmRefused::WrongAmount { asked: usd(500) });
    }
    let euro = ConfirmTransfer {
        payment: order.payment,
        amount: Some(Money::new(500, Currency::EUR)),
        idempotency: key("euro"),
    };
    let refused = no(shop.rig.call(&staff, euro).await);
    assert_eq!(refused, ConfirmRefused::WrongAmount { asked: usd(500) });
    let reused = ConfirmTransfer {
        payment: order.payment,
        amount: None,
        idempotency: Idempotency { body: [9; 32], ..key("euro") },
    };
    assert_eq!(no(shop.rig.call(&staff, reused).await), ConfirmRefused::KeyReused);
    let unknown = shop.order(None, bank(), 500);
    assert_eq!(no(shop.confirm(&staff, &unknown, None, "u").await), ConfirmRefused::NotFound);
    for (with, status) in [
        (card("tok_threeDSecure"), PaymentStatus::RequiresAction),
        (card("tok_visa"), PaymentStatus::Captured),
        (cash(), PaymentStatus::Pending),
    ] {
        let other = shop.placed(None, with, 500, status).await;
        assert_eq!(no(shop.confirm(&staff, &other, None, "o").await), wrong(status));
    }
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Pending));
    shop.confirm(&staff, &order, None, "k").await.unwrap();
    shop.end().await;
}

#[tokio::test]
async fn what_ended_waits_no_more() {
    let shop = Shop::open().await;
    let staff = admin();
    for with in [bank(), cash()] {
        for end in ["close", "cancel", "before"] {
            let order = shop.order(None, with.clone(), 500);
            if end == "before" {
                assert_eq!(shop.close(&order).await, Closing::Closed);
            }
            shop.rig.tell(order.clone()).await;
            match end {
                "close" => assert_eq!(shop.close(&order).await, Closing::Closed),
                "cancel" => shop.cancel(&order).await,
                _ => {}
            }
            assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Voided));
            let refused = no(shop.confirm(&staff, &order, Some(1), end).await);
            assert_eq!(refused, wrong(PaymentStatus::Voided));
        }
    }
    shop.rig.settled().await;
    assert!(shop.captured.lock().is_empty() && shop.refunded.lock().is_empty());
    assert!(shop.failed.lock().is_empty());
    shop.end().await;
}

#[tokio::test]
async fn a_confirmation_beside_a_close_has_exactly_one_winner() {
    let shop = Shop::open().await;
    let staff = admin();
    let mut orders = Vec::new();
    for _ in 0..30 {
        orders.push(shop.placed(None, bank(), 700, PaymentStatus::Pending).await);
    }
    let ends = join_all(orders.iter().enumerate().map(|(n, order)| {
        let (shop, staff) = (&shop, &staff);
        async move {
            let confirm = shop.confirm(staff, order, None, "k");
            let close = shop.close(order);
            if n % 2 == 0 {
                tokio::join!(confirm, close)
            } else {
                let (closing, confirmed) = tokio::join!(close, confirm);
                (confirmed, closing)
            }
        }
    }))
    .await;
    let (mut confirmed, mut closed) = (0, 0);
    for (order, (confirm, closing)) in orders.iter().zip(ends) {
        let payment = shop.payment(order.payment).await.unwrap();
        match closing {
            Closing::Captured { amount } => {
                assert_eq!((amount, payment.status), (usd(700), PaymentStatus::Captured));
                confirm.unwrap();
                confirmed += 1;
            }
            Closing::Closed => {
                assert_eq!(no(confirm), wrong(PaymentStatus::Voided));
                assert_eq!(payment.status, PaymentStatus::Voided);
                closed += 1;
            }
        }
    }
    assert_eq!(confirmed + closed, 30);
    shop.rig.settled().await;
    assert_eq!(shop.captured.lock().len(), confirmed);
    let kept = i64::try_from(confirmed).unwrap() * 700;
    assert_eq!(book_sum(shop.db(), "bank").await, -kept);
    shop.end().await;
}

#[tokio::test]
async fn cash_is_captured_when_the_order_arrives_and_once() {
    let shop = Shop::open().await;
    let order = shop.placed(None, cash(), 900, PaymentStatus::Pending).await;
    let by_card = shop.placed(None, card("tok_visa"), 300, PaymentStatus::Captured).await;
    let id = shop.rig.tell(delivered(&order)).await;
    shop.rig.tell_again(id, delivered(&order)).await;
    shop.deliver(&order).await;
    shop.deliver(&by_card).await;
    shop.rig.settled().await;
    let told = shop.captured.lock().clone();
    assert_eq!(told.len(), 2);
    assert_eq!((told[1].payment, told[1].amount), (order.payment, usd(900)));
    assert_eq!(told[1].receipt, Some(2));
    assert_eq!(book_sum(shop.db(), "cash").await, -900);
    let shown = shop.shown(order.payment).await;
    assert_eq!(shown.status, PaymentStatus::Captured);
    assert_eq!(shown.transactions.len(), 1);
    assert_eq!((shown.transactions[0].kind.as_str(), shown.transactions[0].by), ("capture", None));
    assert_eq!(shop.close(&order).await, Closing::Captured { amount: usd(900) });
    shop.end().await;
}

#[tokio::test]
async fn a_set_of_many_deliveries_is_captured_whole() {
    let shop = Shop::open().await;
    let orders: Vec<OrderPlaced> = (0..60).map(|_| shop.order(None, cash(), 100)).collect();
    join_all(orders.iter().map(|order| shop.rig.tell(order.clone()))).await;
    join_all(orders.iter().map(|order| shop.deliver(order))).await;
    for order in &orders {
        assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Captured));
    }
    assert_eq!(assert_receipts(shop.db()).await, 60);
    shop.end().await;
}

#[tokio::test]
async fn cash_for_an_order_that_ended_is_owed_back() {
    let shop = Shop::open().await;
    let order = shop.placed(None, cash(), 900, PaymentStatus::Pending).await;
    assert_eq!(shop.close(&order).await, Closing::Closed);
    shop.deliver(&order).await;
    shop.deliver(&order).await;
    let shown = shop.shown(order.payment).await;
    assert_eq!((shown.status, shown.receipt), (PaymentStatus::Voided, None));
    assert_eq!((shown.refunds.len(), shown.refunds[0].status), (1, RefundStatus::Pending));
    assert_eq!(shown.refunds[0].amount, usd(900));
    shop.by_hand(order.payment, shown.refunds[0].id, "k").await.unwrap();
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Refunded));
    shop.rig.settled().await;
    assert!(shop.captured.lock().is_empty());
    assert_eq!(shop.refunded.lock().len(), 1);
    assert_eq!(book_sum(shop.db(), "cash").await, 0);
    shop.end().await;
}

#[tokio::test]
async fn the_method_may_be_switched_to_and_from_those_that_wait() {
    let shop = Shop::open().await;
    let staff = admin();
    let payer = shop.shopper_with(1_000).await;
    let account = payer.account();
    let by_transfer = shop.placed(account, bank(), 400, PaymentStatus::Pending).await;
    let (by_wallet, status) = shop.switch(&by_transfer, wallet()).await;
    assert_eq!(status, PaymentStatus::Captured);
    let late = no(shop.confirm(&staff, &by_transfer, None, "k").await);
    assert_eq!(late, wrong(PaymentStatus::Voided));
    assert_eq!(shop.balance(&payer).await, 600);

    let first =
        shop.placed(account, card("tok_threeDSecure"), 300, PaymentStatus::RequiresAction).await;
    let (second, status) = shop.switch(&first, cash()).await;
    assert_eq!(status, PaymentStatus::Pending);
    let (third, status) = shop.switch(&second, bank()).await;
    assert_eq!(status, PaymentStatus::Pending);
    for old in [&first, &second] {
        assert_eq!(shop.status(old.payment).await, Some(PaymentStatus::Voided));
    }
    // Nothing to complete: it waits for staff, not for the shopper.
    let complete = ContinuePayment {
        order: third.order,
        account,
        payment: third.payment,
        amount: third.total,
        instead: None,
    };
    let refused = no(shop.rig.call(&Caller::Store, complete).await);
    assert_eq!(refused, ContinueRefused::WrongState { status: PaymentStatus::Pending });
    shop.confirm(&staff, &third, Some(300), "k").await.unwrap();
    shop.rig.settled().await;
    let told: Vec<_> = shop.captured.lock().iter().map(|told| told.payment).collect();
    assert_eq!(told, [by_wallet.payment, third.payment]);
    shop.end().await;
}

#[tokio::test]
async fn what_was_transferred_or_paid_in_cash_goes_back_by_hand() {
    let shop = Shop::open().await;
    let staff = admin();
    for (with, book) in [(bank(), "bank"), (cash(), "cash")] {
        let order = shop.placed(None, with, 1_000, PaymentStatus::Pending).await;
        if book == "bank" {
            shop.confirm(&staff, &order, None, "k").await.unwrap();
        } else {
            shop.deliver(&order).await;
        }
        let part = RefundPayment {
            payment: order.payment,
            amount: Some(usd(300)),
            reason: "torn".to_owned(),
            restock: true,
            idempotency: key("part"),
        };
        let part = shop.rig.call(&staff, part).await.unwrap();
        assert_eq!(part.status, RefundStatus::Pending);
        // The rest is owed because the order is cancelled.
        shop.rig.clock.forward(Duration::from_secs(1));
        shop.cancel(&order).await;
        shop.cancel(&order).await;
        let shown = shop.shown(order.payment).await;
        let owed: Vec<_> = shown.refunds.iter().map(|it| (it.amount.minor, it.status)).collect();
        assert_eq!(owed, [(300, RefundStatus::Pending), (700, RefundStatus::Pending)]);
        assert_eq!((shown.status, shown.refunded), (PaymentStatus::Captured, usd(0)));
        shop.pass(2).await;
        assert!(shop.refunded.lock().is_empty(), "nobody gave it back yet");
        assert_eq!(book_sum(shop.db(), book).await, -1_000);
        let many = join_all((0..6).map(|n| {
            let (shop, id, name) = (&shop, part.id, format!("k{}", n % 3));
            async move { shop.by_hand(order.payment, id, &name).await }
        }));
        for booked in many.await {
            let done = Refund { status: RefundStatus::Done, ..part.clone() };
            assert_eq!(booked, Ok(done));
        }
        assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::PartiallyRefunded));
        assert_eq!(book_sum(shop.db(), book).await, -700);
        shop.by_hand(order.payment, shown.refunds[1].id, "rest").await.unwrap();
        assert_eq!(book_sum(shop.db(), book).await, 0);
        shop.rig.settled().await;
        let told = std::mem::take(&mut *shop.refunded.lock());
        let told: Vec<_> = told.iter().map(|it| (it.amount.minor, it.whole, it.restock)).collect();
        assert_eq!(told, [(300, false, true), (700, true, false)]);
        let lines = shop.shown(order.payment).await.transactions;
        let confirmed = lines.iter().filter(|line| line.kind == "confirm" && line.by.is_some());
        assert_eq!(confirmed.count(), if book == "bank" { 3 } else { 2 });
    }
    shop.end().await;
}

#[tokio::test]
async fn only_what_goes_back_by_hand_is_booked_by_hand() {
    let shop = Shop::open().await;
    let staff = admin();
    let order = shop.placed(None, card("tok_visa"), 500, PaymentStatus::Captured).await;
    let other = shop.placed(None, bank(), 500, PaymentStatus::Pending).await;
    shop.confirm(&staff, &other, None, "k").await.unwrap();
    let ask = |order: &OrderPlaced| RefundPayment {
        payment: order.payment,
        amount: None,
        reason: String::new(),
        restock: false,
        idempotency: key("r"),
    };
    let owed = shop.rig.call(&staff, ask(&other)).await.unwrap();
    let unknown = no(shop.by_hand(other.payment, shop.rig.id(), "k").await);
    assert_eq!(unknown, ConfirmRefused::NotFound);
    let anothers = no(shop.by_hand(order.payment, owed.id, "k").await);
    assert_eq!(anothers, ConfirmRefused::NotFound);
    let command = ConfirmRefund { payment: other.payment, refund: owed.id, idempotency: key("c") };
    let refused = no(shop.rig.call(&shopper(), command).await);
    assert_eq!(refused, ConfirmRefused::NotAllowed);
    // The provider gives that back, and staff do not.
    shop.break_refunds(order.payment).await;
    let by_card = shop.rig.call(&staff, ask(&order)).await.unwrap();
    let refused = no(shop.by_hand(order.payment, by_card.id, "card").await);
    assert_eq!(refused, wrong(PaymentStatus::Captured));
    // It is declined before the clock moves, and asked for again after that.
    shop.quiet().await;
    shop.mend_refunds(order.payment).await;
    shop.rig.clock.forward(Duration::from_secs(3_600));
    shop.until(order.payment, PaymentStatus::Refunded).await;
    shop.end().await;
}
