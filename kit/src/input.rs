//! Public input: strict, bounded, and refused with the field named.
//!
//! 401 and 403 come before validation. A handler that checks a role by itself therefore takes
//! what it reads *unopened*, and opens it after the check:
//!
//! ```
//! use contracts::{Sku, caller::Permission};
//! use kit::auth::{Asker, require};
//! use kit::input::{Body, IdempotencyKey, Path, Query};
//! use kit::problem::HttpResult;
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Adjust {
//!     change: i32,
//! }
//!
//! async fn adjust(
//!     Asker(caller): Asker,
//!     sku: HttpResult<Path<Sku>>,
//!     key: HttpResult<IdempotencyKey>,
//!     body: Body<Adjust>,
//! ) -> HttpResult<String> {
//!     require(&caller, Permission::ManageStock)?;
//!     let (Path(sku), key) = (sku?, key?);
//!     let adjust = body.parse_hashed()?;
//!     Ok(format!("{sku} {} {}", key.as_str(), adjust.value.change))
//! }
//! # let _: axum::Router = axum::Router::new().route("/{sku}", axum::routing::post(adjust));
//! ```
//!
//! [`Body`] is never refused before it is parsed, and any other extractor of this module may be
//! wrapped in an [`HttpResult`]. Where nobody has to be known, take [`Json`], [`Query`],
//! [`Path`] and [`IdempotencyKey`] as they are. Extractors run in the order of the arguments,
//! so that [`crate::auth::LoggedIn`] as the first of them is enough to put its 401 first.
mod json;

pub use self::json::{canonical_hash, parse_json};

use self::json::field_error;
pub(crate) use self::json::reason;
use crate::problem::{FieldError, HttpResult, Problem};
use axum::extract::{FromRequest, FromRequestParts, Request, rejection::PathRejection};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};
use std::convert::Infallible;
use std::error::Error;
use std::marker::PhantomData;

/// How long a request's body may be, in bytes; set it in the request's extensions to change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

impl Default for BodyLimit {
    /// 1 MiB.
    fn default() -> Self {
        Self(1 << 20)
    }
}

/// A JSON body that was received and not yet looked at.
#[derive(Debug)]
pub struct Body<T> {
    received: HttpResult<Bytes>,
    is_json: bool,
    shape: PhantomData<fn() -> T>,
}

/// A value and the hash of the JSON that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed<T> {
    /// What the body says.
    pub value: T,
    /// SHA-256 of the canonical JSON ([`canonical_hash`]).
    pub hash: [u8; 32],
}

impl<T, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let limit = request.extensions().get::<BodyLimit>().copied().unwrap_or_default();
        let is_json = is_json(request.headers());
        let received = receive(request.into_body(), limit.0).await;
        Ok(Self { received, is_json, shape: PhantomData })
    }
}

async fn receive(body: axum::body::Body, limit: usize) -> HttpResult<Bytes> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("The body is longer than {limit} bytes."),
        )),
        Err(_) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "body_incomplete",
            "The body did not arrive whole.",
        )),
    }
}

/// Whether the content is `application/json` or `application/*+json`, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

impl<T: DeserializeOwned> Body<T> {
    /// What the body says.
    /// # Errors
    /// 413 `body_too_large`; 415 `unsupported_media_type` where the content is not called JSON;
    /// 400 `invalid_input` naming the field.
    pub fn parse(self) -> HttpResult<T> {
        parse_json(&self.json()?)
    }
    /// What the body says, and the hash by which a repetition is known.
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_hashed(self) -> HttpResult<Hashed<T>> {
        let bytes = self.json()?;
        let value = parse_json(&bytes)?;
        let hash = canonical_hash(&parse_json(&bytes)?);
        Ok(Hashed { value, hash })
    }
    /// The same body, and `{}` where there is none: for routes that need no body.
    #[must_use]
    pub fn or_empty(mut self) -> Self {
        if self.received.as_ref().is_ok_and(Bytes::is_empty) {
            self.received = Ok(Bytes::from_static(b"{}"));
            self.is_json = true;
        }
        self
    }
    fn json(self) -> HttpResult<Bytes> {
        let bytes = self.received?;
        if bytes.is_empty() {
            let nothing = FieldError::new("", "is empty; JSON is expected").coded("missing");
            return Err(Problem::invalid(vec![nothing]));
        }
        if self.is_json {
            return Ok(bytes);
        }
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send JSON, with the header Content-Type: application/json.",
        ))
    }
}

