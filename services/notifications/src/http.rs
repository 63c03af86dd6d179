//! The routes of notifications: everybody's own list, and for staff the mails that were written.
use crate::Notifications;
use crate::queries::{self, Mail};
use crate::store::Header;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contracts::Timestamp;
use contracts::caller::Permission;
use contracts::notifications::{ListNotifications, ListNotificationsRefused, NotificationPage};
use http::{HeaderValue, header};
use kit::auth::{Asker, LoggedIn, require};
use kit::input::{Json, Path, Query};
use kit::pages::{CursorQuery, Listed};
use kit::problem::{HttpResult, OrProblem as _, Problem};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// All routes.
pub fn routes(service: Arc<Notifications>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_notifications))
        .routes(routes!(list_mails))
        .routes(routes!(get_mail))
        .routes(routes!(get_mail_file))
        .with_state(service)
}

/// What the shop told you, newest first
#[utoipa::path(
    get, path = "/v1/notifications", tag = "notifications",
    params(CursorQuery),
    responses(
        (status = 200, description = "One page", body = NotificationPage, example = json!({
            "items": [{
                "id": "01980c5e-7a52-7c3f-8b1e-2f6d0c9a4e11", "kind": "receipt",
                "title": "Your order 7Q4K-2M9D is paid",
                "body": "We received 24.98 USD for your order 7Q4K-2M9D. Thank you.",
                "order": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02",
                "at": "2026-01-31T12:00:00.000000Z"
            }],
            "next_cursor": null
        })),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
    ),
    security(("bearer" = [])),
)]
async fn list_notifications(
    State(service): State<Arc<Notifications>>,
    who: LoggedIn,
    query: HttpResult<Query<CursorQuery>>,
) -> HttpResult<Json<NotificationPage>> {
    let Query(query) = query?;
    let call = ListNotifications { limit: query.limit(), cursor: query.cursor };
    let page = queries::list_notifications(&service, &who.caller(), call).await;
    page.map(Json).or_problem(|refused| match refused {
        ListNotificationsRefused::NotLoggedIn => Problem::unauthorized(),
        ListNotificationsRefused::Cursor => {
            Problem::invalid_field("cursor", "is none that this list gave")
        }
    })
}

/// A mail in the list.
#[derive(Debug, Serialize, ToSchema)]
struct MailHeader {
    /// The mail.
    id: Uuid,
    /// `welcome`, `order_confirmation`, `receipt` or `cancellation`.
    #[schema(examples("receipt"))]
    kind: String,
    /// The order it is about.
    order: Option<Uuid>,
    /// Whose; null for a guest.
    account: Option<Uuid>,
    /// The address it goes to.
    #[schema(examples("ada@example.com"))]
    to: String,
    /// One line.
    #[schema(examples("Receipt for your order 7Q4K-2M9D at Feria"))]
    subject: String,
    /// `outbox`: kept here and not sent on.
    #[schema(examples("outbox"))]
    state: String,
    /// When it was written.
    created_at: Timestamp,
}

impl From<Header> for MailHeader {
    fn from(row: Header) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            order: row.order_id,
            account: row.account,
            to: row.recipient,
            subject: row.subject,
            state: row.state,
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

/// The mails that the shop wrote, newest first
///
/// For staff with the right to manage messages.
#[utoipa::path(
    get, path = "/v1/staff/mails", tag = "notifications",
    params(CursorQuery),
    responses(
        (status = 200, description = "One page", body = Listed<MailHeader>, example = json!({
            "items": [{
                "id": "01980c5e-7a52-7c3f-8b1e-2f6d0c9a4e11", "kind": "receipt",
                "order": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02", "account": null,
                "to": "ada@example.com", "subject": "Receipt for your order 7Q4K-2M9D at Feria",
                "state": "outbox", "created_at": "2026-01-31T12:00:00.000000Z"
            }],
            "next_cursor": null
        })),
        (status = 400, description = "`invalid_input`", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
    ),
    security(("bearer" = [])),
)]
async fn list_mails(
    State(service): State<Arc<Notifications>>,
    Asker(caller): Asker,
    query: HttpResult<Query<CursorQuery>>,
) -> HttpResult<Json<Listed<MailHeader>>> {
    require(&caller, Permission::ManageMessages)?;
    let Query(query) = query?;
    Ok(Json(queries::list_mails(&service, &query).await?.map(MailHeader::from)))
}

/// A mail with what it says.
#[derive(Debug, Serialize, ToSchema)]
struct WholeMail {
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
/// For staff with the right to manage messages.
#[utoipa::path(
    get, path = "/v1/staff/mails/{id}", tag = "notifications",
    params(("id" = Uuid, Path, description = "The mail")),
    responses(
        (status = 200, description = "The mail", body = WholeMail, example = json!({
            "id": "01980c5e-7a52-7c3f-8b1e-2f6d0c9a4e11", "kind": "welcome",
            "order": null, "account": "01980c5e-6f10-7d21-9a43-5b8e7c6d1f02",
            "to": "ada@example.com", "subject": "Welcome to Feria",
            "state": "outbox", "created_at": "2026-01-31T12:00:00.000000Z",
            "message_id": "01980c5e-7a52-7c3f-8b1e-2f6d0c9a4e11@localhost",
            "text": "Hello Ada,\n\nYour account is open.\n", "html": "<!DOCTYPE html>…"
        })),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 403, description = "`not_allowed`", body = Problem),
        (status = 404, description = "`not_found`", body = Problem),
    ),
    security(("bearer" = [])),
)]
async fn get_mail(
    State(service): State<Arc<Notifications>>,
    Asker(caller): Asker,
    id: HttpResult<Path<Uuid>>,
) -> HttpResult<Json<WholeMail>> {
    let mail = find(&service, &caller, id).await?;
    let message_id = mail.message_id.trim_matches(['<', '>']).to_owned();
    let header = MailHeader {
        id: mail.id,
        kind: mail.kind,
        order: mail.order_id,
        account: mail.account,
        to: mail.recipient,
        subject: mail.subject,
        state: mail.state,
        created_at: Timestamp::from_micros(mail.created_at),
    };
    Ok(Json(WholeMail { header, message_id, text: mail.plain, html: mail.html }))
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
async fn get_mail_file(
    State(service): State<Arc<Notifications>>,
    Asker(caller): Asker,
    id: HttpResult<Path<Uuid>>,
) -> HttpResult<Response> {
    let mail = find(&service, &caller, id).await?;
    let mut response = queries::eml(&service, &mail)?.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("message/rfc822"));
    // Somebody else's words: to be saved, never to be guessed at and shown by the browser.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(name) = format!("attachment; filename=\"{}.eml\"", mail.id).parse() {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

async fn find(
    service: &Notifications,
    caller: &contracts::Caller,
    id: HttpResult<Path<Uuid>>,
) -> HttpResult<Mail> {
    require(caller, Permission::ManageMessages)?;
    let Path(id) = id?;
    queries::find_mail(service, id).await?.ok_or_else(Problem::not_found)
}
