//! `/account`: what the store knows of a person, and forms to change or to erase it.
pub mod addresses;

use crate::Shop;
use crate::door::drop_session;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Day, When};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect};
use contracts::identity::{
    AskToVerify, ChangePassword, EndSessions, EraseMe, ExportMe, GetMe, ListAddresses,
    ListSessions, Me, MeRefused, OpenSession, SavedAddress, UpdateMe,
};
use contracts::{AddressId, SessionId};
use serde::Deserialize;
use std::sync::Arc;

const HERE: &str = "/account";

/// Another name.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Name {
    name: String,
}

/// Another password.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Password {
    current: String,
    new: String,
}

/// Which session is to end; none means all others.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Session {
    session: String,
}

/// The end of an account.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Farewell {
    password: String,
}

struct Kept {
    id: AddressId,
    is_default: bool,
    lines: String,
    phone: Option<String>,
    /// What tells it from the others.
    name: String,
}

struct Open {
    id: SessionId,
    current: bool,
    device: String,
    since: Day,
    used: When,
}

#[derive(Template)]
#[template(path = "account/account.html")]
struct AccountPage {
    frame: Frame,
    me: Me,
    /// What stands in the field.
    typed: String,
    /// None where identity does not tell.
    addresses: Option<Vec<Kept>>,
    sessions: Option<Vec<Open>>,
    faults: Faults,
}

/// The page.
pub async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    page(&shop, &visitor, None, Faults::default(), StatusCode::OK).await
}

/// Changes the name.
pub async fn rename(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Name>,
) -> Shown {
    let known = known(&visitor)?;
    let update = UpdateMe { name: Some(form.name.trim().to_owned()) };
    match shop.ask(known, update).await.refusal()? {
        Ok(_) => Ok(Redirect::to("/account?notice=name_saved").into_response()),
        Err(refused) => {
            let faults = faults(refused, "name")?;
            let typed = Some(form.name.chars().take(300).collect());
            page(&shop, known, typed, faults, StatusCode::UNPROCESSABLE_ENTITY).await
        }
    }
}

