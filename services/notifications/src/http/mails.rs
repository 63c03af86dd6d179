//! The mails that the shop wrote, for staff.
use crate::{Notifications, queries, send_again};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::caller::Permission;
use contracts::notifications::{GetMail, ListMails, Mail, MailRefused, MailStatus};
use contracts::notifications::{SendAgain, WholeMail};
use contracts::{AccountId, Caller, MailId, OrderId, Timestamp};
use http::{HeaderValue, header};
use kit::auth::{Asker, require};
use kit::input::{Json, Path, Query};
use kit::pages::{Listed, PageSize, default_size};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// A mail in the list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MailHeader {
    /// The mail.
    id: MailId,
    /// `welcome`, `order_confirmation`, `receipt`, `cancellation`, `shipment`, `delivery`,
    /// `refund`, `low_stock`, `password_reset` or `verify_email`.
    #[schema(examples("receipt"))]
    kind: String,
    /// The order it is about.
    order: Option<OrderId>,
    /// Whose; null for a guest.
    account: Option<AccountId>,
    /// The address it goes to.
    #[schema(examples("ada@example.com"))]
    to: String,
    /// One line.
    #[schema(examples("Receipt for your order 7Q4K-2M9D at Feria"))]
    subject: String,
    /// Where it is.
    status: MailStatus,
    /// As `status`, but `outbox` for what is kept.
    #[schema(examples("outbox"))]
    state: String,
    /// How often it was handed to the mail server.
    attempts: u32,
    /// What the mail server said last, when it said no.
    error: Option<String>,
    /// When it was written.
    created_at: Timestamp,
}

impl From<Mail> for MailHeader {
    fn from(mail: Mail) -> Self {
        Self {
            id: mail.id,
            kind: mail.kind,
            order: mail.order,
            account: mail.account,
            to: mail.to,
            subject: mail.subject,
            status: mail.status,
            state: crate::store::mails::name_of(mail.status).to_owned(),
            attempts: mail.attempts,
            error: mail.error,
            created_at: mail.at,
        }
    }
}

/// Which mails are listed.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MailQuery {
    /// How many items at most.
    #[serde(default = "default_size")]
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    limit: PageSize,
    /// The `next_cursor` of the answer before.
    #[serde(default)]
    cursor: Option<String>,
    /// Only those to this address, whole, in any capitals.
    #[serde(default)]
    to: Option<String>,
    /// Only those in this state.
    #[serde(default)]
    #[param(inline)]
    status: Option<MailStatus>,
}

/// The mails that the shop wrote, newest first
///
/// For staff with the right to manage messages.
#[utoipa::path(
    get, path = "/v1/staff/mails", tag = "notifications",
    params(MailQuery),
    responses(
        (status = 200, description = "One page", body = Listed<MailHeader>, example = json!({
            "items": [{
                "id": "01980c5e-7a52-7c3f-8b1e-2f6d0c9a4e11", "kind": "receipt",
                "order": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02", "account": null,
                "to": "ada@example.com", "subject": "Receipt for your order 7Q4K-2M9D at Feria",
                "status": "kept", "state": "outbox", "attempts": 0, "error": null,
                "created_at": "2026-01-31T12:00:00.000000Z"
            }],
            "next_cursor": null
        })),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn list_mails(
    State(service): State<Arc<Notifications>>,
    Asker(caller): Asker,
    query: HttpResult<Query<MailQuery>>,
) -> HttpResult<Json<Listed<MailHeader>>> {
    require(&caller, Permission::ManageMessages)?;
    let Query(MailQuery { limit, cursor, to, status }) = query?;
    if to.as_deref().is_some_and(|to| to.chars().any(char::is_control)) {
        return Err(Problem::invalid_field("to", "must not contain control characters"));
    }
    let call = ListMails { limit: limit.get(), cursor, to, status };
    let page = queries::list_mails(&service, &caller, call).await.or_problem(problem)?;
    let items = page.items.into_iter().map(MailHeader::from).collect();
    Ok(Json(Listed { items, next_cursor: page.next_cursor }))
}

fn problem(refused: MailRefused) -> Problem {
    match refused {
        MailRefused::NotAllowed => Problem::forbidden(),
        MailRefused::NotFound => Problem::not_found(),
        MailRefused::WrongState => Problem::conflict("wrong_state", "The letter has not failed."),
        MailRefused::Cursor => Problem::invalid_field("cursor", "is none that this list gave"),
    }
}

/// A mail with what it says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MailWithWords {
    #[serde(flatten)]
    header: MailHeader,
    /// Without the angle brackets of its header; the same however often it is sent.
    message_id: String,
    /// Plain text.
    text: String,
    /// HTML.
    html: String,
}

