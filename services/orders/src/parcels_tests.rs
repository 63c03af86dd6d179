use super::*;
use crate::order::Whole;
use crate::order::tests::{NOW, payment, placed, usd};
use contracts::Sku;
use contracts::payments::PaymentStatus;
use proptest::prelude::*;
use uuid::Uuid;

/// Two of `A`, three of `B`.
fn order(method: PaymentMethod) -> Order {
    let mut order = placed(method);
    let item = order.items[0].clone();
    let quantity = |count| Quantity::new(count).unwrap();
    order.items = vec![
        contracts::cart::CartLine { sku: sku("A"), quantity: quantity(2), ..item.clone() },
        contracts::cart::CartLine { sku: sku("B"), quantity: quantity(3), ..item },
    ];
    order
}
fn on_delivery() -> Order {
    order(PaymentMethod::CashOnDelivery)
}
fn paid() -> Order {
    let mut order = order(PaymentMethod::Card);
    order.captured(payment(1), usd(1499), Some(1), NOW).unwrap();
    order
}
fn sku(name: &str) -> Sku {
    name.parse().unwrap()
}
fn lines(lines: &[(&str, u32)]) -> Vec<StockLine> {
    let line = |(name, count): &(&str, u32)| StockLine {
        sku: sku(name),
        quantity: Quantity::new(*count).unwrap(),
    };
    lines.iter().map(line).collect()
}
fn id(n: usize) -> ShipmentId {
    ShipmentId(Uuid::from_u128(100 + n as u128))
}
/// Sends the next parcel.
fn send(order: &mut Order, of: &[(&str, u32)]) -> Result<Vec<News>, NotSent> {
    let id = id(order.shipments.len());
    order.send(NewParcel { id, lines: lines(of), carrier: None, tracking: None }, NOW)
}
fn ends(order: &mut Order, n: usize, status: ShipmentStatus) -> Result<Vec<News>, NotChanged> {
    order.parcel_is(id(n), ParcelChange { status: Some(status), ..Default::default() }, NOW)
}
fn wrong(text: &str) -> WrongState {
    WrongState(text.into())
}
fn whole(order: &mut Order, restock: bool) -> Option<News> {
    order.refunded(payment(1), usd(1499), Some(Whole { restock }), NOW)
}

#[test]
fn an_order_goes_out_in_parts_and_is_delivered_when_all_arrived() {
    let mut order = paid();
    let news = send(&mut order, &[("B", 1), ("A", 2)]).unwrap();
    assert!(matches!(&news[..], [News::Sent(told)] if told.lines == lines(&[("B", 1), ("A", 2)])));
    assert_eq!((order.status, order.left_to_send()), (OrderStatus::Paid, lines(&[("B", 2)])));
    let news = send(&mut order, &[]).unwrap();
    let [News::Sent(sent), News::Fulfilled(told)] = &news[..] else { panic!("{news:?}") };
    assert_eq!((&sent.lines, &told.lines), (&lines(&[("B", 2)]), &order.lines()));
    assert_eq!(order.status, OrderStatus::Fulfilled);
    let news = ends(&mut order, 1, ShipmentStatus::Delivered).unwrap();
    assert!(matches!(news[..], [News::Arrived(_)]));
    let news = ends(&mut order, 0, ShipmentStatus::Delivered).unwrap();
    assert!(matches!(&news[..], [News::Arrived(_), News::Delivered(d)] if d.total == usd(1499)));
    assert_eq!(order.status, OrderStatus::Delivered);
    let steps: Vec<_> = order.steps.iter().map(|step| step.status).collect();
    let (pending, paid) = (OrderStatus::Pending, OrderStatus::Paid);
    assert_eq!(steps, [pending, paid, OrderStatus::Fulfilled, OrderStatus::Delivered]);
}

