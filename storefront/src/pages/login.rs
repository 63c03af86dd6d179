//! `/login`, and `POST /logout`.
use crate::Shop;
use crate::door::{drop_session, keep_session};
use crate::form::Sent;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use contracts::identity::{LogIn, LogOut, Tokens};
use serde::Deserialize;
use std::sync::Arc;

/// An address and its password, and where to go then.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Credentials {
    email: String,
    password: String,
    next: String,
}

/// Where to go after a login.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Next {
    /// A path of this store; others are ignored.
    pub next: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    email: String,
    next: String,
    wrong: bool,
}

/// Whether `path` leads to a page of this store, whatever a browser makes of it: a second slash
/// or a backslash would name another host, and browsers leave out tabs and ends of lines.
pub fn local(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next() == Some(b'/')
        && bytes.next() != Some(b'/')
        && path.len() <= 2000
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// `next`, if it is a page of this store; else the shop front.
pub fn landing(next: &str) -> &str {
    if local(next) { next } else { "/" }
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
    let frame = Frame::at_place(&shop, &visitor, "login").await;
    let next = landing(&next).to_owned();
    private(StatusCode::OK, &LoginPage { frame, email: String::new(), next, wrong: false })
}

/// Logs in. A guest's cart follows on the next page: see the door.
pub async fn send(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Credentials>,
) -> Shown {
    let Credentials { email, password, next } = form;
    let call = LogIn { email: email.trim().to_owned(), password, device: visitor.device.clone() };
    if let Ok(tokens) = shop.ask(&visitor, call).await.refusal()? {
        return Ok(enter(&shop, &tokens, landing(&next)));
    }
    let frame = Frame::at_place(&shop, &visitor, "login").await;
    let (email, next) = (email.chars().take(300).collect(), landing(&next).to_owned());
    private(StatusCode::UNPROCESSABLE_ENTITY, &LoginPage { frame, email, next, wrong: true })
}

/// Keeps the session, and goes to `to`.
pub fn enter(shop: &Shop, tokens: &Tokens, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    keep_session(shop, &mut response, tokens);
    response
}

/// Ends the session, and forgets it in this browser whatever happens.
pub async fn log_out(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    if visitor.is_known()
        && let Err(error) = shop.ask(&visitor, LogOut).await
    {
        tracing::warn!(%error, "a session was not ended; its browser forgets it");
    }
    let mut response = Redirect::to("/?notice=logged_out").into_response();
    drop_session(&shop, &mut response);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_store_are_gone_to() {
        for path in ["/", "/cart", "/search?q=a&b=%2F%2Fx", "/p/a//b", "/checkout#x"] {
            assert!(local(path), "{path}");
        }
        for path in [
            "",
            "cart",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            "/a\\b",
            " /cart",
            "/ü",
            "/a b",
        ] {
            assert!(!local(path), "{path:?}");
            assert_eq!(landing(path), "/");
        }
        assert!(!local(&format!("/{}", "a".repeat(3000))));
    }
}
