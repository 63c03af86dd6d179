//! The plug: the one place where a service says what it answers, calls, tells, hears and
//! watches. What is not declared is refused, and the map of who talks to whom is printed from it.
use crate::bus::{Bus, Heard, Message};
use crate::calls::{Answer, Calls, Registry};
use crate::clock::Sources;
use crate::config::Config;
use crate::db::{Db, DbOptions, Engine};
use crate::faults::Faults;
use crate::idempotency;
use crate::inbox::{self, Handler, Inbox, Wanted};
use crate::migrate::{Migration, migrate};
use crate::problem::Unexpected;
use crate::relay::{Outgoing, Relay};
use crate::wave::{Wave, Waves};
use crate::worker::{self, Turn, Wakes, Worked};
use contracts::{Call, Caller, Event};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

/// What a service is built from.
pub struct Parts {
    /// Its database.
    pub db: Db,
    /// The waves that write to it.
    pub waves: Waves,
    /// The calls that it declared.
    pub calls: Calls,
    /// Time, chance and identity.
    pub sources: Sources,
    /// The store's settings.
    pub config: Arc<Config>,
    /// Cancelled when the store takes no more connections: streams that would go on end.
    pub closing: CancellationToken,
}

type Build<S> = fn(Parts) -> Result<S, Unexpected>;
type OnStart<S> = fn(Arc<S>) -> BoxFuture<'static, Result<(), Unexpected>>;
type Bind<S, T> = Box<dyn Fn(&Arc<S>) -> T + Send + Sync>;
/// Binds a service's state to a table of the process.
type BindTo<S, T> = Box<dyn Fn(&Arc<S>, &T) + Send + Sync>;

