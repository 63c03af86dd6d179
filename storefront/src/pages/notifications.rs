//! `/notifications`: what a person was told.
use super::orders::From;
use crate::Shop;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use contracts::notifications::{ListNotifications, ListNotificationsRefused, Notification};
use std::sync::Arc;

const LIMIT: u32 = 20;

#[derive(Template)]
#[template(path = "notifications.html")]
struct NotificationsPage {
    frame: Frame,
    notes: Vec<Notification>,
    next: Option<String>,
}

/// The class of a kind of note.
fn class(kind: &str) -> &'static str {
    match kind {
        "receipt" | "delivery" => "is-receipt",
        "cancellation" | "refund" | "low_stock" => "is-cancellation",
        "welcome" => "is-welcome",
        _ => "is-order-confirmation",
    }
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(from): Query<From>,
) -> Shown {
    let log_in = || Stop::LogIn("/notifications".to_owned());
    if !visitor.is_known() {
        return Err(log_in());
    }
    let list = ListNotifications { limit: LIMIT, cursor: from.cursor() };
    let (frame, listed) =
        tokio::join!(Frame::at_place(&shop, &visitor, "news"), shop.ask(&visitor, list));
    let listed = listed.or_stop(|refused| match refused {
        ListNotificationsRefused::NotLoggedIn => log_in(),
        ListNotificationsRefused::Cursor => Stop::bad("The list does not go on from there."),
    })?;
    let page = NotificationsPage { frame, notes: listed.items, next: listed.next_cursor };
    private(StatusCode::OK, &page)
}
