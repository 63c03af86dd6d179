//! How a request fails: problems for the one who asked, [`Unexpected`] for us.
//!
//! A [`Problem`] is an answer by RFC 9457: the client can mend it, or try again later. An
//! [`Unexpected`] is our fault; turning it into an answer logs it, once, and tells nothing.
use axum::response::{IntoResponse, Response};
use contracts::CallError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use utoipa::openapi::{RefOr, schema::Schema};
use utoipa::{PartialSchema, ToSchema};

/// What a public route answers.
pub type HttpResult<T> = Result<T, Problem>;

/// Seconds to wait before repeating what was not done for lack of room or of a neighbour.
const SOON_SECONDS: u32 = 1;

/// One field of the input that does not hold what it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Path of the field, such as `items[0].quantity`; empty for the whole input.
    #[schema(examples("items[0].quantity"))]
    pub field: String,
    /// For programs: `missing`, `unknown`, `type`, `range` and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, examples("type"))]
    pub code: Option<Cow<'static, str>>,
    /// For people; reads on from the field's name.
    #[schema(examples("must be a whole number"))]
    pub message: String,
}

impl FieldError {
    /// `field` is wrong because of `reason`, which reads on from its name: `is too long`.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), code: None, message: reason.into() }
    }
    /// The same with a code for programs.
    #[must_use]
    pub fn coded(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "the input" } else { &self.field };
        write!(f, "{field} {}", self.message)
    }
}

/// A failed request, as `application/problem+json` (RFC 9457).
///
/// `type` (`urn:feria:problem:<code>`) and `title` follow from the code. A 401 carries
/// `WWW-Authenticate: Bearer`.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// Stable, for programs: `out_of_stock`.
    pub code: Cow<'static, str>,
    /// What happened this time, for people.
    pub detail: Cow<'static, str>,
    /// Which fields of the input are wrong, and why.
    pub errors: Vec<FieldError>,
    /// Seconds after which to try again, for the `Retry-After` header.
    pub retry_after: Option<u32>,
    extra: Option<Box<Map<String, Value>>>,
}

/// The code of the problem in an answer, in the response's extensions, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemCode(pub Cow<'static, str>);