/// A mail that the shop wrote
///
/// For staff with the right to manage messages. Where a mail server is configured, the secret of a
/// link is not shown.
#[utoipa::path(
    get, path = "/v1/staff/mails/{id}", tag = "notifications",
    params(("id" = Uuid, Path, description = "The mail")),
    responses(
        (status = 200, description = "The mail", body = MailWithWords, example = json!({
            "id": "01980c5e-7a52-7c3f-8b1e-2f6d0c9a4e11", "kind": "welcome",
            "order": null, "account": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02",
            "to": "ada@example.com", "subject": "Welcome to Feria",
            "status": "kept", "state": "outbox", "attempts": 0, "error": null,
            "created_at": "2026-01-31T12:00:00.000000Z",
            "message_id": "01980c5e-7a52-7c3f-8b1e-2f6d0c9a4e11@localhost",
            "text": "Hello Ada,\n\nYour account is open.\n", "html": "<!DOCTYPE html>…"
        })),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get_mail(
    State(service): State<Arc<Notifications>>,
    Asker(caller): Asker,
    id: HttpResult<Path<Uuid>>,
) -> HttpResult<Json<MailWithWords>> {
    let mail = named(&caller, id)?;
    let found = queries::get_mail(&service, &caller, GetMail { mail }).await;
    let WholeMail { mail, message_id, text, html } = found.or_problem(problem)?;
    Ok(Json(MailWithWords { header: mail.into(), message_id, text, html }))
}

/// A mail as a file that mail programs open
///
/// For staff with the right to manage messages.
#[utoipa::path(
    get, path = "/v1/staff/mails/{id}/eml", tag = "notifications",
    params(("id" = Uuid, Path, description = "The mail")),
    responses(
        (status = 200, description = "The message (RFC 5322)", body = String,
         content_type = "message/rfc822"),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn get_mail_file(
    State(service): State<Arc<Notifications>>,
    Asker(caller): Asker,
    id: HttpResult<Path<Uuid>>,
) -> HttpResult<Response> {
    let mail = named(&caller, id)?;
    let file = queries::get_mail_file(&service, &caller, mail).await.or_problem(problem)?;
    let mut response = file.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("message/rfc822"));
    // Somebody else's words: to be saved, never to be guessed at and shown by the browser.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(name) = format!("attachment; filename=\"{mail}.eml\"").parse() {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Hands a mail that failed to the mail server again
///
/// For staff with the right to manage messages. The mail server is tried for two more days.
#[utoipa::path(
    post, path = "/v1/staff/mails/{id}/send", tag = "notifications",
    params(("id" = Uuid, Path, description = "The mail")),
    responses(
        (status = 200, description = "It waits for the mail server", body = MailHeader,
         example = json!({
            "id": "01980c5e-7a52-7c3f-8b1e-2f6d0c9a4e11", "kind": "receipt",
            "order": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02", "account": null,
            "to": "ada@example.com", "subject": "Receipt for your order 7Q4K-2M9D at Feria",
            "status": "waiting", "state": "waiting", "attempts": 1,
            "error": "550 5.1.1 nobody of that name lives here",
            "created_at": "2026-01-31T12:00:00.000000Z"
        })),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
        (status = 409, description = "`wrong_state`: it has not failed", body = Problem),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn send_again(
    State(service): State<Arc<Notifications>>,
    Asker(caller): Asker,
    id: HttpResult<Path<Uuid>>,
) -> HttpResult<Json<MailHeader>> {
    let mail = named(&caller, id)?;
    let sent = send_again::send_again(&service, &caller, SendAgain { mail }).await;
    sent.map(|mail| Json(mail.into())).or_problem(problem)
}

fn named(caller: &Caller, id: HttpResult<Path<Uuid>>) -> HttpResult<MailId> {
    require(caller, Permission::ManageMessages)?;
    let Path(id) = id?;
    Ok(MailId(id))
}
