//! Requests to a whole store: the door, the routes and the databases of all services.
use crate::webhooks::{SECRET, sign};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use contracts::catalog::{ImportProducts, NewVariant, ProductRecord};
use contracts::identity::{Jwks, PublishedKeys, RevokedSessions};
use contracts::inventory::{ImportStock, StockCount};
use contracts::{AccountId, Caller, Currency, Money, Role, SessionId};
use gateway::{Behind, Parts, Sessions, Uptime};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kit::auth::{Claims, SigningKey};
use kit::calls::{Calls, Registry};
use kit::clock::{Clock as _, Sources};
use kit::config::{Config, Switch};
use kit::db::DbOptions;
use kit::plug::{Node, Setup};
use kit::testing::{HandClock, Seeded};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use uuid::Uuid;

/// How many requests one input makes at most, and one store answers before the next one opens.
const MOST: usize = 8;
const AGE: u64 = 20_000;

/// Requests as HTTP writes them (a line with method and path, headers, an empty line, the body),
/// with a line `---` between two.
///
/// Some words stand for what is known only then: `$N` is another number each time, `$SHOPPER` and
/// `$ADMIN` are access tokens of a new account and of staff, `$CART`, `$ORDER` and `$TOKEN` are what
/// answers before named a guest's cart, an order and its token, and `$SIGNED` is a webhook's
/// right signature. Whatever is asked, the store does not fail (no answer is a 5xx, none panics),
/// and a refusal is a problem with a code.
pub fn requests(bytes: &[u8]) {
    static STORE: Mutex<Option<Store>> = Mutex::new(None);
    let mut kept = STORE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut store = match kept.take() {
        Some(store) if store.asked < AGE => store,
        old => {
            old.into_iter().for_each(Store::close);
            match Store::open() {
                Ok(store) => store,
                Err(error) => unreachable!("the store does not open: {error}"),
            }
        }
    };
    store.visit(bytes);
    *kept = Some(store);
}

/// A store with a few goods, that answers in this process.
struct Store {
    runtime: Runtime,
    router: Router,
    node: Node,
    key: SigningKey,
    asked: u64,
    _folder: TempDir,
}

impl Store {
    fn open() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let key = SigningKey::from_secret(&[1; 32]);
        let (router, node) = runtime.block_on(open(&folder, &key))?;
        Ok(Self { runtime, router, node, key, asked: 0, _folder: folder })
    }
    fn close(self) {
        let Self { runtime, node, .. } = self;
        runtime.block_on(node.stop());
        runtime.shutdown_timeout(Duration::from_secs(5));
    }
    fn visit(&mut self, bytes: &[u8]) {
        let mut words = self.words();
        for request in split(bytes, b"\n---\n").take(MOST) {
            self.asked += 1;
            let Some(request) = request_of(&filled(request, &words)) else { continue };
            let what = format!("{} {}", request.method(), request.uri());
            let router = self.router.clone();
            let answered = self.runtime.block_on(async {
                let is_head = request.method() == Method::HEAD;
                // The router never fails.
                let Ok(answer) = router.oneshot(request).await;
                read(answer, is_head).await
            });
            answered.check(&what);
            answered.learn(&mut words);
        }
    }
    fn words(&self) -> BTreeMap<&'static str, String> {
        let account = AccountId(Uuid::from_u128(u128::from(self.asked) + 1_000));
        let bearer = |sub, role| {
            let now = crate::NOW.seconds();
            let claims =
                Claims { sub, sid: SessionId(Uuid::nil()), role, iat: now, exp: now + 900 };
            self.key.sign(claims).unwrap_or_default()
        };
        [
            ("$N", self.asked.to_string()),
            ("$SHOPPER", bearer(account, Role::Customer)),
            ("$ADMIN", bearer(AccountId(Uuid::from_u128(1)), Role::Admin)),
        ]
        .into()
    }
}

/// Starts all services with their workers, and the door before them. The clock stands still.
async fn open(folder: &TempDir, key: &SigningKey) -> Result<(Router, Node), Box<dyn Error>> {
    let clock = HandClock::default();
    assert_eq!(clock.now(), crate::NOW);
    let sources = Sources::new(Arc::new(clock), Arc::new(Seeded::new(1)));
    let mut config = Config {
        data: folder.path().display().to_string(),
        rate_limit: Switch::Off,
        master_key: "07".repeat(32).as_str().into(),
        ..Config::default()
    };
    config.payments.webhook_secret = SECRET.into();
    let config = Arc::new(config);
    let of = Arc::clone(&config);
    let setup = Setup {
        bus: Default::default(),
        registry: Default::default(),
        sources: sources.clone(),
        config: Arc::clone(&config),
        database: Arc::new(move |service| (of.database_url(service), None)),
        options: DbOptions { connections: 2, durable: false },
        whole: false,
        faults: None,
        tasks: true,
        stop: Default::default(),
        closing: Default::default(),
    };
    let mut node = Node::start(&feria::services::services(), &setup).await?;
    stock(&Calls::any("fuzz", setup.registry.clone())).await?;
    let calls = Calls::any("gateway", issuer(key));
    let sessions = Sessions::open(calls, &setup.bus, sources.clone()).await?;
    let behind = node.services.iter().map(Behind::from).collect();
    let routes = node.services.iter_mut().filter_map(|running| running.routes.take()).collect();
    let uptime = Uptime::new(|| Duration::from_secs(1));
    let stopping = setup.closing.clone();
    let parts = Parts { config, behind, routes, pages: None, sessions, sources, uptime, stopping };
    Ok((gateway::door(parts), node))
}

