//! Load: connections that each do one thing after the other, and what came of it.
//!
//! All of it runs on one thread. Without a rate the load is closed: each connection asks again as
//! soon as it was answered. With one it is open: operations have their times, and one whose time
//! has come while every connection was busy counts from that time on.
use crate::client::Connection;
use crate::histogram::Histogram;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What came of the operations of a while.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How long each operation took.
    pub took: Histogram,
    /// How long parts of them took, by name.
    pub parts: BTreeMap<&'static str, Histogram>,
    /// How often something happened, by name.
    pub counts: BTreeMap<&'static str, u64>,
    /// What went wrong, and how often.
    pub failures: BTreeMap<String, u64>,
}

impl Tally {
    /// A part took so long.
    pub fn part(&mut self, name: &'static str, took: Duration) {
        self.parts.entry(name).or_default().add(took);
    }
    /// Something happened `times`.
    pub fn count(&mut self, name: &'static str, times: u64) {
        *self.counts.entry(name).or_default() += times;
    }
    /// How often something happened.
    pub fn counted(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }
    /// Something went wrong.
    pub fn fail(&mut self, what: impl Into<String>) {
        *self.failures.entry(what.into()).or_default() += 1;
    }
    /// How often something went wrong.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
    /// All that another counted.
    pub fn merge(&mut self, other: &Self) {
        self.took.merge(&other.took);
        for (name, part) in &other.parts {
            self.parts.entry(name).or_default().merge(part);
        }
        for (name, times) in &other.counts {
            self.count(name, *times);
        }
        for (what, times) in &other.failures {
            *self.failures.entry(what.clone()).or_default() += times;
        }
    }
}

/// Why an operation did not do what it should.
#[derive(Debug)]
pub enum Failure {
    /// The connection broke.
    Broken(io::Error),
    /// The store answered something else.
    Answer(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// One who does one operation after the other, on a connection of its own.
pub trait Client: 'static {
    /// Does the next operation.
    fn next(
        &mut self,
        connection: &mut Connection,
        tally: &mut Tally,
    ) -> impl Future<Output = Result<(), Failure>>;
}

/// Clients, each with its connection.
pub struct Crowd<C> {
    members: Vec<(C, Connection)>,
}

/// When the operations of an open load are due.
struct Pace {
    began: Instant,
    each: Duration,
    next: Cell<u32>,
}

impl Pace {
    fn due(&self) -> Instant {
        let number = self.next.get();
        self.next.set(number + 1);
        self.began + self.each * number
    }
}

impl<C: Client> Crowd<C> {
    /// Connects everybody.
    /// # Errors
    /// When the store takes no more connections.
    pub async fn gather(
        address: SocketAddr,
        clients: impl IntoIterator<Item = C>,
    ) -> io::Result<Self> {
        let mut members = Vec::new();
        for client in clients {
            members.push((client, Connection::open(address).await?));
        }
        Ok(Self { members })
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }
    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
    /// Has everybody do one operation after the other for `lasts`, at `rate` a second if one is
    /// given; answers when the last of them has ended.
    pub async fn run(&mut self, lasts: Duration, rate: Option<u32>) -> Tally {
        let began = Instant::now();
        let end = began + lasts;
        let pace = rate.map(|rate| {
            let each = Duration::from_secs(1) / rate.max(1);
            Rc::new(Pace { began, each, next: Cell::new(0) })
        });
        let whole = Rc::new(RefCell::new(Tally::default()));
        let mut tasks = JoinSet::new();
        for (client, connection) in self.members.drain(..) {
            let (whole, pace) = (Rc::clone(&whole), pace.clone());
            tasks.spawn_local(async move {
                let mut member = Member { client, connection, tally: Tally::default() };
                member.work(end, pace.as_deref()).await;
                whole.borrow_mut().merge(&member.tally);
                (member.client, member.connection)
            });
        }
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(member) => self.members.push(member),
                Err(error) => whole.borrow_mut().fail(format!("a client ended: {error}")),
            }
        }
        whole.take()
    }
    /// Has everybody do one operation, all at once.
    pub async fn once(&mut self) -> Tally {
        // Each begins before the end, and ends after it.
        self.run(Duration::ZERO, None).await
    }
}

struct Member<C> {
    client: C,
    connection: Connection,
    tally: Tally,
}

impl<C: Client> Member<C> {
    async fn work(&mut self, end: Instant, pace: Option<&Pace>) {
        loop {
            let mut start = Instant::now();
            if let Some(pace) = pace {
                let due = pace.due();
                if due >= end {
                    return;
                }
                if due > start {
                    tokio::time::sleep_until(due.into()).await;
                    // The timer's own lateness is not the store's.
                    start = Instant::now();
                } else {
                    start = due;
                }
            }
            match self.client.next(&mut self.connection, &mut self.tally).await {
                Ok(()) => self.tally.took.add(start.elapsed()),
                Err(Failure::Answer(what)) => self.tally.fail(what),
                Err(Failure::Broken(error)) => {
                    self.tally.fail(format!("the connection broke: {}", error.kind()));
                    if self.connection.reopen().await.is_err() {
                        self.tally.fail("the store takes no connection");
                        return;
                    }
                }
            }
            if Instant::now() >= end {
                return;
            }
        }
    }
}
