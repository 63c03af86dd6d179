//! The public routes of orders: a thin translation of its calls.
//!
//! Whether the order is the caller's comes first on every route: a stranger learns neither that
//! it exists nor what is wrong with the request.
mod answers;
mod events;
mod receipt;
mod shipments;
mod shop;

use self::answers::{checkout_refused, list_refused, order_refused};
use crate::order::Order;
use crate::{Orders, queries, receipts, waiting};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use contracts::caller::Permission;
use contracts::cart::CartToken;
use contracts::orders::{
    CancelOrder, CheckedOut, Checkout, GetOrder, GetReceipt, GetTracking, Idempotency, ListOrders,
    Order as OrderView, OrderPage, OrderRef, OrderStatus, PayOrder, PayWith, Receipt,
    ShippingMethod, Tracking,
};
use contracts::payments::PaymentMethod;
use contracts::{Address, CallError, Caller, OrderId, Timestamp};
use futures_util::TryFutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kit::auth::{Asker, LoggedIn, require};
use kit::input::{Body, Hashed, IdempotencyKey, Json, Path, Query};
use kit::pages::{PageSize, default_size};
use kit::problem::{FieldError, HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// All routes.
pub fn routes(orders: Arc<Orders>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(checkout))
        .routes(routes!(list_orders))
        .routes(routes!(get_order))
        .routes(routes!(pay_order))
        .routes(routes!(cancel_order))
        .routes(routes!(get_tracking))
        .routes(routes!(shipments::create_shipment))
        .routes(routes!(shipments::update_shipment))
        .routes(routes!(get_receipt))
        .routes(routes!(list_all_orders))
        .routes(routes!(events::events))
        .routes(routes!(shop::get_shop, shop::put_shop))
        .routes(routes!(shop::shipping_methods))
        .routes(routes!(shop::quote))
        .with_state(orders)
}

/// What to order, and how. The lines are those of the cart.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "shipping_address": {
        "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London",
        "postal_code": "SW1Y 4JH", "country": "GB", "phone": "+442079460000"
    },
    "shipping_method": "standard",
    "payment": {"method": "card", "token": "tok_visa"},
    "email": "ada@example.com",
    "cart_version": 3
})))]
pub struct CheckoutBody {
    /// Where to.
    shipping_address: Address,
    /// How.
    shipping_method: ShippingMethod,
    /// How to pay.
    payment: PayWith,
    /// Where to write to; guests must give it.
    email: Option<String>,
    /// The version of the cart that the shopper saw; refused if it was changed since.
    cart_version: Option<i64>,
}

/// How to go on with a payment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"payment": {"method": "card", "token": "tok_visa"}}), json!({})))]
pub struct PayBody {
    /// Another way to pay; without it the action that the present payment requires is completed.
    payment: Option<PayWith>,
}

/// Nothing is to be said about it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CancelBody {}

/// Which orders to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// How many at most.
    #[serde(default = "default_size")]
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    limit: PageSize,
    /// The `next_cursor` of the answer before.
    #[serde(default)]
    cursor: Option<String>,
    /// Only orders in this state.
    #[serde(default)]
    #[param(inline)]
    status: Option<OrderStatus>,
    /// Only orders whose number starts so; staff may also look for a guest's e-mail address.
    #[serde(default)]
    #[param(max_length = 254)]
    q: Option<String>,
    /// Only orders placed at this time or later.
    #[serde(default)]
    #[param(example = "2026-01-01T00:00:00Z")]
    from: Option<Timestamp>,
    /// Only orders placed before this time.
    #[serde(default)]
    #[param(example = "2026-02-01T00:00:00Z")]
    to: Option<Timestamp>,
    /// Only orders that are to be paid in this way.
    #[serde(default)]
    #[param(inline)]
    method: Option<PaymentMethod>,
}

