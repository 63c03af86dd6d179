//! Orders on their way: transfers, parcels, live pages, receipts and the list of all.
use crate::town::{HOSTILE, Town, now, order, order_id, receipt, sku, usd};
use contracts::inventory::StockLine;
use contracts::orders::{
    GetOrder, GetReceipt, GetTracking, ListOrders, Order, OrderPage, OrderStatus, Shipment,
    ShipmentStatus, TaxLine, Tracking, TrackingStep,
};
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{Quantity, Timestamp};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

fn page() -> String {
    format!("/orders/{}", order_id())
}
/// A store with one order, which went through `steps`.
fn with_order(order: Order, steps: &'static [OrderStatus]) -> Town {
    let (status, tracking) = (order.status, order.tracking.clone());
    let shipments = order.shipments.clone();
    Town::new().play::<GetOrder>(move |_, _| Ok(order.clone())).play::<GetTracking>(move |_, _| {
        let timeline = steps.iter().map(|status| TrackingStep { status: *status, at: now() });
        let (tracking, shipments) = (tracking.clone(), shipments.clone());
        Ok(Tracking { status, tracking, shipments, timeline: timeline.collect() })
    })
}
fn by(method: PaymentMethod, status: OrderStatus, payment: PaymentStatus) -> Order {
    let mut order = order(status, payment);
    order.payment.method = method;
    order
}
fn shipment(at: u128, status: ShipmentStatus) -> Shipment {
    Shipment {
        id: Uuid::from_u128(at).into(),
        lines: vec![StockLine { sku: sku("FR-PB"), quantity: Quantity::new(1).unwrap() }],
        carrier: Some("Royal Mail".to_owned()),
        tracking: Some(format!("RM{at}GB")),
        status,
        shipped_at: now(),
        ended_at: (status != ShipmentStatus::Shipped).then(now),
    }
}

#[tokio::test]
async fn a_transfer_is_told_where_to_how_much_and_until_when() {
    let mut waiting = by(PaymentMethod::BankTransfer, OrderStatus::Pending, PaymentStatus::Pending);
    waiting.payment.reference = Some("RF18 5390 0754 7034".to_owned());
    waiting.payment.instructions = Some("Ada Books Ltd\nGB29 NWBK 6016 1331 9268 19".to_owned());
    let seen = with_order(waiting.clone(), &[OrderStatus::Pending])
        .open()
        .logged_in("ada")
        .get(&page())
        .await;
    seen.is(200).tells("RF18 5390 0754 7034").tells("GB29 NWBK 6016 1331 9268 19");
    seen.tells("24.97 <small>USD")
        .tells("14 March 2026, 09:26 UTC")
        .tells("waiting for your transfer");
    seen.hides("http-equiv=\"refresh\"").hides("held for you until").tells("Or pay another way");
    seen.hides("value=\"bank_transfer\"").tells("value=\"card\"").tells("value=\"wallet\"");
    waiting.payment.reference = None;
    waiting.payment.instructions = Some(" ".to_owned());
    let seen = with_order(waiting, &[]).open().logged_in("ada").get(&page()).await;
    seen.tells("It stands here in a moment").tells("The shop writes you the account.");
}

#[tokio::test]
async fn cash_is_paid_last_and_the_way_says_so() {
    let look = async |status, payment, steps| {
        let order = by(PaymentMethod::CashOnDelivery, status, payment);
        with_order(order, steps).open().logged_in("ada").get(&page()).await
    };
    let seen = look(OrderStatus::Pending, PaymentStatus::Pending, &[OrderStatus::Pending]).await;
    seen.is(200)
        .tells("We are packing your order")
        .tells("badge is-pending\">Being packed")
        .tells("being packed")
        .hides(">Payment<");
    seen.hides("Or pay another way").hides("http-equiv=\"refresh\"").hides("/receipt");
    let steps = &[OrderStatus::Pending, OrderStatus::Fulfilled, OrderStatus::Delivered];
    let seen = look(OrderStatus::Delivered, PaymentStatus::Captured, steps).await;
    seen.tells("paid in cash").tells("/receipt").hides("<script");
    // Delivered, and the money is not in the books yet.
    let seen = look(OrderStatus::Delivered, PaymentStatus::Pending, steps).await;
    seen.hides("/receipt\"").tells("<script src=");
}