/// What a service of the state `S` says of itself.
pub struct Plug<S> {
    name: &'static str,
    migrations: Vec<Migration>,
    build: Build<S>,
    answers: Vec<(&'static str, BindTo<S, Registry>)>,
    calls: Vec<&'static str>,
    tells: Vec<&'static str>,
    hears: Vec<(&'static str, Bind<S, Handler>)>,
    /// By event: which messages have an effect, where not all do.
    wanted: Vec<(&'static str, Wanted)>,
    watches: Vec<(&'static str, BindTo<S, Bus>)>,
    workers: Vec<(&'static str, Duration, Bind<S, Turn>)>,
    on_start: Option<OnStart<S>>,
    routes: Option<fn(Arc<S>) -> OpenApiRouter>,
}

impl<S: Send + Sync + 'static> Plug<S> {
    /// The service `name`, its tables, and how it is built.
    pub fn new(name: &'static str, migrations: Vec<Migration>, build: Build<S>) -> Self {
        Self {
            name,
            migrations,
            build,
            answers: Vec::new(),
            calls: Vec::new(),
            tells: Vec::new(),
            hears: Vec::new(),
            wanted: Vec::new(),
            watches: Vec::new(),
            workers: Vec::new(),
            on_start: None,
            routes: None,
        }
    }
    /// Answers the call `C`.
    #[must_use]
    pub fn answers<C: Call>(
        mut self,
        answer: impl for<'a> Fn(&'a S, &'a Caller, C) -> BoxFuture<'a, Answer<C>>
        + Copy
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let bind = move |service: &Arc<S>, registry: &Registry| {
            let service = Arc::clone(service);
            registry.answer::<C>(move |caller, call| {
                let service = Arc::clone(&service);
                Box::pin(async move { answer(&service, &caller, call).await })
            });
        };
        self.answers.push((C::NAME, Box::new(bind)));
        self
    }
    /// Calls `C` of another service.
    #[must_use]
    pub fn calls<C: Call>(mut self) -> Self {
        self.calls.push(C::NAME);
        self
    }
    /// Tells the event `E`.
    #[must_use]
    pub fn tells<E: Event>(mut self) -> Self {
        self.tells.push(E::NAME);
        self
    }
    /// Hears the event `E`, once per service and durably: `hear` gets a set of messages, at most
    /// one of each aggregate, and its writes commit with the inbox.
    #[must_use]
    pub fn hears<E: Event>(
        mut self,
        hear: impl for<'a> Fn(
            &'a S,
            &'a mut Wave,
            &'a [Heard<E>],
        ) -> BoxFuture<'a, Result<(), Unexpected>>
        + Copy
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let bind = move |service: &Arc<S>| -> Handler {
            let service = Arc::clone(service);
            Arc::new(move |wave: &mut Wave, messages: &[Message]| {
                let service = Arc::clone(&service);
                let heard: Result<Vec<Heard<E>>, Unexpected> =
                    messages.iter().map(|message| Heard::open(message)).collect();
                Box::pin(async move { hear(&service, wave, &heard?).await })
            })
        };
        self.hears.push((E::NAME, Box::new(bind)));
        self
    }
    /// Hears the event `E` as [`Self::hears`] does, but passes over those that are not `wanted`:
    /// nothing is written for them.
    #[must_use]
    pub fn hears_some<E: Event>(
        mut self,
        wanted: impl Fn(&E) -> bool + Send + Sync + 'static,
        hear: impl for<'a> Fn(
            &'a S,
            &'a mut Wave,
            &'a [Heard<E>],
        ) -> BoxFuture<'a, Result<(), Unexpected>>
        + Copy
        + Send
        + Sync
        + 'static,
    ) -> Self {
        // What cannot be read is handled, fails there, and is parked.
        let wanted: Wanted = Arc::new(move |message: &Message| {
            Heard::open(message).map_or(true, |heard: Heard<E>| wanted(&heard.event))
        });
        self.wanted.push((E::NAME, wanted));
        self.hears(hear)
    }
    /// Watches the event `E` in every replica, from now on; it may be missed or come twice.
    /// `watch` must not wait for anything.
    #[must_use]
    pub fn watches<E: Event>(
        mut self,
        watch: impl Fn(&S, &E) + Copy + Send + Sync + 'static,
    ) -> Self {
        let by = self.name;
        let bind = move |service: &Arc<S>, bus: &Bus| {
            let service = Arc::clone(service);
            bus.watch_event::<E>(by, move |event| watch(&service, event));
        };
        self.watches.push((E::NAME, Box::new(bind)));
        self
    }
    /// Works by itself: `turn` runs when `name` is woken by a wave, and every `every`.
    #[must_use]
    pub fn works(
        mut self,
        name: &'static str,
        every: Duration,
        turn: impl for<'a> Fn(&'a S) -> BoxFuture<'a, Result<Worked, Unexpected>>
        + Copy
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let bind = move |service: &Arc<S>| -> Turn {
            let service = Arc::clone(service);
            Arc::new(move || {
                let service = Arc::clone(&service);
                Box::pin(async move { turn(&service).await })
            })
        };
        self.workers.push((name, every, Box::new(bind)));
        self
    }
    /// Runs once when everything is wired, before anything is served.
    #[must_use]
    pub fn on_start(mut self, start: OnStart<S>) -> Self {
        self.on_start = Some(start);
        self
    }
    /// Its public routes.
    #[must_use]
    pub fn routes(mut self, routes: fn(Arc<S>) -> OpenApiRouter) -> Self {
        self.routes = Some(routes);
        self
    }
}

/// What a node needs to start services.
#[derive(Clone)]
pub struct Setup {
    /// Shared by all nodes of the process.
    pub bus: Bus,
    /// Shared by all nodes of the process.
    pub registry: Registry,
    /// Time, chance and identity.
    pub sources: Sources,
    /// The store's settings.
    pub config: Arc<Config>,
    /// Where a service's database is: its URL, and on a server its schema.
    pub database: Arc<dyn Fn(&'static str) -> (String, Option<String>) + Send + Sync>,
    /// How databases are opened.
    pub options: DbOptions,
    /// Whether this process runs the whole store: what none of its services hears, nobody does.
    pub whole: bool,
    /// Faults, in the simulation.
    pub faults: Option<Arc<dyn Faults>>,
    /// Whether tasks run waves, relays and workers. The simulation runs them itself.
    pub tasks: bool,
    /// Cancelled when the node stops: relays and workers end.
    pub stop: CancellationToken,
    /// Cancelled before that, when no more connections are taken: live streams end.
    pub closing: CancellationToken,
}

/// A service that can be started, whatever its state.
pub trait Service: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// What it says of itself.
    fn declared(&self) -> Declared;
    /// Brings its database up to date; answers how many steps were taken.
    fn migrate<'a>(&'a self, setup: &'a Setup) -> BoxFuture<'a, Result<usize, Unexpected>>;
    /// Opens its database, builds it, and has it answer and hear.
    fn start<'a>(&'a self, setup: &'a Setup) -> BoxFuture<'a, Result<Running, Unexpected>>;
}

/// What a service says of itself, by the names of messages.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Calls that it answers.
    pub answers: Vec<&'static str>,
    /// Calls that it makes.
    pub calls: Vec<&'static str>,
    /// Events that it tells.
    pub tells: Vec<&'static str>,
    /// Events that it hears.
    pub hears: Vec<&'static str>,
    /// Events that it watches.
    pub watches: Vec<&'static str>,
}

