//! What the store tells about itself: log lines, request ids, trace context and counts.
//!
//! [`observe`] stands around a router. Successful GETs are counted and not logged; all else is
//! one line. Everything that is logged while a request runs carries its id.
use crate::clock::Sources;
use crate::config::LogFormat;
use crate::problem::{ProblemCode, Unexpected};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use metrics::{Counter, Histogram};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::fmt;
use std::io::IsTerminal as _;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;
use tracing::{Instrument as _, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The header that names a request, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header of W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Logs to stderr from now on, what `log` lets through, such as `info,orders=debug`.
/// # Errors
/// When `log` is no filter, or something logs already.
pub fn init(log: &str, format: LogFormat) -> Result<(), Unexpected> {
    let subscriber = subscriber(log, format, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(Unexpected::from_error)
}

fn subscriber<W>(
    log: &str,
    format: LogFormat,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, Unexpected>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(log).map_err(Unexpected::from_error)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // A line that cannot be written (the disk is full) would be complained of to stderr, and
        // whoever logs would panic where that cannot be written either.
        .log_internal_errors(false)
        .with_writer(writer);
    Ok(match format {
        LogFormat::Text => Box::new(lines.finish()),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).finish()),
    })
}

/// The name of a request, in its extensions: the client's, or a UUIDv7. Kept as it stands in
/// headers, which share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
    /// The client's, should it have sent 1 to 64 of `A-Z a-z 0-9 . _ -`, or a new one.
    fn of(headers: &HeaderMap, sources: &Sources) -> Self {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = |name: &&HeaderValue| {
            (1..=64).contains(&name.len()) && name.as_bytes().iter().copied().all(plain)
        };
        headers.get(REQUEST_ID).filter(fits).map_or_else(|| Self::new(sources), |n| Self(n.clone()))
    }
    fn new(sources: &Sources) -> Self {
        let mut text = uuid::Uuid::encode_buffer();
        let text = sources.id::<uuid::Uuid>().hyphenated().encode_lower(&mut text);
        // All of it is digits, letters and hyphens.
        Self(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-")))
    }
}
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place in a trace that runs through services (W3C Trace Context, level 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The whole trace; never zero.
    pub trace: u128,
    /// This place in it; never zero.
    pub span: u64,
    /// Bit 0: sampled.
    pub flags: u8,
}

/// The text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a traceparent is written like 00-<32 hexadecimal digits>-<16>-<2>")]
pub struct NotATraceParent;

impl TraceParent {
    /// The start of a trace.
    pub fn start(sources: &Sources) -> Self {
        let mut bytes = [0; 16];
        sources.fill(&mut bytes);
        Self { trace: u128::from_be_bytes(bytes).max(1), span: new_span(sources), flags: 1 }
    }
    /// The next place in the same trace.
    #[must_use]
    pub fn child(self, sources: &Sources) -> Self {
        Self { span: new_span(sources), ..self }
    }
    /// As the header says it. Written by hand, as every request comes by here.
    fn header(self) -> Option<HeaderValue> {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let mut digits = |from: usize, bytes: &[u8]| {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let both = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            for (place, digit) in text.iter_mut().skip(from).zip(both) {
                *place = DIGITS[usize::from(digit)];
            }
        };
        digits(3, &self.trace.to_be_bytes());
        digits(36, &self.span.to_be_bytes());
        digits(53, &[self.flags]);
        HeaderValue::from_bytes(&text).ok()
    }
    /// Where a request goes on: behind its `traceparent`, or at the start of a trace.
    fn of(headers: &HeaderMap, sources: &Sources) -> Self {
        let sent =
            headers.get(TRACEPARENT).and_then(|text| text.to_str().ok()?.parse::<Self>().ok());
        sent.map_or_else(|| Self::start(sources), |parent| parent.child(sources))
    }
}

fn new_span(sources: &Sources) -> u64 {
    let mut bytes = [0; 8];
    sources.fill(&mut bytes);
    u64::from_be_bytes(bytes).max(1)
}