#[tokio::test]
async fn parcels_are_shown_with_their_codes_and_where_they_are() {
    let mut sent = order(OrderStatus::Paid, PaymentStatus::Captured);
    sent.tracking = Some("RM2GB".to_owned());
    sent.shipments =
        vec![shipment(1, ShipmentStatus::Delivered), shipment(2, ShipmentStatus::Shipped)];
    let seen = with_order(sent.clone(), &[OrderStatus::Pending, OrderStatus::Paid])
        .open()
        .logged_in("ada")
        .get(&page())
        .await;
    seen.is(200).tells("Parcel 1 <span class=\"badge is-delivered\">Delivered").tells("RM1GB");
    seen.tells("Parcel 2").tells("Royal Mail, code <code>RM2GB</code>").tells("1 × Frankenstein");
    seen.tells("delivered on <time").tells("a part is on its way").hides("The carrier calls");
    sent.shipments[0].carrier = Some(HOSTILE.to_owned());
    sent.shipments[0].tracking = Some(HOSTILE.to_owned());
    sent.shipments[0].lines[0].sku = sku("OTHER");
    sent.shipments[1].status = ShipmentStatus::Returned;
    (sent.shipments[1].carrier, sent.shipments[1].tracking) = (None, None);
    let seen = with_order(sent, &[]).open().logged_in("ada").get(&page()).await;
    seen.is(200).hides("<script>").tells("&#60;script&#62;").tells("1 × OTHER");
    seen.tells("Came back to us");
}

#[tokio::test]
async fn taxes_and_what_went_back_stand_among_the_totals() {
    let line = |basis_points, base, tax| TaxLine { basis_points, base: usd(base), tax: usd(tax) };
    let mut taxed = order(OrderStatus::Delivered, PaymentStatus::PartiallyRefunded);
    taxed.tax_included = usd(293);
    taxed.tax_lines = vec![line(700, 1867, 131), line(1900, 853, 162)];
    taxed.refunded = usd(999);
    let seen = with_order(taxed.clone(), &[]).open().logged_in("ada").get(&page()).await;
    seen.is(200).tells("Of this, tax, 7 % of").tells("Of this, tax, 19 % of").tells("1.62 <small>");
    seen.tells("<dt>Given back</dt><dd><span class=\"price\">-9.99").tells("partly given back");
    taxed.tax_included = usd(0);
    taxed.tax = usd(131);
    taxed.tax_lines.truncate(1);
    let seen = with_order(taxed, &[]).open().logged_in("ada").get(&page()).await;
    seen.tells("<dt>Tax, 7 % of").hides("Of this");
    let refunded = order(OrderStatus::Refunded, PaymentStatus::Refunded);
    let seen = with_order(refunded, &[]).open().logged_in("ada").get(&page()).await;
    seen.tells("This order was given back").tells("/receipt").hides("/cancel");
}

