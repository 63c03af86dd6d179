//! The routes of notifications: everybody's own list, and the same live; and for staff the mails
//! that were written.
mod mails;
mod stream;

use crate::{Notifications, queries};
use axum::extract::State;
use contracts::notifications::{ListNotifications, ListNotificationsRefused, NotificationPage};
use kit::auth::LoggedIn;
use kit::input::{Json, Query};
use kit::pages::CursorQuery;
use kit::problem::{HttpResult, OrProblem as _, Problem};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// All routes.
pub fn routes(service: Arc<Notifications>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_notifications))
        .routes(routes!(stream::stream))
        .routes(routes!(mails::list_mails))
        .routes(routes!(mails::get_mail))
        .routes(routes!(mails::get_mail_file))
        .routes(routes!(mails::send_again))
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
