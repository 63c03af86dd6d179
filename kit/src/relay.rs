//! The relay: takes unsent news to everybody who hears it, in order per aggregate.
//!
//! On `memory:` the outbox is the log. A row is taken out only when every hearing service has
//! committed its effect or parked it, and whatever is left is sent again at the next start. On
//! SQLite committed news is handed over as it is; on a server, where other replicas write too,
//! a hand-over is only a poke, and one relay at a time, by a lease, reads what is unsent.
use crate::bus::{Bus, Message};
use crate::db::{Db, Engine};
use crate::lease::Lease;
use crate::outbox::{self, Lanes, Unsent};
use crate::wave::{AfterCommit, Batched, NotRun, Waves};
use crate::worker::Wakes;
use contracts::EventId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// The most messages that are kept in memory; beyond, they wait in the outbox.
const MOST_KNOWN: usize = 50_000;
/// How many unsent rows are read at a time, and on how few messages on their way more are read.
const MOST_READ: usize = 5_000;
/// How often rows are looked for that nobody handed over (of another process, say).
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long one replica may send without saying so again.
const LEASE: Duration = Duration::from_secs(5);
/// How long to wait before a message that failed is tried again; then it is parked.
const RETRY_AFTER: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(4),
];

/// What a service's waves do after a commit.
pub(crate) struct Outgoing {
    pub service: &'static str,
    pub bus: Bus,
    pub wakes: Wakes,
    /// Whether this process is the whole store: what nobody here hears, nobody hears.
    pub alone: bool,
    /// To the relay of this process; none where the simulation relays.
    pub handed: Option<mpsc::UnboundedSender<Vec<Message>>>,
}

impl AfterCommit for Outgoing {
    fn must_arrive(&self, message: &Message) -> bool {
        !self.alone || self.bus.is_heard(&message.name)
    }
    fn committed(&self, mut news: Vec<Message>, wakes: &[&'static str]) {
        for name in wakes {
            self.wakes.wake(name);
        }
        for message in &news {
            self.bus.show(message);
        }
        news.retain(|message| self.must_arrive(message));
        if let (Some(handed), false) = (&self.handed, news.is_empty()) {
            // A relay that has stopped finds them in the outbox at the next start.
            let _ = handed.send(news);
            self.bus.poke(self.service);
        }
    }
}

/// The relay of one replica of a service.
pub(crate) struct Relay {
    db: Db,
    bus: Bus,
    sent: Batched<EventId, ()>,
    /// Once it is cancelled nothing more is taken up.
    stop: CancellationToken,
    lease: Option<Lease>,
    lanes: Lanes,
    /// Whether the outbox holds rows that were not taken into memory.
    behind: bool,
    /// Up to where it has been read, while behind: what is before is known.
    read: Option<EventId>,
    /// Whether it is to be read from its start once more, as there was news meanwhile: its ids
    /// may lie before those that were read, by a clock that was set back or another replica's.
    again: bool,
    foreign: i64,
    ended: (mpsc::UnboundedSender<Ended>, mpsc::UnboundedReceiver<Ended>),
}

/// How far a message came.
enum Ended {
    /// Everybody has heard it.
    Heard(Message),
    /// It is out of the outbox.
    Gone(EventId),
}

impl Relay {
    pub(crate) fn new(db: &Db, bus: &Bus, waves: &Waves, stop: CancellationToken) -> Self {
        let sent =
            waves.batched("sent", 5_000, |wave, ids: &[EventId]| Box::pin(outbox::sent(wave, ids)));
        let shared = db.engine() != Engine::Sqlite;
        Self {
            db: db.clone(),
            bus: bus.clone(),
            sent,
            stop,
            lease: shared.then(|| Lease::new("relay", waves, LEASE)),
            lanes: Lanes::default(),
            behind: true,
            read: None,
            again: false,
            foreign: 0,
            ended: mpsc::unbounded_channel(),
        }
    }

