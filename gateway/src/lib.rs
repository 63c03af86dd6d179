//! The public door: one router in front of all services and pages.
//!
//! Knows who asks, how much they may ask, and where things are; promises that every answer has a
//! request id, and that every failure of the API is a problem that leaks nothing. Never knows
//! what a product is.
#![warn(missing_docs)]

mod document;
mod dress;
mod limits;
mod ops;
mod place;
mod sessions;
mod staff;
mod threshold;

pub use document::document;
pub use limits::Uptime;
pub use ops::record;
pub use sessions::Sessions;
pub use threshold::SESSION_COOKIE;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use kit::Problem;
use kit::clock::Sources;
use kit::config::Config;
use kit::db::Db;
use kit::inbox::Inbox;
use kit::input::BodyLimit;
use kit::plug::Running;
use kit::telemetry::{self, Observer};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _, SizeAbove};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// Answers shorter than this are not worth compressing.
const WORTH_COMPRESSING: u64 = 1024;

/// A service behind the door.
#[derive(Clone)]
pub struct Behind {
    /// Its name.
    pub name: &'static str,
    /// Its database.
    pub db: Db,
    /// Its inbox.
    pub inbox: Inbox,
}

impl From<&Running> for Behind {
    fn from(running: &Running) -> Self {
        Self { name: running.name, db: running.db.clone(), inbox: running.inbox.clone() }
    }
}

/// What the door is built from.
pub struct Parts {
    /// The store's settings.
    pub config: Arc<Config>,
    /// The services.
    pub behind: Vec<Behind>,
    /// Their routes.
    pub routes: Vec<OpenApiRouter>,
    /// The pages for browsers: whatever no route of the API and of the door itself answers.
    pub pages: Option<Router>,
    /// Who asks.
    pub sessions: Arc<Sessions>,
    /// Ids of requests.
    pub sources: Sources,
    /// How long the process has been running.
    pub uptime: Uptime,
    /// Cancelled when the store begins to stop.
    pub stopping: CancellationToken,
}

/// The router of the public listener. Serve it with the peer's address
/// (`into_make_service_with_connect_info::<SocketAddr>()`), by which the limits count.
pub fn door(parts: Parts) -> Router {
    let Parts { config, behind, routes, pages, sessions, sources, uptime, stopping } = parts;
    // Before anything is counted.
    ops::recorder();
    let observer = Observer::new(sources);
    let pages = pages.map(|pages| pages.layer(from_fn(telemetry::name_route)));
    let (api, document) = api(&config, behind.into(), routes, &stopping);
    let body = usize::try_from(config.limits.body_bytes).unwrap_or(usize::MAX);
    let threshold = threshold::Threshold {
        sessions,
        limits: limits::Limits::new(&config, &uptime),
        patience: Duration::from_secs(u64::from(config.limits.request_seconds)),
        body: BodyLimit(body),
        manners: dress::Manners { https: config.public_url.starts_with("https://"), stopping },
    };
    let worth = DefaultPredicate::new().and(SizeAbove::new(WORTH_COMPRESSING));
    api.merge(document::routes(document))
        .fallback(move |request| elsewhere(pages.clone(), request))
        // From the inside out.
        .layer(CatchPanicLayer::custom(threshold::panicked))
        .layer(DefaultBodyLimit::max(body))
        .layer(from_fn_with_state(Arc::new(threshold), threshold::cross))
        .layer(CompressionLayer::new().gzip(true).compress_when(worth))
        .layer(from_fn_with_state(observer, telemetry::observe))
}

/// The document of the API of the services `behind` the door, and of the door itself.
pub fn describe(config: &Config, behind: Vec<Behind>, routes: Vec<OpenApiRouter>) -> OpenApi {
    api(config, behind.into(), routes, &CancellationToken::new()).1
}

fn api(
    config: &Config,
    behind: Arc<[Behind]>,
    routes: Vec<OpenApiRouter>,
    stopping: &CancellationToken,
) -> (Router, OpenApi) {
    let ops = Arc::new(ops::Ops { behind: Arc::clone(&behind), stopping: stopping.clone() });
    let own = [staff::routes(behind), ops::routes(ops)];
    let whole = routes.into_iter().chain(own).fold(OpenApiRouter::new(), OpenApiRouter::merge);
    let (router, said) = whole.split_for_parts();
    (router, document([said], &config.public_url))
}

/// What no route of the API answers: a page, or nothing.
async fn elsewhere(pages: Option<Router>, request: Request) -> Response {
    match pages {
        Some(pages) if place::Place::of(request.uri().path()).is_page() => {
            pages.oneshot(request).await.into_response()
        }
        _ => Problem::not_found().into_response(),
    }
}