impl FromStr for TraceParent {
    type Err = NotATraceParent;
    fn from_str(text: &str) -> Result<Self, NotATraceParent> {
        let digits = |part: &str, count| {
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let fits = part.len() == count && part.bytes().all(hex);
            u128::from_str_radix(part, 16).ok().filter(|_| fits)
        };
        let mut parts = text.trim().split('-');
        let mut next = |count| parts.next().and_then(|part| digits(part, count));
        let found = (|| Some((next(2)?, next(32)?, next(16)?, next(2)?)))();
        let (version, trace, span, flags) = found.ok_or(NotATraceParent)?;
        let (Ok(span), Ok(flags)) = (u64::try_from(span), u8::try_from(flags)) else {
            return Err(NotATraceParent);
        };
        // Later versions may say more behind it; 255 never is a version.
        let ended = version != 0 || parts.next().is_none();
        if trace == 0 || span == 0 || version == 255 || !ended {
            return Err(NotATraceParent);
        }
        Ok(Self { trace, span, flags })
    }
}
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

tokio::task_local! {
    static TRACE: TraceParent;
}

/// The trace that this task runs for, to be written on news and calls. A task that is spawned
/// has none, unless it is handed on by [`in_trace`].
pub fn trace() -> Option<TraceParent> {
    TRACE.try_with(|trace| *trace).ok()
}
/// Runs `work` for `trace`.
pub async fn in_trace<F: Future>(trace: TraceParent, work: F) -> F::Output {
    TRACE.scope(trace, work).await
}

/// Methods by name; whatever is not among them counts as the last.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// Status classes by name.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What was asked for, where no route matched.
const UNMATCHED: &str = "unmatched";

/// The counts of one route, by method and status class.
#[derive(Default)]
struct Series([[OnceLock<(Counter, Histogram)>; CLASSES.len()]; METHODS.len()]);

/// Counts requests (`http_requests_total`, `http_request_duration_seconds`, by `route`,
/// `method` and `status`). Make it after the metrics recorder is installed.
pub struct Observer {
    sources: Sources,
    routes: RwLock<HashMap<Box<str>, Series>>,
}

impl Observer {
    /// With the source of ids.
    pub fn new(sources: Sources) -> Arc<Self> {
        metrics::describe_counter!("http_requests_total", "Requests that were answered.");
        metrics::describe_histogram!(
            "http_request_duration_seconds",
            metrics::Unit::Seconds,
            "Time until the head of the answer."
        );
        Arc::new(Self { sources, routes: RwLock::default() })
    }

    /// The handles of a series are kept, so that a request is counted without making labels.
    fn count(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let method = METHODS.iter().position(|name| *name == method.as_str());
        let method = method.unwrap_or(METHODS.len() - 1);
        let class = usize::from(status.as_u16() / 100 - 1).min(CLASSES.len() - 1);
        let mut routes = self.routes.read();
        if !routes.contains_key(route) {
            drop(routes);
            self.routes.write().entry(route.into()).or_default();
            routes = self.routes.read();
        }
        let series = routes.get(route).and_then(|route| route.0.get(method)?.get(class));
        let Some(series) = series else { return };
        let (count, seconds) = series.get_or_init(|| {
            let labels = [
                ("route", route.to_owned()),
                ("method", METHODS.get(method).copied().unwrap_or_default().to_owned()),
                ("status", CLASSES.get(class).copied().unwrap_or_default().to_owned()),
            ];
            (
                metrics::counter!("http_requests_total", &labels),
                metrics::histogram!("http_request_duration_seconds", &labels),
            )
        });
        count.increment(1);
        seconds.record(took);
    }
}