/// Plays identity to the door, which so takes tokens that `key` signed.
fn issuer(key: &SigningKey) -> Registry {
    let (registry, keys) = (Registry::default(), Jwks { keys: vec![key.jwk()] });
    registry.answer::<PublishedKeys>(move |_, _| {
        let keys = keys.clone();
        Box::pin(async move { Ok(keys) })
    });
    registry.answer::<RevokedSessions>(|_, _| Box::pin(async { Ok(Vec::new()) }));
    registry
}

/// Ink without end, and three pens.
async fn stock(calls: &Calls) -> Result<(), Box<dyn Error>> {
    let (mut records, mut counts) = (Vec::new(), Vec::new());
    for (name, minor, on_hand) in [("INK-1", 450, 1_000_000_000), ("PEN-1", 1200, 3)] {
        let sku: contracts::Sku = name.parse()?;
        let price = Money::new(minor, Currency::USD);
        let variant = NewVariant { sku: sku.clone(), options: BTreeMap::new(), price };
        let slug = Some(name.to_ascii_lowercase());
        let variants = vec![variant];
        records.push(ProductRecord { slug, title: name.into(), variants, ..Default::default() });
        counts.push(StockCount { sku, on_hand });
    }
    calls.call(&Caller::Store, ImportProducts { records }).await?;
    calls.call(&Caller::Store, ImportStock { counts, replace: true }).await?;
    Ok(())
}

/// `bytes`, cut at every `mark`.
fn split<'a>(bytes: &'a [u8], mark: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let whole = rest?;
        let Some(at) = whole.windows(mark.len()).position(|window| window == mark) else {
            return rest.take();
        };
        rest = whole.get(at + mark.len()..);
        whole.get(..at)
    })
}

/// `bytes` with the words that are known put in.
fn filled(bytes: &[u8], words: &BTreeMap<&str, String>) -> Vec<u8> {
    let mut filled = bytes.to_vec();
    for (word, meaning) in words {
        if filled.windows(word.len()).any(|window| window == word.as_bytes()) {
            let parts: Vec<&[u8]> = split(&filled, word.as_bytes()).collect();
            filled = parts.join(meaning.as_bytes());
        }
    }
    filled
}

/// The request, if it is one that HTTP can carry.
fn request_of(bytes: &[u8]) -> Option<Request<Body>> {
    let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (bytes.get(..end)?, bytes.get(end + 2..)?),
        None => (bytes, &[][..]),
    };
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, target) = std::str::from_utf8(lines.next()?).ok()?.trim().split_once(' ')?;
    if is_slow(target) || !target.starts_with('/') {
        return None;
    }
    let mut request = Request::builder().method(method).uri(target);
    for line in lines {
        let end = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (line.get(..end)?, line.get(end + 1..)?.trim_ascii());
        // Nobody waits here.
        if name.eq_ignore_ascii_case(b"prefer") {
            continue;
        }
        let time = crate::NOW.seconds().to_string();
        let signed = || format!("t={time},v1={}", sign(&time, body)).into_bytes();
        let value = if value == b"$SIGNED" { signed() } else { value.to_vec() };
        request = request.header(name, value);
    }
    request.body(Body::from(body.to_vec())).ok()
}

/// Where passwords are hashed, which takes longer than a thousand other requests.
fn is_slow(target: &str) -> bool {
    target.starts_with("/v1/auth/") || target.starts_with("/v1/me")
}

/// What came back.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Option<Value>,
}

/// Reads an answer, but for a stream without an end, and what `HEAD` is not told.
async fn read(answer: Response, is_head: bool) -> Answered {
    let (parts, body) = answer.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let plain = !parts.headers.contains_key(header::CONTENT_ENCODING);
    let is_json = plain && (kind.ends_with(b"json") || kind.starts_with(b"application/json"));
    let endless = kind.starts_with(b"text/event-stream");
    let bytes = if endless || is_head { None } else { body.collect().await.ok() };
    let json = bytes.filter(|_| is_json).map(|bytes| serde_json::from_slice(&bytes.to_bytes()));
    let body = json.map(|json| json.unwrap_or(Value::Null));
    Answered { status: parts.status, headers: parts.headers, body }
}

impl Answered {
    fn check(&self, what: &str) {
        let Self { status, headers, body } = self;
        // Whoever pays before payments has heard of the order is told to come back.
        let too_soon = *status == StatusCode::SERVICE_UNAVAILABLE && what.contains("/pay");
        assert!(too_soon || !status.is_server_error(), "{what} is answered {status}: {body:?}");
        assert!(body != &Some(Value::Null), "{what} is answered by what is no JSON");
        if status.is_client_error() && !headers.contains_key(header::CONTENT_ENCODING) {
            let problem = headers.get(header::CONTENT_TYPE);
            let problem = problem.is_some_and(|kind| kind == "application/problem+json");
            assert!(problem, "{what} is refused ({status}) without a problem");
            if let Some(body) = body {
                assert_eq!(body["status"], status.as_u16(), "{what}");
                assert!(body["code"].as_str().is_some_and(|code| !code.is_empty()), "{what}");
            }
        }
    }
    fn learn(&self, words: &mut BTreeMap<&'static str, String>) {
        let cart = self.headers.get("cart-token").and_then(|token| token.to_str().ok());
        words.extend(cart.map(|token| ("$CART", token.to_owned())));
        let told = |name: &str| Some(self.body.as_ref()?.get(name)?.as_str()?.to_owned());
        let order = |body: &Value| Some(body.get("order")?.get("id")?.as_str()?.to_owned());
        let number = told("number").and_then(|_| told("id"));
        words.extend(self.body.as_ref().and_then(order).or(number).map(|id| ("$ORDER", id)));
        words.extend(told("order_token").map(|token| ("$TOKEN", token)));
    }
}