#[test]
fn never_more_is_sent_than_was_ordered() {
    let mut order = paid();
    send(&mut order, &[("A", 1)]).unwrap();
    let before = order.clone();
    for (of, field) in [
        (&[("A", 2)][..], "lines[0].quantity"),
        (&[("A", 1), ("A", 1)], "lines[1].quantity"),
        (&[("B", 1), ("C", 1)], "lines[1].sku"),
    ] {
        let Err(NotSent::Line { field: named, .. }) = send(&mut order, of) else {
            panic!("{of:?} is sent");
        };
        assert_eq!(named, field);
    }
    assert_eq!(order, before);
    send(&mut order, &[("A", 1), ("B", 1), ("B", 1)]).unwrap();
    assert_eq!(order.shipments[1].lines, lines(&[("A", 1), ("B", 2)]), "one line a SKU");
    send(&mut order, &[("B", 1)]).unwrap();
    assert_eq!(send(&mut order, &[("B", 1)]), Err(wrong("fulfilled").into()));
    assert_eq!(send(&mut order, &[]), Err(wrong("fulfilled").into()));
}

#[test]
fn only_what_is_paid_or_paid_on_delivery_is_sent() {
    for method in [PaymentMethod::Card, PaymentMethod::Wallet, PaymentMethod::BankTransfer] {
        assert_eq!(send(&mut order(method), &[]), Err(wrong("pending").into()));
    }
    assert!(send(&mut on_delivery(), &[]).is_ok());
    let mut closing = Order { closing: true, ..on_delivery() };
    assert_eq!(send(&mut closing, &[]), Err(wrong("pending, and being cancelled").into()));
    let mut switching = on_delivery();
    let (method, expires_at) = (PaymentMethod::Card, Some(NOW));
    let next = crate::order::NextPayment { id: payment(2), method, expires_at };
    switching.switch_to(next, None).unwrap();
    let why = wrong("pending, and its payment is being changed");
    assert_eq!(send(&mut switching, &[]), Err(why.into()));
    let mut cancelled = paid();
    cancelled.cancel(CancelReason::ByShopper, NOW).unwrap();
    assert_eq!(send(&mut cancelled, &[]), Err(wrong("cancelled").into()));
}

#[test]
fn what_is_partly_on_its_way_is_neither_cancelled_nor_paid_in_another_way() {
    for mut order in [paid(), on_delivery()] {
        send(&mut order, &[("A", 1)]).unwrap();
        let status = crate::order::status_name(order.status);
        let why = Err(wrong(&format!("{status}, and partly on its way")));
        assert_eq!(order.cancel(CancelReason::ByStaff, NOW), why);
        assert_eq!(order.stock_missing(NOW), None);
    }
    let mut order = on_delivery();
    send(&mut order, &[("A", 1)]).unwrap();
    let (method, expires_at) = (PaymentMethod::Card, Some(NOW));
    let next = crate::order::NextPayment { id: payment(2), method, expires_at };
    assert!(order.switch_to(next, None).is_err());
}

#[test]
fn a_parcel_that_ended_stays_so_and_saying_it_again_changes_nothing() {
    let mut order = paid();
    send(&mut order, &[("A", 1)]).unwrap();
    ends(&mut order, 0, ShipmentStatus::Returned).unwrap();
    let before = order.clone();
    assert_eq!(ends(&mut order, 0, ShipmentStatus::Returned), Ok(vec![]));
    for other in [ShipmentStatus::Delivered, ShipmentStatus::Shipped] {
        let refused = ends(&mut order, 0, other);
        assert_eq!(refused, Err(wrong("on its way, its parcel returned").into()));
    }
    assert_eq!(ends(&mut order, 1, ShipmentStatus::Returned), Err(NotChanged::NotFound));
    assert_eq!(order, before);
}

#[test]
fn the_code_is_that_of_the_newest_parcel_and_can_be_corrected() {
    let mut order = paid();
    let parcel = |n, code: Option<&str>| NewParcel {
        id: id(n),
        lines: lines(&[("B", 1)]),
        carrier: Some("DHL".into()),
        tracking: code.map(str::to_owned),
    };
    order.send(parcel(0, Some("one")), NOW).unwrap();
    order.send(parcel(1, None), NOW).unwrap();
    assert_eq!(order.tracking.as_deref(), Some("one"));
    let change = ParcelChange { tracking: Some("two".into()), ..Default::default() };
    let version = order.version;
    assert_eq!(order.parcel_is(id(1), change.clone(), NOW), Ok(vec![]));
    assert_eq!(order.parcel_is(id(1), change, NOW), Ok(vec![]));
    assert_eq!((order.tracking.as_deref(), order.version), (Some("two"), version + 1));
    let parcel = &order.shipments[1];
    assert_eq!((parcel.carrier.as_deref(), parcel.ended_at), (Some("DHL"), None));
}

