//! Batches: many concurrent commands, one transaction, and each caller its own answer.
//!
//! A wave takes whatever queued while the last one committed: there are no timers, and a lone
//! command is a wave of one. On SQLite a wave takes commands of every kind, behind the one
//! writer; on a server each of a few writers takes one kind at a time. A deadlock or a
//! serialisation failure repeats the wave; any other error rolls it back and runs its commands
//! one by one, so that only the guilty one fails.
mod batch;

use self::batch::{Batch, Kind, Plain, Queue};
use crate::bus::{Envelope, Message};
use crate::clock::Sources;
use crate::db::{self, Db, Engine, Tx};
use crate::faults::{Faults, Point};
use crate::outbox;
use crate::problem::Unexpected;
use contracts::{CallError, Event, EventId, Timestamp};
use futures_util::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use sea_orm::{DbErr, SqlErr};
use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Notify, oneshot};

/// Why a command was not run to its answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRun {
    /// The queue is full. Nothing happened.
    #[error("too many requests are waiting")]
    Busy,
    /// The store is stopping. Nothing happened.
    #[error("the store is stopping")]
    Stopped,
    /// It failed by our fault and was rolled back; the cause is in the log.
    #[error("it failed and was rolled back: {0}")]
    Failed(String),
    /// The commit was not confirmed: it may have happened.
    #[error("the commit was not confirmed: {0}")]
    Unknown(String),
}

impl<E> From<NotRun> for CallError<E> {
    fn from(why: NotRun) -> Self {
        match why {
            NotRun::Unknown(_) => Self::Unknown(why.to_string()),
            NotRun::Busy | NotRun::Stopped | NotRun::Failed(_) => Self::NotDone(why.to_string()),
        }
    }
}

/// One transaction, shared by the commands of a wave. What it tells is saved with it.
///
/// A use case decides before it writes: a refused command must leave nothing behind, because
/// the rest of the wave commits.
pub struct Wave {
    tx: Tx,
    now: Timestamp,
    sources: Sources,
    source: &'static str,
    engine: Engine,
    tells: Arc<HashSet<&'static str>>,
    news: Vec<Message>,
    wakes: Vec<&'static str>,
    notes: Vec<Note>,
}

/// What a wave did, for those whom [`Waves::noted`] told of.
type Note = Box<dyn Any + Send + Sync>;
/// Who gets the notes of a type.
type Keeper = Arc<dyn Fn(Note) + Send + Sync>;

impl Wave {
    /// The transaction, for the SQL of the service's `store.rs`.
    pub fn tx(&self) -> &Tx {
        &self.tx
    }
    /// When the wave began.
    pub fn now(&self) -> Timestamp {
        self.now
    }
    /// Which engine it runs on.
    pub fn engine(&self) -> Engine {
        self.engine
    }
    /// Time, chance and identity.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }
    /// A new id.
    pub fn id<I: From<uuid::Uuid>>(&self) -> I {
        self.sources.id()
    }
    /// Tells `event`, which made the aggregate `version`: saved with the change, sent after it.
    /// # Errors
    /// When the plug does not declare that the service tells it.
    pub fn tell<E: Event>(&mut self, version: i64, event: E) -> Result<(), Unexpected> {
        if !self.tells.contains(E::NAME) {
            let undeclared = format!("{} tells {} without saying so", self.source, E::NAME);
            return Err(Unexpected::new(undeclared));
        }
        let message = Envelope {
            id: self.sources.id::<EventId>(),
            name: E::NAME.into(),
            source: self.source.into(),
            subject: event.subject(),
            version,
            part: i64::try_from(self.news.len()).unwrap_or(i64::MAX),
            time: self.now,
            traceparent: None,
            body: serde_json::to_string(&event)?.into(),
            typed: Some(Arc::new(event)),
        };
        self.news.push(Arc::new(message));
        Ok(())
    }
    /// Notes what it did, for what the service keeps in memory: whoever [`Waves::noted`] named for
    /// notes of this type gets it once the wave has committed, before any command is answered.
    pub fn note<N: Send + Sync + 'static>(&mut self, note: N) {
        self.notes.push(Box::new(note));
    }
    /// Wakes the service's worker `name` once the wave has committed.
    pub fn wake(&mut self, name: &'static str) {
        if !self.wakes.contains(&name) {
            self.wakes.push(name);
        }
    }
}

