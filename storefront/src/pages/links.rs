//! What a letter's link leads to: `/forgot-password`, `/reset-password` and `/verify-email`.
//!
//! Programs that look through mail follow every link in it. So looking at one of these pages
//! does nothing: it shows a form, and the form uses the link.
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::identity::{ForgotPassword, LinkRefused, ResetPassword, VerifyEmail};
use serde::Deserialize;
use std::sync::Arc;

/// Longer tokens there are none.
const LONGEST_TOKEN: usize = 500;

/// What the link says.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Link {
    token: String,
}

impl Link {
    /// The token, if it can be one.
    fn token(self) -> Option<String> {
        let fits = |token: &String| {
            (1..=LONGEST_TOKEN).contains(&token.len())
                && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        Some(self.token).filter(fits)
    }
}

/// Whose password was forgotten.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Forgotten {
    email: String,
}

/// A new password, and the link that allows it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    token: String,
    password: String,
}

#[derive(Template)]
#[template(path = "account/forgot.html")]
struct ForgotPage {
    frame: Frame,
    email: String,
    faults: Faults,
    /// Whether a letter is on its way, should there be an account.
    sent: bool,
}

#[derive(Template)]
#[template(path = "account/reset.html")]
struct ResetPage {
    frame: Frame,
    /// None where the link is not valid.
    token: Option<String>,
    faults: Faults,
}

#[derive(Template)]
#[template(path = "account/verify.html")]
struct VerifyPage {
    frame: Frame,
    token: Option<String>,
    done: bool,
}

/// The form that asks for a letter.
pub async fn forgot(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    let frame = Frame::at_place(&shop, &visitor, "login").await;
    let page = ForgotPage { frame, email: String::new(), faults: Faults::default(), sent: false };
    private(StatusCode::OK, &page)
}

/// Sends the letter. What is said does not tell whether there is an account.
pub async fn ask_to_reset(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Forgotten>,
) -> Shown {
    let email = form.email.trim().to_owned();
    let frame = Frame::at_place(&shop, &visitor, "login").await;
    if !email.contains('@') || email.len() > 254 {
        let faults = Faults::one("email", "must be an e-mail address");
        let email = email.chars().take(300).collect();
        let page = ForgotPage { frame, email, faults, sent: false };
        return private(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let ask = ForgotPassword { email: email.clone() };
    shop.ask(&visitor, ask).await.or_stop(|never| match never {})?;
    let page = ForgotPage { frame, email, faults: Faults::default(), sent: true };
    private(StatusCode::OK, &page)
}

/// The form for a new password.
pub async fn reset(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(link): Query<Link>,
) -> Shown {
    let frame = Frame::at_place(&shop, &visitor, "login").await;
    let token = link.token();
    let status = if token.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    private(status, &ResetPage { frame, token, faults: Faults::default() })
}

/// Chooses the new password. All sessions of the account end, also one in this browser.
pub async fn choose(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Choice>,
) -> Shown {
    let Choice { token, password } = form;
    let Some(token) = (Link { token }).token() else { return spent(&shop, &visitor).await };
    let reset = ResetPassword { token: token.clone(), password };
    match shop.ask(&visitor, reset).await.refusal()? {
        Ok(()) => {
            let mut response = Redirect::to("/login?notice=password_reset").into_response();
            crate::door::drop_session(&shop, &mut response);
            Ok(response)
        }
        Err(LinkRefused::InvalidLink) => spent(&shop, &visitor).await,
        Err(LinkRefused::Invalid { reason, .. }) => {
            let frame = Frame::at_place(&shop, &visitor, "login").await;
            let faults = Faults::one("password", reason);
            let page = ResetPage { frame, token: Some(token), faults };
            private(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
    }
}

async fn spent(shop: &Shop, visitor: &Visitor) -> Shown {
    let frame = Frame::at_place(shop, visitor, "login").await;
    private(StatusCode::CONFLICT, &ResetPage { frame, token: None, faults: Faults::default() })
}

/// A button that shows that the address is their own.
pub async fn verify(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(link): Query<Link>,
) -> Shown {
    let frame = Frame::at_place(&shop, &visitor, "account").await;
    let token = link.token();
    let status = if token.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    private(status, &VerifyPage { frame, token, done: false })
}

/// Uses the link. It works in any browser, whoever is logged in there.
pub async fn confirm(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(link): Sent<Link>,
) -> Shown {
    let done = match link.token() {
        Some(token) => shop.ask(&visitor, VerifyEmail { token }).await.refusal()?.is_ok(),
        None => false,
    };
    if done && visitor.is_known() {
        return Ok(Redirect::to("/account?notice=email_verified").into_response());
    }
    let frame = Frame::at_place(&shop, &visitor, "account").await;
    let status = if done { StatusCode::OK } else { StatusCode::CONFLICT };
    private(status, &VerifyPage { frame, token: None, done })
}