#[test]
fn what_is_paid_on_delivery_is_paid_once_for_the_books_and_stays_what_it_is() {
    let mut order = on_delivery();
    assert_eq!(order.expires_at, None);
    send(&mut order, &[]).unwrap();
    assert_eq!((order.status, order.is_paid()), (OrderStatus::Fulfilled, false));
    let news = ends(&mut order, 0, ShipmentStatus::Delivered).unwrap();
    assert!(matches!(&news[1], News::Delivered(told) if told.payment == payment(1)));
    assert!(order.captured(payment(1), usd(1498), Some(7), NOW).is_err());
    let Ok(Some(News::Paid(told))) = order.captured(payment(1), usd(1499), Some(7), NOW) else {
        panic!("it is paid");
    };
    assert_eq!(told.placed_with, Some(PaymentMethod::CashOnDelivery));
    assert_eq!((order.status, order.receipt), (OrderStatus::Delivered, Some(7)));
    assert_eq!((order.paid_at, order.payment.status), (Some(NOW), PaymentStatus::Captured));
    let before = order.clone();
    assert_eq!(order.captured(payment(1), usd(1499), Some(8), NOW), Ok(None));
    assert_eq!(order.payment_failed(payment(1), "late", NOW), None);
    assert_eq!(order, before);
    assert!(matches!(whole(&mut order, true), Some(News::Refunded(_))));
}

#[test]
fn what_nobody_paid_is_cancelled_when_all_of_it_came_back() {
    for all in [true, false] {
        let mut order = on_delivery();
        send(&mut order, &[("A", 2)]).unwrap();
        if all {
            send(&mut order, &[]).unwrap();
            assert_eq!(ends(&mut order, 1, ShipmentStatus::Returned), Ok(vec![]));
        }
        let news = ends(&mut order, 0, ShipmentStatus::Returned).unwrap();
        let [News::Cancelled(told)] = &news[..] else { panic!("{news:?}") };
        assert_eq!((told.was_paid, told.reason), (false, CancelReason::Undeliverable));
        assert_eq!(order.payment.status, PaymentStatus::Voided);
        assert_eq!(order.captured(payment(1), usd(1499), Some(7), NOW), Ok(None));
        assert_eq!(order.receipt, None);
    }
}

#[test]
fn what_came_back_in_part_is_delivered_and_what_was_paid_waits_for_its_refund() {
    for mut order in [paid(), on_delivery()] {
        send(&mut order, &[("A", 2)]).unwrap();
        send(&mut order, &[]).unwrap();
        ends(&mut order, 0, ShipmentStatus::Delivered).unwrap();
        let news = ends(&mut order, 1, ShipmentStatus::Returned).unwrap();
        assert!(matches!(news[..], [News::Delivered(_)]));
    }
    let mut order = paid();
    send(&mut order, &[]).unwrap();
    assert_eq!(ends(&mut order, 0, ShipmentStatus::Returned), Ok(vec![]));
    assert_eq!(order.status, OrderStatus::Fulfilled);
    assert!(matches!(whole(&mut order, true), Some(News::Refunded(told)) if told.restock));
    assert_eq!(order.status, OrderStatus::Refunded);
}

#[test]
fn money_that_goes_back_whole_ends_an_order_from_every_state() {
    let mut fulfilled = paid();
    send(&mut fulfilled, &[]).unwrap();
    let mut delivered = fulfilled.clone();
    ends(&mut delivered, 0, ShipmentStatus::Delivered).unwrap();
    let mut partly = paid();
    send(&mut partly, &[("A", 1)]).unwrap();
    for mut order in [partly, fulfilled, delivered] {
        let Some(News::Refunded(told)) = whole(&mut order, false) else { panic!("{order:?}") };
        assert_eq!((told.restock, told.lines), (false, order.lines()));
        let before = order.clone();
        assert_eq!(whole(&mut order, true), None);
        assert_eq!(order, before);
        assert_eq!(send(&mut order, &[]), Err(wrong("refunded").into()), "no more is sent");
        assert!(order.cancel(CancelReason::ByStaff, NOW).is_err());
    }
}

