//! The public routes: stock and its history, for staff.
use crate::{Inventory, queries};
use axum::extract::State;
use axum::http::StatusCode;
use contracts::Sku;
use contracts::caller::Permission;
use contracts::inventory::{
    AdjustStock, GetStock, ListStock, SetStock, StockHistory, StockHistoryPage, StockLevel,
    StockPage, StockRefused,
};
use kit::auth::{Asker, require};
use kit::input::{Body, IdempotencyKey, Json, Path, Query};
use kit::pages::{CursorQuery, PageSize, default_size};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes(inventory: Arc<Inventory>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_stock))
        .routes(routes!(get_stock, set_stock))
        .routes(routes!(stock_history, adjust_stock))
        .with_state(inventory)
}

/// What is on the shelf.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"on_hand": 10}), json!({"on_hand": 10, "low_stock_at": 3})))]
struct Shelf {
    /// Pieces; not below what is promised to orders. Left out: as it is.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    on_hand: Option<i64>,
    /// At how many that can be ordered staff is told; null: the store's default. Left out: as
    /// it is.
    #[serde(default, deserialize_with = "contracts::message::left_null_or_set")]
    #[schema(minimum = 0, maximum = 1_000_000_000, value_type = Option<i64>)]
    low_stock_at: Option<Option<i64>>,
}

/// Which stock is listed.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only what runs out: at or below the number at which staff is told.
    #[serde(default)]
    low: bool,
    /// How many at most.
    #[serde(default = "default_size")]
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    limit: PageSize,
    /// The `next_cursor` of the answer before.
    #[serde(default)]
    cursor: Option<String>,
}

