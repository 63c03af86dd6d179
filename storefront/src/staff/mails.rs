//! `/admin/mails`: the letters that the shop wrote, and what became of them.
use super::{Tab, link, no_such_page, require, sought, tabs};
use crate::Shop;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::counted;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect};
use contracts::MailId;
use contracts::caller::Permission;
use contracts::notifications::{
    GetMail, ListMails, Mail, MailRefused, MailStatus, SendAgain, WholeMail,
};
use serde::Deserialize;
use std::sync::Arc;

const LIMIT: u32 = 30;

/// The states: on the wire, in words, and the class of their badge.
const STATES: [(MailStatus, &str, &str, &str); 4] = [
    (MailStatus::Kept, "kept", "Kept here", ""),
    (MailStatus::Waiting, "waiting", "Waiting", "is-pending"),
    (MailStatus::Sent, "sent", "Sent", "is-paid"),
    (MailStatus::Failed, "failed", "Failed", "is-cancelled"),
];

/// A letter may have styles of its own, in the frame that shows it; it runs nothing, and fetches
/// nothing from elsewhere.
const LETTER_POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; \
    font-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Which letters.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Which {
    to: String,
    status: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "staff/mails.html")]
struct MailsPage {
    frame: Frame,
    tabs: Vec<Tab>,
    which: Which,
    mails: Vec<Mail>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/mail.html")]
struct MailPage {
    frame: Frame,
    tabs: Vec<Tab>,
    whole: WholeMail,
    trouble: Option<&'static str>,
}

fn stopped(refused: &MailRefused) -> Stop {
    match refused {
        MailRefused::NotAllowed => Stop::Forbidden,
        MailRefused::NotFound => Stop::NotFound,
        MailRefused::WrongState => Stop::conflict("The letter has not failed."),
        MailRefused::Cursor => no_such_page(),
    }
}

/// A state in words.
fn state(status: &MailStatus) -> &'static str {
    STATES.iter().find(|(known, ..)| known == status).map_or("", |(_, _, words, _)| words)
}

/// The class of a state's badge.
fn class(status: &MailStatus) -> &'static str {
    STATES.iter().find(|(known, ..)| known == status).map_or("", |(.., class)| class)
}

/// How often it was tried.
fn tries(attempts: &u32) -> String {
    counted(u64::from(*attempts), "attempt", "attempts")
}

/// The list.
pub async fn list(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Shown {
    require(&visitor, Permission::ManageMessages)?;
    let list = ListMails {
        limit: LIMIT,
        cursor: Some(which.cursor.clone()).filter(|cursor| !cursor.is_empty()),
        to: sought(&which.to),
        status: STATES.iter().find(|(_, name, ..)| *name == which.status).map(|(of, ..)| *of),
    };
    let (frame, listed) =
        tokio::join!(Frame::at_place(&shop, &visitor, "staff"), shop.ask(&visitor, list));
    let listed = listed.or_stop(|refused| stopped(&refused))?;
    let next = listed.next_cursor.map(|cursor| {
        let query = [("to", which.to.as_str()), ("status", &which.status), ("cursor", &cursor)];
        link("/admin/mails", &query)
    });
    let tabs = tabs(&visitor, "/admin/mails");
    private(StatusCode::OK, &MailsPage { frame, tabs, which, mails: listed.items, next })
}

/// One letter.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    require(&visitor, Permission::ManageMessages)?;
    page(&shop, &visitor, parse(&id)?, None, StatusCode::OK).await
}

/// Hands one that failed to the mail server again.
pub async fn send_again(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    require(&visitor, Permission::ManageMessages)?;
    let mail = parse(&id)?;
    match shop.ask(&visitor, SendAgain { mail }).await.refusal()? {
        Ok(_) => {
            let to = format!("/admin/mails/{mail}?notice=mail_waits");
            Ok(Redirect::to(&to).into_response())
        }
        Err(MailRefused::WrongState) => {
            let trouble = Some("The letter has not failed, so it is not sent again.");
            page(&shop, &visitor, mail, trouble, StatusCode::CONFLICT).await
        }
        Err(refused) => Err(stopped(&refused)),
    }
}

fn parse(id: &str) -> Result<MailId, Stop> {
    id.parse().map_err(|_| Stop::NotFound)
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    mail: MailId,
    trouble: Option<&'static str>,
    status: StatusCode,
) -> Shown {
    let (frame, whole) =
        tokio::join!(Frame::at_place(shop, visitor, "staff"), shop.ask(visitor, GetMail { mail }));
    let whole = whole.or_stop(|refused| stopped(&refused))?;
    let tabs = tabs(visitor, "/admin/mails");
    let mut response = private(status, &MailPage { frame, tabs, whole, trouble })?;
    let policy = HeaderValue::from_static(LETTER_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