/// A JSON body, refused before the handler runs; also a JSON answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> HttpResult<Self> {
        let Ok(body) = Body::<T>::from_request(request, state).await;
        body.parse().map(Self)
    }
}
impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The query string, with every field checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> HttpResult<Self> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::invalid(vec![query_error(&rejection)])),
        }
    }
}

fn query_error(rejection: &(dyn Error + 'static)) -> FieldError {
    let mut next = Some(rejection);
    while let Some(error) = next {
        type Found = serde_path_to_error::Error<serde::de::value::Error>;
        if let Some(found) = error.downcast_ref::<Found>() {
            return field_error(found.path(), &found.inner().to_string());
        }
        next = error.source();
    }
    FieldError::new("", "is no query string")
}

/// What stands in the path. What cannot be read names nothing that exists: 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> HttpResult<Self> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::MissingPathParams(error)) => {
                tracing::error!(%error, "the route has no such parameters");
                Err(Problem::internal())
            }
            Err(_) => Err(Problem::not_found()),
        }
    }
}

/// The client's name for one attempt to change something, from the header `Idempotency-Key`.
///
/// 1 to 200 visible ASCII characters, bare or in double quotes (as the IETF draft writes it):
/// `"a"` and `a` are the same key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    const HEADER: &'static str = "Idempotency-Key";

    /// The key, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The key, without quotes.
    pub fn into_string(self) -> String {
        self.0
    }
    /// Reads it from a request's headers.
    /// # Errors
    /// 400 `idempotency_key_required` where there is none, 400 `invalid_input` where it is no
    /// key.
    pub fn of(headers: &HeaderMap) -> HttpResult<Self> {
        let mut found = headers.get_all(Self::HEADER).iter();
        let Some(value) = found.next() else {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "idempotency_key_required",
                "Send an Idempotency-Key header: any new name for this attempt, such as a UUID.",
            )
            .field(Self::HEADER, "is required"));
        };
        if found.next().is_some() {
            return Err(Problem::invalid_field(Self::HEADER, "is sent more than once"));
        }
        value.to_str().ok().and_then(unquoted).map(Self).ok_or_else(|| {
            Problem::invalid_field(Self::HEADER, "must have 1 to 200 visible ASCII characters")
        })
    }
}

