//! Messages that a service could not handle: staff see them with their errors, and replay them.
use crate::Behind;
use axum::extract::State;
use contracts::caller::Permission;
use contracts::{EventId, Timestamp};
use kit::Problem;
use kit::auth::{Asker, require};
use kit::inbox::ParkedMessage;
use kit::input::{Json, Path, Query};
use kit::pages::{CursorQuery, Listed};
use kit::problem::HttpResult;
use kit::wave::NotRun;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The most messages of one service that are looked through; more are seen when these are gone.
const MOST_SHOWN: u64 = 1000;

pub(crate) fn routes(behind: Arc<[Behind]>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(parked)).routes(routes!(replay)).with_state(behind)
}

/// A message that waits.
#[derive(Debug, Serialize, ToSchema)]
struct Parked {
    /// The service that could not handle it.
    service: &'static str,
    /// What it was.
    #[serde(flatten)]
    message: ParkedMessage,
}

/// List the messages that a service could not handle
///
/// Oldest first, of all services. A parked message holds up what follows for the same `subject`,
/// and nothing else.
#[utoipa::path(
    get,
    path = "/v1/staff/parked",
    tag = "staff",
    params(CursorQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What is parked.", body = Listed<Parked>, example = json!({
            "items": [{
                "service": "payments", "id": "01938f5e-8d7a-7000-8000-000000000001",
                "type": "orders.order_placed.v1", "source": "orders",
                "subject": "01938f5e-8d7a-7000-8000-000000000002", "version": 1,
                "parked_at": "2026-01-31T12:00:00.000000Z", "error": "the ledger does not add up",
            }],
            "next_cursor": null,
        })),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "`login_required`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`not_allowed`: not staff that may see messages.", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
async fn parked(
    State(behind): State<Arc<[Behind]>>,
    Asker(caller): Asker,
    query: HttpResult<Query<CursorQuery>>,
) -> HttpResult<Json<Listed<Parked>>> {
    require(&caller, Permission::ManageMessages)?;
    let Query(query) = query?;
    let after: Option<(Timestamp, EventId)> = query.after()?;
    let key = |parked: &Parked| (parked.message.parked_at, parked.message.id);
    let mut all = Vec::new();
    for Behind { name, inbox, db, .. } in behind.iter() {
        let messages = inbox.parked(db.reader(), MOST_SHOWN).await?;
        all.extend(messages.into_iter().map(|message| Parked { service: name, message }));
    }
    all.retain(|parked| after.is_none_or(|after| key(parked) > after));
    all.sort_by_key(key);
    Ok(Json(Listed::cut(all, query.limit(), key)))
}

/// What a replay came to.
#[derive(Debug, Serialize, ToSchema)]
struct Replayed {
    /// How many messages were handled.
    replayed: usize,
}

/// Replay the parked messages of one aggregate
///
/// In order, until none is left or one fails again. Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/v1/staff/parked/{service}/{subject}/replay",
    tag = "staff",
    params(
        ("service" = String, Path, description = "The service that could not handle them.", example = "payments"),
        ("subject" = String, Path, description = "The aggregate that waits.",
            example = "01938f5e-8d7a-7000-8000-000000000002"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "All were handled.", body = Replayed, example = json!({"replayed": 2})),
        (status = 401, description = "`login_required`", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "`not_allowed`: not staff that may replay messages.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: no such service.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`failed_again`: one failed again, and stays parked with those behind it.",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn replay(
    State(behind): State<Arc<[Behind]>>,
    Asker(caller): Asker,
    path: HttpResult<Path<(String, String)>>,
) -> HttpResult<Json<Replayed>> {
    require(&caller, Permission::ManageMessages)?;
    let Path((service, subject)) = path?;
    let behind =
        behind.iter().find(|behind| behind.name == service).ok_or_else(Problem::not_found)?;
    match behind.inbox.replay(subject).await {
        Ok(replayed) => Ok(Json(Replayed { replayed })),
        Err(NotRun::Busy) => Err(Problem::busy()),
        Err(NotRun::Stopped) => Err(Problem::unavailable()),
        Err(NotRun::Unknown(_)) => Err(Problem::outcome_unknown()),
        Err(NotRun::Failed(error)) => {
            let detail = "A message failed again and stays parked, with those behind it.";
            Err(Problem::conflict("failed_again", detail).with("error", error))
        }
    }
}
