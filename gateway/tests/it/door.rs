//! A door, with identity and one service behind it played by the test.
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::sse::{Event as SseEvent, Sse};
use axum::{Router, routing};
use contracts::identity::{Jwks, PublishedKeys, RevokedSessions, SessionEnded};
use contracts::{AccountId, Caller, Role, SessionId};
use futures_util::stream;
use gateway::{Parts, Sessions, Uptime};
use http_body_util::BodyExt as _;
use kit::auth::{Asker, Claims, SigningKey};
use kit::config::Config;
use kit::input::Body as Input;
use kit::plug::{Plug, Service};
use kit::problem::HttpResult;
use kit::testing::Rig;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use utoipa_axum::router::OpenApiRouter;

/// A service that tells who asks, and misbehaves when asked to.
pub struct Shop;

/// Something that the service hears, and cannot handle until it is mended.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Riddle {
    pub subject: String,
}
impl contracts::Event for Riddle {
    const NAME: &'static str = "sphinx.riddle.v1";
    fn subject(&self) -> String {
        self.subject.clone()
    }
}

/// Whether riddles are handled.
pub static WISE: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
/// How many slow changes went on to their end.
pub static FINISHED: AtomicUsize = AtomicUsize::new(0);

pub fn plug() -> Plug<Shop> {
    Plug::new("shop", Vec::new(), |_| Ok(Shop))
        .tells::<SessionEnded>()
        .tells::<Riddle>()
        .hears::<Riddle>(|_, _, _| {
            Box::pin(async {
                match WISE.load(Ordering::Relaxed) {
                    true => Ok(()),
                    false => Err(kit::Unexpected::new("what walks on four legs?")),
                }
            })
        })
        .routes(|_| {
            OpenApiRouter::new()
                .route("/v1/who", routing::get(who).post(who))
                .route("/v1/auth/login", routing::post(who))
                .route("/v1/auth/refresh", routing::post(who))
                .route("/v1/panic", routing::get(panic))
                .route("/v1/slow", routing::get(slow).post(slow))
                .route("/v1/long", routing::get(|| async { "book ".repeat(1000) }))
                .route("/v1/stream", routing::get(endless))
                .route(
                    "/v1/plain",
                    routing::get(|| async { (StatusCode::BAD_REQUEST, "sqlx: secret") }),
                )
                .route("/v1/body", routing::post(body))
        })
}

async fn who(Asker(caller): Asker) -> String {
    match caller {
        Caller::Account { role, .. } => role.as_str().to_owned(),
        Caller::Guest | Caller::Store => "guest".to_owned(),
    }
}
async fn panic() -> String {
    panic!("hunter2")
}
async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    FINISHED.fetch_add(1, Ordering::Relaxed);
    "done"
}
async fn body(body: Input<serde_json::Value>) -> HttpResult<String> {
    Ok(body.parse()?.to_string())
}
async fn endless() -> Sse<impl futures_util::Stream<Item = Result<SseEvent, Infallible>>> {
    Sse::new(stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Some((Ok(SseEvent::default().data("tick")), ()))
    }))
}

/// A door and all that stands behind it.
pub struct House {
    pub rig: Rig,
    pub router: Router,
    pub key: SigningKey,
    pub published: Arc<Mutex<Jwks>>,
    pub uptime: Arc<Mutex<Duration>>,
    pub stopping: CancellationToken,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
    /// The problem's code; the answer must be a problem.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        assert_eq!(self.json()["status"], self.status);
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

impl House {
    pub async fn open(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let services: [Box<dyn Service>; 1] = [Box::new(plug())];
        let mut rig = Rig::start(&services, config).await;
        let key = SigningKey::from_secret(&[7; 32]);
        let published = Arc::new(Mutex::new(Jwks { keys: vec![key.jwk()] }));
        let shown = Arc::clone(&published);
        rig.play::<PublishedKeys>(move |_, _| Ok(shown.lock().clone()));
        rig.play::<RevokedSessions>(|_, _| Ok(Vec::new()));
        let sources = rig.setup.sources.clone();
        let sessions = Sessions::open(rig.calls.clone(), &rig.bus, sources.clone()).await.unwrap();
        let uptime = Arc::new(Mutex::new(Duration::from_secs(1)));
        let (clock, stopping) = (Arc::clone(&uptime), CancellationToken::new());
        let running = &mut rig.nodes[0].services[0];
        let router = gateway::door(Parts {
            config: Arc::clone(&rig.setup.config),
            behind: vec![(&*running).into()],
            routes: running.routes.take().into_iter().collect(),
            pages: Some(pages()),
            sessions,
            sources,
            uptime: Uptime::new(move || *clock.lock()),
            stopping: stopping.clone(),
        });
        Self { rig, router, key, published, uptime, stopping }
    }
    pub fn token(&self, role: Role) -> (String, SessionId) {
        self.signed(&self.key, role)
    }
    pub fn signed(&self, key: &SigningKey, role: Role) -> (String, SessionId) {
        let now = self.rig.setup.sources.now().seconds();
        let (sub, sid) = (self.rig.id::<AccountId>(), self.rig.id::<SessionId>());
        let claims = Claims { sub, sid, role, iat: now, exp: now + 900 };
        (key.sign(claims).unwrap(), sid)
    }
    pub async fn ask(
        &self,
        request: axum::http::request::Builder,
        body: impl Into<Body>,
    ) -> Answer {
        let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
        let request = request.extension(ConnectInfo(peer)).body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path), "").await
    }
    pub async fn get_as(&self, path: &str, token: &str) -> Answer {
        self.ask(Request::get(path).header("authorization", format!("Bearer {token}")), "").await
    }
    /// The service tells `event`.
    pub async fn tell<E: contracts::Event>(&self, event: E, version: i64) {
        let waves = &self.rig.nodes[0].services[0].waves;
        let told = waves.write((event, version), |wave, (event, version): &(E, i64)| {
            let told = wave.tell(*version, event.clone());
            Box::pin(async move { told })
        });
        told.await.unwrap();
    }
    /// Identity tells that a session ended.
    pub async fn end(&self, session: SessionId) {
        let tokens_expire_at = self.rig.setup.sources.now().after(Duration::from_secs(900));
        self.tell(SessionEnded { session, tokens_expire_at }, 1).await;
        // The news goes out right behind the commit.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Pages for browsers, as a storefront would have them.
fn pages() -> Router {
    Router::new()
        .route("/", routing::get(who).post(who))
        .fallback(|| async { (StatusCode::NOT_FOUND, "<h1>no such page</h1>") })
}
