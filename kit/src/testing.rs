//! For tests: databases on the engine under test, a clock that is moved by hand, and a rig that
//! starts one service (or more, each in one or two replicas) with the others played by the test.
use crate::bus::{Bus, Envelope};
use crate::calls::{Answer, Calls, Registry};
use crate::clock::{Chance, Clock, Sources};
use crate::config::Config;
use crate::db::DbOptions;
use crate::plug::{Node, Service, Setup};
use crate::worker::Worked;
use contracts::{AccountId, Call, Caller, Event, EventId, Role, SessionId, Timestamp};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub struct HandClock(Arc<AtomicI64>);

impl Default for HandClock {
    /// Stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(1_767_225_600_000_000)))
    }
}
impl HandClock {
    /// Moves on by `span`.
    pub fn forward(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::AcqRel);
    }
}
impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Acquire))
    }
}

/// Chance that a seed decides.
pub struct Seeded(Mutex<ChaCha8Rng>);

impl Seeded {
    /// By `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }
}
impl Chance for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().fill_bytes(bytes);
    }
}

/// Chance that differs at every start, as rows of many tests share a server.
pub fn any_seed() -> u64 {
    rand::random()
}

/// A logged-in shopper with a new account.
pub fn shopper() -> Caller {
    person(Role::Customer)
}
/// A logged-in admin with a new account.
pub fn admin() -> Caller {
    person(Role::Admin)
}
fn person(role: Role) -> Caller {
    Caller::Account {
        account: AccountId(uuid::Uuid::now_v7()),
        session: SessionId(uuid::Uuid::now_v7()),
        role,
    }
}

/// Where tests keep their databases: SQLite in a folder that is deleted afterwards, or
/// PostgreSQL, in schemas of their own, when `FERIA_TEST_POSTGRES` has its URL.
#[derive(Clone)]
pub struct Place {
    folder: Arc<tempfile::TempDir>,
    postgres: Option<String>,
    prefix: String,
}