/// What happens after a commit: hand the news on, wake the workers.
pub(crate) trait AfterCommit: Send + Sync {
    fn committed(&self, news: Vec<Message>, wakes: &[&'static str]);
    /// Whether a message must reach somebody, whatever crashes; others are only shown to those
    /// who watch.
    fn must_arrive(&self, message: &Message) -> bool;
}

/// The waves of one service's database.
#[derive(Clone)]
pub struct Waves(Arc<Inner>);

struct Inner {
    db: Db,
    sources: Sources,
    tells: Arc<HashSet<&'static str>>,
    kinds: Mutex<Vec<Arc<dyn Kind>>>,
    plain: Mutex<VecDeque<Box<dyn Batch>>>,
    turn: AtomicUsize,
    work: Notify,
    stopped: AtomicBool,
    running: AtomicUsize,
    idle: Notify,
    noted: RwLock<HashMap<TypeId, Keeper>>,
    after: OnceLock<Arc<dyn AfterCommit>>,
    faults: Option<Arc<dyn Faults>>,
}

/// The most commands of one kind that wait; one more is answered [`NotRun::Busy`].
const MOST_WAITING: usize = 20_000;
/// The most plain commands that share a wave.
const MOST_PLAIN: usize = 64;
/// How long a command that nobody waits for waits for a wave that runs anyhow.
const LATE: std::time::Duration = std::time::Duration::from_millis(50);
/// So many of them are not left to wait.
const MOST_LATE: usize = 1_000;
/// How often a transaction is repeated after it lost against another.
const REPEATS: u32 = 5;

impl Waves {
    /// For `db`; `tells` are the events that the service declares.
    pub fn new(
        db: Db,
        sources: Sources,
        tells: HashSet<&'static str>,
        faults: Option<Arc<dyn Faults>>,
    ) -> Self {
        Self(Arc::new(Inner {
            db,
            sources,
            tells: Arc::new(tells),
            kinds: Mutex::default(),
            plain: Mutex::default(),
            turn: AtomicUsize::new(0),
            work: Notify::new(),
            stopped: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            idle: Notify::new(),
            noted: RwLock::default(),
            after: OnceLock::new(),
            faults,
        }))
    }
    /// Has `keep` get the notes of this type that waves make, each once its wave has committed, in
    /// the order of the commits. It must not wait for anything.
    pub fn noted<N: Send + Sync + 'static>(&self, keep: impl Fn(N) + Send + Sync + 'static) {
        let keep = move |note: Note| {
            if let Ok(note) = note.downcast::<N>() {
                keep(*note);
            }
        };
        self.0.noted.write().insert(TypeId::of::<N>(), Arc::new(keep));
    }
    pub(crate) fn after_commit(&self, after: Arc<dyn AfterCommit>) {
        // Set once, by the plug that starts the service.
        let _ = self.0.after.set(after);
    }
    /// Starts the tasks that run waves: one on SQLite, a few on a server.
    pub fn spawn(&self) {
        let writers = match self.0.db.engine() {
            Engine::Sqlite => 1,
            Engine::Postgres | Engine::MySql => self.0.db.writers().div_ceil(2).max(1),
        };
        for _ in 0..writers {
            let waves = self.clone();
            self.0.running.fetch_add(1, Ordering::AcqRel);
            tokio::spawn(waves.serve_on());
        }
    }
    /// A kind of command that is run by the set: `run` gets all that wait, at most `most` at a
    /// time, and answers each, in order.
    pub fn batched<C, A>(
        &self,
        name: &'static str,
        most: usize,
        run: impl for<'a> Fn(&'a mut Wave, &'a [C]) -> BoxFuture<'a, Result<Vec<A>, Unexpected>>
        + Send
        + Sync
        + 'static,
    ) -> Batched<C, A>
    where
        C: Send + Sync + 'static,
        A: Send + 'static,
    {
        let queue = Arc::new(Queue { name, most, run: Arc::new(run), waiting: Mutex::default() });
        self.0.kinds.lock().push(Arc::clone(&queue) as Arc<dyn Kind>);
        Batched { queue, waves: self.clone() }
    }
    /// Runs a use case that is not hot: `run` gets the transaction that the wave shares.
    /// # Errors
    /// [`NotRun`], see there.
    pub async fn write<C, A>(
        &self,
        command: C,
        run: impl for<'a> Fn(&'a mut Wave, &'a C) -> BoxFuture<'a, Result<A, Unexpected>>
        + Send
        + Sync
        + 'static,
    ) -> Result<A, NotRun>
    where
        C: Send + Sync + 'static,
        A: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let batch = Plain { command, run, answer: None, caller: Some(answer) };
        {
            let mut waiting = self.0.plain.lock();
            if self.0.stopped.load(Ordering::Acquire) {
                return Err(NotRun::Stopped);
            }
            if waiting.len() >= MOST_WAITING {
                return Err(NotRun::Busy);
            }
            waiting.push_back(Box::new(batch));
        }
        self.0.work.notify_one();
        self.wait(answered).await
    }
    /// Time, chance and identity.
    pub fn sources(&self) -> &Sources {
        &self.0.sources
    }
    async fn wait<A>(&self, answered: oneshot::Receiver<Result<A, NotRun>>) -> Result<A, NotRun> {
        let answered = crate::faults::at_scheduler(answered).await;
        answered.unwrap_or_else(|_| Err(NotRun::Unknown("the store stopped".to_owned())))
    }
    /// Stops taking commands, and waits until those that were taken are answered.
    pub async fn stop(&self) {
        let idle = self.0.idle.notified();
        tokio::pin!(idle);
        self.0.stopped.store(true, Ordering::Release);
        while self.0.running.load(Ordering::Acquire) > 0 {
            self.0.work.notify_waiters();
            self.0.work.notify_one();
            let soon = std::time::Duration::from_millis(20);
            let _ = tokio::time::timeout(soon, idle.as_mut()).await;
            idle.set(self.0.idle.notified());
        }
    }
    /// What waits, by kind: for the simulation, which has no tasks that run waves.
    pub fn waiting(&self) -> Vec<(&'static str, usize)> {
        let mut waiting = vec![("plain", self.0.plain.lock().len())];
        waiting.extend(self.0.kinds.lock().iter().map(|kind| (kind.name(), kind.waiting())));
        waiting.retain(|(_, count)| *count > 0);
        waiting
    }
    /// Runs one wave of at most `most` commands of the kind `name`: for the simulation.
    pub async fn run_kind(&self, name: &str, most: usize) {
        let batches = if name == "plain" {
            self.take_plain(most)
        } else {
            let kinds = self.0.kinds.lock().clone();
            kinds.iter().filter(|kind| kind.name() == name).filter_map(|k| k.take(most)).collect()
        };
        if !batches.is_empty() {
            self.run(batches).await;
        }
    }

