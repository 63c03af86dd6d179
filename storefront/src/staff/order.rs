//! `/admin/orders/{id}`: one order with all that is known of it, and what can be done with it.
pub mod actions;
mod view;

use self::view::{Back, Item, Left, Sent, Transfer};
use super::{Fields, Tab, require, tabs, typed};
use crate::Shop;
use crate::form::Faults;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::When;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use contracts::OrderId;
use contracts::caller::Permission;
use contracts::orders::{GetOrder, GetTracking, Order, OrderRef, OrderRefused, OrderStatus};
use contracts::payments::{GetPayment, PaymentForStaff};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "staff/order.html")]
struct OrderPage {
    frame: Frame,
    tabs: Vec<Tab>,
    order: Order,
    address: String,
    items: Vec<Item>,
    steps: Vec<(&'static str, When)>,
    parcels: Vec<Sent>,
    /// What no parcel holds yet, where it can be sent.
    left: Vec<Left>,
    /// Whether a part can be sent, which takes more than one piece.
    parts: bool,
    transfer: Option<Transfer>,
    back: Option<Back>,
    cancel: bool,
    /// Whether whoever looks may see the payment.
    sees_money: bool,
    payment: Option<PaymentForStaff>,
    has_receipt: bool,
    asked: Asked,
    key: String,
}

/// A form that was sent and not done, and why; or nothing yet.
#[derive(Default)]
pub struct Asked {
    /// The form's name.
    form: String,
    fields: Fields,
    /// By the fields' ids.
    faults: Faults,
    /// What is told above the page.
    trouble: Option<String>,
}

impl Asked {
    /// What was typed into a field of `form`.
    fn typed(&self, form: &str, name: &str) -> &str {
        if self.form == form { typed(&self.fields, name).unwrap_or_default() } else { "" }
    }
    /// Whether `form` is the one that was not done.
    fn is(&self, form: &str) -> bool {
        self.form == form
    }
}

/// The order.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    require(&visitor, Permission::ManageOrders)?;
    let id = parse(&id)?;
    page(&shop, &visitor, id, Asked::default(), StatusCode::OK).await
}

/// A path's id.
fn parse(id: &str) -> Result<OrderId, Stop> {
    id.parse().map_err(|_| Stop::NotFound)
}

/// Why staff do not see an order.
fn stopped(refused: &OrderRefused) -> Stop {
    match refused {
        OrderRefused::NotLoggedIn | OrderRefused::NotAllowed => Stop::Forbidden,
        _ => Stop::NotFound,
    }
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    id: OrderId,
    asked: Asked,
    status: StatusCode,
) -> Shown {
    let of = || OrderRef { order: id, token: None };
    let (frame, order, tracking) = tokio::join!(
        Frame::at_place(shop, visitor, "staff"),
        shop.ask(visitor, GetOrder { of: of() }),
        shop.ask(visitor, GetTracking { of: of() })
    );
    let order = order.or_stop(|refused| stopped(&refused))?;
    let timeline = tracking.map(|tracking| tracking.timeline).unwrap_or_default();
    let sees_money = visitor.caller.may(Permission::ManagePayments);
    let payment = if sees_money { payment(shop, visitor, &order).await } else { None };
    let left = view::left(&order, &asked);
    let step = |status| crate::words::status(status);
    let page = OrderPage {
        tabs: tabs(visitor, "/admin/orders"),
        address: crate::pages::address::lines(&order.shipping_address),
        items: view::items(&order),
        steps: timeline.iter().map(|at| (step(at.status), When(at.at))).collect(),
        parcels: view::parcels(&order, &asked),
        parts: left.iter().map(|line| line.left).sum::<u32>() > 1,
        left,
        transfer: view::transfer(&order, &asked).filter(|_| sees_money),
        back: view::back(&order, payment.as_ref(), &asked).filter(|_| sees_money),
        cancel: matches!(order.status, OrderStatus::Pending | OrderStatus::Paid)
            && order.shipments.is_empty(),
        has_receipt: timeline.iter().any(|step| step.status == OrderStatus::Paid),
        key: shop.key(),
        frame,
        sees_money,
        payment,
        asked,
        order,
    };
    private(status, &page)
}

/// The payment as it is in the books. The order's page does without, should payments not answer
/// or not know it yet.
async fn payment(shop: &Shop, visitor: &Visitor, order: &Order) -> Option<PaymentForStaff> {
    let got = shop.ask(visitor, GetPayment { payment: order.payment.id }).await;
    got.inspect_err(|error| tracing::warn!(%error, order = %order.id, "its payment is not shown"))
        .ok()
}