/// The key in a header's value: a string of RFC 8941 §3.3.3, or the bare characters.
fn unquoted(value: &str) -> Option<String> {
    let key = match value.trim().strip_prefix('"') {
        None => value.trim().to_owned(),
        Some(rest) => {
            let mut key = String::new();
            let mut letters = rest.strip_suffix('"')?.chars();
            while let Some(letter) = letters.next() {
                key.push(match letter {
                    '"' => return None,
                    '\\' => letters.next().filter(|escaped| matches!(escaped, '"' | '\\'))?,
                    plain => plain,
                });
            }
            key
        }
    };
    let fits = (1..=200).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(key)
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> HttpResult<Self> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::{get, post};
    use contracts::OrderId;
    use serde::Deserialize;
    use serde_json::Value;
    use tower::ServiceExt as _;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        sku: String,
        #[serde(rename = "quantity")]
        _quantity: i32,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        q: Option<String>,
        min: Option<u16>,
        #[serde(default)]
        affordable: bool,
    }

    fn shop() -> Router {
        Router::new()
            .route("/json", post(|Json(line): Json<Line>| async move { line.sku }))
            .route(
                "/staff",
                post(|body: Body<Line>| async move {
                    let may = false;
                    if !may {
                        return Err(Problem::forbidden());
                    }
                    body.parse().map(|line| line.sku)
                }),
            )
            .route(
                "/cancel",
                post(|body: Body<Filter>| async move {
                    body.or_empty().parse_hashed().map(|body| hex::encode(body.hash))
                }),
            )
            .route(
                "/find",
                get(|Query(filter): Query<Filter>| async move {
                    format!("{:?} {:?} {}", filter.q, filter.min, filter.affordable)
                }),
            )
            .route("/orders/{id}", get(|Path(id): Path<OrderId>| async move { id.to_string() }))
            .route("/pay", post(|key: IdempotencyKey| async move { key.into_string() }))
    }

    async fn ask(
        request: http::request::Builder,
        body: impl Into<axum::body::Body>,
    ) -> (u16, String) {
        let response = shop().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn json(path: &str) -> http::request::Builder {
        Request::post(path).header("content-type", "application/json; charset=utf-8")
    }

    #[tokio::test]
    async fn a_body_must_be_json_and_short() {
        let line = r#"{"sku": "A", "quantity": 1}"#;
        assert_eq!(ask(json("/json"), line).await, (200, "A".into()));
        assert_eq!(ask(Request::post("/json"), line).await.0, 415);
        let form = Request::post("/json").header("content-type", "text/plain");
        assert_eq!(ask(form, line).await.0, 415);
        assert_eq!(ask(json("/json"), "").await.0, 400);
        assert_eq!(ask(json("/json"), vec![b' '; (1 << 20) + 1]).await.0, 413);
        let small = json("/json").extension(BodyLimit(3));
        assert_eq!(ask(small, line).await.0, 413);
        let merge = Request::post("/json").header("content-type", "application/merge-patch+json");
        assert_eq!(ask(merge, line).await.0, 200);
    }

    #[tokio::test]
    async fn a_403_comes_before_any_validation() {
        assert_eq!(ask(json("/staff"), "{").await.0, 403);
        assert_eq!(ask(Request::post("/staff"), vec![0; 2 << 20]).await.0, 403);
    }

    #[tokio::test]
    async fn a_route_that_needs_no_body_takes_none() {
        let bare = ask(Request::post("/cancel"), "").await;
        assert_eq!(bare.0, 200);
        assert_eq!(bare, ask(json("/cancel"), " { } ").await);
        assert_eq!(ask(json("/cancel"), r#"{"x": 1}"#).await.0, 400);
    }

    #[tokio::test]
    async fn a_query_is_checked_field_by_field() {
        let fine = ask(Request::get("/find?q=a%20b&min=3&affordable=true"), "").await;
        assert_eq!(fine, (200, "Some(\"a b\") Some(3) true".into()));
        for (query, field, message) in [
            ("min=70000", "min", "is out of range"),
            ("min=1.5", "min", "must be a whole number"),
            ("min=", "min", "must be a whole number"),
            ("min=-1", "min", "must be a whole number"),
            ("affordable=maybe", "affordable", "must be true or false"),
            ("colour=red", "colour", "is not known here"),
            ("q=a&q=b", "q", "is given more than once"),
        ] {
            let (status, body) = ask(Request::get(format!("/find?{query}")), "").await;
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((status, &body["code"]), (400, &"invalid_input".into()), "{query}");
            assert_eq!(body["errors"][0]["field"], field, "{query}");
            assert_eq!(body["errors"][0]["message"], message, "{query}");
        }
    }

    #[tokio::test]
    async fn a_malformed_id_names_nothing() {
        let id = "0190a2b4-0000-7000-8000-000000000000";
        assert_eq!(ask(Request::get(format!("/orders/{id}")), "").await, (200, id.into()));
        assert_eq!(ask(Request::get("/orders/17"), "").await.0, 404);
        assert_eq!(ask(Request::get("/orders/%ff"), "").await.0, 404);
    }

    #[tokio::test]
    async fn an_idempotency_key_is_taken_quoted_and_bare() {
        let pay = |key: &str| ask(Request::post("/pay").header("idempotency-key", key), "");
        assert_eq!(pay("abc-1").await, (200, "abc-1".into()));
        assert_eq!(pay("\"abc-1\"").await, (200, "abc-1".into()));
        assert_eq!(pay(r#""a\"\\""#).await, (200, r#"a"\"#.into()));
        assert_eq!(pay(&"k".repeat(200)).await.0, 200);
        for key in ["", "\"\"", "\"", "\"a", r#""a\""#, r#""a\b""#, "a b", &"k".repeat(201)] {
            let (status, body) = pay(key).await;
            assert_eq!(status, 400, "{key}");
            assert!(body.contains(r#""field":"Idempotency-Key""#), "{body}");
        }
        let (status, body) = ask(Request::post("/pay"), "").await;
        assert!(status == 400 && body.contains("idempotency_key_required"), "{body}");
        let twice =
            Request::post("/pay").header("idempotency-key", "a").header("idempotency-key", "b");
        assert_eq!(ask(twice, "").await.0, 400);
    }
}