impl Problem {
    /// A problem with its status, its stable code and what happened this time.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (code, detail) = (code.into(), detail.into());
        Self { status, code, detail, errors: Vec::new(), retry_after: None, extra: None }
    }
    /// Adds a field that is wrong, with a reason that reads on from its name.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, reason: impl Into<String>) -> Self {
        self.errors.push(FieldError::new(name, reason));
        self
    }
    /// Adds an extension member. A member of RFC 9457, `code` or `errors` keeps its meaning
    /// and ignores one of the same name; a value that cannot be JSON becomes null.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let name = name.into();
        if !Body::MEMBERS.contains(&name.as_str()) {
            let value = serde_json::to_value(value).unwrap_or_default();
            self.extra.get_or_insert_default().insert(name, value);
        }
        self
    }
    /// Asks the client to wait so many seconds before it tries again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
    /// An extension member, if it was added.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.extra.as_ref()?.get(name)
    }

    /// 401 `login_required`: nobody is logged in, and somebody must be.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "login_required", "Log in first.")
    }
    /// 403 `not_allowed`: the caller is known, and may not.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "not_allowed", "This account may not do that.")
    }
    /// 404 `not_found`: there is no such thing, or none that the caller may see.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
    }
    /// 400 `invalid_input`, naming the fields.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let sentence = errors.iter().map(FieldError::to_string).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "invalid_input", sentence) }
    }
    /// 400 `invalid_input` for one field, with a reason that reads on from its name.
    pub fn invalid_field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, reason)])
    }
    /// 409: the state of things does not allow it.
    pub fn conflict(
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }
    /// 429 `rate_limited`: too many requests, the next one after so many seconds.
    pub fn rate_limited(seconds: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests; slow down.")
            .retry_after(seconds)
    }
    /// 503 `busy`: the queue is full; nothing was done.
    pub fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The store is busy; nothing was done.")
            .retry_after(SOON_SECONDS)
    }
    /// 503 `unavailable`: a part of the store did not answer; nothing was done.
    pub fn unavailable() -> Self {
        let detail = "A part of the store does not answer; nothing was done.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(SOON_SECONDS)
    }
    /// 503 `outcome_unknown`: it may have been done; the same request may be repeated with
    /// the same `Idempotency-Key`.
    pub fn outcome_unknown() -> Self {
        let detail = "It is not known whether this was done. Look, or repeat it with the same key.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", detail)
            .retry_after(SOON_SECONDS)
    }
    /// 500 `internal`: our fault, and nothing about it is told. The answer's `X-Request-Id`
    /// finds it in the log.
    pub fn internal() -> Self {
        let detail = "Something went wrong on our side. Please quote the X-Request-Id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}
impl Error for Problem {}

impl From<Unexpected> for Problem {
    fn from(error: Unexpected) -> Self {
        error.log();
        Self::internal()
    }
}

/// The members of a problem on the wire.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
struct Body<'a> {
    /// A URI for the kind of problem: `urn:feria:problem:<code>`.
    #[serde(rename = "type")]
    #[schema(examples("urn:feria:problem:out_of_stock"))]
    kind: String,
    /// The kind of problem in words.
    #[schema(examples("Out of stock"))]
    title: String,
    /// The HTTP status, again.
    #[schema(examples(409))]
    status: u16,
    /// The kind of problem, stable, for programs.
    #[schema(examples("out_of_stock"))]
    code: &'a str,
    /// What happened this time, for people.
    detail: &'a str,
    /// Which fields of the input are wrong, and why.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    #[serde(flatten)]
    #[schema(ignore)]
    extra: Option<&'a Map<String, Value>>,
}

impl Body<'_> {
    /// The names that extension members must not take.
    const MEMBERS: [&'static str; 7] =
        ["type", "title", "status", "code", "detail", "instance", "errors"];
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words = self.code.replace('_', " ");
        let mut letters = words.chars();
        let title = letters
            .next()
            .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            .unwrap_or_default();
        let body = Body {
            kind: format!("urn:feria:problem:{}", self.code),
            title,
            status: self.status.as_u16(),
            code: &self.code,
            detail: &self.detail,
            errors: &self.errors,
            extra: self.extra.as_deref(),
        };
        body.serialize(serializer)
    }
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        Body::schema()
    }
}
impl ToSchema for Problem {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Body::schemas(schemas);
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, json).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(ProblemCode(self.code));
        response
    }
}

/// Turns what a call answered into what a route answers.
pub trait OrProblem<T, E> {
    /// The reply, or the problem that `refusal` makes of the domain's no. A call that was not
    /// done is a 503 `unavailable`, one whose outcome is unknown a 503 `outcome_unknown`.
    /// # Errors
    /// As said.
    fn or_problem(self, refusal: impl FnOnce(E) -> Problem) -> HttpResult<T>;
}

impl<T, E> OrProblem<T, E> for Result<T, CallError<E>> {
    fn or_problem(self, refusal: impl FnOnce(E) -> Problem) -> HttpResult<T> {
        self.map_err(|error| match error {
            CallError::Refused(error) => refusal(error),
            CallError::NotDone(why) => {
                tracing::warn!(%why, "a call was not done");
                Problem::unavailable()
            }
            CallError::Unknown(why) => {
                tracing::warn!(%why, "the outcome of a call is unknown");
                Problem::outcome_unknown()
            }
        })
    }
}

type Cause = Box<dyn Error + Send + Sync>;

/// An error that is our fault, with what was being done when it came.
///
/// A clone is the same error (one failed batch fails many callers), and is logged once with it.
/// `{}` shows the outermost words, `{:#}` and `{:?}` the whole chain.
#[derive(Clone)]
pub struct Unexpected {
    node: Arc<Node>,
    logged: Arc<AtomicBool>,
}

