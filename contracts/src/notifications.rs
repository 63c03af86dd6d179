//! What notifications answers. It owns letters and the list that each person sees.
use crate::message::call;
use crate::{AccountId, MailId, NotificationId, OrderId, Timestamp};
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
    /// `welcome`, `order_confirmation`, `receipt`, `cancellation`, `shipment`, `delivery`,
    /// `refund`, and for staff `low_stock`.
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

/// The letters that were written, newest first, for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMails {
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only those to this address.
    pub to: Option<String>,
    /// Only those in this state.
    pub status: Option<MailStatus>,
}
call!(ListMails, "notifications.list_mails.v1", MailPage, MailRefused);

/// One page of letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MailPage {
    /// Newest first.
    pub items: Vec<Mail>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// A letter, but for its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Mail {
    /// The letter.
    pub id: MailId,
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// As a notification's, and `password_reset` and `verify_email`.
    pub kind: String,
    /// The order it is about.
    #[serde(default)]
    pub order: Option<OrderId>,
    /// Whose; none for a guest.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// Where it is.
    pub status: MailStatus,
    /// How often it was handed to the mail server.
    pub attempts: u32,
    /// What the mail server said last.
    pub error: Option<String>,
    /// When it was written.
    pub at: Timestamp,
}

/// Where a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MailStatus {
    /// Written, and kept in the store's outbox: no mail server is configured.
    Kept,
    /// Waits to be handed to the mail server.
    Waiting,
    /// The mail server has it.
    Sent,
    /// The mail server refused it for good.
    Failed,
}

/// One letter with its words, for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetMail {
    /// Which one.
    pub mail: MailId,
}
call!(GetMail, "notifications.get_mail.v1", WholeMail, MailRefused);

/// A letter, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WholeMail {
    /// The letter.
    #[serde(flatten)]
    pub mail: Mail,
    /// The same however often it is sent, without the angle brackets of its header.
    #[serde(default)]
    pub message_id: String,
    /// As text. The secret of a link is shown only where letters are kept.
    pub text: String,
    /// As a page.
    pub html: String,
}

/// Hand a letter that failed to the mail server again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendAgain {
    /// Which one.
    pub mail: MailId,
}
call!(SendAgain, "notifications.send_again.v1", Mail, MailRefused);

/// Why a letter was not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum MailRefused {
    /// The caller lacks the right.
    #[error("only admins may read letters")]
    NotAllowed,
    /// No such letter.
    #[error("there is no such letter")]
    NotFound,
    /// It has not failed.
    #[error("the letter has not failed")]
    WrongState,
    /// The cursor is none of ours.
    #[error("the cursor is not one that this list gave")]
    Cursor,
}
