//! What providers tell us by themselves.
use crate::Payments;
use crate::webhook::{self, Webhook};
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use contracts::CallError;
use kit::input::parse_json;
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

const SIGNATURE: &str = "Feria-Signature";
/// The longest message, in bytes.
const LONGEST: usize = 16 * 1024;

/// What a provider tells.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "id": "evt_1", "type": "charge.captured", "attempt": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09"
})))]
pub(super) struct WebhookBody {
    /// The message's id: the same when it is repeated. 1 to 200 visible ASCII characters.
    #[schema(min_length = 1, max_length = 200)]
    id: String,
    /// What it is about. 1 to 200 visible ASCII characters.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 200)]
    kind: String,
    /// Which attempt: the idempotency key under which the provider was asked.
    attempt: Uuid,
}

/// Take a message of the sandbox provider.
///
/// It is signed: `Feria-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>.<body>")>`,
/// with the `webhook_secret` of the store's configuration, at most five minutes ago. What it says
/// is not believed: the store asks the provider about the attempt. The same message again changes
/// nothing.
#[utoipa::path(
    post,
    path = "/v1/webhooks/sandbox",
    tag = "payments",
    params(("Feria-Signature" = String, Header, description = "`t=…,v1=…`, see above.")),
    request_body = WebhookBody,
    responses(
        (status = 204, description = "It was taken, now or before."),
        (status = 400, description = "`signature_invalid`, or `invalid_input` with the field \
            named.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "`webhooks_refused`: no secret is configured.",
            body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`.", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(()),
)]
pub(super) async fn sandbox(
    State(payments): State<Arc<Payments>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> HttpResult<StatusCode> {
    let secret = &payments.webhook_secret;
    if secret.is_empty() {
        let detail = "This store has no secret for webhooks, and takes none.";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "webhooks_refused", detail));
    }
    let too_large =
        || Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too long.");
    let body = body.ok().filter(|body| body.len() <= LONGEST).ok_or_else(too_large)?;
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let now = payments.sources.now();
    webhook::verify(secret.expose().as_bytes(), signature.unwrap_or_default(), &body, now)
        .map_err(|why| {
            Problem::new(StatusCode::BAD_REQUEST, "signature_invalid", why.to_string())
        })?;
    let WebhookBody { id, kind, attempt } = parse_json(&body)?;
    for (field, text) in [("id", &id), ("type", &kind)] {
        let fits = (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !fits {
            let reason = "must have 1 to 200 visible ASCII characters";
            return Err(Problem::invalid_field(field, reason));
        }
    }
    let received = webhook::receive(&payments, Webhook { provider: "sandbox", id, kind, attempt });
    let received: Result<(), CallError<contracts::NoRefusal>> =
        received.await.map_err(CallError::from);
    received.or_problem(|never| match never {})?;
    Ok(StatusCode::NO_CONTENT)
}