struct Node {
    context: Option<Cow<'static, str>>,
    cause: Option<Cause>,
}

impl Unexpected {
    /// An error that has no cause but itself.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self::of(Some(message.into()), None)
    }
    /// An error of another library.
    pub fn from_error(cause: impl Into<Cause>) -> Self {
        Self::of(None, Some(cause.into()))
    }
    fn of(context: Option<Cow<'static, str>>, cause: Option<Cause>) -> Self {
        Self { node: Arc::new(Node { context, cause }), logged: Arc::default() }
    }
    /// The same error, said to have come while doing `what`.
    #[must_use]
    pub fn context(self, what: impl Into<Cow<'static, str>>) -> Self {
        let logged = Arc::clone(&self.logged);
        let node = Arc::new(Node { context: Some(what.into()), cause: Some(Box::new(self)) });
        Self { node, logged }
    }
    /// The first error of type `E` in the chain, such as the database's.
    pub fn find<E: Error + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn Error + 'static)> = Some(self.node.cause.as_deref()?);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<E>() {
                return Some(found);
            }
            next = match error.downcast_ref::<Self>() {
                Some(inner) => return inner.find(),
                None => error.source(),
            };
        }
        None
    }
    /// Writes it to the log as an error, unless it or a clone was written before.
    pub fn log(&self) {
        if !self.logged.swap(true, Ordering::Relaxed) {
            tracing::error!(error = format!("{self:#}"), "unexpected");
        }
    }
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.node.context, &self.node.cause) {
            (Some(context), _) => f.write_str(context)?,
            (None, Some(cause)) => write!(f, "{cause}")?,
            (None, None) => f.write_str("unexpected")?,
        }
        if f.alternate() {
            let mut next = self.source();
            while let Some(error) = next {
                write!(f, ": {error}")?;
                next = error.source();
            }
        }
        Ok(())
    }
}
impl fmt::Debug for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unexpected({self:#})")
    }
}
impl Error for Unexpected {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause: &(dyn Error + 'static) = self.node.cause.as_deref()?;
        if self.node.context.is_some() { Some(cause) } else { cause.source() }
    }
}

impl From<sea_orm::DbErr> for Unexpected {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::from_error(error)
    }
}
impl From<serde_json::Error> for Unexpected {
    fn from(error: serde_json::Error) -> Self {
        Self::from_error(error)
    }
}
impl From<std::io::Error> for Unexpected {
    fn from(error: std::io::Error) -> Self {
        Self::from_error(error)
    }
}