/// A service that was started.
pub struct Running {
    /// Its name.
    pub name: &'static str,
    /// Its database.
    pub db: Db,
    /// Its waves.
    pub waves: Waves,
    /// Its inbox.
    pub inbox: Inbox,
    /// Its workers: their names and turns, for the simulation and for tests.
    pub workers: BTreeMap<&'static str, Turn>,
    /// Its public routes.
    pub routes: Option<OpenApiRouter>,
    /// What is still to be run once everything is wired.
    pending: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    start: Option<BoxFuture<'static, Result<(), Unexpected>>>,
    tasks: Vec<BoxFuture<'static, ()>>,
}

/// How long messages are remembered by the inbox: longer than any bus keeps them.
const INBOX_KEPT: Duration = Duration::from_secs(8 * 24 * 3600);

impl<S: Send + Sync + 'static> Plug<S> {
    async fn open(&self, setup: &Setup) -> Result<Db, Unexpected> {
        let (url, schema) = (setup.database)(self.name);
        Db::open(self.name, &url, schema.as_deref(), setup.options)
            .await
            .map_err(|error| error.context(format!("the database of {}", self.name)))
    }
    async fn start_service(&self, setup: &Setup) -> Result<Running, Unexpected> {
        let db = self.open(setup).await?;
        migrate(&db, &self.migrations).await?;
        let tells = self.tells.iter().copied().collect();
        let waves = Waves::new(db.clone(), setup.sources.clone(), tells, setup.faults.clone());
        let may = self.calls.iter().copied().collect();
        let calls = Calls::new(self.name, may, setup.registry.clone(), setup.faults.clone());
        let service = Arc::new((self.build)(Parts {
            db: db.clone(),
            waves: waves.clone(),
            calls,
            sources: setup.sources.clone(),
            config: Arc::clone(&setup.config),
            closing: setup.closing.clone(),
        })?);
        let handlers = self.hears.iter().map(|(event, bind)| (*event, bind(&service))).collect();
        let wanted = self.wanted.iter().cloned().collect();
        let inbox = Inbox::new(&waves, Arc::new(handlers), wanted);
        for (event, _) in &self.hears {
            setup.bus.hear(event, self.name, Arc::new(inbox.clone()));
        }
        for (_, bind) in &self.watches {
            bind(&service, &setup.bus);
        }
        for (_, bind) in &self.answers {
            bind(&service, &setup.registry);
        }
        let wakes = Wakes::default();
        let workers = self.workers.iter().map(|(name, _, bind)| (*name, bind(&service))).collect();
        let tasks = self.tasks(setup, &db, &waves, &workers, wakes);
        let (on_start, alone) = (self.on_start, db.engine() == Engine::Sqlite);
        let routes = self.routes.map(|routes| routes(Arc::clone(&service)));
        let for_start = waves.clone();
        let start: BoxFuture<'static, _> = Box::pin(async move {
            if alone {
                // Whoever held these leases was this store before it stopped.
                let freed =
                    for_start.write((), |wave, ()| Box::pin(idempotency::free_leases(wave)));
                freed.await.map_err(Unexpected::from_error)?;
            }
            match on_start {
                Some(start) => start(service).await,
                None => Ok(()),
            }
        });
        let pending = Mutex::new(Pending { start: Some(start), tasks });
        Ok(Running { name: self.name, db, waves, inbox, workers, routes, pending })
    }

    /// The relay and the workers, to be run once everything is wired.
    fn tasks(
        &self,
        setup: &Setup,
        db: &Db,
        waves: &Waves,
        workers: &BTreeMap<&'static str, Turn>,
        wakes: Wakes,
    ) -> Vec<BoxFuture<'static, ()>> {
        let stop = setup.stop.clone();
        let outgoing = |handed| {
            let (bus, wakes) = (setup.bus.clone(), wakes.clone());
            let alone = setup.whole && db.engine() == Engine::Sqlite;
            Arc::new(Outgoing { service: self.name, bus, wakes, alone, handed })
        };
        if !setup.tasks {
            waves.after_commit(outgoing(None));
            return Vec::new();
        }
        let (hand, handed) = mpsc::unbounded_channel();
        waves.after_commit(outgoing(Some(hand)));
        let relay = Relay::new(db, &setup.bus, waves, stop.clone());
        let mut tasks: Vec<BoxFuture<'static, ()>> = vec![Box::pin(relay.run(handed))];
        for (name, every, _) in &self.workers {
            let turn = Arc::clone(&workers[name]);
            tasks.push(Box::pin(worker::run(name, *every, turn, wakes.clone(), stop.clone())));
        }
        let waves = waves.clone();
        let sweep: Turn = Arc::new(move || Box::pin(sweep(waves.clone())));
        let hourly = Duration::from_secs(3600);
        tasks.push(Box::pin(worker::run("sweep", hourly, sweep, wakes, stop)));
        tasks
    }
}