    /// Serves until the stop. A command that panics is a bug, and must not be the last one: its
    /// wave is rolled back, its callers are told that the outcome is unknown, and the next wave
    /// is served.
    async fn serve_on(self) {
        while let Err(ended) = tokio::spawn(self.clone().serve()).await {
            if ended.is_cancelled() {
                return;
            }
            tracing::error!(service = self.0.db.service(), "a command panicked");
        }
    }
    fn serve(self) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            while !self.0.stopped.load(Ordering::Acquire) {
                if !self.run_next().await {
                    self.0.work.notified().await;
                }
            }
            // What was queued before the stop still gets its answer.
            while self.run_next().await {}
            self.0.running.fetch_sub(1, Ordering::AcqRel);
            self.0.idle.notify_waiters();
        })
    }
    async fn run_next(&self) -> bool {
        let batches = match self.0.db.engine() {
            Engine::Sqlite => {
                let mut batches = self.take_plain(MOST_PLAIN);
                let kinds = self.0.kinds.lock().clone();
                batches.extend(kinds.iter().filter_map(|kind| kind.take(usize::MAX)));
                batches
            }
            Engine::Postgres | Engine::MySql => self.take_one_kind(),
        };
        if batches.is_empty() {
            return false;
        }
        self.run(batches).await;
        true
    }
    fn take_plain(&self, most: usize) -> Vec<Box<dyn Batch>> {
        let mut plain = self.0.plain.lock();
        let count = plain.len().min(most);
        plain.drain(..count).collect()
    }
    /// One kind a transaction, in turn, so that locks of different kinds never wait in a ring.
    fn take_one_kind(&self) -> Vec<Box<dyn Batch>> {
        let kinds = self.0.kinds.lock().clone();
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        for step in 0..=kinds.len() {
            let index = (turn + step) % (kinds.len() + 1);
            let taken = match kinds.get(index) {
                Some(kind) => kind.take(usize::MAX).into_iter().collect(),
                None => self.take_plain(1),
            };
            if !taken.is_empty() {
                // Another writer may have something to do as well.
                self.0.work.notify_one();
                return taken;
            }
        }
        Vec::new()
    }

    async fn run(&self, mut batches: Vec<Box<dyn Batch>>) {
        let commands: usize = batches.iter().map(|batch| batch.len()).sum();
        match self.repeated(&mut batches, None).await {
            Ok(()) => return,
            Err(Failed::Rolled(_)) if commands > 1 => {}
            Err(failed) => return fail(&mut batches, None, &failed.told(self.0.db.service())),
        }
        for batch in &mut batches {
            for index in 0..batch.len() {
                let alone = std::slice::from_mut(batch);
                if let Err(failed) = self.repeated(alone, Some(index)).await {
                    fail(alone, Some(index), &failed.told(self.0.db.service()));
                }
            }
        }
    }
    /// Repeats a transaction that lost against another, a few times.
    async fn repeated(
        &self,
        batches: &mut [Box<dyn Batch>],
        only: Option<usize>,
    ) -> Result<(), Failed> {
        for repeat in 0.. {
            match self.attempt(batches, only).await {
                Err(Failed::Rolled(error)) if repeat < REPEATS && self.is_repeatable(&error) => {
                    tokio::time::sleep(std::time::Duration::from_millis(1 << repeat)).await;
                }
                ended => return ended,
            }
        }
        Ok(())
    }
    /// A deadlock; or, beside other writers, a unique index that guarded against a twin: the
    /// repetition finds the twin's row.
    fn is_repeatable(&self, error: &Unexpected) -> bool {
        let Some(error) = error.find::<DbErr>() else { return false };
        let twin = matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)));
        db::is_repeatable(error) || (twin && self.0.db.engine() != Engine::Sqlite)
    }

    /// One transaction. Answers are told only after its commit.
    fn attempt<'a>(
        &'a self,
        batches: &'a mut [Box<dyn Batch>],
        only: Option<usize>,
    ) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(self.transact(batches, only))
    }
    async fn transact(
        &self,
        batches: &mut [Box<dyn Batch>],
        only: Option<usize>,
    ) -> Result<(), Failed> {
        let inner = &self.0;
        let tx = inner.db.begin().await.map_err(|error| Failed::Rolled(error.into()))?;
        let mut wave = Wave {
            tx,
            now: inner.sources.now(),
            sources: inner.sources.clone(),
            source: inner.db.service(),
            engine: inner.db.engine(),
            tells: Arc::clone(&inner.tells),
            news: Vec::new(),
            wakes: Vec::new(),
            notes: Vec::new(),
        };
        let mut ran = Ok(());
        for batch in batches.iter_mut() {
            ran = batch.run(&mut wave, only).await;
            if ran.is_err() {
                break;
            }
        }
        if ran.is_ok() {
            let after = inner.after.get();
            let must_arrive = |m: &&Message| after.is_none_or(|after| after.must_arrive(m));
            let news: Vec<&Message> = wave.news.iter().filter(must_arrive).collect();
            ran = outbox::save(&wave.tx, &news).await.map_err(Unexpected::from);
        }
        let Wave { tx, news, wakes, notes, .. } = wave;
        if ran.is_ok() && self.crashes(Point::BeforeCommit) {
            // As after a crash: rolled back, and nobody is told.
            let _ = tx.rollback().await;
            return Err(Failed::Lost("crashed".to_owned()));
        }
        if let Err(error) = ran {
            let _ = tx.rollback().await;
            return Err(Failed::Rolled(error));
        }
        tx.commit().await.map_err(Failed::at_commit)?;
        if self.crashes(Point::AfterCommit) {
            return Err(Failed::Lost("crashed".to_owned()));
        }
        for note in notes {
            let keep = inner.noted.read().get(&(*note).type_id()).cloned();
            if let Some(keep) = keep {
                keep(note);
            }
        }
        // Before the answers: whoever was told of a logout finds it done by those who watch.
        if let Some(after) = inner.after.get() {
            after.committed(news, &wakes);
        }
        for batch in batches {
            batch.answer(only);
        }
        Ok(())
    }
    fn crashes(&self, point: Point) -> bool {
        let Some(faults) = &self.0.faults else { return false };
        let crashes = faults.crashes(self.0.db.service(), point);
        if crashes {
            self.0.stopped.store(true, Ordering::Release);
        }
        crashes
    }
}

