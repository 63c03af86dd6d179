//! What staff do with payments: confirm transfers, give money back, and look.
use super::{created_or_accepted, in_progress, key_reused};
use crate::{Payments, confirm_refund, confirm_transfer, queries, refund_payment};
use axum::extract::State;
use axum::http::StatusCode;
use contracts::caller::Permission;
use contracts::orders::Idempotency;
use contracts::payments::{
    ConfirmRefund, ConfirmRefused, ConfirmTransfer, GetPayment, ListTransactions, PaymentForStaff,
    Refund, RefundPayment, RefundRefused, RefundStatus, TransactionPage, TransactionsRefused,
};
use contracts::{Money, PaymentId, RefundId};
use kit::auth::{Asker, require};
use kit::input::{Body, IdempotencyKey, Json, Path, Query};
use kit::pages::CursorQuery;
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Money that goes back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "amount": {"amount": 500, "currency": "USD"}, "reason": "a page was missing"
})))]
pub(super) struct RefundBody {
    /// How much; left out: all that is left.
    amount: Option<Money>,
    /// Why: at most 200 characters.
    #[schema(max_length = 200)]
    reason: String,
    /// Whether the goods are on the shelf again, should this give back all of an order that was
    /// sent.
    #[serde(default)]
    restock: bool,
}

/// Money that arrived.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"amount": {"amount": 1999, "currency": "USD"}})))]
pub(super) struct ConfirmBody {
    /// What arrived; left out: just what was asked for.
    amount: Option<Money>,
}

/// Give a payment back, or a part of it.
///
/// For staff. Answers 201 once the money went back, and 202 while the card's provider does it, or
/// until somebody gave back by hand what came by bank transfer or in cash (`/confirm`). The same `Idempotency-Key` with the same body again answers the same again, and gives back
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
pub(super) async fn post_refund(
    State(payments): State<Arc<Payments>>,
    Asker(caller): Asker,
    id: HttpResult<Path<PaymentId>>,
    key: HttpResult<IdempotencyKey>,
    body: Body<RefundBody>,
) -> HttpResult<(StatusCode, Json<Refund>)> {
    require(&caller, Permission::ManagePayments)?;
    let (Path(payment), key) = (id?, key?.into_string());
    let body = body.parse_hashed()?;
    let RefundBody { amount, reason, restock } = body.value;
    let idempotency = Idempotency { key, body: body.hash };
    let command = RefundPayment { payment, amount, reason, restock, idempotency };
    let refund = refund_payment::refund_payment(&payments, &caller, command).await;
    let refund = refund.or_problem(refund_problem)?;
    Ok((created_or_accepted(refund.status == RefundStatus::Done), Json(refund)))
}

