//! Payments that go on: an action that is completed, another method instead.
use crate::*;
use contracts::payments::NewPayment;

fn go_on(order: &OrderPlaced, instead: Option<NewPayment>) -> ContinuePayment {
    ContinuePayment {
        order: order.order,
        account: order.account,
        payment: order.payment,
        amount: order.total,
        instead,
    }
}

impl Shop {
    async fn go_on(
        &self,
        order: &OrderPlaced,
        instead: Option<NewPayment>,
    ) -> Result<PaymentStatus, CallError<ContinueRefused>> {
        self.rig.call(&Caller::Store, go_on(order, instead)).await
    }
    fn another(&self, with: PayWith) -> NewPayment {
        NewPayment { payment: self.rig.id(), with }
    }
}

#[tokio::test]
async fn a_completed_action_captures_once_however_often_it_is_repeated() {
    let shop = Shop::open().await;
    let order =
        shop.placed(None, card("tok_threeDSecure"), 700, PaymentStatus::RequiresAction).await;
    assert_eq!(shop.go_on(&order, None).await, Ok(PaymentStatus::RequiresAction));
    let again = shop.go_on(&order, None).await.unwrap();
    assert!(matches!(again, PaymentStatus::RequiresAction | PaymentStatus::Captured));
    shop.until(order.payment, PaymentStatus::Captured).await;
    assert_eq!(shop.go_on(&order, None).await, Ok(PaymentStatus::Captured));
    shop.pass(5).await;
    assert_eq!(shop.captured.lock().len(), 1);
    assert_eq!(shop.charges().await.len(), 1);
    shop.end().await;
}

#[tokio::test]
async fn only_what_waits_for_its_owner_is_completed() {
    let shop = Shop::open().await;
    let unknown = shop.order(None, card("tok_visa"), 100);
    assert_eq!(no(shop.go_on(&unknown, None).await), ContinueRefused::NotFound);
    for (token, status) in
        [("tok_visa", PaymentStatus::Captured), ("tok_chargeDeclined", PaymentStatus::Failed)]
    {
        let order = shop.placed(None, card(token), 100, status).await;
        let refused = no(shop.go_on(&order, None).await);
        assert_eq!(refused, ContinueRefused::WrongState { status });
    }
    let closed =
        shop.placed(None, card("tok_threeDSecure"), 700, PaymentStatus::RequiresAction).await;
    shop.close(&closed).await;
    let voided = ContinueRefused::WrongState { status: PaymentStatus::Voided };
    assert_eq!(no(shop.go_on(&closed, None).await), voided);
    shop.end().await;
}

#[tokio::test]
async fn another_method_voids_the_present_payment_and_pays_once() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(1_000).await;
    let order = shop
        .placed(payer.account(), card("tok_threeDSecure"), 700, PaymentStatus::RequiresAction)
        .await;
    let by_wallet = shop.another(wallet());
    for _ in 0..3 {
        let answer = shop.go_on(&order, Some(by_wallet.clone())).await;
        assert_eq!(answer, Ok(PaymentStatus::Captured));
    }
    assert_eq!(shop.status(order.payment).await, Some(PaymentStatus::Voided));
    assert_eq!(shop.balance(&payer).await, 300);
    shop.pass(2).await;
    let captured = shop.captured.lock().clone();
    assert_eq!(captured.len(), 1);
    assert_eq!((captured[0].payment, captured[0].order), (by_wallet.payment, order.order));
    let paid = ContinueRefused::WrongState { status: PaymentStatus::Captured };
    assert_eq!(no(shop.go_on(&order, Some(shop.another(card("tok_visa")))).await), paid);
    let closing = Closing::Captured { amount: usd(700) };
    assert_eq!(shop.close(&order).await, closing);
    shop.cancel(&order).await;
    assert_eq!(shop.balance(&payer).await, 1_000);
    shop.end().await;
}

#[tokio::test]
async fn a_failed_payment_may_be_followed_by_another() {
    let shop = Shop::open().await;
    let order = shop.placed(None, card("tok_chargeDeclined"), 700, PaymentStatus::Failed).await;
    let second = shop.another(card("tok_chargeDeclined"));
    assert_eq!(shop.go_on(&order, Some(second.clone())).await, Ok(PaymentStatus::Pending));
    shop.until(second.payment, PaymentStatus::Failed).await;
    // What is not the present payment any more cannot be replaced.
    let old = ContinueRefused::WrongState { status: PaymentStatus::Failed };
    assert_eq!(no(shop.go_on(&order, Some(shop.another(card("tok_visa")))).await), old);
    let present = OrderPlaced { payment: second.payment, ..order };
    let third = shop.another(card("tok_visa"));
    assert_eq!(shop.go_on(&present, Some(third.clone())).await, Ok(PaymentStatus::Pending));
    shop.until(third.payment, PaymentStatus::Captured).await;
    assert_eq!(shop.captured.lock().len(), 1);
    shop.end().await;
}