/// Middleware around a router: gives the request a [`RequestId`] and a [`TraceParent`] (as
/// extensions and headers), answers with the id, counts, and logs what is not a successful GET.
///
/// `router.layer(axum::middleware::from_fn_with_state(observer, observe))`. Routes are counted
/// by their template. Where this router only hands requests on to others, these tell theirs by
/// [`name_route`].
pub async fn observe(
    State(observer): State<Arc<Observer>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = RequestId::of(request.headers(), &observer.sources);
    let trace = TraceParent::of(request.headers(), &observer.sources);
    let name = id.0.clone();
    request.headers_mut().insert(REQUEST_ID, name.clone());
    if let Some(trace) = trace.header() {
        request.headers_mut().insert(TRACEPARENT, trace);
    }
    let (method, path) = (request.method().clone(), request.uri().path());
    // At the level of errors, so that those carry the id whatever the filter.
    let span = tracing::error_span!(
        "request", %id, %method, path, trace = %format_args!("{:032x}", trace.trace)
    );
    let matched = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(id);
    request.extensions_mut().insert(trace);
    let mut response = in_trace(trace, next.run(request)).instrument(span.clone()).await;
    let (took, status) = (started.elapsed(), response.status());
    let named = response.extensions().get::<MatchedPath>().or(matched.as_ref());
    let route = named.map_or(UNMATCHED, MatchedPath::as_str);
    observer.count(route, &method, status, took);
    if !(status.as_u16() < 400 && matches!(method, Method::GET | Method::HEAD)) {
        span.in_scope(|| log(&response, route, took));
    }
    response.headers_mut().insert(REQUEST_ID, name);
    response
}

/// One line about a request.
fn log(response: &Response, route: &str, took: Duration) {
    let (status, took_us) = (response.status().as_u16(), took.as_micros());
    let code = response.extensions().get::<ProblemCode>().map(|code| code.0.as_ref());
    if status < 500 {
        tracing::info!(status, code, route, took_us, "answered");
    } else {
        tracing::warn!(status, code, route, took_us, "answered");
    }
}