#[test]
fn what_becomes_of_a_parcel_is_known_after_a_refund_too() {
    let mut order = paid();
    send(&mut order, &[]).unwrap();
    whole(&mut order, false).unwrap();
    let news = ends(&mut order, 0, ShipmentStatus::Delivered).unwrap();
    assert!(matches!(news[..], [News::Arrived(_)]));
    assert_eq!(order.status, OrderStatus::Refunded);
}

#[test]
fn an_order_has_no_more_parcels_than_fit_in_it() {
    let mut order = paid();
    order.items[0].quantity = Quantity::new(500).unwrap();
    for _ in 0..MOST_PARCELS {
        send(&mut order, &[("A", 1)]).unwrap();
    }
    assert!(matches!(send(&mut order, &[]), Err(NotSent::Line { field, .. }) if field == "lines"));
}

#[derive(Clone, Debug)]
enum Fact {
    Send(u32, u32),
    SendAll,
    End(usize, ShipmentStatus),
    Captured,
    Failed,
    Refunded(bool),
    Missing,
    Cancel,
    Switch(PaymentMethod),
    Switched,
    NotSwitched,
    Closing,
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let ended = prop_oneof![
        3 => Just(ShipmentStatus::Delivered),
        2 => Just(ShipmentStatus::Returned),
        1 => Just(ShipmentStatus::Shipped),
    ];
    let method = prop_oneof![Just(PaymentMethod::Card), Just(PaymentMethod::CashOnDelivery)];
    prop_oneof![
        4 => (0_u32..3, 0_u32..4).prop_map(|(a, b)| Fact::Send(a, b)),
        2 => Just(Fact::SendAll),
        6 => (0_usize..4, ended).prop_map(|(n, status)| Fact::End(n, status)),
        2 => Just(Fact::Captured),
        1 => Just(Fact::Failed),
        1 => any::<bool>().prop_map(Fact::Refunded),
        1 => Just(Fact::Missing),
        1 => Just(Fact::Cancel),
        1 => method.prop_map(Fact::Switch),
        1 => Just(Fact::Switched),
        1 => Just(Fact::NotSwitched),
        1 => Just(Fact::Closing),
    ]
}

/// What is refused must leave the order as it was.
fn apply(order: &mut Order, fact: &Fact) -> Result<Vec<News>, ()> {
    let one = |news: Option<News>| Ok(news.into_iter().collect());
    match *fact {
        Fact::Send(a, b) => {
            let all = [("A", a), ("B", b)];
            let some: Vec<_> = all.into_iter().filter(|(_, count)| *count > 0).collect();
            send(order, &some).map_err(|_| ())
        }
        Fact::SendAll => send(order, &[]).map_err(|_| ()),
        Fact::End(n, status) => ends(order, n, status).map_err(|_| ()),
        Fact::Captured => {
            let present = order.payment.id;
            one(order.captured(present, usd(1499), Some(1), NOW).unwrap())
        }
        Fact::Failed => {
            let present = order.payment.id;
            one(order.payment_failed(present, "declined", NOW))
        }
        Fact::Refunded(restock) if order.is_paid() => {
            let (present, whole) = (order.payment.id, Some(Whole { restock }));
            one(order.refunded(present, usd(1499), whole, NOW))
        }
        Fact::Refunded(_) => one(None),
        Fact::Missing => one(order.stock_missing(NOW)),
        Fact::Cancel => order.cancel(CancelReason::ByShopper, NOW).map_err(|_| ()).and_then(one),
        Fact::Switch(method) => {
            let next = crate::order::NextPayment { id: payment(2), method, expires_at: None };
            order.switch_to(next, None).map_err(|_| ()).map(|()| Vec::new())
        }
        Fact::Switched => {
            order.switched(payment(2));
            one(None)
        }
        Fact::NotSwitched => one(order.not_switched(payment(2), NOW)),
        Fact::Closing => {
            order.closing |= order.status == OrderStatus::Pending && order.shipments.is_empty();
            one(None)
        }
    }
}