/// Forgets what nobody can ask for any more.
async fn sweep(waves: Waves) -> Result<Worked, Unexpected> {
    let forgotten = waves.write((), |wave, ()| {
        Box::pin(async move {
            let before = wave.now().before(INBOX_KEPT);
            inbox::forget(wave, before).await?;
            idempotency::forget_old(wave).await
        })
    });
    forgotten.await.map_err(Unexpected::from_error)?;
    Ok(Worked::Idle)
}

impl<S: Send + Sync + 'static> Service for Plug<S> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn declared(&self) -> Declared {
        Declared {
            answers: self.answers.iter().map(|(name, _)| *name).collect(),
            calls: self.calls.clone(),
            tells: self.tells.clone(),
            hears: self.hears.iter().map(|(name, _)| *name).collect(),
            watches: self.watches.iter().map(|(name, _)| *name).collect(),
        }
    }
    fn migrate<'a>(&'a self, setup: &'a Setup) -> BoxFuture<'a, Result<usize, Unexpected>> {
        Box::pin(async move {
            let db = self.open(setup).await?;
            let taken = migrate(&db, &self.migrations).await?;
            db.close().await;
            Ok(taken)
        })
    }
    fn start<'a>(&'a self, setup: &'a Setup) -> BoxFuture<'a, Result<Running, Unexpected>> {
        Box::pin(self.start_service(setup))
    }
}