/// Middleware of a router that another one hands requests on to: tells that one's [`observe`]
/// the template of the route that matched, in the answer's extensions.
pub async fn name_route(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(matched) = matched {
        response.extensions_mut().get_or_insert(matched);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Chance, Clock};
    use crate::problem::Problem;
    use axum::Router;
    use axum::middleware::{from_fn, from_fn_with_state};
    use axum::routing::{any, get};
    use contracts::Timestamp;
    use metrics::{Gauge, Key, KeyName, Metadata, Recorder, SharedString, Unit};
    use parking_lot::Mutex;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tower::ServiceExt as _;

    struct Fixed;
    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(1_767_225_600_000_000)
        }
    }
    impl Chance for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }
    fn sources() -> Sources {
        Sources::new(Arc::new(Fixed), Arc::new(Fixed))
    }

    /// Keeps counters by name and labels.
    #[derive(Default)]
    struct Counts(Mutex<BTreeMap<String, Arc<AtomicU64>>>);
    impl Counts {
        fn at(&self, key: &Key) -> Arc<AtomicU64> {
            let labels: Vec<_> = key.labels().map(|label| label.value().to_owned()).collect();
            let name = format!("{} {}", key.name(), labels.join(" "));
            Arc::clone(self.0.lock().entry(name).or_default())
        }
        fn all(&self) -> Vec<String> {
            let counts = self.0.lock();
            counts.iter().map(|(key, n)| format!("{key} {}", n.load(Ordering::Relaxed))).collect()
        }
    }
    impl Recorder for Counts {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.at(key))
        }
        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }
        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shop() -> Router {
        let inner = Router::new()
            .route("/v1/carts/{id}", any(|| async { Problem::not_found() }))
            .layer(from_fn(name_route));
        Router::new()
            .route("/v1/products/{id}", any(|| async { trace().unwrap().to_string() }))
            .route("/broken", get(|| async { Problem::from(Unexpected::new("hunter2")) }))
            .route(
                "/v1/carts/{*rest}",
                any(|mut request: Request| {
                    request.extensions_mut().clear();
                    inner.oneshot(request)
                }),
            )
            .fallback(|| async { Problem::not_found() })
            .layer(from_fn_with_state(Observer::new(sources()), observe))
    }

    /// What is counted and what is logged while `requests` are asked, and their answers.
    fn asked(
        format: LogFormat,
        requests: Vec<http::request::Builder>,
    ) -> (Vec<String>, String, Vec<Response>) {
        let (counts, lines) = (Counts::default(), Lines::default());
        let writer = lines.clone();
        let subscriber = subscriber("info", format, move || writer.clone()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answers = metrics::with_local_recorder(&counts, || {
            tracing::subscriber::with_default(subscriber, || {
                let shop = shop();
                let ask = |request: http::request::Builder| {
                    let request = request.body(axum::body::Body::empty()).unwrap();
                    runtime.block_on(shop.clone().oneshot(request)).unwrap()
                };
                requests.into_iter().map(ask).collect()
            })
        });
        let text = String::from_utf8(lines.0.lock().clone()).unwrap();
        (counts.all(), text, answers)
    }

    #[test]
    fn successful_gets_are_counted_and_all_else_is_one_line_too() {
        let (counts, lines, _) = asked(
            LogFormat::Json,
            vec![
                Request::get("/v1/products/1"),
                Request::get("/v1/products/2"),
                Request::post("/v1/products/2").header("x-request-id", "mine"),
                Request::get("/v1/carts/7"),
                Request::get("/nowhere?token=hunter2"),
                Request::get("/broken"),
                Request::builder().method("BREW").uri("/v1/products/1"),
            ],
        );
        let count = |line: &str| assert!(counts.contains(&line.to_owned()), "{counts:#?}");
        count("http_requests_total /v1/products/{id} GET 2xx 2");
        count("http_requests_total /v1/products/{id} POST 2xx 1");
        count("http_requests_total /v1/products/{id} other 2xx 1");
        count("http_requests_total /v1/carts/{id} GET 4xx 1");
        count("http_requests_total /broken GET 5xx 1");
        count("http_requests_total unmatched GET 4xx 1");
        assert!(!lines.contains("token"), "{lines}");
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<_> =
            lines.iter().map(|l| (l["message"].as_str(), l["code"].as_str())).collect();
        assert_eq!(
            told,
            [
                (Some("answered"), None),
                (Some("answered"), Some("not_found")),
                (Some("answered"), Some("not_found")),
                (Some("unexpected"), None),
                (Some("answered"), Some("internal")),
                (Some("answered"), None),
            ]
        );
        assert_eq!(lines[0]["span"]["id"], "mine");
        assert_eq!(lines[0]["span"]["path"], "/v1/products/2");
        assert_eq!(lines[3]["span"]["method"], "GET");
        assert_eq!(lines[4]["level"], "WARN");
    }

    #[test]
    fn a_request_has_an_id() {
        let ask = |id: &str| Request::get("/v1/products/1").header("x-request-id", id);
        let long = "x".repeat(65);
        let (_, lines, answers) = asked(
            LogFormat::Text,
            vec![
                ask("Ab.1_-"),
                ask(&"x".repeat(64)),
                ask(""),
                ask("a b"),
                ask("a\"b"),
                ask(&long),
                Request::get("/v1/products/1"),
            ],
        );
        let ids: Vec<_> =
            answers.iter().map(|r| r.headers()["x-request-id"].to_str().unwrap()).collect();
        assert_eq!(ids[0], "Ab.1_-");
        assert_eq!(ids[1].len(), 64);
        for id in &ids[2..] {
            assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7, "{id}");
        }
        assert_eq!(lines, "");
    }

    #[tokio::test]
    async fn a_trace_goes_on_behind_the_one_that_was_sent() {
        use http_body_util::BodyExt as _;
        let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let request = Request::get("/v1/products/1").header("traceparent", sent);
        let answer =
            shop().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "00-0af7651916cd43dd8448eb211c80319c-0707070707070707-01");
        assert_eq!(trace(), None);
        let parsed: TraceParent = sent.parse().unwrap();
        assert_eq!(parsed.to_string(), sent);
        assert_eq!(parsed.header().unwrap(), sent);
        assert!(format!("{}-more", sent.replacen("00", "01", 1)).parse::<TraceParent>().is_ok());
        for wrong in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(wrong.parse::<TraceParent>(), Err(NotATraceParent), "{wrong}");
        }
    }
}