fn fail(batches: &mut [Box<dyn Batch>], only: Option<usize>, why: &NotRun) {
    for batch in batches {
        batch.fail(only, why);
    }
}

/// How a transaction failed.
enum Failed {
    /// Nothing of it was kept.
    Rolled(Unexpected),
    /// It may have been committed.
    Lost(String),
}

impl Failed {
    fn at_commit(error: DbErr) -> Self {
        if db::is_answered(&error) {
            Self::Rolled(error.into())
        } else {
            Self::Lost(error.to_string())
        }
    }
    fn told(self, service: &str) -> NotRun {
        match self {
            Self::Rolled(error) => {
                tracing::error!(service, %error, "a command failed and was rolled back");
                NotRun::Failed(error.to_string())
            }
            Self::Lost(error) => NotRun::Unknown(error),
        }
    }
}

type Answered<A> = oneshot::Receiver<Result<A, NotRun>>;

/// The door to a kind of command: waits for a wave and answers.
pub struct Batched<C, A> {
    queue: Arc<Queue<C, A>>,
    waves: Waves,
}

impl<C, A> Clone for Batched<C, A> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), waves: self.waves.clone() }
    }
}

impl<C: Send + Sync + 'static, A: Send + 'static> Batched<C, A> {
    /// Runs `command` in the next wave. A caller that leaves does not undo it.
    /// # Errors
    /// [`NotRun`], see there.
    pub async fn run(&self, command: C) -> Result<A, NotRun> {
        let answered = self.enqueue(command)?;
        self.waves.wait(answered).await
    }
    /// Runs `command` in a wave that runs anyhow, or else in one of its own after a while
    /// ([`LATE`]): for what nobody waits for.
    /// # Errors
    /// [`NotRun`], see there.
    pub(crate) async fn run_late(&self, command: C) -> Result<A, NotRun> {
        let (answered, waiting) = self.queue_up(command)?;
        let waves = self.waves.clone();
        match waiting {
            1 => drop(tokio::spawn(async move {
                tokio::time::sleep(LATE).await;
                waves.0.work.notify_one();
            })),
            MOST_LATE => waves.0.work.notify_one(),
            _ => {}
        }
        self.waves.wait(answered).await
    }
    /// Runs all of `commands`, in as few waves as they fit, and answers in their order.
    pub async fn run_all(&self, commands: Vec<C>) -> Vec<Result<A, NotRun>> {
        let queued: Vec<_> = commands.into_iter().map(|command| self.enqueue(command)).collect();
        let mut answers = Vec::with_capacity(queued.len());
        for answered in queued {
            answers.push(match answered {
                Ok(answered) => self.waves.wait(answered).await,
                Err(why) => Err(why),
            });
        }
        answers
    }
    fn enqueue(&self, command: C) -> Result<Answered<A>, NotRun> {
        let (answered, _) = self.queue_up(command)?;
        self.waves.0.work.notify_one();
        Ok(answered)
    }
    /// Also answers how many wait now.
    fn queue_up(&self, command: C) -> Result<(Answered<A>, usize), NotRun> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.queue.waiting.lock();
        if self.waves.0.stopped.load(Ordering::Acquire) {
            return Err(NotRun::Stopped);
        }
        if waiting.len() >= MOST_WAITING {
            return Err(NotRun::Busy);
        }
        waiting.push_back((command, answer));
        Ok((answered, waiting.len()))
    }
}