/// Say that the money of a refund was given back by hand.
///
/// For staff. A refund of a bank transfer or of cash is `pending` until then; one of a card whose
/// provider declined it for a day is `failed`, and can be given back by hand as well. Repeating
/// it changes nothing.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/refunds/{refund}/confirm",
    tag = "payments",
    params(
        ("id" = PaymentId, Path, description = "The payment."),
        ("refund" = RefundId, Path, description = "The refund."),
        ("Idempotency-Key" = String, Header, description = "A new name for this attempt."),
    ),
    request_body(content = Option<super::NoFields>, description = "Nothing, or an empty object."),
    responses(
        (status = 200, description = "It is booked.", body = Refund,
            example = json!({
                "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                "payment": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b",
                "amount": {"amount": 500, "currency": "USD"}, "status": "done",
                "created_at": "2026-01-31T12:00:00.000000Z"
            })),
        (status = 400, description = "`invalid_input`, with the field named, or \
            `idempotency_key_required`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may give money back.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such refund of this payment.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`: it is not given back by hand, or was given \
            back in another way since; or `idempotency_in_progress`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`idempotency_key_reused`: the key came with another body.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn confirm_refund(
    State(payments): State<Arc<Payments>>,
    Asker(caller): Asker,
    ids: HttpResult<Path<(PaymentId, RefundId)>>,
    key: HttpResult<IdempotencyKey>,
    body: Body<super::NoFields>,
) -> HttpResult<Json<Refund>> {
    require(&caller, Permission::ManagePayments)?;
    let (Path((payment, refund)), key) = (ids?, key?.into_string());
    let body = body.or_empty().parse_hashed()?;
    let idempotency = Idempotency { key, body: body.hash };
    let command = ConfirmRefund { payment, refund, idempotency };
    let booked = confirm_refund::confirm_refund(&payments, &caller, command).await;
    booked.or_problem(confirm_problem).map(Json)
}

/// Say that the money of a bank transfer arrived.
///
/// For staff. The amount, if it is given, has to be what was asked for. Repeating it changes
/// nothing; what arrives for an order that ended has to be sent back by hand, and is 409.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/confirm",
    tag = "payments",
    params(
        ("id" = PaymentId, Path, description = "The payment."),
        ("Idempotency-Key" = String, Header, description = "A new name for this attempt."),
    ),
    request_body(content = Option<ConfirmBody>, description = "Nothing, or what arrived."),
    responses(
        (status = 200, description = "The payment is captured.", body = PaymentForStaff,
            example = json!({
                "id": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b",
                "order": "01936f2e-7a11-7000-8000-0d1e2f3a4b5c",
                "method": "bank_transfer", "status": "captured",
                "amount": {"amount": 1999, "currency": "USD"},
                "refunded": {"amount": 0, "currency": "USD"}, "receipt": 42, "refunds": [],
                "transactions": [{
                    "payment": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b", "kind": "confirm",
                    "amount": {"amount": 1999, "currency": "USD"}, "outcome": "done",
                    "provider_ref": null, "failure_code": null,
                    "by": "01936f2e-1111-7000-8000-0a1b2c3d4e5f",
                    "at": "2026-01-31T12:00:00.000000Z"
                }]
            })),
        (status = 400, description = "`invalid_input`, with the field named, or \
            `idempotency_key_required`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may confirm transfers.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such payment.", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`wrong_amount` with what was `asked`; `wrong_state` with \
            the `payment_status`, where it is no bank transfer or was closed; or \
            `idempotency_in_progress`.", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`idempotency_key_reused`: the key came with another body.",
            body = Problem, content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn confirm_transfer(
    State(payments): State<Arc<Payments>>,
    Asker(caller): Asker,
    id: HttpResult<Path<PaymentId>>,
    key: HttpResult<IdempotencyKey>,
    body: Body<ConfirmBody>,
) -> HttpResult<Json<PaymentForStaff>> {
    require(&caller, Permission::ManagePayments)?;
    let (Path(payment), key) = (id?, key?.into_string());
    let body = body.or_empty().parse_hashed()?;
    let idempotency = Idempotency { key, body: body.hash };
    let command = ConfirmTransfer { payment, amount: body.value.amount, idempotency };
    let confirmed = confirm_transfer::confirm_transfer(&payments, &caller, command).await;
    confirmed.or_problem(confirm_problem).map(Json)
}

/// Show a payment with its refunds and transactions.
///
/// For staff. A top-up of a wallet is found here by its id as well; it has no `order`.
#[utoipa::path(
    get,
    path = "/v1/payments/{id}",
    tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment.")),
    responses(
        (status = 200, description = "The payment.", body = PaymentForStaff,
            example = json!({
                "id": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b",
                "order": "01936f2e-7a11-7000-8000-0d1e2f3a4b5c",
                "method": "bank_transfer", "status": "captured",
                "amount": {"amount": 1999, "currency": "USD"},
                "refunded": {"amount": 0, "currency": "USD"}, "receipt": 42, "refunds": [],
                "transactions": [{
                    "payment": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b", "kind": "confirm",
                    "amount": {"amount": 1999, "currency": "USD"}, "outcome": "done",
                    "provider_ref": null, "failure_code": null,
                    "by": "01936f2e-1111-7000-8000-0a1b2c3d4e5f",
                    "at": "2026-01-31T12:00:00.000000Z"
                }]
            })),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may see payments.", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such payment.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get_payment(
    State(payments): State<Arc<Payments>>,
    Asker(caller): Asker,
    id: HttpResult<Path<PaymentId>>,
) -> HttpResult<Json<PaymentForStaff>> {
    require(&caller, Permission::ManagePayments)?;
    let asked = GetPayment { payment: id?.0 };
    let found = queries::get_payment(&payments, &caller, asked).await;
    found.or_problem(confirm_problem).map(Json)
}

/// List all transactions, newest first.
///
/// For staff: what was asked of providers, what it came to so far, and what was confirmed by
/// hand. A line stands at the time at which it was asked for.
#[utoipa::path(
    get,
    path = "/v1/staff/transactions",
    tag = "payments",
    params(CursorQuery),
    responses(
        (status = 200, description = "One page of transactions.", body = TransactionPage,
            example = json!({
                "items": [{
                    "payment": "01936f2e-7a55-7000-8000-0c1d2e3f4a5b", "kind": "capture",
                    "amount": {"amount": 1999, "currency": "USD"}, "outcome": "declined",
                    "provider_ref": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09",
                    "failure_code": "card_declined", "by": null,
                    "at": "2026-01-31T12:00:00.000000Z"
                }],
                "next_cursor": null
            })),
        (status = 400, description = "`invalid_input`, with the field named.", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "Nobody is logged in.", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "Only staff may see transactions.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_transactions(
    State(payments): State<Arc<Payments>>,
    Asker(caller): Asker,
    query: HttpResult<Query<CursorQuery>>,
) -> HttpResult<Json<TransactionPage>> {
    require(&caller, Permission::ManagePayments)?;
    let Query(query) = query?;
    let asked = ListTransactions { limit: query.limit(), cursor: query.cursor };
    let page = queries::list_transactions(&payments, &caller, asked).await;
    let refusal = |refused| match refused {
        TransactionsRefused::NotAllowed => Problem::forbidden(),
        TransactionsRefused::Cursor => {
            Problem::invalid_field("cursor", "is none that this list gave")
        }
    };
    page.or_problem(refusal).map(Json)
}

fn confirm_problem(refused: ConfirmRefused) -> Problem {
    let said = refused.to_string();
    match refused {
        ConfirmRefused::NotAllowed => Problem::forbidden(),
        ConfirmRefused::NotFound => Problem::not_found(),
        ConfirmRefused::WrongState { status } => {
            Problem::conflict("wrong_state", said).with("payment_status", status)
        }
        ConfirmRefused::WrongAmount { asked } => {
            Problem::conflict("wrong_amount", said).with("asked", asked)
        }
        ConfirmRefused::KeyReused => key_reused(),
        ConfirmRefused::InProgress => in_progress(),
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