/// Order what is in the cart
///
/// Holds the stock, places the order and asks for its payment. The same key with the same body
/// answers the same order again, whatever the cart holds by then. With `Prefer: wait=5` the
/// answer waits until the order is paid, cancelled, or needs the shopper.
#[utoipa::path(
    post, path = "/v1/checkout", tag = "orders", request_body = CheckoutBody,
    params(
        ("Idempotency-Key" = String, Header, description = "any new name for this attempt"),
        ("Cart-Token" = Option<String>, Header, description = "a guest's cart"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N seconds, at most 30"),
    ),
    responses(
        (status = 201, description = "the order; for guests with its `order_token`", body = CheckedOut),
        (status = 400, description = "`invalid_input`, `idempotency_key_required`", body = Problem),
        (status = 409, description = "`cart_empty`, `cart_changed`, `cart_already_ordered`, \
            `price_changed` with both prices, `not_sold`, `not_delivered`, `out_of_stock` naming the SKUs, `total`, \
            `idempotency_in_progress`", body = Problem,
            example = json!({
                "type": "urn:feria:problem:out_of_stock", "title": "Out of stock", "status": 409,
                "code": "out_of_stock", "detail": "Too little stock.", "skus": ["BOOK-0042"],
                "short": [{"sku": "BOOK-0042", "requested": 3, "available": 1}]
            })),
        (status = 422, description = "`idempotency_key_reused`", body = Problem),
        (status = 503, description = "`unavailable`: nothing was done; `outcome_unknown`", body = Problem),
    ),
    security((), ("bearer" = [])),
)]
async fn checkout(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    key: HttpResult<IdempotencyKey>,
    headers: HeaderMap,
    body: Body<CheckoutBody>,
) -> HttpResult<Response> {
    let (key, body) = (key?, body.parse_hashed()?);
    let Hashed { value: body, hash } = body;
    let command = Checkout {
        of: CartToken { token: header_text(&headers, "Cart-Token") },
        idempotency: Idempotency { key: key.into_string(), body: hash },
        shipping_address: body.shipping_address,
        shipping_method: body.shipping_method,
        payment: body.payment,
        email: body.email,
        cart_version: body.cart_version,
    };
    let faults = crate::checkout::faults(&orders, &caller, &command);
    if !faults.is_empty() {
        let error = |(field, reason)| FieldError::new(field, reason);
        return Err(Problem::invalid(faults.into_iter().map(error).collect()));
    }
    let placing = Arc::clone(&orders);
    let placed =
        to_its_end(async move { crate::checkout::checkout(&placing, &caller, command).await });
    let CheckedOut { order, order_token } = placed.await?.or_problem(checkout_refused)?;
    let order = waited(&orders, order, &headers).await?;
    let place = HeaderValue::from_str(&format!("/v1/orders/{}", order.id));
    let answer = axum::Json(CheckedOut { order, order_token });
    let mut response = (StatusCode::CREATED, answer).into_response();
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// The caller's orders, newest first
#[utoipa::path(
    get, path = "/v1/orders", tag = "orders", params(ListQuery),
    responses(
        (status = 200, description = "one page; `next_cursor` is null on the last", body = OrderPage),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
    ),
    security(("bearer" = [])),
)]
async fn list_orders(
    State(orders): State<Arc<Orders>>,
    asker: LoggedIn,
    query: HttpResult<Query<ListQuery>>,
) -> HttpResult<Json<OrderPage>> {
    list(&orders, &asker.caller(), query?.0, false).await
}

/// Everybody's orders, newest first (staff)
#[utoipa::path(
    get, path = "/v1/staff/orders", tag = "orders", params(ListQuery),
    responses(
        (status = 200, description = "one page; `next_cursor` is null on the last", body = OrderPage),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
    ),
    security(("bearer" = [])),
)]
async fn list_all_orders(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    query: HttpResult<Query<ListQuery>>,
) -> HttpResult<Json<OrderPage>> {
    require(&caller, Permission::ManageOrders)?;
    list(&orders, &caller, query?.0, true).await
}

async fn list(
    orders: &Orders,
    caller: &Caller,
    query: ListQuery,
    everybody: bool,
) -> HttpResult<Json<OrderPage>> {
    let ListQuery { limit, cursor, status, q, from, to, method } = query;
    if q.as_deref().is_some_and(|q| q.chars().count() > 254 || q.contains(char::is_control)) {
        let reason = "must have at most 254 characters, and none of control";
        return Err(Problem::invalid_field("q", reason));
    }
    let limit = limit.get();
    let call = ListOrders { limit, cursor, status, everybody, q, from, to, method };
    queries::list_orders(orders, caller, call).await.or_problem(list_refused).map(Json)
}

