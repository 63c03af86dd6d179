//! The public routes: ways to pay, the wallet, and refunds by staff.
use crate::{Payments, queries, refund_payment, top_up};
use axum::extract::State;
use axum::http::StatusCode;
use contracts::caller::Permission;
use contracts::orders::{Idempotency, PayWith};
use contracts::payments::{
    OfferedMethod, PaymentStatus, Refund, RefundPayment, RefundRefused, RefundStatus, TopUp,
    TopUpRefused, ToppedUp, Wallet, WalletEntries, WalletEntriesRefused, WalletEntryPage,
};
use contracts::{Money, PaymentId};
use kit::auth::{Asker, LoggedIn, require};
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
        .routes(routes!(wallet_entries))
        .routes(routes!(post_refund))
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

/// Money that goes back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "amount": {"amount": 500, "currency": "USD"}, "reason": "a page was missing"
})))]
struct RefundBody {
    /// How much; left out: all that is left.
    amount: Option<Money>,
    /// Why: at most 200 characters.
    #[schema(max_length = 200)]
    reason: String,
}

/// List the ways to pay that the caller can use.
///
/// Guests pay by card; the wallet needs an account.
#[utoipa::path(
    get,
    path = "/v1/payment-methods",
    tag = "payments",
    responses(
        (status = 200, description = "The ways to pay.", body = Vec<OfferedMethod>,
            example = json!([
                {"method": "card", "name": "Card", "needs_account": false, "needs_token": true},
                {"method": "wallet", "name": "Wallet", "needs_account": true, "needs_token": false}
            ])),
    ),
    security((), ("bearer" = [])),
)]
async fn payment_methods(Asker(caller): Asker) -> HttpResult<Json<Vec<OfferedMethod>>> {
    queries::payment_methods(&caller).or_problem(|never| match never {}).map(Json)
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

/// Give a payment back, or a part of it.
///
/// For staff. Answers 201 once the money went back, and 202 while the card's provider does it.
/// The same `Idempotency-Key` with the same body again answers the same again, and gives back
/// nothing more.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/refunds",
    tag = "payments",
    params(
        ("id" = PaymentId, Path, description = "The payment."),
        ("Idempotency-Key" = String, Header, description = "A new name for this attempt."),
    ),
    request_body = RefundBody,
    responses(
        (status = 201, description = "The money went back.", body = Refund,
            example = json!({
                "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                "payment": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b",
                "amount": {"amount": 500, "currency": "USD"}, "status": "done",
                "created_at": "2026-01-31T12:00:00.000000Z"
            })),
        (status = 202, description = "The money is on its way back.", body = Refund,
            example = json!({
                "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                "payment": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b",
                "amount": {"amount": 500, "currency": "USD"}, "status": "pending",
                "created_at": "2026-01-31T12:00:00.000000Z"
            })),
        (status = 400, description = "`invalid_input`, with the field named, or \
            `idempotency_key_required`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may give money back.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such payment.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`too_much` with what is `left`, `nothing_captured`, or \
            `idempotency_in_progress`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`idempotency_key_reused`: the key came with another body.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
async fn post_refund(
    State(payments): State<Arc<Payments>>,
    Asker(caller): Asker,
    id: HttpResult<Path<PaymentId>>,
    key: HttpResult<IdempotencyKey>,
    body: Body<RefundBody>,
) -> HttpResult<(StatusCode, Json<Refund>)> {
    require(&caller, Permission::ManagePayments)?;
    let (Path(payment), key) = (id?, key?.into_string());
    let body = body.parse_hashed()?;
    let RefundBody { amount, reason } = body.value;
    let idempotency = Idempotency { key, body: body.hash };
    let command = RefundPayment { payment, amount, reason, idempotency };
    let refund = refund_payment::refund_payment(&payments, &caller, command).await;
    let refund = refund.or_problem(refund_problem)?;
    Ok((created_or_accepted(refund.status == RefundStatus::Done), Json(refund)))
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

fn refund_problem(refused: RefundRefused) -> Problem {
    let said = refused.to_string();
    match refused {
        RefundRefused::NotAllowed => Problem::forbidden(),
        RefundRefused::NotFound => Problem::not_found(),
        RefundRefused::TooMuch { left } => Problem::conflict("too_much", said).with("left", left),
        RefundRefused::NothingCaptured => Problem::conflict("nothing_captured", said),
        RefundRefused::Invalid { field, reason } => Problem::invalid_field(field, reason),
        RefundRefused::KeyReused => key_reused(),
        RefundRefused::InProgress => in_progress(),
    }
}