fn pieces<'a>(lines: impl Iterator<Item = &'a StockLine>, of: &Sku) -> u32 {
    lines.filter(|line| line.sku == *of).map(|line| line.quantity.get()).sum()
}

/// What was told of an order, by how often.
#[derive(Default)]
struct Told {
    paid: usize,
    cancelled: usize,
    fulfilled: usize,
    delivered: usize,
    refunded: usize,
    sent: usize,
    arrived: usize,
}

impl Told {
    fn hear(&mut self, news: &News) {
        *match news {
            News::Paid(_) => &mut self.paid,
            News::Cancelled(_) => &mut self.cancelled,
            News::Fulfilled(_) => &mut self.fulfilled,
            News::Delivered(_) => &mut self.delivered,
            News::Refunded(_) => &mut self.refunded,
            News::Sent(_) => &mut self.sent,
            News::Arrived(_) => &mut self.arrived,
        } += 1;
    }
}

proptest! {
    #[test]
    fn whatever_comes_each_step_is_told_once_and_no_piece_leaves_twice(
        with_card in any::<bool>(),
        facts in proptest::collection::vec(any_fact(), 0..40),
    ) {
        let method =
            if with_card { PaymentMethod::Card } else { PaymentMethod::CashOnDelivery };
        let mut order = order(method);
        let mut told = Told::default();
        for fact in &facts {
            let before = order.clone();
            match apply(&mut order, fact) {
                Err(()) => prop_assert_eq!(&before, &order, "refused: {:?}", fact),
                Ok(news) => {
                    if news.is_empty() {
                        prop_assert_eq!(before.status, order.status, "untold: {:?}", fact);
                    }
                    news.iter().for_each(|news| told.hear(news));
                }
            }
            if !matches!(fact, Fact::Closing) {
                prop_assert_eq!(before == order, before.version == order.version, "{:?}", fact);
            }
            // Nobody ships what may be closed, or what nobody pays.
            if order.shipments.len() > before.shipments.len() {
                prop_assert!(before.status == OrderStatus::Paid || !before.closing);
                let on_delivery = before.payment.method == PaymentMethod::CashOnDelivery;
                prop_assert!(before.is_paid() || on_delivery && before.next.is_none());
            }
            for line in order.lines() {
                let sent = order.shipments.iter().flat_map(|parcel| &parcel.lines);
                prop_assert!(pieces(sent, &line.sku) <= line.quantity.get());
            }
            for parcel in &order.shipments {
                let ended = parcel.status != ShipmentStatus::Shipped;
                prop_assert_eq!(ended, parcel.ended_at.is_some());
            }
            // What was handed over never ends as if it had not been.
            if order.status == OrderStatus::Cancelled && !order.shipments.is_empty() {
                prop_assert_eq!(order.cancel_reason, Some(CancelReason::Undeliverable));
                let back = |parcel: &Shipment| parcel.status == ShipmentStatus::Returned;
                prop_assert!(order.shipments.iter().all(back) && !order.is_paid());
            }
        }
        prop_assert!(told.paid <= 1 && told.cancelled <= 1 && told.fulfilled <= 1);
        prop_assert!(told.delivered <= told.fulfilled && told.cancelled + told.refunded <= 1);
        prop_assert_eq!(told.paid == 1, order.is_paid());
        prop_assert_eq!(told.sent, order.shipments.len());
        let arrived = order.shipments.iter().filter(|p| p.status == ShipmentStatus::Delivered);
        prop_assert_eq!(told.arrived, arrived.count());
        prop_assert_eq!(told.cancelled == 1, order.status == OrderStatus::Cancelled);
        prop_assert_eq!(told.refunded == 1, order.status == OrderStatus::Refunded);
        if told.fulfilled == 1 {
            prop_assert!(order.left_to_send().is_empty());
        }
    }
}
