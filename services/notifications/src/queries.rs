//! What notifications answers to those who read.
use crate::Notifications;
use crate::mail::{self, Posted};
use crate::store::mails::{self, Header, Listing, REDACTED, address_of, status_of};
use crate::store::{self, Place};
use contracts::caller::Permission;
use contracts::notifications::{
    GetMail, ListMails, ListNotifications, ListNotificationsRefused, Mail, MailPage, MailRefused,
    MailStatus, NotificationPage, WholeMail,
};
use contracts::{AccountId, CallError, Caller, MailId, OrderId, Timestamp};
use kit::calls::Answer;
use kit::pages::{CursorQuery, Listed, PageSize};
use kit::problem::Unexpected;
use sea_orm::DbErr;

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
    let query = part(call.limit, call.cursor);
    let after: Option<Place> =
        query.after().map_err(|_| CallError::Refused(ListNotificationsRefused::Cursor))?;
    let more = query.limit() + 1;
    let rows = store::notifications::list(service.db.reader(), account, after, more).await;
    let rows = rows.map_err(not_read)?;
    let page = Listed::cut(rows, query.limit(), |last| (last.at.micros(), last.id.0));
    Ok(NotificationPage { items: page.items, next_cursor: page.next_cursor })
}

fn part(limit: u32, cursor: Option<String>) -> CursorQuery {
    let limit = PageSize::new(limit.clamp(1, 100)).unwrap_or(kit::pages::default_size());
    CursorQuery { limit, cursor }
}

fn not_read<E>(error: DbErr) -> CallError<E> {
    failed(error.into())
}

fn failed<E>(unexpected: Unexpected) -> CallError<E> {
    unexpected.log();
    CallError::NotDone(unexpected.to_string())
}

/// The letters that were written, newest first, for staff.
/// # Errors
/// [`MailRefused`], see there.
pub async fn list_mails(
    service: &Notifications,
    caller: &Caller,
    call: ListMails,
) -> Answer<ListMails> {
    staff(caller)?;
    let query = part(call.limit, call.cursor);
    let after: Option<Place> =
        query.after().map_err(|_| CallError::Refused(MailRefused::Cursor))?;
    let address = match call.to.as_deref().map(address_of) {
        // Nothing was ever sent to what is longer than any address.
        Some(None) => return Ok(MailPage { items: Vec::new(), next_cursor: None }),
        Some(address) => address,
        None => None,
    };
    let wanted = Listing { address, status: call.status, after, most: query.limit() + 1 };
    let rows = mails::list(service.db.reader(), wanted).await.map_err(not_read)?;
    let page = Listed::cut(rows, query.limit(), |last| (last.created_at, last.id)).map(header);
    Ok(MailPage { items: page.items, next_cursor: page.next_cursor })
}

/// One letter with its words, for staff.
/// # Errors
/// [`MailRefused`], see there.
pub async fn get_mail(service: &Notifications, caller: &Caller, call: GetMail) -> Answer<GetMail> {
    let found = find(service, caller, call.mail).await?;
    let message_id = found.message_id.trim_matches(['<', '>']).to_owned();
    let (text, html) = set(&found).map_err(failed)?;
    Ok(WholeMail { mail: header(found.into()), message_id, text, html })
}

/// One letter as a file that mail programs open, for staff.
/// # Errors
/// [`MailRefused`], see there.
pub async fn get_mail_file(
    service: &Notifications,
    caller: &Caller,
    mail: MailId,
) -> Result<Vec<u8>, CallError<MailRefused>> {
    let found = find(service, caller, mail).await?;
    eml(service, &found).map_err(failed)
}

fn staff(caller: &Caller) -> Result<(), CallError<MailRefused>> {
    match caller.may(Permission::ManageMessages) {
        true => Ok(()),
        false => Err(CallError::Refused(MailRefused::NotAllowed)),
    }
}

/// A letter as it may be shown: where a mail server is to get it, its link is for nobody else.
async fn find(
    service: &Notifications,
    caller: &Caller,
    id: MailId,
) -> Result<mails::Model, CallError<MailRefused>> {
    staff(caller)?;
    let found = mails::find(service.db.reader(), id.0).await.map_err(not_read)?;
    let mut found = found.ok_or(CallError::Refused(MailRefused::NotFound))?;
    if status_of(&found.state) != MailStatus::Kept
        && let Some(secret) = found.secret.take().filter(|secret| !secret.is_empty())
    {
        found.plain = found.plain.replace(&secret, REDACTED);
        found.html = found.html.replace(&secret, REDACTED);
        found.words = found.words.map(|words| words.replace(&secret, REDACTED));
    }
    Ok(found)
}

/// The text and HTML of a mail: set from its words, or as they were kept by the release before.
fn set(mail: &mails::Model) -> Result<(String, String), Unexpected> {
    match &mail.words {
        Some(words) => mail::set(&mail.subject, words),
        None => Ok((mail.plain.clone(), mail.html.clone())),
    }
}

impl From<mails::Model> for Header {
    fn from(row: mails::Model) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            order_id: row.order_id,
            account: row.account,
            recipient: row.recipient,
            subject: row.subject,
            state: row.state,
            attempts: row.attempts,
            error: row.error,
            created_at: row.created_at,
        }
    }
}

/// A letter, but for its words.
pub fn header(row: Header) -> Mail {
    Mail {
        id: MailId(row.id),
        to: row.recipient,
        subject: row.subject,
        kind: row.kind,
        order: row.order_id.map(OrderId),
        account: row.account.map(AccountId),
        status: status_of(&row.state),
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        error: row.error,
        at: Timestamp::from_micros(row.created_at),
    }
}

/// The mail as mail programs read it: the same bytes however often it is asked for.
/// # Errors
/// When it cannot be written as one.
pub fn eml(service: &Notifications, mail: &mails::Model) -> Result<Vec<u8>, Unexpected> {
    let (text, html) = set(mail)?;
    let posted = Posted {
        id: mail.id,
        message_id: &mail.message_id,
        to: &mail.recipient,
        subject: &mail.subject,
        text: &text,
        html: &html,
        created_at: Timestamp::from_micros(mail.created_at),
    };
    mail::eml(&service.shop, posted)
}
