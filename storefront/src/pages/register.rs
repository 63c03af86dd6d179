//! `/register`: opens an account and logs in.
use super::login::{Next, enter, landing};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::identity::{Register, RegisterRefused};
use serde::Deserialize;
use std::sync::Arc;

/// Who opens an account, and where to go then.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Newcomer {
    name: String,
    email: String,
    password: String,
    next: String,
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    frame: Frame,
    form: Newcomer,
    faults: Faults,
}

/// The form.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(Next { next }): Query<Next>,
) -> Shown {
    if visitor.is_known() {
        return Ok(Redirect::to(landing(&next)).into_response());
    }
    let form = Newcomer { next, ..Newcomer::default() };
    page(&shop, &visitor, form, Faults::default(), StatusCode::OK).await
}

/// Opens the account.
pub async fn send(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Newcomer>,
) -> Shown {
    let register = Register {
        email: form.email.trim().to_owned(),
        password: form.password.clone(),
        name: form.name.trim().to_owned(),
        device: visitor.device.clone(),
    };
    let (faults, status) = match shop.ask(&visitor, register).await.refusal()? {
        Ok(tokens) => {
            let next = Some(landing(&form.next)).filter(|next| *next != "/");
            return Ok(enter(&shop, &tokens, next.unwrap_or("/?notice=welcome")));
        }
        Err(RegisterRefused::EmailTaken) => {
            let taken = "has an account already: log in, or use another one";
            (Faults::one("email", taken), StatusCode::CONFLICT)
        }
        Err(RegisterRefused::Invalid { field, reason }) => {
            (Faults::one(field, reason), StatusCode::UNPROCESSABLE_ENTITY)
        }
    };
    page(&shop, &visitor, form, faults, status).await
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    form: Newcomer,
    faults: Faults,
    status: StatusCode,
) -> Shown {
    let frame = Frame::at_place(shop, visitor, "login").await;
    let cut = |text: String| text.chars().take(300).collect::<String>();
    let form = Newcomer {
        name: cut(form.name),
        email: cut(form.email),
        password: String::new(),
        next: landing(&form.next).to_owned(),
    };
    private(status, &RegisterPage { frame, form, faults })
}
