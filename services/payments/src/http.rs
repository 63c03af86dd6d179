//! The public routes: ways to pay and the wallet; what staff do, and what providers tell.
mod staff;
mod webhooks;

use crate::{Payments, confirm_top_up, queries, top_up};
use axum::extract::State;
use axum::http::StatusCode;
use contracts::orders::{Idempotency, PayWith};
use contracts::payments::{
    ConfirmTopUp, OfferedMethod, PaymentStatus, TopUp, TopUpRefused, ToppedUp, Wallet,
    WalletEntries, WalletEntriesRefused, WalletEntryPage,
};
use contracts::{Money, TopUpId};
use kit::auth::{Asker, LoggedIn};
use kit::input::{Body, IdempotencyKey, Json, Path, Query};
use kit::pages::CursorQuery;
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of the service.
pub(crate) fn routes(payments: Arc<Payments>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(payment_methods))
        .routes(routes!(get_wallet))
        .routes(routes!(post_top_up))
        .routes(routes!(confirm_top_up))
        .routes(routes!(wallet_entries))
        .routes(routes!(staff::post_refund))
        .routes(routes!(staff::confirm_refund))
        .routes(routes!(staff::confirm_transfer))
        .routes(routes!(staff::get_payment))
        .routes(routes!(staff::list_transactions))
        .routes(routes!(webhooks::sandbox))
        .with_state(payments)
}

/// Money for the caller's wallet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "amount": {"amount": 2500, "currency": "USD"},
    "payment": {"method": "card", "token": "tok_visa"}
})))]
struct TopUpBody {
    /// 1 to 100,000,000 minor units, in the store's currency.
    amount: Money,
    /// By card.
    payment: PayWith,
}

/// Nothing to say.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({})))]
struct NoFields {}

/// List the ways to pay that the caller can use.
///
/// In the shop's order. The wallet needs an account, and is not listed for guests. A card needs a
/// token; a bank transfer is waited for until staff see it arrive, and cash until the order does.
#[utoipa::path(
    get,
    path = "/v1/payment-methods",
    tag = "payments",
    responses(
        (status = 200, description = "The ways to pay.", body = Vec<OfferedMethod>,
            example = json!([
                {"method": "wallet", "name": "Wallet", "needs_account": true, "needs_token": false},
                {"method": "card", "name": "Card", "needs_account": false, "needs_token": true},
                {"method": "bank_transfer", "name": "Bank transfer", "needs_account": false,
                 "needs_token": false}
            ])),
    ),
    security((), ("bearer" = [])),
)]
async fn payment_methods(
    State(payments): State<Arc<Payments>>,
    Asker(caller): Asker,
) -> HttpResult<Json<Vec<OfferedMethod>>> {
    queries::payment_methods(&payments, &caller).or_problem(|never| match never {}).map(Json)
}