/// One replica of each of some services, in this process.
pub struct Node {
    /// What was started, in the order of the plugs.
    pub services: Vec<Running>,
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Node {
    /// Starts `services`: opens and migrates all databases, wires everybody, and only then runs.
    /// # Errors
    /// When a database cannot be opened or migrated, or a service cannot be built.
    pub async fn start(services: &[Box<dyn Service>], setup: &Setup) -> Result<Self, Unexpected> {
        let starting = services.iter().map(|service| service.start(setup));
        let services = futures_util::future::try_join_all(starting).await?;
        if setup.tasks {
            services.iter().for_each(|running| running.waves.spawn());
        }
        for running in services.iter().filter(|_| setup.tasks) {
            if let Some(start) = running.take_start() {
                start.await.map_err(|error| error.context(format!("starting {}", running.name)))?;
            }
        }
        let ready = |running: &Running| std::mem::take(&mut running.pending.lock().tasks);
        let tasks = services.iter().flat_map(ready).map(tokio::spawn).collect();
        Ok(Self { services, stop: setup.stop.clone(), tasks })
    }
    /// The service `name`, if it was started here.
    pub fn service(&self, name: &str) -> Option<&Running> {
        self.services.iter().find(|running| running.name == name)
    }
    /// Stops sending news, as a crash would: what is told stays in the outbox. For tests.
    #[cfg(feature = "testing")]
    pub fn halt_relays(&self) {
        self.stop.cancel();
    }
    /// Takes no more work, finishes what was begun, and closes the databases.
    pub async fn stop(self) {
        self.stop.cancel();
        for running in &self.services {
            running.waves.stop().await;
        }
        for task in self.tasks {
            task.abort();
            // It ends by the abort; what it said does not matter any more.
            let _ = task.await;
        }
        for running in &self.services {
            running.db.close().await;
        }
    }
}

impl Running {
    /// What the service does at its start, to be run once: the simulation drives the waves that
    /// it waits for.
    pub fn take_start(&self) -> Option<BoxFuture<'static, Result<(), Unexpected>>> {
        self.pending.lock().start.take()
    }
}

/// Who talks to whom, as a page of Markdown.
pub fn map(services: &[Box<dyn Service>]) -> String {
    let mut page = String::from(
        "# Who talks to whom\n\nPrinted from the plugs by `feria map`; a test keeps it fresh.\n",
    );
    for service in services {
        let declared = service.declared();
        let _ = write!(page, "\n## {}\n\n", service.name());
        let rows = [
            ("answers", &declared.answers),
            ("calls", &declared.calls),
            ("tells", &declared.tells),
            ("hears", &declared.hears),
            ("watches", &declared.watches),
        ];
        for (verb, names) in rows {
            if !names.is_empty() {
                let mut names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                names.sort();
                let _ = writeln!(page, "- {verb} {}", names.join(", "));
            }
        }
    }
    page
}

/// What does not fit between the plugs: calls that nobody answers, events that nobody tells.
pub fn misfits(services: &[Box<dyn Service>]) -> Vec<String> {
    let declared: Vec<_> = services.iter().map(|s| (s.name(), s.declared())).collect();
    let answered = |name| declared.iter().any(|(_, d)| d.answers.contains(name));
    let told = |name| declared.iter().any(|(_, d)| d.tells.contains(name));
    let mut misfits = Vec::new();
    for (service, d) in &declared {
        misfits.extend(
            d.calls
                .iter()
                .filter(|c| !answered(c))
                .map(|c| format!("{service} calls {c}, which nobody answers")),
        );
        misfits.extend(
            d.hears
                .iter()
                .chain(&d.watches)
                .filter(|e| !told(e))
                .map(|e| format!("{service} hears {e}, which nobody tells")),
        );
        let foreign = |name: &&&str| name.split('.').next() != Some(*service);
        misfits.extend(d.answers.iter().chain(&d.tells).filter(foreign).map(|name| {
            format!("{service} answers or tells {name}, which is another's by its name")
        }));
    }
    misfits
}