/// One order
///
/// For its owner, for a guest with its `Order-Token`, and for staff; to all others it is not
/// there.
#[utoipa::path(
    get, path = "/v1/orders/{id}", tag = "orders",
    params(
        ("id" = OrderId, Path),
        ("Order-Token" = Option<String>, Header, description = "opens a guest's order"),
    ),
    responses(
        (status = 200, description = "the order", body = OrderView),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
    ),
    security((), ("bearer" = [])),
)]
async fn get_order(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    id: HttpResult<Path<OrderId>>,
    headers: HeaderMap,
) -> HttpResult<Json<OrderView>> {
    let of = named(&caller, id, &headers)?;
    let order = queries::get_order(&orders, &caller, GetOrder { of }).await;
    order.or_problem(order_refused).map(Json)
}

/// Go on with the payment of a pending order
///
/// Completes the action that its payment requires, or starts another one instead.
#[utoipa::path(
    post, path = "/v1/orders/{id}/pay", tag = "orders", request_body = Option<PayBody>,
    params(
        ("id" = OrderId, Path),
        ("Idempotency-Key" = String, Header, description = "any new name for this attempt"),
        ("Order-Token" = Option<String>, Header, description = "opens a guest's order"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N seconds, at most 30"),
    ),
    responses(
        (status = 200, description = "the order", body = OrderView),
        (status = 400, description = "`invalid_input`, `idempotency_key_required`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`wrong_state`, `idempotency_in_progress`", body = Problem),
        (status = 422, description = "`idempotency_key_reused`", body = Problem),
        (status = 503, description = "`unavailable`, `outcome_unknown`", body = Problem),
    ),
    security((), ("bearer" = [])),
)]
async fn pay_order(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    id: HttpResult<Path<OrderId>>,
    key: HttpResult<IdempotencyKey>,
    headers: HeaderMap,
    body: Body<PayBody>,
) -> HttpResult<Json<OrderView>> {
    let of = named(&caller, id, &headers)?;
    opened(&orders, &caller, &of).await?;
    let (key, body) = (key?, body.or_empty().parse_hashed()?);
    let idempotency = Idempotency { key: key.into_string(), body: body.hash };
    let command = PayOrder { of, idempotency, payment: body.value.payment };
    let paying = Arc::clone(&orders);
    let paid =
        to_its_end(async move { crate::pay_order::pay_order(&paying, &caller, command).await });
    let order = paid.await?.or_problem(order_refused)?;
    waited(&orders, order, &headers).await.map(Json)
}

/// Cancel an order that is not yet on its way
///
/// What was paid goes back. Cancelling a cancelled order answers it unchanged.
#[utoipa::path(
    post, path = "/v1/orders/{id}/cancel", tag = "orders", request_body = Option<CancelBody>,
    params(
        ("id" = OrderId, Path),
        ("Idempotency-Key" = String, Header, description = "any new name for this attempt"),
        ("Order-Token" = Option<String>, Header, description = "opens a guest's order"),
    ),
    responses(
        (status = 200, description = "the order, cancelled", body = OrderView),
        (status = 400, description = "`invalid_input`, `idempotency_key_required`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`wrong_state`, `idempotency_in_progress`", body = Problem),
        (status = 422, description = "`idempotency_key_reused`", body = Problem),
        (status = 503, description = "`unavailable`, `outcome_unknown`", body = Problem),
    ),
    security((), ("bearer" = [])),
)]
async fn cancel_order(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    id: HttpResult<Path<OrderId>>,
    key: HttpResult<IdempotencyKey>,
    headers: HeaderMap,
    body: Body<CancelBody>,
) -> HttpResult<Json<OrderView>> {
    let of = named(&caller, id, &headers)?;
    opened(&orders, &caller, &of).await?;
    let (key, body) = (key?, body.or_empty().parse_hashed()?);
    let CancelBody {} = body.value;
    let idempotency = Idempotency { key: key.into_string(), body: body.hash };
    let command = CancelOrder { of, idempotency };
    let cancelled =
        to_its_end(
            async move { crate::cancel_order::cancel_order(&orders, &caller, command).await },
        );
    cancelled.await?.or_problem(order_refused).map(Json)
}