/// Show the caller's wallet.
#[utoipa::path(
    get,
    path = "/v1/wallet",
    tag = "payments",
    responses(
        (status = 200, description = "What can be spent.", body = Wallet,
            example = json!({"balance": {"amount": 2500, "currency": "USD"}})),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn get_wallet(
    State(payments): State<Arc<Payments>>,
    caller: LoggedIn,
) -> HttpResult<Json<Wallet>> {
    let wallet = queries::get_wallet(&payments, &caller.caller()).await;
    wallet.or_problem(|_| Problem::unauthorized()).map(Json)
}

/// List the movements of the caller's wallet, newest first.
#[utoipa::path(
    get,
    path = "/v1/wallet/entries",
    tag = "payments",
    params(CursorQuery),
    responses(
        (status = 200, description = "One page of movements.", body = WalletEntryPage,
            example = json!({
                "items": [{
                    "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                    "amount": {"amount": -1999, "currency": "USD"}, "kind": "purchase",
                    "order": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b",
                    "at": "2026-01-31T12:00:00.000000Z"
                }],
                "next_cursor": null
            })),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn wallet_entries(
    State(payments): State<Arc<Payments>>,
    caller: LoggedIn,
    Query(query): Query<CursorQuery>,
) -> HttpResult<Json<WalletEntryPage>> {
    let asked = WalletEntries { limit: query.limit(), cursor: query.cursor };
    let page = queries::wallet_entries(&payments, &caller.caller(), asked).await;
    let refusal = |refused| match refused {
        WalletEntriesRefused::NotLoggedIn => Problem::unauthorized(),
        WalletEntriesRefused::Cursor => {
            Problem::invalid_field("cursor", "is none that this list gave")
        }
    };
    page.or_problem(refusal).map(Json)
}

/// Put money into the caller's wallet, from a card.
///
/// Answers 201 once the money is in the wallet. Where the card's provider has not decided yet
/// it answers 202 with the state so far, and the money arrives later by itself. The same
/// `Idempotency-Key` with the same body again answers the same again, and charges nothing.
#[utoipa::path(
    post,
    path = "/v1/wallet/top-ups",
    tag = "payments",
    params(("Idempotency-Key" = String, Header, description = "A new name for this attempt.")),
    request_body = TopUpBody,
    responses(
        (status = 201, description = "The money is in the wallet.", body = ToppedUp,
            example = json!({
                "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                "amount": {"amount": 2500, "currency": "USD"}, "status": "captured",
                "failure_code": null
            })),
        (status = 202, description = "Not decided yet.", body = ToppedUp,
            example = json!({
                "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                "amount": {"amount": 2500, "currency": "USD"}, "status": "pending",
                "failure_code": null
            })),
        (status = 400, description = "`invalid_input`, with the field named, or \
            `idempotency_key_required`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 402, description = "The card was refused; the code says why, such as \
            `card_declined`.", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`idempotency_in_progress`: the same request still runs.",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`idempotency_key_reused`: the key came with another body.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn post_top_up(
    State(payments): State<Arc<Payments>>,
    caller: LoggedIn,
    key: HttpResult<IdempotencyKey>,
    body: Body<TopUpBody>,
) -> HttpResult<(StatusCode, Json<ToppedUp>)> {
    let key = key?.into_string();
    let body = body.parse_hashed()?;
    let TopUpBody { amount, payment: with } = body.value;
    let command = TopUp { amount, with, idempotency: Idempotency { key, body: body.hash } };
    let topped_up = top_up::top_up(&payments, &caller.caller(), command).await;
    let topped_up = topped_up.or_problem(top_up_problem)?;
    let credited = topped_up.status == PaymentStatus::Captured;
    Ok((created_or_accepted(credited), Json(topped_up)))
}

/// Complete a top-up that requires an action.
///
/// Its owner confirmed it with the bank. Answers 200 once the money is in the wallet, and 202
/// where the card's provider has not decided yet. A top-up that nobody completes within an hour
/// is `voided`. The same `Idempotency-Key` again answers the same again.
#[utoipa::path(
    post,
    path = "/v1/wallet/top-ups/{id}/confirm",
    tag = "payments",
    params(
        ("id" = TopUpId, Path, description = "The top-up."),
        ("Idempotency-Key" = String, Header, description = "A new name for this attempt."),
    ),
    request_body(content = Option<NoFields>, description = "Nothing, or an empty object."),
    responses(
        (status = 200, description = "The money is in the wallet.", body = ToppedUp,
            example = json!({
                "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                "amount": {"amount": 2500, "currency": "USD"}, "status": "captured",
                "failure_code": null
            })),
        (status = 202, description = "Not decided yet.", body = ToppedUp,
            example = json!({
                "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                "amount": {"amount": 2500, "currency": "USD"}, "status": "requires_action",
                "failure_code": null
            })),
        (status = 400, description = "`invalid_input`, with the field named, or \
            `idempotency_key_required`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 402, description = "The card was refused; the code says why.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such top-up, or it is a stranger's.",
            body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`: it requires no action, or \
            `idempotency_in_progress`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`idempotency_key_reused`: the key came with another body.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn confirm_top_up(
    State(payments): State<Arc<Payments>>,
    caller: LoggedIn,
    id: HttpResult<Path<TopUpId>>,
    key: HttpResult<IdempotencyKey>,
    body: Body<NoFields>,
) -> HttpResult<(StatusCode, Json<ToppedUp>)> {
    let (Path(top_up), key) = (id?, key?.into_string());
    let body = body.or_empty().parse_hashed()?;
    let command = ConfirmTopUp { top_up, idempotency: Idempotency { key, body: body.hash } };
    let topped_up = confirm_top_up::confirm_top_up(&payments, &caller.caller(), command).await;
    let topped_up = topped_up.or_problem(top_up_problem)?;
    let credited = topped_up.status == PaymentStatus::Captured;
    Ok((if credited { StatusCode::OK } else { StatusCode::ACCEPTED }, Json(topped_up)))
}

const fn created_or_accepted(done: bool) -> StatusCode {
    if done { StatusCode::CREATED } else { StatusCode::ACCEPTED }
}

fn key_reused() -> Problem {
    let detail = "The Idempotency-Key was used with another body.";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail)
}

fn in_progress() -> Problem {
    Problem::conflict("idempotency_in_progress", "The same request is still running.")
        .retry_after(1)
}

fn top_up_problem(refused: TopUpRefused) -> Problem {
    match refused {
        TopUpRefused::NotLoggedIn => Problem::unauthorized(),
        TopUpRefused::NotFound => Problem::not_found(),
        TopUpRefused::WrongState => Problem::conflict("wrong_state", refused.to_string()),
        TopUpRefused::Declined { failure_code } => {
            let detail = format!("The card was refused: {failure_code}.");
            Problem::new(StatusCode::PAYMENT_REQUIRED, failure_code.clone(), detail)
                .with("failure_code", failure_code)
        }
        TopUpRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
        TopUpRefused::KeyReused => key_reused(),
        TopUpRefused::InProgress => in_progress(),
    }
}
