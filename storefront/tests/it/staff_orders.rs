//! Orders behind the counter: found, sent, confirmed, given back, cancelled.
use crate::browser::Browser;
use crate::counter::{Heard, payment, refund};
use crate::town::{HOSTILE, Town, now, order, order_id, sku, usd};
use contracts::orders::{
    CancelOrder, CreateShipment, GetOrder, ListOrders, ListOrdersRefused, Order, OrderPage,
    OrderRefused, OrderStatus, Shipment, ShipmentStatus, UpdateShipment,
};
use contracts::payments::{
    ConfirmRefund, ConfirmRefused, ConfirmTransfer, GetPayment, PaymentMethod, PaymentStatus,
    RefundPayment, RefundRefused, RefundStatus,
};
use contracts::{Call, CallError, Quantity};
use kit::calls::Answer;
use uuid::Uuid;

const PAGE: &str = "/admin/orders/01980c5e-6f10-7d21-9a43-5b8e7c6d1f02";

fn paid() -> Order {
    order(OrderStatus::Paid, PaymentStatus::Captured)
}
fn parcel(status: ShipmentStatus, quantity: u32) -> Shipment {
    let quantity = Quantity::new(quantity).unwrap();
    Shipment {
        id: Uuid::from_u128(4).into(),
        lines: vec![contracts::inventory::StockLine { sku: sku("FR-PB"), quantity }],
        carrier: Some("Royal Post".to_owned()),
        tracking: Some("RP-1".to_owned()),
        status,
        shipped_at: now(),
        ended_at: None,
    }
}
/// A town with this order in it.
fn town(order: Order) -> Town {
    Town::new().play::<GetOrder>(move |_, _| Ok(order.clone()))
}
fn boss<C: Call>(
    town: Town,
    heard: &Heard<C>,
    say: impl Fn(&C) -> Answer<C> + Send + Sync + 'static,
) -> Browser {
    town.hear(heard, say).open().logged_in("boss")
}

#[tokio::test]
async fn orders_are_found_by_what_staff_know_of_them() {
    let asked: Heard<ListOrders> = Heard::default();
    let mut boss = boss(Town::new(), &asked, |list| match list.cursor.as_deref() {
        Some("bad") => Err(CallError::Refused(ListOrdersRefused::Cursor)),
        _ => Ok(OrderPage { items: vec![paid()], next_cursor: Some("a&b".to_owned()) }),
    });
    let query =
        "q=ada%40example.com&status=paid&method=bank_transfer&from=2026-03-01&to=2026-03-31";
    let seen = boss.get(&format!("/admin/orders?{query}&cursor=x")).await;
    seen.is(200).tells("value=\"paid\" selected").tells("value=\"bank_transfer\" selected");
    seen.tells("value=\"2026-03-31\"").tells("value=\"ada@example.com\"");
    seen.tells(&format!("href=\"{PAGE}\">7Q4K-2M9D</a>"));
    seen.tells("status=paid&#38;method=bank_transfer&#38;from=2026-03-01&#38;to=2026-03-31&#38;cursor=a%26b");
    let list = asked.lock().unwrap().pop().unwrap();
    assert!(list.everybody);
    assert_eq!(
        (list.status, list.method),
        (Some(OrderStatus::Paid), Some(PaymentMethod::BankTransfer))
    );
    assert_eq!((list.q.as_deref(), list.cursor.as_deref()), (Some("ada@example.com"), Some("x")));
    let time = |text: &str| Some(text.parse().unwrap());
    assert_eq!(list.from, time("2026-03-01T00:00:00Z"));
    assert_eq!(list.to, time("2026-04-01T00:00:00Z"), "the last day counts whole");
    boss.get("/admin/orders?status=nonsense&method=shells&q=%00%07").await.is(400);
    boss.get("/admin/orders?status=nonsense&method=shells&q=%07").await.is(200);
    let list = asked.lock().unwrap().pop().unwrap();
    assert_eq!(
        (list.status, list.method, list.q, list.from, list.to),
        (None, None, None, None, None)
    );
    for bad in ["yesterday", "2026-02-30", "2026-3-1", "2026-03-01T00"] {
        let seen = boss.get(&format!("/admin/orders?from={bad}&status=paid")).await;
        seen.is(422).tells("Must be a day such as").tells(&format!("value=\"{bad}\""));
        seen.tells("value=\"paid\" selected");
    }
    assert!(asked.lock().unwrap().is_empty());
    boss.get("/admin/orders?cursor=bad").await.is(400).tells("does not go on");
}

