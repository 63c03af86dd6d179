//! What notifications answers to those who read.
use crate::Notifications;
use crate::mail::{self, Posted};
use crate::store::{self, Header, Place};
use contracts::notifications::{ListNotifications, ListNotificationsRefused, NotificationPage};
use contracts::{CallError, Caller, Timestamp};
use kit::calls::Answer;
use kit::pages::{CursorQuery, Listed, PageSize};
use kit::problem::{HttpResult, Unexpected};
use sea_orm::DbErr;
use uuid::Uuid;

pub use crate::store::mails::Model as Mail;

/// The caller's notifications, newest first.
/// # Errors
/// [`ListNotificationsRefused`], see there.
pub async fn list_notifications(
    service: &Notifications,
    caller: &Caller,
    call: ListNotifications,
) -> Answer<ListNotifications> {
    let refused = CallError::Refused;
    let account = caller.account().ok_or(refused(ListNotificationsRefused::NotLoggedIn))?;
    let limit = PageSize::new(call.limit.clamp(1, 100)).unwrap_or(kit::pages::default_size());
    let query = CursorQuery { limit, cursor: call.cursor };
    let after: Option<Place> =
        query.after().map_err(|_| CallError::Refused(ListNotificationsRefused::Cursor))?;
    let more = limit.get() + 1;
    let rows = store::list_notifications(service.db.reader(), account, after, more).await;
    let rows = rows.map_err(not_read)?;
    let page = Listed::cut(rows, limit.get(), |last| (last.at.micros(), last.id.0));
    Ok(NotificationPage { items: page.items, next_cursor: page.next_cursor })
}

fn not_read<E>(error: DbErr) -> CallError<E> {
    let unexpected = Unexpected::from(error);
    unexpected.log();
    CallError::NotDone(unexpected.to_string())
}

/// All mails, newest first; who may see them was asked before.
/// # Errors
/// 400 for a cursor that is none; ours when the database fails.
pub async fn list_mails(
    service: &Notifications,
    query: &CursorQuery,
) -> HttpResult<Listed<Header>> {
    let after: Option<Place> = query.after()?;
    let rows = store::list_mails(service.db.reader(), after, query.limit() + 1).await;
    let rows = rows.map_err(Unexpected::from)?;
    Ok(Listed::cut(rows, query.limit(), |last| (last.created_at, last.id)))
}

/// One mail.
/// # Errors
/// When the database fails.
pub async fn find_mail(service: &Notifications, id: Uuid) -> Result<Option<Mail>, Unexpected> {
    Ok(store::find_mail(service.db.reader(), id).await?)
}

/// The mail as a file that mail programs open.
/// # Errors
/// When it cannot be written as one.
pub fn eml(service: &Notifications, mail: &Mail) -> Result<Vec<u8>, Unexpected> {
    let posted = Posted {
        id: mail.id,
        message_id: &mail.message_id,
        to: &mail.recipient,
        subject: &mail.subject,
        text: &mail.plain,
        html: &mail.html,
        created_at: Timestamp::from_micros(mail.created_at),
    };
    mail::eml(&service.shop, posted)
}
