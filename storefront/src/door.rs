//! What every page passes: forms of other sites are refused, an expired session is renewed, a
//! guest's cart follows into the account; and whatever goes wrong becomes a page.
use crate::frame::{Frame, html};
use crate::pages::login::local;
use crate::renewal::Renewed;
use crate::stop::{self, Stop};
use crate::visitor::Visitor;
use crate::{Shop, cookies, notice};
use askama::Template;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use contracts::cart::{CartToken, GetCart};
use contracts::identity::Tokens;
use std::borrow::Cow;
use std::sync::Arc;

/// For how long a session is not renewed again: a browser whose new token is not taken would
/// else be sent in a circle.
const BREATH_SECONDS: u32 = 5;

/// Lets a request in, and its answer out.
pub async fn door(State(shop): State<Arc<Shop>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut visitor = Visitor::of(&parts);
    let (mut over, mut merged) = (false, false);
    let response = if !parts.method.is_safe() && from_elsewhere(&shop, &parts) {
        Stop::Refused(
            StatusCode::FORBIDDEN,
            "The form came from another site, so nothing was done.".into(),
        )
        .into_response()
    } else if visitor.here.contains("%00") {
        Stop::bad("The address has a character in it that no address has.").into_response()
    } else {
        match renew(&shop, &parts, &visitor).await {
            Renewal::Again(response) => return response,
            Renewal::Over => {
                over = true;
                visitor.notice = visitor.notice.or_else(|| notice::called("session_ended"));
            }
            Renewal::None => {}
        }
        merged = merge(&shop, &mut visitor).await;
        parts.extensions.insert(visitor.clone());
        next.run(Request::from_parts(parts, body)).await
    };
    let mut response = as_page(&shop, &visitor, response).await;
    if over {
        drop_session(&shop, &mut response);
    }
    if merged {
        shop.cookies().drop(&mut response, cookies::CART);
    }
    response
}

/// Whether a browser says that another site made the request up. One that says nothing has sent
/// no cookie of ours along either, as they are `SameSite`.
fn from_elsewhere(shop: &Shop, parts: &Parts) -> bool {
    if let Some(site) = parts.headers.get("sec-fetch-site") {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = parts.headers.get(header::ORIGIN) else { return false };
    let Ok(origin) = origin.to_str() else { return true };
    let Some((_, origin)) = origin.split_once("://") else { return true };
    let public = shop.config.public_url.split_once("://").map(|(_, host)| host);
    let here = host(&parts.headers, &parts.uri);
    ![here, public].into_iter().flatten().any(|host| host.eq_ignore_ascii_case(origin))
}

fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| uri.authority().map(|authority| authority.as_str()))
}

enum Renewal {
    /// The browser is to ask again, with new tokens.
    Again(Response),
    /// The session has ended: its cookies go.
    Over,
    /// There is nothing to renew, or not now.
    None,
}

/// Renews the session of a browser that looks at a page with an expired access token.
async fn renew(shop: &Shop, parts: &Parts, visitor: &Visitor) -> Renewal {
    let Some(token) = cookies::read(&parts.headers, cookies::REFRESH) else { return Renewal::None };
    let just_now = cookies::read(&parts.headers, cookies::RENEWED).is_some();
    if visitor.is_known() || just_now || !is_top_level(&parts.headers) || !local(&visitor.here) {
        return Renewal::None;
    }
    match shop.renewals.exchange(&shop.calls, token, shop.sources.now()).await {
        Renewed::Tokens(tokens) => {
            // 307: a form is sent again as it was.
            let mut again = Redirect::temporary(&visitor.here).into_response();
            keep_session(shop, &mut again, &tokens);
            shop.cookies().set(&mut again, cookies::RENEWED, "1", BREATH_SECONDS);
            let never = HeaderValue::from_static("private, no-store");
            again.headers_mut().insert(header::CACHE_CONTROL, never);
            Renewal::Again(again)
        }
        Renewed::Over => Renewal::Over,
        Renewed::NotNow => Renewal::None,
    }
}

/// Whether a page is looked at: not a picture, nor anything that a page fetches by itself.
fn is_top_level(headers: &HeaderMap) -> bool {
    let says = |name, wanted: &[u8]| headers.get(name).is_none_or(|said| said.as_bytes() == wanted);
    says("sec-fetch-mode", b"navigate") && says("sec-fetch-dest", b"document")
}

/// Keeps the tokens of a session in the browser.
pub fn keep_session(shop: &Shop, response: &mut Response, tokens: &Tokens) {
    let cookies = shop.cookies();
    cookies.set(response, cookies::SESSION, &tokens.access_token, tokens.expires_in);
    cookies.set(response, cookies::REFRESH, &tokens.refresh_token, cookies::LONG);
}

/// Takes the tokens of a session out of the browser.
pub fn drop_session(shop: &Shop, response: &mut Response) {
    shop.cookies().drop(response, cookies::SESSION);
    shop.cookies().drop(response, cookies::REFRESH);
}

/// Has the cart service merge a guest's cart into the account, on the first page after a login.
async fn merge(shop: &Shop, visitor: &mut Visitor) -> bool {
    if !visitor.is_known() || visitor.cart.token.is_none() {
        return false;
    }
    match shop.ask(visitor, GetCart { of: visitor.cart.clone() }).await {
        Ok(_) => {
            visitor.cart = CartToken::default();
            true
        }
        Err(error) => {
            tracing::warn!(%error, "a guest's cart was not merged; the next page tries again");
            false
        }
    }
}

#[derive(Template)]
#[template(path = "stop.html")]
struct StopPage {
    frame: Frame,
    status: u16,
    title: &'static str,
    text: Cow<'static, str>,
    request: Option<String>,
}

/// What is no page and went wrong becomes one. Headers such as `Allow` stay.
async fn as_page(shop: &Shop, visitor: &Visitor, response: Response) -> Response {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !failed || kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let (title, text) = stop::words(status, parts.extensions.get::<Stop>());
    let frame = Frame::of(shop, visitor).await;
    let request = visitor.request.clone();
    let page = StopPage { frame, status: status.as_u16(), title, text, request };
    let Ok(page) = html(status, &page) else { return status.into_response() };
    let (page, body) = page.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(page.headers);
    Response::from_parts(parts, body)
}
