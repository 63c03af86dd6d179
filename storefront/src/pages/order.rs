//! `/orders/{id}`: how an order stands, and the forms to pay and to cancel it.
mod steps;

use self::steps::{Step, steps};
use super::card::picture;
use super::checkout::form::pay_with;
use crate::Shop;
use crate::form::{CARDS, Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{self, Price, number, sentence};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::OrderId;
use contracts::orders::{
    CancelOrder, CancelReason, GetOrder, GetTracking, Order, OrderRefused, OrderStatus, PayOrder,
};
use contracts::payments::{GetWallet, PaymentStatus};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How soon a page is looked at again whose payment is on its way.
const LOOK_AGAIN_SECONDS: u32 = 2;

/// Another way to pay, or none to confirm the present one.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Pay {
    #[serde(skip_serializing)]
    idempotency_key: String,
    payment_method: String,
    card_token: String,
}

/// Cancelling.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Cancel {
    #[serde(skip_serializing)]
    idempotency_key: String,
}

/// A line as it was ordered.
pub struct Line {
    pub title: String,
    pub slug: String,
    pub cover: String,
    pub quantity: String,
    pub total: Price,
}

/// The lines of an order.
pub fn lines(order: &Order) -> Vec<Line> {
    let line = |line: &contracts::cart::CartLine| Line {
        title: line.title.clone(),
        slug: line.slug.clone(),
        cover: picture(line.image.as_ref(), &line.sku),
        quantity: format!("{} × {}", line.quantity, number(line.unit_price)),
        total: Price(line.line_total),
    };
    order.items.iter().map(line).collect()
}

/// Where goods go, one line each.
pub fn address(order: &Order) -> String {
    let to = &order.shipping_address;
    let town = format!("{} {}", to.postal_code, to.city);
    let all =
        [&to.name, &to.line1, to.line2.as_ref().unwrap_or(&String::new()), &town, &to.country]
            .map(String::clone);
    all.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// What is told above an order.
struct Told {
    tone: &'static str,
    title: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    order: Order,
    told: Option<Told>,
    /// What came of a form that was sent from here.
    faults: Vec<String>,
    steps: Vec<Step>,
    lines: Vec<Line>,
    address: String,
    /// When, and where, it is looked at again.
    refresh: Option<String>,
    /// A key for each form, where there is something to send.
    confirm: Option<String>,
    pay: Option<String>,
    cancel: Option<String>,
    balance: Option<Price>,
    has_receipt: bool,
    pay_form: Pay,
}

/// The page of an order.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    let id = parse(&id)?;
    page(&shop, &visitor, id, Vec::new(), Pay::default(), StatusCode::OK).await
}

/// An order's id; what is none names nothing.
pub fn parse(id: &str) -> Result<OrderId, Stop> {
    id.parse().map_err(|_| Stop::NotFound)
}

/// Confirms a payment, or starts another.
pub async fn pay(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(form): Sent<Pay>,
) -> Shown {
    let id = parse(&id)?;
    let payment = match form.payment_method.as_str() {
        "" => None,
        method => match pay_with(method, &form.card_token) {
            Ok(with) => Some(with),
            Err(Faults(faults)) => {
                let faults = faults.iter().map(|(field, reason)| sentence(field, reason)).collect();
                return page(&shop, &visitor, id, faults, form, StatusCode::UNPROCESSABLE_ENTITY)
                    .await;
            }
        },
    };
    let idempotency = shop.attempt(&form.idempotency_key, &form);
    let order = PayOrder { of: visitor.order(id), idempotency, payment };
    match shop.ask(&visitor, order).await.refusal()? {
        Ok(_) => Ok(Redirect::to(&format!("/orders/{id}?notice=paying")).into_response()),
        Err(refused) => refuse(&shop, &visitor, id, form, refused).await,
    }
}

/// Cancels the order.
pub async fn cancel(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(form): Sent<Cancel>,
) -> Shown {
    let id = parse(&id)?;
    let idempotency = shop.attempt(&form.idempotency_key, &form);
    let order = CancelOrder { of: visitor.order(id), idempotency };
    match shop.ask(&visitor, order).await.refusal()? {
        Ok(_) => Ok(Redirect::to(&format!("/orders/{id}?notice=cancelled")).into_response()),
        Err(refused) => refuse(&shop, &visitor, id, Pay::default(), refused).await,
    }
}

/// What an order that is not shown makes of a page.
pub fn stopped(id: OrderId, refused: &OrderRefused) -> Stop {
    match refused {
        OrderRefused::NotLoggedIn => Stop::LogIn(format!("/orders/{id}")),
        OrderRefused::NotFound => Stop::NotFound,
        other => Stop::conflict(format!("The shop says: {other}.")),
    }
}