/// Changes the password.
pub async fn change_password(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Password>,
) -> Shown {
    let known = known(&visitor)?;
    let change = ChangePassword { current: form.current, new: form.new };
    match shop.ask(known, change).await.refusal()? {
        Ok(()) => Ok(Redirect::to("/account?notice=password_changed").into_response()),
        Err(MeRefused::WrongPassword) => {
            let faults = Faults::one("current", "is not your present password");
            page(&shop, known, None, faults, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(refused) => {
            let faults = faults(refused, "new")?;
            page(&shop, known, None, faults, StatusCode::UNPROCESSABLE_ENTITY).await
        }
    }
}

/// Sends the link that shows that the address is their own.
pub async fn ask_to_verify(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    let known = known(&visitor)?;
    shop.ask(known, AskToVerify).await.or_stop(|_| Stop::LogIn(HERE.to_owned()))?;
    Ok(Redirect::to("/account?notice=link_sent").into_response())
}

/// Ends a session, or all others.
pub async fn end_sessions(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Session>,
) -> Shown {
    let known = known(&visitor)?;
    let session = match form.session.as_str() {
        "" => None,
        id => Some(id.parse::<SessionId>().map_err(|_| Stop::NotFound)?),
    };
    match shop.ask(known, EndSessions { session }).await.refusal()? {
        // One that is gone is ended.
        Ok(()) | Err(MeRefused::NotFound) => {
            Ok(Redirect::to("/account?notice=session_closed").into_response())
        }
        Err(refused) => Err(stopped(&refused)),
    }
}

/// All that the store keeps about the person, as a file.
pub async fn data(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    let known = known(&visitor)?;
    let all = shop.ask(known, ExportMe).await.or_stop(|refused| stopped(&refused))?;
    let text = serde_json::to_string_pretty(&all).map_err(|error| {
        tracing::error!(%error, "an account's data cannot be written");
        Stop::Broken
    })?;
    let about = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"my-data.json\""),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok((about.map(|(name, value)| (name, HeaderValue::from_static(value))), text).into_response())
}

/// Erases the account, and forgets it in this browser.
pub async fn erase(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Farewell>,
) -> Shown {
    let known = known(&visitor)?;
    match shop.ask(known, EraseMe { password: form.password }).await.refusal()? {
        Ok(()) => {
            let mut response = Redirect::to("/?notice=erased").into_response();
            drop_session(&shop, &mut response);
            Ok(response)
        }
        Err(refused) => {
            let faults = match refused {
                MeRefused::WrongPassword => Faults::one("password", "is not your password"),
                MeRefused::LastAdmin => Faults::one(
                    "password",
                    "is right, but the store would have no admin left: name another one first",
                ),
                other => faults(other, "password")?,
            };
            page(&shop, known, None, faults, StatusCode::UNPROCESSABLE_ENTITY).await
        }
    }
}

/// Whoever is logged in.
fn known(visitor: &Visitor) -> Result<&Visitor, Stop> {
    if visitor.is_known() { Ok(visitor) } else { Err(Stop::LogIn(HERE.to_owned())) }
}

/// What a refusal makes of a page where there is no field to blame.
fn stopped(refused: &MeRefused) -> Stop {
    match refused {
        MeRefused::NotLoggedIn => Stop::LogIn(HERE.to_owned()),
        MeRefused::NotFound => Stop::NotFound,
        other => Stop::conflict(format!("The shop says: {other}.")),
    }
}

/// What is wrong with a field; else that of the form that is blamed.
fn faults(refused: MeRefused, blamed: &str) -> Result<Faults, Stop> {
    match refused {
        MeRefused::Invalid { field, reason } => match field.as_str() {
            "name" | "current" | "new" => Ok(Faults::one(field, reason)),
            _ => Ok(Faults::one(blamed, reason)),
        },
        other => Err(stopped(&other)),
    }
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    typed: Option<String>,
    faults: Faults,
    status: StatusCode,
) -> Shown {
    let known = known(visitor)?;
    let (frame, me, addresses, sessions) = tokio::join!(
        Frame::at_place(shop, known, "account"),
        shop.ask(known, GetMe),
        shop.ask(known, ListAddresses),
        shop.ask(known, ListSessions)
    );
    let me = me.or_stop(|_| Stop::LogIn(HERE.to_owned()))?;
    let page = AccountPage {
        frame,
        typed: typed.unwrap_or_else(|| me.name.clone()),
        addresses: addresses.ok().map(|all| all.into_iter().map(kept).collect()),
        sessions: sessions.ok().map(|all| all.into_iter().map(open).collect()),
        me,
        faults,
    };
    private(status, &page)
}

fn kept(saved: SavedAddress) -> Kept {
    let SavedAddress { id, is_default, address } = saved;
    let lines = super::address::lines(&address);
    let name = format!("{}, {}", address.line1, address.city);
    Kept { id, is_default, lines, phone: address.phone, name }
}

fn open(session: OpenSession) -> Open {
    Open {
        id: session.id,
        current: session.current,
        device: device(session.device.as_deref().unwrap_or_default()),
        since: Day(session.created_at),
        used: When(session.used_at),
    }
}

/// What a browser calls itself, as people do: `Firefox on Linux`. What is none is told as it is.
fn device(said: &str) -> String {
    // A browser names those that it wants to be taken for, too: the rarer names come first.
    let browsers =
        [("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome")];
    let systems = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ];
    let named = |names: &[(&str, &'static str)]| {
        names.iter().find(|(part, _)| said.contains(part)).map(|(_, name)| *name)
    };
    let safari = said.contains("Safari/").then_some("Safari");
    match (named(&browsers).or(safari), named(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ if said.is_empty() => "An unknown device".to_owned(),
        _ => said.chars().take(100).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::device;

    #[test]
    fn a_device_is_called_as_people_call_it() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
        for (said, told) in [
            (chrome, "Chrome on Linux"),
            (&format!("{chrome} Edg/120.0"), "Edge on Linux"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.0", "curl/8.0"),
            ("", "An unknown device"),
        ] {
            assert_eq!(device(said), told);
        }
    }
}
