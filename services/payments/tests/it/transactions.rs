//! The log of transactions, of one payment and of all.
use crate::*;
use kit::testing::admin;

fn told(lines: &[Transaction]) -> Vec<(&str, &str, i64)> {
    lines
        .iter()
        .map(|line| (line.kind.as_str(), line.outcome.as_str(), line.amount.minor))
        .collect()
}

#[tokio::test]
async fn a_payment_shows_what_was_done_for_it() {
    let shop = Shop::open().await;
    let (payer, staff) = (shop.shopper_with(1_000).await, admin());
    let account = payer.account();
    for (with, status, line, code) in [
        (card("tok_visa"), PaymentStatus::Captured, ("capture", "done", 100), None),
        (
            card("tok_chargeDeclined"),
            PaymentStatus::Failed,
            ("capture", "declined", 100),
            Some("card_declined"),
        ),
        (card("tok_threeDSecure"), PaymentStatus::RequiresAction, ("capture", "asked", 100), None),
        (wallet(), PaymentStatus::Captured, ("capture", "done", 100), None),
    ] {
        let by_card = with.method == PaymentMethod::Card;
        let order = shop.placed(account, with, 100, status).await;
        let shown = shop.shown(order.payment).await;
        assert_eq!(told(&shown.transactions), [line]);
        let only = &shown.transactions[0];
        assert_eq!((only.payment, only.failure_code.as_deref()), (order.payment.0, code));
        assert_eq!(only.provider_ref.is_some(), by_card);
        assert_eq!((shown.amount, shown.order), (usd(100), Some(order.order)));
    }
    let late = shop.order(None, card("tok_timeout"), 100);
    shop.rig.tell(late.clone()).await;
    shop.quiet().await;
    let shown = shop.shown(late.payment).await;
    assert_eq!(told(&shown.transactions), [("capture", "unknown", 100)]);
    let left =
        shop.placed(None, card("tok_threeDSecure"), 100, PaymentStatus::RequiresAction).await;
    shop.close(&left).await;
    shop.pass(3).await;
    assert_eq!(told(&shop.shown(left.payment).await.transactions), [("void", "done", 100)]);
    let waits = shop.placed(None, bank(), 100, PaymentStatus::Pending).await;
    assert!(shop.shown(waits.payment).await.transactions.is_empty());

    let order = shop.placed(None, card("tok_visa"), 900, PaymentStatus::Captured).await;
    let part = RefundPayment {
        payment: order.payment,
        amount: Some(usd(300)),
        reason: "torn".to_owned(),
        restock: true,
        idempotency: key("r"),
    };
    shop.rig.call(&staff, part).await.unwrap();
    shop.until(order.payment, PaymentStatus::PartiallyRefunded).await;
    shop.rig.clock.forward(Duration::from_secs(1));
    shop.cancel(&order).await;
    shop.until(order.payment, PaymentStatus::Refunded).await;
    let shown = shop.shown(order.payment).await;
    let lines = [("capture", "done", 900), ("refund", "done", 300), ("refund", "done", 600)];
    assert_eq!(told(&shown.transactions), lines);
    assert_eq!(shown.transactions[1].by, staff.account());
    assert_eq!(shown.transactions[2].by, None);
    assert!(shown.transactions.iter().all(|line| line.provider_ref.is_some()));
    let restocked: Vec<bool> = shop.refunded.lock().iter().map(|it| it.restock).collect();
    assert_eq!(restocked, [true, false]);
    let unknown = GetPayment { payment: shop.rig.id() };
    assert_eq!(no(shop.rig.call(&staff, unknown).await), ConfirmRefused::NotFound);
    shop.end().await;
}

#[tokio::test]
async fn a_top_up_is_shown_as_a_payment_without_an_order() {
    let shop = Shop::open().await;
    let payer = shop.shopper_with(0).await;
    let top_up = shop.top_up(&payer, 700, "tok_visa", "k").await.unwrap();
    let shown = shop.shown(PaymentId(top_up.id.0)).await;
    assert_eq!((shown.order, shown.amount), (None, usd(700)));
    assert_eq!((shown.status, shown.receipt), (PaymentStatus::Captured, None));
    assert_eq!(told(&shown.transactions), [("capture", "done", 700)]);
    shop.end().await;
}

#[tokio::test]
async fn all_transactions_are_listed_newest_first_page_by_page() {
    let shop = Shop::open().await;
    let (payer, staff) = (shop.shopper_with(10_000).await, admin());
    let mut expected = vec![("capture", 10_000)];
    let kinds = [wallet(), card("tok_visa"), bank(), cash(), card("tok_chargeDeclined")];
    for n in 0..25_i64 {
        // Two share each moment.
        if n % 2 == 0 {
            shop.rig.clock.forward(Duration::from_millis(10));
        }
        let with = kinds[usize::try_from(n).unwrap() % kinds.len()].clone();
        let order = shop.order(payer.account(), with.clone(), 100 + n);
        shop.rig.tell(order.clone()).await;
        match with.method {
            PaymentMethod::BankTransfer => {
                shop.confirm(&staff, &order, None, "k").await.unwrap();
                expected.push(("confirm", 100 + n));
            }
            PaymentMethod::CashOnDelivery => {
                shop.deliver(&order).await;
                shop.cancel(&order).await;
                expected.extend([("capture", 100 + n), ("refund", 100 + n)]);
            }
            _ => expected.push(("capture", 100 + n)),
        }
    }
    shop.quiet().await;
    for limit in [1, 7, 100] {
        let (mut seen, mut cursor) = (Vec::<Transaction>::new(), None);
        loop {
            let page = ListTransactions { limit, cursor };
            let page = shop.rig.call(&staff, page).await.unwrap();
            assert!(page.items.len() <= usize::try_from(limit).unwrap());
            seen.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert!(seen.iter().rev().is_sorted_by_key(|line| line.at));
        let mut seen: Vec<_> =
            seen.iter().map(|line| (line.kind.as_str(), line.amount.minor)).collect();
        let mut all = expected.clone();
        seen.sort_unstable();
        all.sort_unstable();
        assert_eq!(seen, all, "{limit}");
    }
    let page =
        |cursor: Option<&str>| ListTransactions { limit: 10, cursor: cursor.map(str::to_owned) };
    for caller in [Caller::Guest, payer] {
        let refused = no(shop.rig.call(&caller, page(None)).await);
        assert_eq!(refused, TransactionsRefused::NotAllowed);
    }
    let forged = no(shop.rig.call(&staff, page(Some("e30"))).await);
    assert_eq!(forged, TransactionsRefused::Cursor);
    shop.end().await;
}
