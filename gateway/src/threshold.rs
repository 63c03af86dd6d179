//! What every request passes: limits, then who asks, then the time it may take; and what every
//! answer gets on its way out.
use crate::dress::Manners;
use crate::limits::Limits;
use crate::place::Place;
use crate::sessions::Sessions;
use axum::extract::{Request, State};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use contracts::Caller;
use kit::Problem;
use kit::input::BodyLimit;
use kit::problem::HttpResult;
use kit::telemetry;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;

/// The cookie that holds a browser's access token.
pub const SESSION_COOKIE: &str = "feria_session";

pub(crate) struct Threshold {
    pub sessions: Arc<Sessions>,
    pub limits: Option<Limits>,
    /// How long a request may take until its answer begins. Streams go on after that.
    pub patience: Duration,
    pub body: BodyLimit,
    pub manners: Manners,
}

/// Lets a request in, or answers it at the door.
pub(crate) async fn cross(
    State(threshold): State<Arc<Threshold>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut request, body) = request.into_parts();
    let place = Place::of(request.uri.path());
    let limits = threshold.limits.as_ref();
    let admitted = limits.map_or(Ok(None), |limits| limits.admit(place, &request));
    let (entered, left) = match admitted {
        Ok(left) => (threshold.enter(place, &mut request).await, left),
        Err(left) => (Err(left.refusal()), Some(left)),
    };
    let known = matches!(request.extensions.get(), Some(Caller::Account { .. }));
    let mut response = match entered {
        Ok(()) => in_time(threshold.patience, Request::from_parts(request, body), next).await,
        Err(problem) => problem.into_response(),
    };
    response = threshold.manners.dress(response, place, known);
    if let Some(left) = left {
        left.tell(response.headers_mut());
    }
    response
}

impl Threshold {
    /// Finds out who asks, and tells the handlers.
    async fn enter(&self, place: Place, request: &mut Head) -> HttpResult<()> {
        let caller = match place {
            Place::Ops | Place::Docs => Caller::Guest,
            _ => self.caller(place, request).await?,
        };
        request.extensions.insert(caller);
        request.extensions.insert(self.body);
        Ok(())
    }
    async fn caller(&self, place: Place, request: &Head) -> HttpResult<Caller> {
        let headers = &request.headers;
        if let Some(told) = headers.get(header::AUTHORIZATION) {
            // What is not text is no token either.
            let told = told.to_str().unwrap_or_default();
            return match self.sessions.caller(Some(told)).await {
                // Whoever logs in need not throw an old token away first.
                Err(_) if matches!(place, Place::Login { .. }) => Ok(Caller::Guest),
                answer => Ok(answer?),
            };
        }
        let Some(token) = session_cookie(headers).filter(|_| takes_cookies(place, request)) else {
            return Ok(Caller::Guest);
        };
        // A page is shown to whomever, and the storefront renews the cookie.
        let told = format!("Bearer {token}");
        Ok(self.sessions.caller(Some(&told)).await.unwrap_or(Caller::Guest))
    }
}

/// Whether a cookie says who asks. Browsers send cookies along with requests that other sites
/// made up: the API takes them only for reading, and only from pages of this store, and the
/// storefront looks by itself where a form came from.
fn takes_cookies(place: Place, request: &Head) -> bool {
    let site = request.headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    place.is_page()
        || (request.method.is_safe()
            && matches!(site, Some(b"same-origin" | b"same-site" | b"none")))
}

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs =
        cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == SESSION_COOKIE).map(|(_, value)| value.trim())
}

/// Answers within `patience`. What changes something goes on to its end although the client, or
/// our patience, is gone: a checkout that is dropped between two steps would hold its stock and
/// its key until they are let go by time.
async fn in_time(patience: Duration, request: Request, next: Next) -> Response {
    let safe = request.method().is_safe();
    let work = next.run(request);
    let answer = if safe {
        tokio::time::timeout(patience, work).await.map(Ok)
    } else {
        let work = work.in_current_span();
        let task = match telemetry::trace() {
            Some(trace) => tokio::spawn(telemetry::in_trace(trace, work)),
            None => tokio::spawn(work),
        };
        tokio::time::timeout(patience, task).await
    };
    match answer {
        Ok(Ok(response)) => response,
        // The layer inside catches panics: the task was cancelled, as the process ends.
        Ok(Err(_)) => Problem::outcome_unknown().into_response(),
        Err(_) => {
            let detail =
                "The store did not answer in time. Look whether it was done, or repeat it.";
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail).into_response()
        }
    }
}

/// Turns a panic into an answer that tells nothing of it.
pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = said.unwrap_or("not a text"), "a handler panicked");
    metrics::counter!("panics_total").increment(1);
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let sent = headers(&[("cookie", "a=1; feria_session=abc.def; b=2")]);
        assert_eq!(session_cookie(&sent), Some("abc.def"));
        assert_eq!(session_cookie(&headers(&[("cookie", "xferia_session=abc")])), None);
    }
}
