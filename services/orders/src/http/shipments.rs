//! The routes of parcels: for staff.
use super::answers::order_refused;
use super::{OrderView, Orders};
use crate::{create_shipment, update_shipment};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use contracts::caller::Permission;
use contracts::inventory::StockLine;
use contracts::orders::{CreateShipment, Idempotency, ShipmentStatus, UpdateShipment};
use contracts::{OrderId, ShipmentId};
use http::StatusCode;
use kit::auth::{Asker, require};
use kit::input::{Body, IdempotencyKey, Json, Path};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What is in a parcel, and who carries it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(
    json!({"carrier": "DHL", "tracking": "00340434161094042557"}),
    json!({"lines": [{"sku": "BOOK-0042", "quantity": 1}], "carrier": "DHL"})
))]
pub(super) struct ShipmentBody {
    /// What is in it; left out, all that is left to send.
    lines: Option<Vec<StockLine>>,
    /// 1 to 100 characters.
    carrier: Option<String>,
    /// The carrier's code, 1 to 100 characters.
    tracking: Option<String>,
}

/// What is new about a parcel. What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"status": "delivered"}), json!({"tracking": "00340434161094042557"})))]
pub(super) struct ShipmentChange {
    /// Where it is. One that arrived or came back stays so.
    #[schema(inline)]
    status: Option<ShipmentStatus>,
    /// 1 to 100 characters.
    carrier: Option<String>,
    /// The carrier's code, 1 to 100 characters.
    tracking: Option<String>,
}

/// Hand a parcel to the carrier (staff)
///
/// Of a paid order, or of a pending one that is paid in cash on delivery. There may be several;
/// when nothing is left to send, the order is fulfilled. From the first parcel on it cannot be
/// cancelled any more.
#[utoipa::path(
    post, path = "/v1/orders/{id}/shipments", tag = "orders",
    request_body = Option<ShipmentBody>,
    params(
        ("id" = OrderId, Path),
        ("Idempotency-Key" = String, Header, description = "any new name for this parcel"),
    ),
    responses(
        (status = 201, description = "the order, with the parcel", body = OrderView),
        (status = 400, description = "`invalid_input` (more than is left to send, too), \
            `idempotency_key_required`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`wrong_state`, `idempotency_in_progress`", body = Problem,
            example = json!({
                "type": "urn:feria:problem:wrong_state", "title": "Wrong state", "status": 409,
                "code": "wrong_state", "detail": "The order is fulfilled.",
                "order_status": "fulfilled"
            })),
        (status = 422, description = "`idempotency_key_reused`", body = Problem),
        (status = 503, description = "`unavailable`, `outcome_unknown`", body = Problem),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn create_shipment(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    id: HttpResult<Path<OrderId>>,
    key: HttpResult<IdempotencyKey>,
    body: Body<ShipmentBody>,
) -> HttpResult<Response> {
    require(&caller, Permission::ManageOrders)?;
    let (order, key, body) = (id?.0, key?, body.or_empty().parse_hashed()?);
    let ShipmentBody { lines, carrier, tracking } = body.value;
    if lines.as_ref().is_some_and(Vec::is_empty) {
        let reason = "must name something; left out, it means all that is left to send";
        return Err(Problem::invalid_field("lines", reason));
    }
    let idempotency = Idempotency { key: key.into_string(), body: body.hash };
    let lines = lines.unwrap_or_default();
    let command = CreateShipment { order, lines, carrier, tracking, idempotency };
    let sent = create_shipment::create_shipment(&orders, &caller, command).await;
    let order = sent.or_problem(order_refused)?;
    Ok((StatusCode::CREATED, axum::Json(order)).into_response())
}

/// Say what became of a parcel, or correct its code (staff)
///
/// When no parcel is under way any more and one arrived, the fulfilled order is delivered. When
/// all came back and nobody paid, it is cancelled. Repeating it changes nothing.
#[utoipa::path(
    patch, path = "/v1/orders/{id}/shipments/{shipment}", tag = "orders",
    request_body = ShipmentChange,
    params(("id" = OrderId, Path), ("shipment" = ShipmentId, Path)),
    responses(
        (status = 200, description = "the order, with the parcel", body = OrderView),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`wrong_state`: it arrived or came back before", body = Problem),
        (status = 503, description = "`unavailable`, `outcome_unknown`", body = Problem),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn update_shipment(
    State(orders): State<Arc<Orders>>,
    Asker(caller): Asker,
    ids: HttpResult<Path<(OrderId, ShipmentId)>>,
    body: Body<ShipmentChange>,
) -> HttpResult<Json<OrderView>> {
    require(&caller, Permission::ManageOrders)?;
    let ((order, shipment), body) = (ids?.0, body.parse()?);
    let ShipmentChange { status, carrier, tracking } = body;
    let command = UpdateShipment { order, shipment, status, carrier, tracking };
    let updated = update_shipment::update_shipment(&orders, &caller, command).await;
    updated.or_problem(order_refused).map(Json)
}