/// The steps that an order went through, and its parcels
#[utoipa::path(
    get, path = "/v1/orders/{id}/tracking", tag = "orders",
    params(
        ("id" = OrderId, Path),
        ("Order-Token" = Option<String>, Header, description = "opens a guest's order"),
    ),
    responses(
        (status = 200, description = "its timeline and its parcels, oldest first", body = Tracking),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
    ),
    security((), ("bearer" = [])),
)]
async fn get_tracking(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    id: HttpResult<Path<OrderId>>,
    headers: HeaderMap,
) -> HttpResult<Json<Tracking>> {
    let of = named(&caller, id, &headers)?;
    let tracking = queries::get_tracking(&orders, &caller, GetTracking { of }).await;
    tracking.or_problem(order_refused).map(Json)
}

/// The receipt of an order that was paid
///
/// As JSON, or as a page to print with `Accept: text/html`.
#[utoipa::path(
    get, path = "/v1/orders/{id}/receipt", tag = "orders",
    params(
        ("id" = OrderId, Path),
        ("Order-Token" = Option<String>, Header, description = "opens a guest's order"),
        ("Accept" = Option<String>, Header, description = "`text/html` for a page"),
    ),
    responses(
        (status = 200, description = "the receipt", content((Receipt), (String = "text/html"))),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`wrong_state`: it was never paid", body = Problem),
    ),
    security((), ("bearer" = [])),
)]
async fn get_receipt(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    id: HttpResult<Path<OrderId>>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let of = named(&caller, id, &headers)?;
    let receipt = receipts::get_receipt(&orders, &caller, GetReceipt { of }).await;
    let receipt = receipt.or_problem(order_refused)?;
    let mut response = if receipt::wants_page(&headers) {
        receipt::page(&receipt)?
    } else {
        axum::Json(receipt).into_response()
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Which order is meant. Who shows nothing is asked who they are, before anything else.
fn named(
    caller: &Caller,
    id: HttpResult<Path<OrderId>>,
    headers: &HeaderMap,
) -> HttpResult<OrderRef> {
    let token = header_text(headers, "Order-Token");
    if *caller == Caller::Guest && token.is_none() {
        return Err(Problem::unauthorized());
    }
    Ok(OrderRef { order: id?.0, token })
}

/// Whether the caller may open it: before the key and the body are looked at.
async fn opened(orders: &Orders, caller: &Caller, of: &OrderRef) -> HttpResult<Order> {
    queries::open(orders, caller, of).await.or_problem(order_refused)
}

/// Runs a process to its end, though the client may leave before. It is large, and thousands may
/// wait at once: it stands in memory once, and is not moved.
fn to_its_end<T, E>(
    process: impl Future<Output = Result<T, CallError<E>>> + Send + 'static,
) -> impl Future<Output = HttpResult<Result<T, CallError<E>>>>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let process: BoxFuture<'static, _> = Box::pin(process);
    let task = tokio::spawn(process.in_current_span());
    task.map_err(|error| {
        tracing::error!(%error, "a process ended before its end");
        Problem::internal()
    })
}

/// The order as it is when it is decided, or after as many seconds as the client wants to wait.
async fn waited(orders: &Orders, order: OrderView, headers: &HeaderMap) -> HttpResult<OrderView> {
    let Some(most) = wait_wanted(headers) else { return Ok(order) };
    let found = Box::pin(waiting::outcome(orders, &order, most)).await?;
    Ok(found.map_or(order, |order| order.view()))
}

/// `Prefer: wait=N` (RFC 7240); what cannot be read is no preference.
fn wait_wanted(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all("Prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split([',', ';']));
    let seconds = preferences.find_map(|preference| {
        let (name, seconds) = preference.split_once('=')?;
        let seconds = seconds.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("wait").then(|| seconds.parse::<u64>().ok())?
    })?;
    Some(Duration::from_secs(seconds).min(waiting::LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_and_bounded() {
        let wanted = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", HeaderValue::from_static(value));
            wait_wanted(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(wanted("wait=5"), Some(5));
        assert_eq!(wanted("respond-async, Wait = \"7\""), Some(7));
        assert_eq!(wanted("wait=3600"), Some(30));
        for none in ["", "wait", "wait=", "wait=-1", "wait=1.5", "return=minimal"] {
            assert_eq!(wanted(none), None, "{none}");
        }
        assert_eq!(wait_wanted(&HeaderMap::new()), None);
    }
}
