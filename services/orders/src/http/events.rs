//! Live status of one order, as server-sent events.
use super::answers::order_refused;
use super::header_text;
use crate::events::{Watcher, is_final};
use crate::{Orders, queries};
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use contracts::orders::OrderRef;
use contracts::{Caller, OrderId};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use kit::auth::Asker;
use kit::input::{Path, Query};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// How often a stream on which nothing happens says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Who asks, for clients that cannot send headers.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// Opens a guest's order, like the header `Order-Token`.
    #[serde(default)]
    order_token: Option<String>,
}

/// Watch an order
///
/// Server-sent events: first the order as it is, and then one event `status` for each change; `id`
/// is the order's version, `data` the order as `GET /v1/orders/{id}` answers it. Changes that
/// follow each other at once may come as one. A stream lasts a quarter of an hour at most, and ends
/// earlier when nothing more is to come. `EventSource` then comes again by itself, with the
/// `Last-Event-ID` that it saw: after the last change it is answered 204, which tells it to stop.
#[utoipa::path(
    get, path = "/v1/orders/{id}/events", tag = "orders",
    params(
        ("id" = OrderId, Path),
        EventsQuery,
        ("Order-Token" = Option<String>, Header, description = "opens a guest's order"),
        ("Last-Event-ID" = Option<String>, Header, description = "the version that was seen last: \
            it is not told again"),
    ),
    responses(
        (status = 200, description = "the stream", content_type = "text/event-stream", body = String,
            example = json!("event: status\nid: 2\ndata: {\"status\":\"paid\"}\n\n")),
        (status = 204, description = "the last change was seen, and no more is to come"),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 503, description = "`busy`: too many watch; ask for the order now and then", body = Problem),
    ),
    security((), ("bearer" = [])),
)]
pub(super) async fn events(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    id: HttpResult<Path<OrderId>>,
    query: HttpResult<Query<EventsQuery>>,
    headers: HeaderMap,
) -> HttpResult<Response> {
    let asked = query.as_ref().ok().and_then(|Query(query)| query.order_token.clone());
    let token = header_text(&headers, "Order-Token").or(asked);
    if caller == Caller::Guest && token.is_none() {
        return Err(Problem::unauthorized());
    }
    let of = OrderRef { order: id?.0, token };
    let order = queries::open(&orders, &caller, &of).await.or_problem(order_refused)?;
    query?;
    let told = seen(&headers).filter(|seen| (1..=order.version).contains(seen)).unwrap_or(0);
    if told == order.version && is_final(&order) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let seat = orders.streams.seat().ok_or_else(Problem::busy)?;
    let watcher = Watcher::new(orders, order.id, told, seat);
    let stream = stream::unfold(watcher, |mut watcher| async {
        let order = watcher.next().await?;
        let event = Event::default().event("status").id(order.version.to_string());
        let event = event.json_data(order.view());
        Some((event, watcher))
    });
    let kept_alive = Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // A proxy that collects the answer before it hands it on would hand on nothing.
    let unbuffered =
        [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    Ok((unbuffered, kept_alive).into_response())
}

/// The version that the client was told last; what is none is not looked at.
fn seen(headers: &HeaderMap) -> Option<i64> {
    headers.get("Last-Event-ID")?.to_str().ok()?.trim().parse().ok()
}
