//! Events on their way: the envelope, and the bus of one process (`memory:`).
use contracts::{Event, EventId, Timestamp};
use futures_util::future::BoxFuture;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

use crate::problem::Unexpected;
use crate::wave::NotRun;

/// An event in its CloudEvents 1.0 envelope, with the version of its aggregate.
#[derive(Clone, Serialize, Deserialize)]
pub struct Envelope {
    /// Unique; what the inbox remembers.
    pub id: EventId,
    /// The event's `NAME`.
    #[serde(rename = "type")]
    pub name: Arc<str>,
    /// The service that told it.
    pub source: Arc<str>,
    /// The aggregate's id. Order holds per subject.
    pub subject: String,
    /// The aggregate's version that the event made.
    pub version: i64,
    /// The place among the events of one transaction.
    pub part: i64,
    /// When it happened.
    pub time: Timestamp,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// The event as JSON.
    #[serde(rename = "data")]
    pub body: Arc<str>,
    /// The event itself, while it has not left the process.
    #[serde(skip)]
    pub typed: Option<Arc<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} v{} {}", self.name, self.subject, self.version, self.id)
    }
}

/// An envelope, shared by all who hear it.
pub type Message = Arc<Envelope>;

/// An event as a handler hears it.
#[derive(Clone, Debug)]
pub struct Heard<E> {
    /// The envelope's id.
    pub id: EventId,
    /// The version of the aggregate that told it.
    pub version: i64,
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub event: Arc<E>,
}

impl<E: Event> Heard<E> {
    /// Opens an envelope.
    /// # Errors
    /// When its body is no such event.
    pub fn open(message: &Envelope) -> Result<Self, Unexpected> {
        let typed = message.typed.clone().and_then(|typed| typed.downcast::<E>().ok());
        let event = match typed {
            Some(event) => event,
            None => Arc::new(serde_json::from_str(&message.body)?),
        };
        Ok(Self { id: message.id, version: message.version, time: message.time, event })
    }
}

/// A replica of a service that hears messages.
pub(crate) trait Hearer: Send + Sync {
    /// Answers once the effect is committed (or was before).
    fn hear(&self, message: Message) -> BoxFuture<'static, Result<(), NotRun>>;
    /// Gives the message up: it is kept with its error, and those behind it wait with it.
    fn park(&self, message: Message, error: String) -> BoxFuture<'static, Result<(), NotRun>>;
}

/// By service: its replicas.
type Hearers = BTreeMap<&'static str, Vec<Arc<dyn Hearer>>>;
type Watcher = Arc<dyn Fn(&Envelope) + Send + Sync>;

/// The bus of one process: who hears and who watches what.
#[derive(Clone, Default)]
pub struct Bus(Arc<Table>);

#[derive(Default)]
struct Table {
    /// By event.
    hearers: RwLock<BTreeMap<&'static str, Hearers>>,
    /// Events that were ever heard here: who stopped hearing them will hear them later.
    heard: RwLock<BTreeSet<&'static str>>,
    /// By event: who watches, and how it is shown to them.
    watchers: RwLock<BTreeMap<&'static str, Vec<(&'static str, Watcher)>>>,
    turn: AtomicUsize,
    /// By service: wakes the relays of all its replicas.
    pokes: RwLock<BTreeMap<&'static str, Vec<Arc<Notify>>>>,
}

impl Bus {
    pub(crate) fn hear(&self, event: &'static str, service: &'static str, by: Arc<dyn Hearer>) {
        self.0.heard.write().insert(event);
        self.0.hearers.write().entry(event).or_default().entry(service).or_default().push(by);
    }
    pub(crate) fn watch(&self, event: &'static str, by: &'static str, watcher: Watcher) {
        self.0.watchers.write().entry(event).or_default().push((by, watcher));
    }
    /// Shows every event `E` to `watch`, which is `by`'s, from now on; it may be missed or come
    /// twice. `watch` must not wait for anything.
    pub fn watch_event<E: Event>(
        &self,
        by: &'static str,
        watch: impl Fn(&E) + Send + Sync + 'static,
    ) {
        let watcher = move |message: &Envelope| match Heard::<E>::open(message) {
            Ok(heard) => watch(&heard.event),
            Err(error) => tracing::warn!(%error, ?message, "cannot read a watched event"),
        };
        self.watch(E::NAME, by, Arc::new(watcher));
    }
    pub(crate) fn relay(&self, service: &'static str, poke: Arc<Notify>) {
        self.0.pokes.write().entry(service).or_default().push(poke);
    }
    /// Forgets everybody.
    #[cfg(feature = "testing")]
    pub(crate) fn clear(&self) {
        self.0.hearers.write().clear();
        self.0.watchers.write().clear();
        self.0.pokes.write().clear();
    }
    /// Forgets everything that `service` registered: for the simulation, when it crashes.
    pub fn forget(&self, service: &str) {
        for services in self.0.hearers.write().values_mut() {
            services.retain(|name, _| *name != service);
        }
        for watchers in self.0.watchers.write().values_mut() {
            watchers.retain(|(by, _)| *by != service);
        }
    }
    /// Wakes the relays of `service`.
    pub(crate) fn poke(&self, service: &str) {
        for poke in self.0.pokes.read().get(service).into_iter().flatten() {
            poke.notify_one();
        }
    }
    /// One replica of each service that hears `event`, in turn.
    pub(crate) fn hearers(&self, event: &str) -> Vec<(&'static str, Arc<dyn Hearer>)> {
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        let hearers = self.0.hearers.read();
        let Some(services) = hearers.get(event) else { return Vec::new() };
        let one = |(service, replicas): (&&'static str, &Vec<Arc<dyn Hearer>>)| {
            (*service, Arc::clone(&replicas[turn % replicas.len()]))
        };
        services.iter().map(one).collect()
    }
    /// Whether some service of this process hears `event`, or did before it crashed.
    pub(crate) fn is_heard(&self, event: &str) -> bool {
        self.0.heard.read().contains(event)
    }
    /// The services that hear `event`, in the order of their names.
    pub fn hearing(&self, event: &str) -> Vec<&'static str> {
        self.0.hearers.read().get(event).map(|s| s.keys().copied().collect()).unwrap_or_default()
    }
    /// Delivers `message` to `service` once: for the simulation, which is its own relay.
    /// # Errors
    /// [`NotRun`], see there.
    pub async fn deliver(&self, message: Message, service: &str) -> Result<(), NotRun> {
        let hearer = self.hearers(&message.name).into_iter().find(|(name, _)| *name == service);
        match hearer {
            Some((_, hearer)) => hearer.hear(message).await,
            None => Err(NotRun::Stopped),
        }
    }
    /// Shows `message` to all who watch.
    pub(crate) fn show(&self, message: &Envelope) {
        let watchers = self.0.watchers.read().get(&*message.name).cloned().unwrap_or_default();
        for (_, watcher) in watchers {
            watcher(message);
        }
    }
}