#[tokio::test]
async fn an_orders_page_tells_all_that_is_known_of_it() {
    let mut with_parcel = paid();
    with_parcel.shipments = vec![parcel(ShipmentStatus::Shipped, 1)];
    with_parcel.shipping_address.phone = Some("+44 20".to_owned());
    let mut boss = town(with_parcel)
        .play::<GetPayment>(|_, _| {
            let mut payment = payment(PaymentMethod::Card, PaymentStatus::PartiallyRefunded);
            payment.refunded = usd(500);
            payment.refunds = vec![refund(RefundStatus::Done), refund(RefundStatus::Failed)];
            payment.refunds[1].id = Uuid::from_u128(7).into();
            Ok(payment)
        })
        .open()
        .logged_in("boss");
    let seen = boss.get(PAGE).await;
    seen.is(200).tells("12 St James&#39;s Square").tells("+44 20").tells("<code>FR-PB</code>");
    seen.tells("No. 42").tells("capture").tells("ch_1").tells("Royal Post").tells("RP-1");
    seen.tells("<td class=\"num\">2</td><td class=\"num\">1</td>")
        .tells("14 March 2026, 09:26 UTC");
    seen.tells("Send all that is left").hides("Send a part of it").hides("Cancel this order");
    seen.tells("19.97 <small>USD</small></span> is left").tells("refused by the provider");
    seen.tells("/refunds/00000000-0000-0000-0000-000000000007\"")
        .hides("/refunds/00000000-0000-0000-0000-000000000006\"");
    boss.get("/admin/orders/x").await.is(404);
    let mut other = Town::new().open().logged_in("boss");
    other.get(&format!("/admin/orders/{}", Uuid::nil())).await.is(404);
    let mut down = Town::new()
        .play::<GetPayment>(|_, _| Err(CallError::NotDone("down".to_owned())))
        .open()
        .logged_in("boss");
    down.get(PAGE).await.is(200).tells("cannot be shown just now").tells("Give it back");
}

#[tokio::test]
async fn what_is_offered_is_what_the_orders_state_allows() {
    let cash = |status, payment| {
        let mut order = order(status, payment);
        order.payment.method = PaymentMethod::CashOnDelivery;
        order
    };
    let transfer = || {
        let mut order = order(OrderStatus::Pending, PaymentStatus::Pending);
        order.payment.method = PaymentMethod::BankTransfer;
        order.payment.reference = Some("RF18 5390".to_owned());
        order
    };
    let all = [
        "Send all",
        "Confirm the transfer",
        "Give it back",
        "Cancel this order",
        "on the shelf again",
    ];
    for (order, offered) in [
        (order(OrderStatus::Pending, PaymentStatus::Pending), [false, false, false, true, false]),
        (cash(OrderStatus::Pending, PaymentStatus::Pending), [true, false, false, true, false]),
        (transfer(), [false, true, false, true, false]),
        (paid(), [true, false, true, true, false]),
        (order(OrderStatus::Fulfilled, PaymentStatus::Captured), [false, false, true, false, true]),
        (order(OrderStatus::Delivered, PaymentStatus::Refunded), [false; 5]),
        (order(OrderStatus::Cancelled, PaymentStatus::Failed), [false; 5]),
    ] {
        let (status, money) = (order.status, (order.payment.method, order.payment.status));
        let mut boss = town(order)
            .play::<GetPayment>(move |_, _| Ok(payment(money.0, money.1)))
            .open()
            .logged_in("boss");
        let seen = boss.get(PAGE).await;
        for (words, offered) in all.iter().zip(offered) {
            assert_eq!(seen.body.contains(words), offered, "{status:?} {money:?}: {words}");
        }
    }
    town(transfer()).open().logged_in("boss").get(PAGE).await.tells("RF18 5390");
    let helper = town(transfer()).open().logged_in("helper").get(PAGE).await;
    helper.is(200).hides("Confirm the transfer");
}