/// List the stock of all SKUs, or of those that run out, by SKU.
#[utoipa::path(
    get,
    path = "/v1/inventory",
    tag = "inventory",
    params(Which),
    responses(
        (status = 200, description = "One page.", body = StockPage, example = json!({
            "items": [{"sku": "BOOK-0042", "on_hand": 4, "reserved": 2, "available": 2,
                "low_stock_at": 3}],
            "next_cursor": null
        })),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may see stock.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn list_stock(
    State(inventory): State<Arc<Inventory>>,
    Asker(caller): Asker,
    which: HttpResult<Query<Which>>,
) -> HttpResult<Json<StockPage>> {
    require(&caller, Permission::ManageStock)?;
    let Query(Which { low, limit, cursor }) = which?;
    let asked = ListStock { low, limit: limit.get(), cursor };
    let page = queries::list_stock(&inventory.db, &caller, inventory.watch.low, asked).await;
    page.or_problem(problem).map(Json)
}

/// A change of what is on the shelf.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"delta": -2, "reason": "damaged in transport"})))]
struct Change {
    /// Pieces; negative to take away; never 0.
    #[schema(minimum = -1_000_000_000, maximum = 1_000_000_000)]
    delta: i64,
    /// Why, for the history.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

/// Show the stock of a SKU.
#[utoipa::path(
    get,
    path = "/v1/inventory/{sku}",
    tag = "inventory",
    params(("sku" = Sku, Path, description = "The SKU; `/` in it is written `%2F`.")),
    responses(
        (status = 200, description = "The stock.", body = StockLevel),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may see stock.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "No stock was ever recorded for it.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn get_stock(
    State(inventory): State<Arc<Inventory>>,
    Asker(caller): Asker,
    sku: HttpResult<Path<Sku>>,
) -> HttpResult<Json<StockLevel>> {
    require(&caller, Permission::ManageStock)?;
    let Path(sku) = sku?;
    let level = queries::get_stock(&inventory.db, &caller, GetStock { sku }).await;
    level.or_problem(problem).map(Json)
}

/// Set what is on the shelf, for a new SKU too.
///
/// Repeating it changes nothing. The difference is recorded in the history as `set`.
#[utoipa::path(
    put,
    path = "/v1/inventory/{sku}",
    tag = "inventory",
    params(("sku" = Sku, Path, description = "The SKU; `/` in it is written `%2F`.")),
    request_body = Shelf,
    responses(
        (status = 200, description = "The stock as it is now.", body = StockLevel),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may change stock.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "That is no SKU.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`below_reserved`: more is promised to orders.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn set_stock(
    State(inventory): State<Arc<Inventory>>,
    Asker(caller): Asker,
    sku: HttpResult<Path<Sku>>,
    body: Body<Shelf>,
) -> HttpResult<Json<StockLevel>> {
    require(&caller, Permission::ManageStock)?;
    let Path(sku) = sku?;
    let Shelf { on_hand, low_stock_at } = body.parse()?;
    let level = inventory.set_stock(&caller, SetStock { sku, on_hand, low_stock_at }).await;
    level.or_problem(problem).map(Json)
}

/// Add to the shelf or take from it, with a reason.
///
/// The same `Idempotency-Key` with the same change again answers the same again, and changes
/// nothing.
#[utoipa::path(
    post,
    path = "/v1/inventory/{sku}/adjustments",
    tag = "inventory",
    params(
        ("sku" = Sku, Path, description = "The SKU; `/` in it is written `%2F`."),
        ("Idempotency-Key" = String, Header, description = "A new name for this attempt."),
    ),
    request_body = Change,
    responses(
        (status = 200, description = "The stock as it is after the change.", body = StockLevel),
        (status = 400, description = "`invalid_input`, with the field named, or \
            `idempotency_key_required`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may change stock.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "No stock was ever recorded for the SKU: `PUT` it first.",
            body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`below_reserved`: more is promised to orders.",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`idempotency_key_reused`: the key named another change.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn adjust_stock(
    State(inventory): State<Arc<Inventory>>,
    Asker(caller): Asker,
    sku: HttpResult<Path<Sku>>,
    key: HttpResult<IdempotencyKey>,
    body: Body<Change>,
) -> HttpResult<Json<StockLevel>> {
    require(&caller, Permission::ManageStock)?;
    let (Path(sku), idempotency_key) = (sku?, key?.into_string());
    let Change { delta, reason } = body.parse()?;
    let command = AdjustStock { sku, delta, reason, idempotency_key };
    inventory.adjust_stock(&caller, command).await.or_problem(problem).map(Json)
}

/// List the changes of a SKU's stock, newest first.
#[utoipa::path(
    get,
    path = "/v1/inventory/{sku}/adjustments",
    tag = "inventory",
    params(
        ("sku" = Sku, Path, description = "The SKU; `/` in it is written `%2F`."),
        CursorQuery,
    ),
    responses(
        (status = 200, description = "One page of the history.", body = StockHistoryPage,
            example = json!({
                "items": [{
                    "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09", "sku": "BOOK-0042",
                    "delta": -2, "reason": "sold",
                    "order": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b", "by": null,
                    "at": "2026-01-31T12:00:00.000000Z"
                }],
                "next_cursor": null
            })),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may see stock.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "No stock was ever recorded for it.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn stock_history(
    State(inventory): State<Arc<Inventory>>,
    Asker(caller): Asker,
    sku: HttpResult<Path<Sku>>,
    query: HttpResult<Query<CursorQuery>>,
) -> HttpResult<Json<StockHistoryPage>> {
    require(&caller, Permission::ManageStock)?;
    let (Path(sku), Query(query)) = (sku?, query?);
    let asked = StockHistory { sku, limit: query.limit(), cursor: query.cursor };
    let page = queries::stock_history(&inventory.db, &caller, asked).await;
    page.or_problem(problem).map(Json)
}

fn problem(refused: StockRefused) -> Problem {
    let detail = refused.to_string();
    match refused {
        StockRefused::NotAllowed => Problem::forbidden(),
        StockRefused::NotFound => Problem::not_found(),
        StockRefused::BelowReserved { reserved } => {
            Problem::conflict("below_reserved", detail).with("reserved", reserved)
        }
        StockRefused::Cursor => Problem::invalid_field("cursor", detail),
        StockRefused::KeyReused => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
        }
        StockRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
    }
}