impl Place {
    /// On the engine under test.
    /// # Panics
    /// When `FERIA_TEST_ENGINE=postgres` asks for a server and no URL is given: a test run on a
    /// real engine never quietly runs on another.
    #[expect(clippy::expect_used, clippy::panic, reason = "only tests call it")]
    pub fn under_test() -> Self {
        let postgres = std::env::var("FERIA_TEST_POSTGRES").ok();
        let wanted = std::env::var("FERIA_TEST_ENGINE").unwrap_or_default();
        if wanted == "postgres" && postgres.is_none() {
            panic!("FERIA_TEST_ENGINE=postgres, but FERIA_TEST_POSTGRES has no URL");
        }
        let folder = Arc::new(tempfile::tempdir().expect("a folder for the test"));
        Self { folder, postgres, prefix: format!("t{:016x}", any_seed()) }
    }
    /// Whether it is a server, which replicas can share.
    pub fn is_server(&self) -> bool {
        self.postgres.is_some()
    }
    /// The URL and schema of `service`.
    pub fn of(&self, service: &str) -> (String, Option<String>) {
        match &self.postgres {
            Some(url) => (url.clone(), Some(format!("{}_{service}", self.prefix))),
            None => {
                let file = self.folder.path().join(format!("{service}.db"));
                (format!("sqlite:{}", file.display()), None)
            }
        }
    }
    /// The folder of SQLite databases and of whatever else a service keeps.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// Services under test, with a clock by hand and the rest of the store played by the test.
pub struct Rig {
    /// The clock.
    pub clock: HandClock,
    /// Any call, as the test.
    pub calls: Calls,
    /// Who answers what: [`Registry::answer`] plays another service.
    pub registry: Registry,
    /// The bus.
    pub bus: Bus,
    /// One on SQLite; two, sharing their databases, on a server.
    pub nodes: Vec<Node>,
    /// What the nodes were started with.
    pub setup: Setup,
    sources: Sources,
    versions: AtomicI64,
    place: Place,
}

impl Rig {
    /// Starts `services` on the engine under test: once on SQLite, as two replicas on a server.
    #[expect(clippy::expect_used, reason = "only tests call it")]
    pub async fn start(services: &[Box<dyn Service>], config: Config) -> Self {
        let (place, clock) = (Place::under_test(), HandClock::default());
        let sources = Sources::new(Arc::new(clock.clone()), Arc::new(Seeded::new(any_seed())));
        let (bus, registry, of) = (Bus::default(), Registry::default(), place.clone());
        let data = place.folder().display().to_string();
        let setup = Setup {
            bus: bus.clone(),
            registry: registry.clone(),
            sources: sources.clone(),
            config: Arc::new(Config { data, ..config }),
            database: Arc::new(move |service| of.of(service)),
            options: DbOptions { connections: 4, durable: false },
            whole: false,
            faults: None,
            tasks: true,
            stop: Default::default(),
            closing: Default::default(),
        };
        let mut nodes = Vec::new();
        for _ in 0..if place.is_server() { 2 } else { 1 } {
            let setup = Setup { stop: Default::default(), ..setup.clone() };
            nodes.push(Node::start(services, &setup).await.expect("the services start"));
        }
        let calls = Calls::any("test", registry.clone());
        let versions = AtomicI64::new(1);
        Self { clock, calls, registry, bus, nodes, setup, sources, versions, place }
    }
    /// Makes a call.
    /// # Errors
    /// As the call does.
    pub async fn call<C: Call>(&self, caller: &Caller, call: C) -> Answer<C> {
        self.calls.call(caller, call).await
    }
    /// A new id.
    pub fn id<I: From<uuid::Uuid>>(&self) -> I {
        self.sources.id()
    }
    /// Plays another service: has `answer` answer `C`.
    pub fn play<C: Call>(&self, answer: impl Fn(Caller, C) -> Answer<C> + Send + Sync + 'static) {
        self.registry.answer::<C>(move |caller, call| {
            let answer = answer(caller, call);
            Box::pin(async move { answer }) as BoxFuture<'static, _>
        });
    }
    /// Has another service's `event` heard by all who hear it, and waits for that. Answers its
    /// id, for [`Self::tell_again`].
    pub async fn tell<E: Event>(&self, event: E) -> EventId {
        let id = self.id();
        self.tell_again(id, event).await;
        id
    }
    /// Shows another service's `event` to all who watch it.
    pub fn show<E: Event>(&self, event: &E) {
        self.bus.show(&self.envelope(self.id(), event));
    }
    #[expect(clippy::expect_used, reason = "only tests call it")]
    fn envelope<E: Event>(&self, id: EventId, event: &E) -> Envelope {
        Envelope {
            id,
            name: E::NAME.into(),
            source: "test".into(),
            subject: event.subject(),
            version: self.versions.fetch_add(1, Ordering::AcqRel),
            part: 0,
            time: self.clock.now(),
            traceparent: None,
            body: serde_json::to_string(event).expect("an event is JSON").into(),
            typed: None,
        }
    }
    /// Delivers the event once more, under the same id.
    #[expect(clippy::expect_used, reason = "only tests call it")]
    pub async fn tell_again<E: Event>(&self, id: EventId, event: E) {
        let message = Arc::new(self.envelope(id, &event));
        for service in self.bus.hearing(E::NAME) {
            self.bus.deliver(Arc::clone(&message), service).await.expect("it is heard");
        }
    }
    /// Collects the events `E` that are told from now on, in the order of their commits.
    #[expect(clippy::expect_used, reason = "only tests call it")]
    pub fn listen<E: Event>(&self) -> Arc<Mutex<Vec<E>>> {
        let told: Arc<Mutex<Vec<E>>> = Arc::default();
        let (into, seen) = (Arc::clone(&told), Mutex::new(std::collections::HashSet::new()));
        let watch = move |message: &Envelope| {
            // A relay that reads the outbox shows an event again.
            if seen.lock().insert(message.id) {
                into.lock().push(serde_json::from_str(&message.body).expect("an event"));
            }
        };
        self.bus.watch(E::NAME, "test", Arc::new(watch));
        told
    }
    /// Gives the worker `name` of `service` a turn in every replica, until it is idle.
    #[expect(clippy::expect_used, reason = "only tests call it")]
    pub async fn work(&self, service: &str, name: &str) {
        for node in &self.nodes {
            let turn = &node.service(service).expect("it was started").workers[name];
            while turn().await.expect("the worker does its work") == Worked::More {}
        }
    }
    /// Waits until all news has been heard.
    /// # Panics
    /// When that takes over 20 seconds.
    #[expect(clippy::expect_used, clippy::panic, reason = "only tests call it")]
    pub async fn settled(&self) {
        let started = std::time::Instant::now();
        let mut quiet = 0;
        while quiet < 2 {
            let mut unsent = Vec::new();
            for running in &self.nodes[0].services {
                let rows = crate::outbox::unsent(running.db.reader(), running.name, None, 10).await;
                unsent.extend(rows.expect("the outbox can be read").messages);
            }
            quiet = if unsent.is_empty() { quiet + 1 } else { 0 };
            if started.elapsed() > Duration::from_secs(20) {
                panic!("still unsent after 20 s: {unsent:?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    /// Stops everything.
    pub async fn stop(self) {
        self.stop_keeping().await;
    }
    /// Stops everything, but keeps the databases as long as the answer lives.
    pub async fn stop_keeping(mut self) -> Place {
        for node in std::mem::take(&mut self.nodes) {
            node.stop().await;
        }
        self.place.clone()
    }
}

impl Drop for Rig {
    /// Services and the tables that name them hold each other; a test that fails, or does not
    /// stop its rig, would keep its connections to the server until the last test has run.
    fn drop(&mut self) {
        self.setup.stop.cancel();
        self.bus.clear();
        self.registry.clear();
    }
}