#[tokio::test]
async fn a_parcel_is_sent_whole_or_in_parts() {
    let heard: Heard<CreateShipment> = Heard::default();
    let mut boss = boss(town(paid()), &heard, |call| {
        let refused = match (call.carrier.as_deref(), call.lines.first()) {
            (Some("late"), _) => OrderRefused::WrongState { status: "cancelled".to_owned() },
            (Some("long"), _) => OrderRefused::Invalid {
                field: "carrier".to_owned(),
                reason: "must have at most 100 characters".to_owned(),
            },
            (Some("reused"), _) => OrderRefused::KeyReused,
            (_, Some(line)) if line.quantity.get() > 2 => OrderRefused::Invalid {
                field: "lines[0].quantity".to_owned(),
                reason: "is too large: 2 are left to send".to_owned(),
            },
            _ => return Ok(paid()),
        };
        Err(CallError::Refused(refused))
    });
    let path = format!("{PAGE}/parcels");
    let key = boss.get(PAGE).await.hidden("idempotency_key");
    let all = [
        ("idempotency_key", key.as_str()),
        ("what", "all"),
        ("carrier", " Royal Post "),
        ("tracking", ""),
    ];
    assert_eq!(boss.post(&path, &all).await.is(303).to(), format!("{PAGE}?notice=sent"));
    boss.post(&path, &all).await.is(303);
    let [first, again] =
        <[CreateShipment; 2]>::try_from(std::mem::take(&mut *heard.lock().unwrap())).unwrap();
    assert_eq!(first, again, "sent twice, it is one attempt");
    assert_eq!(
        (first.order, first.lines.len(), first.idempotency.key.as_str()),
        (order_id(), 0, key.as_str())
    );
    assert_eq!((first.carrier.as_deref(), first.tracking), (Some("Royal Post"), None));

    let part = |quantity: &'static str, carrier: &'static str| {
        [
            ("idempotency_key", "k"),
            ("what", "part"),
            ("quantity.FR-PB", quantity),
            ("quantity.OTHER", ""),
            ("carrier", carrier),
        ]
    };
    boss.post(&path, &part("1", "")).await.is(303);
    let sent = heard.lock().unwrap().pop().unwrap();
    assert_eq!(
        sent.lines.iter().map(|line| (line.sku.as_str(), line.quantity.get())).collect::<Vec<_>>(),
        [("FR-PB", 1)]
    );
    assert_ne!(sent.idempotency.body, first.idempotency.body);
    for (quantity, told) in [
        ("", "Choose at least one"),
        ("0", "Choose at least one"),
        ("x", "whole number"),
        ("-1", "whole number"),
        ("10000", "whole number"),
    ] {
        let seen = boss.post(&path, &part(quantity, "typed")).await;
        seen.is(422).tells(told).tells("value=\"typed\"").tells("<details class=\"part\" open>");
    }
    assert!(heard.lock().unwrap().is_empty());
    let seen = boss.post(&path, &part("3", "")).await;
    seen.is(422)
        .tells("Is too large: 2 are left")
        .tells("value=\"3\"")
        .tells("id=\"part-quantity.FR-PB-fault\"");
    boss.post(&path, &part("1", "late"))
        .await
        .is(409)
        .tells("The order is cancelled, so it was not done.")
        .tells("value=\"late\"");
    boss.post(&path, &part("1", "reused")).await.is(409).tells("was sent before");
    let long = [("what", "all"), ("carrier", "long")];
    boss.post(&path, &long)
        .await
        .is(422)
        .tells("id=\"send-carrier-fault\"")
        .tells("value=\"long\"");
}