async fn refuse(
    shop: &Shop,
    visitor: &Visitor,
    id: OrderId,
    form: Pay,
    refused: OrderRefused,
) -> Shown {
    let (told, status) = match &refused {
        OrderRefused::NotLoggedIn | OrderRefused::NotFound => return Err(stopped(id, &refused)),
        OrderRefused::Invalid { field, reason } => (
            sentence(field.rsplit('.').next().unwrap_or_default(), reason),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        OrderRefused::WrongState { .. } => (
            "That is not possible any more: this is how the order stands now.".to_owned(),
            StatusCode::CONFLICT,
        ),
        OrderRefused::KeyReused => (
            "This form was sent before with another choice. Look how the order stands, then choose again.".to_owned(),
            StatusCode::CONFLICT,
        ),
        OrderRefused::InProgress => {
            ("That is just being done. Look again in a moment.".to_owned(), StatusCode::CONFLICT)
        }
    };
    page(shop, visitor, id, vec![told], form, status).await
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    id: OrderId,
    faults: Vec<String>,
    pay_form: Pay,
    status: StatusCode,
) -> Shown {
    let (order, tracking) = tokio::join!(
        shop.ask(visitor, GetOrder { of: visitor.order(id) }),
        shop.ask(visitor, GetTracking { of: visitor.order(id) })
    );
    let order = order.or_stop(|refused| stopped(id, &refused))?;
    let timeline = tracking.map(|tracking| tracking.timeline).unwrap_or_default();
    let pending = order.status == OrderStatus::Pending;
    let action = pending && order.payment.status == PaymentStatus::RequiresAction;
    let refresh = refresh(&order, visitor).filter(|_| faults.is_empty());
    let (mut frame, wallet) = tokio::join!(Frame::at_place(shop, visitor, "orders"), async {
        if action && visitor.is_known() { shop.ask(visitor, GetWallet).await.ok() } else { None }
    });
    let told = told(&order, visitor);
    if order.status != OrderStatus::Pending && told.is_some() {
        // How it ended is news enough.
        frame.notice = None;
    }
    let page = OrderPage {
        told,
        steps: steps(&order, &timeline),
        lines: lines(&order),
        address: address(&order),
        refresh,
        confirm: action.then(|| shop.key()),
        pay: action.then(|| shop.key()),
        cancel: matches!(order.status, OrderStatus::Pending | OrderStatus::Paid)
            .then(|| shop.key()),
        balance: wallet.map(|wallet| Price(wallet.balance)),
        has_receipt: timeline.iter().any(|step| step.status == OrderStatus::Paid),
        frame,
        faults,
        pay_form,
        order,
    };
    private(status, &page)
}

/// Whether whoever looks has just done what `code` says.
fn just(visitor: &Visitor, code: &str) -> bool {
    visitor.notice.is_some_and(|notice| notice.is(code))
}

/// When, and where, a page is looked at again whose payment is on its way.
fn refresh(order: &Order, visitor: &Visitor) -> Option<String> {
    match (order.status, order.payment.status) {
        (OrderStatus::Pending, PaymentStatus::Pending | PaymentStatus::Authorized) => {
            Some(LOOK_AGAIN_SECONDS.to_string())
        }
        // The confirmation has not come round yet. Once, for there is a form on the page.
        (OrderStatus::Pending, PaymentStatus::RequiresAction) if just(visitor, "paying") => {
            Some(format!("{LOOK_AGAIN_SECONDS};url=/orders/{}?notice=placed", order.id))
        }
        _ => None,
    }
}

/// The news of an order that a shopper looks for first.
fn told(order: &Order, visitor: &Visitor) -> Option<Told> {
    let (tone, title, text) = match (order.status, order.payment.status) {
        (OrderStatus::Pending, PaymentStatus::RequiresAction) => (
            "is-warning",
            "Your bank asks you to confirm this payment",
            "Nothing has been charged.".to_owned(),
        ),
        (OrderStatus::Pending, PaymentStatus::Failed) => {
            let why = order.payment.failure_code.as_deref().map_or("", words::failure);
            ("is-error", "The payment was refused", why.to_owned())
        }
        (OrderStatus::Pending, _) => (
            "is-warning",
            "We are waiting for your payment",
            "It takes a moment. This page looks again by itself.".to_owned(),
        ),
        (OrderStatus::Paid, _) if just(visitor, "placed") || just(visitor, "paying") => (
            "is-good",
            "Thank you! It is yours.",
            "Your payment arrived, and a receipt is on its way to you.".to_owned(),
        ),
        (OrderStatus::Cancelled, _) => cancelled(order),
        _ => return None,
    };
    Some(Told { tone, title, text })
}

fn cancelled(order: &Order) -> (&'static str, &'static str, String) {
    let back = match order.payment.status {
        PaymentStatus::Captured | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => {
            "What was paid goes back the way it came."
        }
        _ => "Nothing was charged.",
    };
    match order.cancel_reason {
        Some(CancelReason::PaymentFailed) => {
            let why = order
                .payment
                .failure_code
                .as_deref()
                .map_or("The payment was refused.", words::failure);
            let rest =
                "The order was cancelled and nothing was charged. Your cart is as you left it.";
            ("is-error", "The payment was refused", format!("{why} {rest}"))
        }
        Some(CancelReason::Expired) => (
            "is-warning",
            "Nobody paid in time",
            "The books were let go and nothing was charged. Your cart is as you left it."
                .to_owned(),
        ),
        Some(CancelReason::StockMissing) => (
            "is-error",
            "We could not find your books",
            format!("We are sorry: our shelf was emptier than we thought. {back}"),
        ),
        Some(CancelReason::ByStaff) => {
            ("is-warning", "The shop cancelled this order", back.to_owned())
        }
        Some(CancelReason::ByShopper) | None => {
            ("is-warning", "This order was cancelled", back.to_owned())
        }
    }
}