#[tokio::test]
async fn a_page_that_waits_has_one_script_of_ours_and_may_run_no_other() {
    let paid = order(OrderStatus::Paid, PaymentStatus::Captured);
    let mut ada = with_order(paid, &[]).open().logged_in("ada");
    let seen = ada.get(&page()).await;
    let events = format!("data-events=\"/v1/orders/{}/events\"", order_id());
    seen.is(200).tells(&events).tells("data-version=\"1\" data-every=\"\"").tells("id=\"heard\"");
    let policy = seen.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'; connect-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let from = seen.body.find("/assets/live.js").unwrap();
    let script = ada.get(seen.body[from..].split('"').next().unwrap()).await;
    script.is(200).tells("EventSource");
    assert_eq!(script.headers["content-type"], "text/javascript; charset=utf-8");
    assert!(script.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(ada.get("/assets/live.js").await.is(200).headers["cache-control"], "no-cache");
    // Without scripts a payment on its way is looked at again as before.
    let pending = order(OrderStatus::Pending, PaymentStatus::Pending);
    let mut ada = with_order(pending, &[]).open().logged_in("ada");
    let seen = ada.get(&page()).await;
    seen.tells("<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>");
    seen.tells("data-every=\"2\"");
    // A guest's browser has nothing to show at the door of the API: it looks now and then.
    let mut guest = ada.another().keep("feria_order", "order-token");
    guest.get(&page()).await.is(200).hides("data-events").tells("data-every=\"2\"");
    // Nothing is waited for.
    for status in [OrderStatus::Delivered, OrderStatus::Cancelled, OrderStatus::Refunded] {
        let over = order(status, PaymentStatus::Captured);
        let seen = with_order(over, &[]).open().logged_in("ada").get(&page()).await;
        seen.is(200).hides("<script");
        assert!(!seen.headers.contains_key("content-security-policy"));
    }
}

#[tokio::test]
async fn a_receipt_has_its_number_its_seller_and_its_taxes() {
    let town = Town::new().play::<GetReceipt>(|_, _| {
        let mut order = order(OrderStatus::Delivered, PaymentStatus::PartiallyRefunded);
        order.tax_included = usd(131);
        order.tax_lines = vec![TaxLine { basis_points: 700, base: usd(1867), tax: usd(131) }];
        order.refunded = usd(500);
        let mut receipt = receipt(order);
        receipt.refunded = usd(500);
        Ok(receipt)
    });
    let mut ada = town.open().logged_in("ada");
    let seen = ada.get(&format!("{}/receipt", page())).await;
    seen.is(200).tells("Receipt 2026-000042").tells("Old Paper\nAda Books Ltd");
    seen.tells("VAT id GB123456789").tells("Of this, tax, 7 % of").tells("United Kingdom");
    seen.tells("5.00 <small>USD</small></span> went back to you").hides("Given back");
    seen.tells("FR-PB").tells("<td class=\"num\">2 × 9.99</td>");
    assert_eq!(seen.headers["cache-control"], "private, no-store");
    ada.another().get(&format!("{}/receipt", page())).await.is(200);
}

#[tokio::test]
async fn orders_are_found_by_status_and_number() {
    let asked: Arc<Mutex<Vec<ListOrders>>> = Arc::default();
    let heard = Arc::clone(&asked);
    let town = Town::new().play::<ListOrders>(move |_, list: ListOrders| {
        let none = list.q.as_deref() == Some("none");
        heard.lock().unwrap().push(list);
        let items =
            if none { Vec::new() } else { vec![order(OrderStatus::Paid, PaymentStatus::Captured)] };
        Ok(OrderPage { items, next_cursor: (!none).then(|| "a&b".to_owned()) })
    });
    let mut ada = town.open().logged_in("ada");
    let seen = ada.get("/orders?status=paid&number=+7Q4K+").await;
    seen.is(200).tells("value=\"paid\" selected").tells("value=\"7Q4K\"");
    seen.tells("/orders?status=paid&#38;number=7Q4K&#38;cursor=a%26b");
    ada.get("/orders?number=none").await.is(200).tells("None of your orders is like that.");
    let evil = crate::browser::encoded(HOSTILE);
    let seen = ada.get(&format!("/orders?status={evil}&number={evil}")).await;
    seen.is(200).hides("<script>").tells("orders?status=&#38;number=");
    let asked = asked.lock().unwrap();
    assert_eq!((asked[0].status, asked[0].q.as_deref()), (Some(OrderStatus::Paid), Some("7Q4K")));
    assert!(!asked[0].everybody && asked[2].status.is_none());
    assert!(asked[2].q.as_ref().unwrap().chars().count() <= 40);
    let _: Option<Timestamp> = asked[0].from;
}