#[tokio::test]
async fn a_parcel_arrives_comes_back_or_gets_another_code() {
    let heard: Heard<UpdateShipment> = Heard::default();
    let mut with_parcel = order(OrderStatus::Fulfilled, PaymentStatus::Captured);
    with_parcel.shipments = vec![parcel(ShipmentStatus::Shipped, 2)];
    let mut boss = boss(town(with_parcel), &heard, |call| match call.tracking.as_deref() {
        Some("late") => Err(CallError::Refused(OrderRefused::WrongState {
            status: "on its way, its parcel delivered".to_owned(),
        })),
        Some("long") => Err(CallError::Refused(OrderRefused::Invalid {
            field: "tracking".to_owned(),
            reason: "is too long".to_owned(),
        })),
        _ => Ok(paid()),
    });
    let path = format!("{PAGE}/parcels/{}", Uuid::from_u128(4));
    boss.get(PAGE).await.tells("It arrived").tells("It came back").tells(&path);
    for (form, status, tracking) in [
        (("status", "delivered"), Some(ShipmentStatus::Delivered), None),
        (("status", "returned"), Some(ShipmentStatus::Returned), None),
        (("tracking", " RP-2 "), None, Some("RP-2")),
    ] {
        assert_eq!(
            boss.post(&path, &[form]).await.is(303).to(),
            format!("{PAGE}?notice=parcel_saved")
        );
        let call = heard.lock().unwrap().pop().unwrap();
        assert_eq!((call.order, call.shipment), (order_id(), Uuid::from_u128(4).into()));
        assert_eq!((call.status, call.tracking.as_deref(), call.carrier), (status, tracking, None));
    }
    boss.post(&path, &[("status", "lost")]).await.is(400);
    boss.post(&path, &[("tracking", "late")]).await.is(409).tells("its parcel delivered");
    let seen = boss.post(&path, &[("tracking", "long"), ("carrier", HOSTILE)]).await;
    seen.is(422).tells("Is too long").tells("value=\"long\"").hides("<script");
    boss.post(&format!("{PAGE}/parcels/x"), &[("status", "delivered")]).await.is(404);
}

