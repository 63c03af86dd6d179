//! What every answer wears: headers that keep browsers safe, and problems where programs ask.
use crate::place::Place;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use kit::Problem;
use tokio_util::sync::CancellationToken;

/// Pages are plain: no scripts, nothing from elsewhere but pictures.
const PAGES: &str = "default-src 'none'; style-src 'self'; font-src 'self'; \
    img-src 'self' data: https: http:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The page to try the API runs its own scripts, and asks this store only.
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    font-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// How answers are dressed.
pub(crate) struct Manners {
    /// Whether the store is reached by https only.
    pub https: bool,
    /// Cancelled when the store begins to stop: endless streams end.
    pub stopping: CancellationToken,
}

impl Manners {
    /// Dresses an answer of `place`; `known`: to somebody who is logged in.
    pub fn dress(&self, response: Response, place: Place, known: bool) -> Response {
        let mut response = self.ending(as_problem(response, place));
        let csp = if place == Place::Docs { DOCS } else { PAGES };
        let mut wear = |name: HeaderName, value: &'static str| {
            response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        };
        wear(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        wear(header::CONTENT_SECURITY_POLICY, csp);
        wear(header::REFERRER_POLICY, "strict-origin-when-cross-origin");
        wear(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        if self.https {
            wear(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
        if known || matches!(place, Place::Login { .. } | Place::LoginPage) {
            wear(header::CACHE_CONTROL, "private, no-store");
        }
        response
    }
    /// A stream of events ends when the store stops, and its client comes back to the next one.
    fn ending(&self, response: Response) -> Response {
        let kind = response.headers().get(header::CONTENT_TYPE);
        if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
            return response;
        }
        let stopping = self.stopping.clone();
        response.map(|body| {
            Body::from_stream(body.into_data_stream().take_until(stopping.cancelled_owned()))
        })
    }
}

/// Whatever goes wrong where programs ask is a problem: also what the router and the extractors
/// refuse by themselves. Headers such as `Allow` stay.
fn as_problem(response: Response, place: Place) -> Response {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let told = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"));
    if !failed || told || !(place.is_api() || place == Place::Docs) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let problem = match status {
        StatusCode::NOT_FOUND => Problem::not_found(),
        StatusCode::UNAUTHORIZED => Problem::unauthorized(),
        StatusCode::FORBIDDEN => Problem::forbidden(),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(status, "method_not_allowed", "This is not done by that method.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(status, "body_too_large", "The body is too long.")
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::new(status, "unsupported_media_type", "Send JSON.")
        }
        status if status.is_server_error() => {
            let mut problem = Problem::internal();
            problem.status = status;
            problem
        }
        status => Problem::new(status, "invalid_input", "The request cannot be read."),
    };
    let (problem, body) = problem.into_response().into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(problem.headers);
    parts.extensions.extend(problem.extensions);
    Response::from_parts(parts, body)
}