/// Says what was being done when an error came.
pub trait Context<T> {
    /// The value, or the error as [`Unexpected`] with `what` was being done.
    /// # Errors
    /// The same as before, wrapped.
    fn context(self, what: &'static str) -> Result<T, Unexpected>;
}

impl<T, E: Into<Unexpected>> Context<T> for Result<T, E> {
    fn context(self, what: &'static str) -> Result<T, Unexpected> {
        self.map_err(|error| error.into().context(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::NoRefusal;
    use http_body_util::BodyExt;

    async fn answer(problem: Problem) -> (Response<()>, Value) {
        let (parts, body) = problem.into_response().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_problem_tells_type_title_status_code_detail_fields_and_more() {
        let problem = Problem::conflict("out_of_stock", "Only 2 of DUNE-PB are left.")
            .field("items[0].quantity", "is more than is left")
            .with("skus", ["DUNE-PB"])
            .with("status", 200)
            .retry_after(7);
        assert_eq!(problem.member("skus"), Some(&serde_json::json!(["DUNE-PB"])));
        let (head, body) = answer(problem).await;
        assert_eq!(head.status(), 409);
        assert_eq!(head.headers()["content-type"], "application/problem+json");
        assert_eq!(head.headers()["retry-after"], "7");
        assert_eq!(head.extensions().get(), Some(&ProblemCode("out_of_stock".into())));
        assert_eq!(
            body,
            serde_json::json!({
                "type": "urn:feria:problem:out_of_stock",
                "title": "Out of stock",
                "status": 409,
                "code": "out_of_stock",
                "detail": "Only 2 of DUNE-PB are left.",
                "errors": [{"field": "items[0].quantity", "message": "is more than is left"}],
                "skus": ["DUNE-PB"],
            })
        );
    }

    #[tokio::test]
    async fn a_401_says_how_to_log_in_and_empty_errors_are_left_out() {
        let (head, body) = answer(Problem::unauthorized()).await;
        assert_eq!(head.headers()["www-authenticate"], "Bearer");
        assert_eq!(body["code"], "login_required");
        assert!(body.get("errors").is_none());
    }

    #[test]
    fn invalid_input_names_every_field() {
        let problem = Problem::invalid(vec![
            FieldError::new("email", "is required").coded("missing"),
            FieldError::new("", "is no JSON"),
        ]);
        assert_eq!(problem.status, 400);
        assert_eq!(problem.detail, "email is required; the input is no JSON");
    }

    #[tokio::test]
    async fn our_own_faults_leak_nothing() {
        let secret = std::io::Error::other("password of the database is hunter2");
        let error = Unexpected::from(secret).context("place orders");
        let (head, body) = answer(error.into()).await;
        assert_eq!(head.status(), 500);
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("hunter2"));
    }

    #[test]
    fn an_unexpected_error_tells_its_chain_and_finds_its_cause() {
        let failed: Result<(), _> = Err(sea_orm::DbErr::Custom("disk full".into()));
        let error = failed.context("write").unwrap_err().context("place orders");
        assert_eq!(error.to_string(), "place orders");
        assert!(format!("{error:#}").starts_with("place orders: write: "));
        assert!(format!("{error:?}").contains("disk full"));
        assert!(matches!(error.find::<sea_orm::DbErr>(), Some(sea_orm::DbErr::Custom(_))));
        assert!(error.find::<std::io::Error>().is_none());
        assert!(Unexpected::new("no cause").find::<std::io::Error>().is_none());
    }

    #[test]
    fn an_error_is_logged_once_with_its_clones() {
        let first = Unexpected::new("the batch failed");
        let second = first.clone().context("place orders");
        first.log();
        assert!(second.logged.load(Ordering::Relaxed));
    }

    #[test]
    fn a_failed_call_becomes_the_problem_that_says_whether_it_was_done() {
        let ask = |error| Err::<(), _>(error).or_problem(|()| Problem::not_found()).unwrap_err();
        assert_eq!(ask(CallError::Refused(())).code, "not_found");
        assert_eq!(ask(CallError::NotDone("queue full".into())), Problem::unavailable());
        let unknown = ask(CallError::Unknown("timeout".into()));
        assert_eq!((unknown.status.as_u16(), &*unknown.code), (503, "outcome_unknown"));
        let fine: Result<i32, CallError<NoRefusal>> = Ok(1);
        assert_eq!(fine.or_problem(|never| match never {}).unwrap(), 1);
    }

    #[test]
    fn the_schema_is_called_problem_and_requires_the_code() {
        assert_eq!(Problem::name(), "Problem");
        let schema = serde_json::to_value(Problem::schema()).unwrap();
        let required = schema["required"].to_string();
        assert!(required.contains("code") && !required.contains("errors"), "{schema:#}");
        assert!(schema["properties"].get("extra").is_none());
        let mut schemas = Vec::new();
        Problem::schemas(&mut schemas);
        assert!(schemas.iter().any(|(name, _)| name == "FieldError"));
    }

    #[test]
    fn a_result_with_a_problem_stays_small() {
        assert!(size_of::<Problem>() <= 128, "{}", size_of::<Problem>());
    }
}
