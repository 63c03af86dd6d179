//! `/orders/{id}`: how an order stands, and the forms to pay and to cancel it. A script looks at
//! it again when it changes; without it the page does so by itself while a payment is on its way.
mod parcels;
mod steps;
mod told;

use self::parcels::{Parcel, parcels};
use self::steps::{Step, steps};
use self::told::{Told, told};
use super::card::picture;
use super::paying::{Way, Ways, pay_with};
use crate::Shop;
use crate::form::{CARDS, Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Price, number, sentence};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect};
use contracts::OrderId;
use contracts::orders::{
    CancelOrder, CancelReason, GetOrder, GetTracking, Order, OrderRefused, OrderStatus, PayOrder,
    ShipmentStatus,
};
use contracts::payments::{PaymentMethod, PaymentStatus};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How soon a page is looked at again whose payment is on its way.
const LOOK_AGAIN_SECONDS: u32 = 2;
/// How soon a guest looks at an order again that is on its way: to them, nobody tells.
const GUESTS_LOOK_SECONDS: u32 = 30;
/// What an order's page may do that others may not: run our script, which asks this store.
const LIVE_POLICY: &str = "default-src 'none'; style-src 'self'; font-src 'self'; \
    img-src 'self' data: https: http:; script-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

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

/// What a script is told, to look at the order again when it changes.
struct Live {
    /// The address of the script.
    script: String,
    /// Where the changes are told. A guest's browser has no token to show there.
    events: Option<String>,
    version: i64,
    /// How often it looks where nothing is told, in seconds; empty: not at all.
    every: String,
}

/// Where and how a bank transfer is to be sent.
struct Transfer {
    account: Option<String>,
    reference: Option<String>,
    amount: Price,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    order: Order,
    told: Option<Told>,
    /// What came of a form that was sent from here.
    faults: Vec<String>,
    transfer: Option<Transfer>,
    steps: Vec<Step>,
    parcels: Vec<Parcel>,
    lines: Vec<Line>,
    address: String,
    live: Option<Live>,
    /// When, and where, it is looked at again.
    refresh: Option<String>,
    /// A key for each form, where there is something to send.
    confirm: Option<String>,
    pay: Option<String>,
    /// How else it can be paid.
    ways: Vec<Way>,
    cancel: Option<String>,
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
        OrderRefused::NotAllowed => {
            ("Only the shop can do that.".to_owned(), StatusCode::FORBIDDEN)
        }
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
    let transfer = transfer(&order);
    let is_open = action || transfer.is_some();
    let refresh = refresh(&order, visitor).filter(|_| faults.is_empty());
    let (mut frame, ways) = tokio::join!(Frame::at_place(shop, visitor, "orders"), async {
        if is_open { other_ways(shop, visitor, &order, &pay_form).await } else { Vec::new() }
    });
    let told = told(&order, visitor);
    if order.status != OrderStatus::Pending && told.is_some() {
        // How it ended is news enough.
        frame.notice = None;
    }
    let live = live(shop, visitor, &order, refresh.is_some());
    let has_script = live.is_some();
    let page = OrderPage {
        told,
        steps: steps(&order, &timeline),
        parcels: parcels(&order),
        lines: lines(&order),
        address: super::address::lines(&order.shipping_address),
        refresh,
        live,
        confirm: action.then(|| shop.key()),
        pay: (!ways.is_empty()).then(|| shop.key()),
        ways,
        cancel: can_cancel(&order).then(|| shop.key()),
        has_receipt: has_receipt(&order)
            || timeline.iter().any(|step| step.status == OrderStatus::Paid),
        transfer,
        frame,
        faults,
        pay_form,
        order,
    };
    let mut response = private(status, &page)?;
    if has_script {
        let policy = HeaderValue::from_static(LIVE_POLICY);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// Whether nothing of it is on its way or has arrived.
fn can_cancel(order: &Order) -> bool {
    let at_home = order.shipments.iter().all(|parcel| parcel.status == ShipmentStatus::Returned);
    matches!(order.status, OrderStatus::Pending | OrderStatus::Paid) && at_home
}

/// Whether money came in.
const fn has_receipt(order: &Order) -> bool {
    matches!(
        order.payment.status,
        PaymentStatus::Captured | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded
    )
}

/// What is to be sent for an order that waits for a transfer.
fn transfer(order: &Order) -> Option<Transfer> {
    let waits = order.status == OrderStatus::Pending
        && order.payment.method == PaymentMethod::BankTransfer
        && order.payment.status == PaymentStatus::Pending;
    waits.then(|| Transfer {
        account: order.payment.instructions.clone().filter(|text| !text.trim().is_empty()),
        reference: order.payment.reference.clone(),
        amount: Price(order.total),
    })
}

/// The ways to pay but for the present one; another card can be tried.
async fn other_ways(shop: &Shop, visitor: &Visitor, order: &Order, form: &Pay) -> Vec<Way> {
    let Ok(ways) = Ways::of(shop, visitor).await else { return Vec::new() };
    let ways = match order.payment.method {
        PaymentMethod::Card => ways,
        present => ways.but(present),
    };
    ways.choices(shop, order.total, &form.payment_method)
}

/// What the script is told, as long as there is something to wait for.
fn live(shop: &Shop, visitor: &Visitor, order: &Order, often: bool) -> Option<Live> {
    let on_its_way =
        matches!(order.status, OrderStatus::Pending | OrderStatus::Paid | OrderStatus::Fulfilled);
    let unpaid =
        order.status == OrderStatus::Delivered && order.payment.status == PaymentStatus::Pending;
    (on_its_way || unpaid).then(|| Live {
        script: shop.live.clone(),
        events: visitor.is_known().then(|| format!("/v1/orders/{}/events", order.id)),
        version: order.version,
        every: match (often, visitor.is_known()) {
            (true, _) => LOOK_AGAIN_SECONDS.to_string(),
            (false, false) => GUESTS_LOOK_SECONDS.to_string(),
            (false, true) => String::new(),
        },
    })
}

/// Whether whoever looks has just done what `code` says.
fn just(visitor: &Visitor, code: &str) -> bool {
    visitor.notice.is_some_and(|notice| notice.is(code))
}

/// When, and where, a page is looked at again whose payment is on its way.
fn refresh(order: &Order, visitor: &Visitor) -> Option<String> {
    if order.payment.method.pays_later() {
        return None;
    }
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