    pub(crate) async fn run(mut self, mut handed: mpsc::UnboundedReceiver<Vec<Message>>) {
        let poke = Arc::new(Notify::new());
        self.bus.relay(self.db.service(), Arc::clone(&poke));
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // Once it is stopped it takes up nothing more. What follows has an end, each
                // before what would make more of it.
                biased;
                () = self.stop.cancelled() => return,
                _ = look.tick() => self.look().await,
                Some(ended) = self.ended.1.recv() => self.end(ended).await,
                Some(news) = handed.recv() => self.take(news),
                () = poke.notified(), if self.lease.is_some() => self.look().await,
            }
        }
    }

    /// News that this process committed.
    fn take(&mut self, news: Vec<Message>) {
        if self.lease.is_some() {
            return;
        }
        if self.behind || self.lanes.len() > MOST_KNOWN {
            return self.fall_behind();
        }
        for message in news {
            self.start(message);
        }
    }
    async fn end(&mut self, ended: Ended) {
        match ended {
            Ended::Gone(id) => self.lanes.forget(id),
            Ended::Heard(message) => {
                if let Some(next) = self.lanes.done(&message) {
                    self.send(next);
                }
                self.read().await;
            }
        }
    }
    /// Looks whether there is news that nobody handed over.
    async fn look(&mut self) {
        if self.lease.is_some() {
            self.fall_behind();
        } else {
            let foreign = self.db.foreign_writes().await.unwrap_or(self.foreign);
            if foreign != self.foreign {
                self.foreign = foreign;
                self.fall_behind();
            }
        }
        self.read().await;
    }
    /// There is news in the outbox that was not handed over.
    fn fall_behind(&mut self) {
        self.again |= self.read.is_some();
        self.behind = true;
    }
    /// Reads on what is unsent, unless enough is on its way. On a server only while this replica
    /// holds the lease.
    async fn read(&mut self) {
        while self.behind && self.lanes.len() < MOST_READ {
            if let Some(lease) = &self.lease
                && !lease.hold().await
            {
                (self.lanes, self.read, self.again) = (Lanes::default(), None, false);
                return;
            }
            let (db, service, most) = (self.db.reader(), self.db.service(), MOST_READ as u64);
            match outbox::unsent(db, service, self.read, most).await {
                // What is read now is the next relay's.
                Ok(_) if self.stop.is_cancelled() => return,
                Ok(Unsent { messages, last }) => {
                    for message in messages {
                        if !self.lanes.knows(message.id) {
                            self.bus.show(&message);
                            self.start(message);
                        }
                    }
                    self.behind = last.is_some() || std::mem::take(&mut self.again);
                    self.read = last;
                }
                Err(error) => {
                    tracing::warn!(%service, %error, "the outbox cannot be read");
                    return;
                }
            }
        }
    }
    fn start(&mut self, message: Message) {
        if let Some(message) = self.lanes.add(message) {
            self.send(message);
        }
    }
    fn send(&self, message: Message) {
        let (bus, sent, ended) = (self.bus.clone(), self.sent.clone(), self.ended.0.clone());
        let shared = self.lease.is_some();
        tokio::spawn(async move {
            if !deliver(&bus, &message).await {
                return;
            }
            let id = message.id;
            if shared {
                // A row that is still there would be read again.
                let _ = sent.run(id).await;
                let _ = ended.send(Ended::Heard(message));
            } else {
                let _ = ended.send(Ended::Heard(message));
                // Nobody reads the row again before the next start, so that there is no hurry; what
                // fails (the disk may be full) is repeated.
                while let Err(why) = sent.run_late(id).await {
                    if why == NotRun::Stopped {
                        return;
                    }
                    tokio::time::sleep(RETRY_AFTER[3]).await;
                }
            }
            let _ = ended.send(Ended::Gone(id));
        });
    }
}

/// Brings `message` to everybody who hears it; false when the store stops before.
async fn deliver(bus: &Bus, message: &Message) -> bool {
    let hearers = bus.hearers(&message.name);
    let all = hearers.into_iter().map(|(service, hearer)| async move {
        let mut failures = 0;
        loop {
            let pause = match hearer.hear(Arc::clone(message)).await {
                Ok(()) => return true,
                Err(NotRun::Stopped) => return false,
                Err(NotRun::Busy) => RETRY_AFTER[0],
                Err(NotRun::Unknown(_)) => RETRY_AFTER[1],
                Err(NotRun::Failed(error)) if failures == RETRY_AFTER.len() => {
                    tracing::error!(service, ?message, error, "parked a message");
                    metrics::counter!("messages_parked_total", "service" => service).increment(1);
                    match hearer.park(Arc::clone(message), error).await {
                        Ok(()) => return true,
                        // Not even that can be written: it is the database that fails (its disk
                        // may be full), and not the message, which is tried anew.
                        Err(_) => {
                            failures = 0;
                            RETRY_AFTER[3]
                        }
                    }
                }
                Err(NotRun::Failed(_)) => {
                    failures += 1;
                    RETRY_AFTER[failures - 1]
                }
            };
            tokio::time::sleep(pause).await;
        }
    });
    futures_util::future::join_all(all).await.into_iter().all(|heard| heard)
}