#[tokio::test]
async fn a_transfer_is_confirmed() {
    let heard: Heard<ConfirmTransfer> = Heard::default();
    let mut waiting = order(OrderStatus::Pending, PaymentStatus::Pending);
    waiting.payment.method = PaymentMethod::BankTransfer;
    let mut boss = boss(town(waiting), &heard, |call| {
        let refused = match call.amount.map(|amount| amount.minor) {
            Some(1) => ConfirmRefused::WrongAmount { asked: usd(2497) },
            Some(2) => ConfirmRefused::WrongState { status: PaymentStatus::Voided },
            Some(3) => ConfirmRefused::InProgress,
            _ => return Ok(payment(PaymentMethod::BankTransfer, PaymentStatus::Captured)),
        };
        Err(CallError::Refused(refused))
    });
    let page = boss.get(PAGE).await;
    page.tells("value=\"24.97\"");
    let asked = page.hidden("payment");
    let path = format!("{PAGE}/confirm");
    let form = |amount: &'static str| {
        [("idempotency_key", "k-1"), ("payment", asked.as_str()), ("amount", amount)]
    };
    assert_eq!(
        boss.post(&path, &form("24.97")).await.is(303).to(),
        format!("{PAGE}?notice=confirmed")
    );
    let call = heard.lock().unwrap().pop().unwrap();
    assert_eq!(
        (call.payment, call.amount, call.idempotency.key.as_str()),
        (Uuid::from_u128(5).into(), Some(usd(2497)), "k-1")
    );
    boss.post(&path, &form("")).await.is(303);
    assert_eq!(heard.lock().unwrap().pop().unwrap().amount, None);
    boss.post(&path, &form("0.01"))
        .await
        .is(422)
        .tells("24.97 USD was asked for")
        .tells("value=\"0.01\"");
    boss.post(&path, &form("0.02")).await.is(409).tells("sent back by hand");
    boss.post(&path, &form("0.03")).await.is(409).tells("Look again in a moment");
    heard.lock().unwrap().clear();
    boss.post(&path, &form("lots"))
        .await
        .is(422)
        .tells("id=\"confirm-amount-fault\"")
        .tells("value=\"lots\"");
    boss.post(&path, &[("payment", "x")]).await.is(400);
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn money_goes_back_in_part_or_whole_with_a_reason() {
    let heard: Heard<RefundPayment> = Heard::default();
    let sent = order(OrderStatus::Fulfilled, PaymentStatus::Captured);
    let mut boss = boss(town(sent), &heard, |call| {
        let refused = match call.reason.as_str() {
            "too much" => RefundRefused::TooMuch { left: usd(1997) },
            "nothing" => RefundRefused::NothingCaptured,
            "long" => RefundRefused::Invalid {
                field: "reason".to_owned(),
                reason: "must have at most 200 characters".to_owned(),
            },
            _ => return Ok(refund(RefundStatus::Pending)),
        };
        Err(CallError::Refused(refused))
    });
    let key = boss.get(PAGE).await.hidden("idempotency_key");
    let path = format!("{PAGE}/refund");
    let payment = Uuid::from_u128(5).to_string();
    let form = |amount: &'static str, reason: &'static str| {
        [
            ("idempotency_key", key.as_str()),
            ("payment", payment.as_str()),
            ("amount", amount),
            ("reason", reason),
            ("restock", "true"),
        ]
    };
    assert_eq!(
        boss.post(&path, &form("5", " damaged ")).await.is(303).to(),
        format!("{PAGE}?notice=refund_asked")
    );
    let call = heard.lock().unwrap().pop().unwrap();
    assert_eq!(
        (call.payment, call.amount, call.reason.as_str(), call.restock),
        (Uuid::from_u128(5).into(), Some(usd(500)), "damaged", true)
    );
    boss.post(&path, &form("", "all")[..4]).await.is(303);
    let call = heard.lock().unwrap().pop().unwrap();
    assert_eq!((call.amount, call.restock), (None, false));
    boss.post(&path, &form("5", "too much"))
        .await
        .is(422)
        .tells("19.97 USD is left to give back")
        .tells("value=\"too much\"")
        .tells("checked");
    boss.post(&path, &form("5", "nothing")).await.is(409).tells("nothing to give back");
    boss.post(&path, &form("5", "long")).await.is(422).tells("id=\"refund-reason-fault\"");
    heard.lock().unwrap().clear();
    boss.post(&path, &form("5", " ")).await.is(422).tells("Say why").tells("value=\"5\"");
    boss.post(&path, &form("-5", "x")).await.is(422).tells("id=\"refund-amount-fault\"");
    assert!(heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refund_that_staff_gave_by_hand_is_confirmed() {
    let heard: Heard<ConfirmRefund> = Heard::default();
    let town = town(paid()).play::<GetPayment>(|_, _| {
        let mut payment = payment(PaymentMethod::BankTransfer, PaymentStatus::PartiallyRefunded);
        payment.refunds = vec![refund(RefundStatus::Pending)];
        Ok(payment)
    });
    let mut boss = boss(town, &heard, |call| match call.idempotency.key.as_str() {
        "late" => {
            Err(CallError::Refused(ConfirmRefused::WrongState { status: PaymentStatus::Refunded }))
        }
        _ => Ok(refund(RefundStatus::Done)),
    });
    boss.get(PAGE).await.tells("I gave it back");
    let path = format!("{PAGE}/refunds/{}", Uuid::from_u128(6));
    let payment = Uuid::from_u128(5).to_string();
    let form = |key: &'static str| [("idempotency_key", key), ("payment", payment.as_str())];
    boss.post(&path, &form("k")).await.is(303);
    let call = heard.lock().unwrap().pop().unwrap();
    assert_eq!((call.payment, call.refund), (Uuid::from_u128(5).into(), Uuid::from_u128(6).into()));
    boss.post(&path, &form("late")).await.is(409).tells("it is given back");
    boss.post(&format!("{PAGE}/refunds/x"), &form("k")).await.is(404);
}

#[tokio::test]
async fn an_order_is_cancelled_and_a_refusal_is_told_kindly() {
    let heard: Heard<CancelOrder> = Heard::default();
    let mut boss = boss(town(paid()), &heard, |call| {
        let refused = match call.idempotency.key.as_str() {
            "late" => OrderRefused::WrongState { status: "fulfilled".to_owned() },
            "gone" => OrderRefused::NotFound,
            "no" => OrderRefused::NotAllowed,
            "down" => return Err(CallError::Unknown("lost".to_owned())),
            _ => return Ok(paid()),
        };
        Err(CallError::Refused(refused))
    });
    let path = format!("{PAGE}/cancel");
    let seen = boss.post(&path, &[("idempotency_key", "k")]).await;
    assert_eq!(seen.is(303).to(), format!("{PAGE}?notice=cancelled"));
    let call = heard.lock().unwrap().pop().unwrap();
    assert_eq!(
        (call.of.order, call.of.token, call.idempotency.key.as_str()),
        (order_id(), None, "k")
    );
    for (key, status, told) in [
        ("late", 409, "The order is fulfilled, so it was not done."),
        ("gone", 404, "error-code"),
        ("no", 403, "no key to this door"),
        ("down", 503, "We do not know whether it was done"),
    ] {
        boss.post(&path, &[("idempotency_key", key)]).await.is(status).tells(told);
    }
}

#[tokio::test]
async fn hostile_names_are_shown_to_staff_and_never_run() {
    let mut evil = paid();
    evil.items[0].title = HOSTILE.to_owned();
    evil.items[0].slug = HOSTILE.to_owned();
    evil.shipping_address.name = HOSTILE.to_owned();
    evil.shipments = vec![parcel(ShipmentStatus::Shipped, 1)];
    evil.shipments[0].carrier = Some(HOSTILE.to_owned());
    evil.shipments[0].tracking = Some(HOSTILE.to_owned());
    evil.payment.failure_code = Some(HOSTILE.to_owned());
    let list = evil.clone();
    let mut boss = town(evil)
        .play::<ListOrders>(move |_, _| {
            Ok(OrderPage { items: vec![list.clone()], next_cursor: Some(HOSTILE.to_owned()) })
        })
        .play::<GetPayment>(|_, _| {
            let mut payment = payment(PaymentMethod::Card, PaymentStatus::Captured);
            for done in &mut payment.transactions {
                done.kind = HOSTILE.to_owned();
                done.outcome = HOSTILE.to_owned();
                done.provider_ref = Some(HOSTILE.to_owned());
                done.failure_code = Some(HOSTILE.to_owned());
            }
            Ok(payment)
        })
        .open()
        .logged_in("boss");
    let query = crate::browser::encoded(HOSTILE);
    boss.get(PAGE).await.is(200).hides("<script").hides("<img src=x");
    let seen = boss.get(&format!("/admin/orders?q={query}&status={query}&method={query}")).await;
    seen.is(200).hides("<script").hides("<img src=x");
    boss.get(&format!("/admin/orders?from={query}")).await.is(422).hides("<script");
}