#[tokio::test]
async fn a_capture_of_the_replaced_payment_goes_back() {
    let shop = Shop::open().await;
    let order = shop.order(None, card("tok_timeout"), 700);
    shop.rig.tell(order.clone()).await;
    shop.pass(1).await;
    let second = shop.another(card("tok_visa"));
    shop.go_on(&order, Some(second.clone())).await.unwrap();
    shop.until(second.payment, PaymentStatus::Captured).await;
    shop.pass(10).await;
    shop.until(order.payment, PaymentStatus::Refunded).await;
    shop.rig.settled().await;
    assert_eq!(
        shop.captured.lock().iter().map(|told| told.payment).collect::<Vec<_>>(),
        [second.payment]
    );
    assert_eq!(shop.refunded.lock().len(), 1);
    assert_eq!(book_sum(shop.db(), "sales").await, 700);
    // What went back is not mistaken for what stays.
    let kept = Closing::Captured { amount: usd(700) };
    assert_eq!((shop.close(&order).await, shop.close(&order).await), (kept, kept));
    shop.cancel(&order).await;
    shop.until(second.payment, PaymentStatus::Refunded).await;
    assert_eq!(book_sum(shop.db(), "sales").await, 0);
    shop.end().await;
}

#[tokio::test]
async fn what_went_back_of_a_replaced_payment_does_not_stand_in_the_way_of_the_next() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(700).await;
    let order = shop.order(payer.account(), card("tok_timeout"), 700);
    shop.rig.tell(order.clone()).await;
    shop.pass(1).await;
    let second = shop.another(card("tok_threeDSecure"));
    shop.go_on(&order, Some(second.clone())).await.unwrap();
    shop.pass(10).await;
    shop.until(order.payment, PaymentStatus::Refunded).await;
    shop.until(second.payment, PaymentStatus::RequiresAction).await;
    let present = OrderPlaced { payment: second.payment, ..order };
    let third = shop.another(wallet());
    assert_eq!(shop.go_on(&present, Some(third.clone())).await, Ok(PaymentStatus::Captured));
    assert_eq!(shop.status(second.payment).await, Some(PaymentStatus::Voided));
    assert_eq!(shop.balance(&payer).await, 0);
    shop.end().await;
}

#[tokio::test]
async fn another_method_for_a_closed_order_is_voided_at_birth() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(1_000).await;
    let order = shop
        .placed(payer.account(), card("tok_threeDSecure"), 700, PaymentStatus::RequiresAction)
        .await;
    shop.close(&order).await;
    let late = shop.another(wallet());
    for _ in 0..2 {
        assert_eq!(shop.go_on(&order, Some(late.clone())).await, Ok(PaymentStatus::Voided));
    }
    // And where the order was never heard of.
    let unheard = shop.order(payer.account(), wallet(), 100);
    let early = shop.another(wallet());
    assert_eq!(no(shop.go_on(&unheard, Some(early.clone())).await), ContinueRefused::NotFound);
    shop.close(&unheard).await;
    assert_eq!(shop.go_on(&unheard, Some(early)).await, Ok(PaymentStatus::Voided));
    shop.rig.tell(unheard.clone()).await;
    assert_eq!(shop.status(unheard.payment).await, Some(PaymentStatus::Voided));
    assert_eq!(shop.balance(&payer).await, 1_000);
    assert_eq!(shop.close(&order).await, Closing::Closed);
    shop.end().await;
}

#[tokio::test]
async fn closing_beside_a_completed_action_ends_with_the_money_in_one_place() {
    let shop = Shop::open().await;
    for _ in 0..10 {
        let order =
            shop.placed(None, card("tok_threeDSecure"), 700, PaymentStatus::RequiresAction).await;
        let (_, closing) = tokio::join!(shop.go_on(&order, None), shop.close(&order));
        shop.pass(3).await;
        let payment = shop.payment(order.payment).await.unwrap();
        let kept = payment.captured.minor - payment.refunded.minor;
        assert_eq!(kept > 0, closing != Closing::Closed, "{payment:?}");
    }
    shop.end().await;
}

#[tokio::test]
async fn closing_beside_another_method_ends_with_the_money_in_one_place() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(100_000).await;
    let mut orders = Vec::new();
    for _ in 0..30 {
        let order = shop.order(payer.account(), card("tok_threeDSecure"), 700);
        shop.rig.tell(order.clone()).await;
        orders.push(order);
    }
    shop.pass(1).await;
    let closings = futures_util::future::join_all(orders.iter().enumerate().map(|(n, order)| {
        let new = shop.another([wallet(), card("tok_visa")][n % 2].clone());
        let shop = &shop;
        async move {
            let instead = shop.go_on(order, Some(new.clone()));
            let (answer, closing) = tokio::join!(instead, shop.close(order));
            answer.unwrap();
            (new.payment, closing)
        }
    }))
    .await;
    shop.pass(5).await;
    for (id, closing) in closings {
        let payment = shop.payment(id).await.unwrap();
        let kept = payment.captured.minor - payment.refunded.minor;
        assert_eq!(kept > 0, closing != Closing::Closed, "{closing:?} {payment:?}");
    }
    shop.end().await;
}

#[tokio::test]
async fn closing_after_the_replaced_payment_went_back_finds_nothing_captured() {
    let shop = Shop::open().await;
    let order = shop.order(None, card("tok_timeout"), 700);
    shop.rig.tell(order.clone()).await;
    shop.pass(1).await;
    let second = shop.another(card("tok_threeDSecure"));
    shop.go_on(&order, Some(second.clone())).await.unwrap();
    shop.pass(10).await;
    shop.until(order.payment, PaymentStatus::Refunded).await;
    assert_eq!(shop.close(&order).await, Closing::Closed);
    shop.end().await;
}
