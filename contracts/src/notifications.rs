//! What notifications answers. It owns letters and the list that each person sees.
use crate::message::call;
use crate::{NotificationId, OrderId, Timestamp};
use serde::{Deserialize, Serialize};

/// The caller's notifications, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListNotifications {
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
}
call!(
    ListNotifications,
    "notifications.list_notifications.v1",
    NotificationPage,
    ListNotificationsRefused
);

/// Why no notifications were listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ListNotificationsRefused {
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// The cursor is none of ours.
    #[error("the cursor is not one that this list gave")]
    Cursor,
}

/// One page of notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NotificationPage {
    /// Newest first.
    pub items: Vec<Notification>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// Something that a person was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Notification {
    /// The notification.
    pub id: NotificationId,
    /// `welcome`, `order_confirmation`, `receipt` or `cancellation`.
    pub kind: String,
    /// One line.
    pub title: String,
    /// Plain text.
    pub body: String,
    /// The order it is about.
    pub order: Option<OrderId>,
    /// When.
    pub at: Timestamp,
}
