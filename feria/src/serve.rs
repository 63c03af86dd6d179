//! `feria serve`: the store itself, from its lock to its last answer.
use crate::lock::Lock;
use crate::services::services;
use crate::store::{make_folder, setup};
use crate::{Failure, key_file, sources};
use axum::serve::ListenerExt as _;
use gateway::{Behind, Parts, Sessions, Uptime};
use kit::Unexpected;
use kit::calls::Calls;
use kit::config::Config;
use kit::plug::{Node, Setup};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long requests may take to end when the store stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a start may take before it says why.
const SILENCE: Duration = Duration::from_secs(3);

/// A store that serves.
pub struct Store {
    address: SocketAddr,
    config: Arc<Config>,
    calls: Calls,
    node: Node,
    listening: JoinHandle<std::io::Result<()>>,
    /// Cancelled when no more connections are taken.
    stopping: CancellationToken,
    _lock: Lock,
}

/// Starts a store that serves whoever connects to `listener`.
/// # Errors
/// When another one serves the same data folder, or a database cannot be opened.
pub async fn start(config: Config, listener: TcpListener) -> Result<Store, Failure> {
    let began = Instant::now();
    let address = listener.local_addr()?;
    let lock = Lock::take(make_folder(&config)?)?;
    let config = key_file::complete(config, &sources::real())?;
    let config = Arc::new(Config { public_url: public_url(&config, address), ..config });
    let setup = setup(&config, true);
    let mut node = start_services(&setup).await?;
    let stopping = setup.closing.clone();
    let calls = Calls::any("gateway", setup.registry.clone());
    let router = door(&setup, &mut node, &calls, &stopping, began).await?;
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection is slower than it could be");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopped = stopping.clone().cancelled_owned();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stopped);
    let listening = tokio::spawn(serving.into_future());
    tracing::info!(%address, took_ms = began.elapsed().as_millis(), "the store is open");
    Ok(Store { address, config, calls, node, listening, stopping, _lock: lock })
}

/// Starts all services. A server that is just coming up itself is waited for, and not in silence.
async fn start_services(setup: &Setup) -> Result<Node, Unexpected> {
    let services = services();
    let starting = Node::start(&services, setup);
    tokio::pin!(starting);
    tokio::select! {
        node = &mut starting => return node,
        () = tokio::time::sleep(SILENCE) => tracing::warn!("still waiting for the databases"),
    }
    starting.await
}

async fn door(
    setup: &Setup,
    node: &mut Node,
    calls: &Calls,
    stopping: &CancellationToken,
    began: Instant,
) -> Result<axum::Router, Unexpected> {
    let sources = setup.sources.clone();
    let sessions = Sessions::open(calls.clone(), &setup.bus, sources.clone()).await?;
    tokio::spawn(Arc::clone(&sessions).keep(setup.stop.clone()));
    tokio::spawn(gateway::record(setup.stop.clone()));
    let pages = storefront::pages(storefront::Parts {
        calls: Calls::any("storefront", setup.registry.clone()),
        sources: sources.clone(),
        config: Arc::clone(&setup.config),
    });
    let behind = node.services.iter().map(Behind::from).collect();
    let routes = node.services.iter_mut().filter_map(|running| running.routes.take()).collect();
    Ok(gateway::door(Parts {
        config: Arc::clone(&setup.config),
        behind,
        routes,
        pages: Some(pages),
        sessions,
        sources,
        uptime: Uptime::new(move || began.elapsed()),
        stopping: stopping.clone(),
    }))
}

/// What is configured, or where the store really listens if nothing is.
fn public_url(config: &Config, address: SocketAddr) -> String {
    if config.public_url != Config::default().public_url {
        return config.public_url.clone();
    }
    match address.ip().is_unspecified() {
        true => format!("http://127.0.0.1:{}", address.port()),
        false => format!("http://{address}"),
    }
}

impl Store {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
    /// How it is reached.
    pub fn url(&self) -> &str {
        &self.config.public_url
    }
    /// Any call.
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }
    /// The services that it runs.
    pub const fn node(&self) -> &Node {
        &self.node
    }
    /// Takes no more connections, answers what was asked (for 10 s at most), finishes what was
    /// begun, and closes the databases.
    pub async fn stop(self) {
        let Self { node, mut listening, stopping, .. } = self;
        stopping.cancel();
        if tokio::time::timeout(DRAIN, &mut listening).await.is_err() {
            tracing::warn!("some requests did not end in time");
            listening.abort();
        }
        node.stop().await;
    }
}
