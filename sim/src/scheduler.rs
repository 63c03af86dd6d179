//! The scheduler: a seed decides what happens next, until nothing is left to happen.
use crate::checks;
use crate::executor::{Stuck, Tasks, complete};
use crate::news::{self, Leases};
use crate::shoppers::{Shopper, Told};
use crate::staff::Staff;
use crate::world::{GOODS, Rates, World};
use contracts::identity::UserRegistered;
use contracts::inventory::SetStock;
use contracts::{Caller, Event as _, EventId, Timestamp};
use kit::bus::{Envelope, Message};
use kit::calls::Calls;
use kit::clock::Clock as _;
use kit::outbox::{self, Lanes};
use kit::wave::NotRun;
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What one run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// How many shoppers.
    pub shoppers: usize,
    /// How many of them share an account, with its cart and its wallet.
    pub sharing: usize,
    /// How many errands each runs.
    pub errands: u32,
    /// How many pieces of each good there are.
    pub stock: i64,
    /// Which faults happen while they shop.
    pub rates: Rates,
}

impl Default for Script {
    fn default() -> Self {
        Self { shoppers: 3, sharing: 1, errands: 5, stock: 8, rates: Rates::MANY }
    }
}

impl Script {
    /// The one that `seed` plays: every other one with all faults, some without crashes (more is
    /// promised then), some with families who fight over a wallet, a cart and the last pieces.
    pub fn of(seed: u64) -> Self {
        let crowd = Self { shoppers: 6, sharing: 3, errands: 3, stock: 5, ..Self::default() };
        match seed % 8 {
            1 => Self { rates: Rates::CALLS, ..Self::default() },
            3 => Self { rates: Rates::AGAIN, ..Self::default() },
            5 => crowd,
            7 => Self { rates: Rates::CALLS, ..crowd },
            _ => Self::default(),
        }
    }
}

/// How much time passes at the end, after as many rounds in which nothing happened: longer than
/// a lease, than anybody is left in peace, than an order waits for a transfer.
const IDLE: [Duration; 5] = [
    Duration::from_secs(31),
    Duration::from_secs(61),
    Duration::from_secs(20 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(8 * 24 * 3600),
];

/// A message on its way to those who hear it.
struct Flight {
    message: Message,
    /// Who has not committed its effect yet.
    waiting: BTreeSet<&'static str>,
    /// Who is handling it just now.
    handling: BTreeSet<&'static str>,
}

type Outcomes = Arc<Mutex<Vec<(EventId, &'static str, Result<(), NotRun>)>>>;

/// A run in progress.
pub struct Scheduler {
    /// The store.
    pub world: World,
    /// What the shoppers were told.
    pub told: Arc<Mutex<Told>>,
    /// What happened, a line a step.
    pub trace: Vec<String>,
    /// All that was told, as it was first seen.
    pub news: BTreeMap<EventId, Message>,
    /// The accounts of the shoppers.
    pub shoppers: Vec<Shopper>,
    tasks: Tasks,
    chance: ChaCha8Rng,
    lanes: BTreeMap<&'static str, Lanes>,
    flights: BTreeMap<EventId, Flight>,
    /// Messages that everybody has heard: they may come again.
    heard: Vec<Message>,
    /// What was in a service's outbox when it started.
    left: BTreeMap<&'static str, BTreeSet<EventId>>,
    leases: Leases,
    outcomes: Outcomes,
}

/// One thing that can happen next.
#[derive(Clone, Copy)]
enum Step {
    Task(u64),
    Wave(&'static str, &'static str, usize),
    Deliver(EventId, &'static str),
    Work(&'static str, &'static str),
    Restart(&'static str),
    Time,
}

impl Scheduler {
    /// Sets the scene: services, goods, accounts; no faults yet.
    /// # Errors
    /// When the store does not start.
    pub fn new(seed: u64, folder: &Path, script: Script) -> Result<Self, Stuck> {
        let tasks = Tasks::default();
        let world = World::start(seed, folder, &tasks.spawned)?;
        let mut run = Self {
            world,
            told: Arc::default(),
            trace: Vec::new(),
            news: BTreeMap::new(),
            shoppers: Vec::new(),
            tasks,
            chance: ChaCha8Rng::seed_from_u64(seed),
            lanes: BTreeMap::new(),
            flights: BTreeMap::new(),
            heard: Vec::new(),
            left: BTreeMap::new(),
            leases: Leases::new(),
            outcomes: Arc::default(),
        };
        let names: Vec<&'static str> = run.world.running.keys().copied().collect();
        names.into_iter().for_each(|name| run.run_start(name));
        run.calm()?;
        run.set_scene(script)?;
        run.world.trouble.set(script.rates);
        Ok(run)
    }
    fn calls(&self, from: &'static str) -> Calls {
        Calls::any(from, self.world.registry.clone())
    }
    fn staff(&self) -> Staff {
        Staff::new(self.calls("staff"), Arc::clone(&self.told))
    }
    fn set_scene(&mut self, script: Script) -> Result<(), Stuck> {
        for (sku, _) in GOODS {
            let Ok(sku) = sku.parse() else { continue };
            let (calls, call) = (self.calls("staff"), SetStock::counted(sku, script.stock));
            let work = Box::pin(async move { drop(calls.call(&Caller::Store, call).await) });
            self.tasks.add("shopper", "stock".to_owned(), work);
        }
        for name in 0..script.shoppers {
            let spawned = Arc::clone(&self.tasks.spawned);
            let shopper =
                Shopper::new(name, self.calls("shopper"), Arc::clone(&self.told), spawned);
            let shopper = shopper.of(name / script.sharing.max(1));
            self.register(&shopper)?;
            self.shoppers.push(shopper);
        }
        self.calm()?;
        for (name, shopper) in self.shoppers.clone().into_iter().enumerate() {
            let seed = self.chance.random();
            let work = Box::pin(shopper.shop(seed, script.errands));
            self.tasks.add("shopper", format!("{name}"), work);
        }
        let seed = self.chance.random();
        let work = Box::pin(self.staff().work(seed, script.errands * 3));
        self.tasks.add("shopper", "staff".to_owned(), work);
        Ok(())
    }
    /// Identity is played: it tells that somebody registered.
    fn register(&mut self, shopper: &Shopper) -> Result<(), Stuck> {
        if self.shoppers.iter().any(|known| known.account() == shopper.account()) {
            return Ok(());
        }
        let event = UserRegistered { account: shopper.account() };
        let body = serde_json::to_string(&event).map_err(|error| Stuck(error.to_string()))?;
        let message = Arc::new(Envelope {
            id: EventId(shopper.account().0),
            name: UserRegistered::NAME.into(),
            source: "identity".into(),
            subject: event.subject(),
            version: 1,
            part: 0,
            time: Timestamp::from_micros(0),
            traceparent: None,
            body: body.into(),
            typed: None,
        });
        self.fly("identity", message)
    }

    /// Lets chance decide `steps` times, or until everybody is done.
    /// # Errors
    /// When a task waits for something that the scheduler does not know.
    pub fn run(&mut self, steps: usize) -> Result<(), Stuck> {
        for _ in 0..steps {
            if self.tasks.is_empty() && self.flights.is_empty() {
                break;
            }
            let Some(step) = self.choose() else { break };
            self.take(step)?;
        }
        Ok(())
    }
    /// No more faults: everything runs to its end, and time passes until nothing is left to do.
    /// # Errors
    /// When that never happens.
    pub fn finish(&mut self) -> Result<(), Stuck> {
        self.world.trouble.set(Rates::NONE);
        let down: Vec<&'static str> = self.world.down.iter().copied().collect();
        for name in down {
            self.take(Step::Restart(name))?;
        }
        self.calm()?;
        let idle = checks::idle_holds(self)?;
        self.contradicted(idle);
        // Time passes in longer and longer steps while nothing happens; the last of them is
        // longer than anybody waits for a transfer.
        let mut idle = 0;
        for _ in 0..200 {
            let mut worked = self.calm()?;
            let (seed, did) = (self.chance.random(), self.told.lock().staff_did);
            let work = Box::pin(self.staff().see_through(seed));
            self.tasks.add("shopper", "staff".to_owned(), work);
            // Who is only refused goes on to be, until enough time has passed.
            worked |= self.calm()? && self.told.lock().staff_did > did;
            for step in self.workers() {
                self.take(step)?;
                worked |= self.calm()?;
            }
            idle = if worked { 0 } else { idle + 1 };
            let Some(span) = IDLE.get(idle) else { break };
            self.world.clock.forward(*span);
            self.trace.push(format!("{} s pass, worked: {worked}", span.as_secs()));
        }
        self.calm()?;
        if self.tasks.is_empty() && self.flights.is_empty() {
            return Ok(());
        }
        let flying: Vec<_> = self.flights.values().map(|f| format!("{:?}", f.message)).collect();
        Err(Stuck(format!("left over: {:?} {flying:?}", self.tasks.labels())))
    }
    /// Runs all that can run, but no worker and no time; answers whether a wave was run.
    fn calm(&mut self) -> Result<bool, Stuck> {
        let mut waves = false;
        for _ in 0..20_000 {
            let steps = self.steps();
            if steps.is_empty() {
                return Ok(waves);
            }
            let step = steps[self.chance.random_range(0..steps.len())];
            waves |= matches!(step, Step::Wave(..));
            self.take(step)?;
        }
        Err(Stuck(format!("never calm: {:?}", self.tasks.labels())))
    }

    /// What can happen by itself.
    fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = self.tasks.runnable().into_iter().map(Step::Task).collect();
        for (name, running) in &self.world.running {
            let waiting = running.waves.waiting();
            steps.extend(waiting.into_iter().map(|(kind, count)| Step::Wave(name, kind, count)));
        }
        for (id, flight) in &self.flights {
            let ready = flight.waiting.difference(&flight.handling);
            let up = ready.filter(|name| self.world.running.contains_key(**name));
            steps.extend(up.map(|name| Step::Deliver(*id, name)));
        }
        steps
    }
    fn workers(&self) -> Vec<Step> {
        let of = |(name, running): (&&'static str, &kit::plug::Running)| {
            let name = *name;
            running.workers.keys().map(move |worker| Step::Work(name, worker)).collect::<Vec<_>>()
        };
        self.world.running.iter().flat_map(of).collect()
    }
    fn choose(&mut self) -> Option<Step> {
        let down: Vec<&'static str> = self.world.down.iter().copied().collect();
        if !down.is_empty() && self.chance.random_range(0..6) == 0 {
            return Some(Step::Restart(down[self.chance.random_range(0..down.len())]));
        }
        let steps = self.steps();
        let roll = self.chance.random_range(0..100);
        if steps.is_empty() || roll < 8 {
            let workers = self.workers();
            return match workers.len() {
                0 => Some(Step::Time),
                _ if roll < 2 => Some(Step::Time),
                count => Some(workers[self.chance.random_range(0..count)]),
            };
        }
        if roll < 12 {
            return Some(Step::Time);
        }
        Some(steps[self.chance.random_range(0..steps.len())])
    }

    fn take(&mut self, step: Step) -> Result<(), Stuck> {
        match step {
            Step::Task(id) => {
                self.trace.push(format!("task {}", self.tasks.label(id)));
                self.tasks.run(id)?;
            }
            Step::Wave(name, kind, waiting) => self.run_wave(name, kind, waiting)?,
            Step::Deliver(id, name) => self.deliver(id, name),
            Step::Work(name, worker) => self.work(name, worker),
            Step::Restart(name) => {
                self.trace.push(format!("restart {name}"));
                self.world.start_service(name)?;
                self.run_start(name);
                if name == "orders" {
                    self.leases = news::leases(self)?;
                }
                self.replay(name)?;
            }
            Step::Time => {
                let millis = match self.chance.random_range(0..10) {
                    0 => self.chance.random_range(10_000..90_000),
                    _ => self.chance.random_range(1..2_000),
                };
                self.trace.push(format!("{millis} ms pass"));
                self.world.clock.forward(Duration::from_millis(millis));
            }
        }
        self.hear_outcomes();
        let lines = std::mem::take(&mut self.told.lock().lines);
        self.trace.extend(lines);
        Ok(())
    }
    fn run_wave(
        &mut self,
        name: &'static str,
        kind: &'static str,
        waiting: usize,
    ) -> Result<(), Stuck> {
        let most = self.chance.random_range(1..=waiting);
        self.trace.push(format!("wave {name} {kind} {most} of {waiting}"));
        let Some(running) = self.world.running.get(name) else { return Ok(()) };
        let waves = running.waves.clone();
        complete(async move { waves.run_kind(kind, most).await }, "a wave")?;
        for crashed in self.world.trouble.take_crashed() {
            self.crash(crashed)?;
        }
        if name == "orders" && self.world.running.contains_key(name) {
            let (leases, now) = (news::leases(self)?, self.world.clock.now().micros());
            if kind == "begin_checkouts" {
                let early = news::taken_too_early(&self.leases, &leases, now);
                self.contradicted(early);
            }
            // Others do not lengthen them: whoever starts alone ends those of before.
            self.leases = leases;
        }
        if kind != "sent" {
            self.take_news(name)?;
        }
        Ok(())
    }
    fn crash(&mut self, name: &'static str) -> Result<(), Stuck> {
        self.trace.push(format!("CRASH {name}"));
        self.tasks.drop_of(name);
        self.world.crash(name)?;
        self.lanes.remove(name);
        // Its own news is found in its outbox again; what it was hearing has to come again.
        self.flights.retain(|_, flight| &*flight.message.source != name);
        for flight in self.flights.values_mut() {
            flight.handling.remove(name);
        }
        Ok(())
    }
    fn run_start(&mut self, name: &'static str) {
        let start = self.world.running.get(name).and_then(|running| running.take_start());
        if let Some(start) = start {
            let work = Box::pin(async move { drop(start.await) });
            self.tasks.add(name, "start".to_owned(), work);
        }
    }
    fn work(&mut self, name: &'static str, worker: &'static str) {
        self.trace.push(format!("work {name} {worker}"));
        let turn = self.world.running.get(name).and_then(|r| r.workers.get(worker).cloned());
        if let Some(turn) = turn {
            let work = Box::pin(async move { drop(turn().await) });
            self.tasks.add(name, worker.to_owned(), work);
        }
    }

    /// As the relay of one process: what is left in the outbox is read at the start only…
    fn replay(&mut self, name: &'static str) -> Result<(), Stuck> {
        let left = self.outbox(name)?;
        self.left.insert(name, left.iter().map(|message| message.id).collect());
        left.into_iter().try_for_each(|message| self.fly(name, message))
    }
    /// …and later it is handed what was committed.
    fn take_news(&mut self, name: &'static str) -> Result<(), Stuck> {
        let mut news = self.outbox(name)?;
        if let Some(left) = self.left.get(name) {
            news.retain(|message| !left.contains(&message.id));
        }
        news.into_iter().try_for_each(|message| self.fly(name, message))
    }
    fn contradicted(&mut self, found: Vec<String>) {
        self.trace.extend(found.iter().map(|line| format!("WRONG {line}")));
        self.told.lock().contradictions.extend(found);
    }
    fn outbox(&self, name: &'static str) -> Result<Vec<Message>, Stuck> {
        let Some(running) = self.world.running.get(name) else { return Ok(Vec::new()) };
        let db = running.db.clone();
        let read = async move { outbox::unsent(db.reader(), name, None, 10_000).await };
        let unsent = complete(read, "outbox")?.map_err(|error| Stuck(error.to_string()))?;
        Ok(unsent.messages)
    }
    fn fly(&mut self, source: &'static str, message: Message) -> Result<(), Stuck> {
        if !self.news.contains_key(&message.id) {
            let found = news::contradictions(self, &message)?;
            self.contradicted(found);
            self.news.insert(message.id, Arc::clone(&message));
        }
        if let Some(head) = self.lanes.entry(source).or_default().add(message) {
            self.take_off(head);
        }
        Ok(())
    }
    fn take_off(&mut self, message: Message) {
        let waiting = self.world.hearing.get(&*message.name);
        let waiting = waiting.map(|names| names.iter().copied().collect()).unwrap_or_default();
        let (id, handling) = (message.id, BTreeSet::new());
        self.flights.insert(id, Flight { message, waiting, handling });
        self.land(id);
    }
    fn deliver(&mut self, id: EventId, name: &'static str) {
        let Some(flight) = self.flights.get_mut(&id) else { return };
        flight.handling.insert(name);
        let message = Arc::clone(&flight.message);
        self.trace.push(format!("deliver {message:?} to {name}"));
        self.hand_over(message, name);
        if self.world.trouble.again() && !self.heard.is_empty() {
            let old = Arc::clone(&self.heard[self.chance.random_range(0..self.heard.len())]);
            let hearing = self.world.hearing.get(&*old.name).cloned().unwrap_or_default();
            for name in hearing {
                if self.world.running.contains_key(name) {
                    self.trace.push(format!("again {old:?} to {name}"));
                    self.hand_over(Arc::clone(&old), name);
                }
            }
        }
    }
    fn hand_over(&mut self, message: Message, name: &'static str) {
        let (bus, outcomes) = (self.world.bus.clone(), Arc::clone(&self.outcomes));
        let work = Box::pin(async move {
            let (id, heard) = (message.id, bus.deliver(message, name).await);
            outcomes.lock().push((id, name, heard));
        });
        self.tasks.add(name, "hear".to_owned(), work);
    }
    fn hear_outcomes(&mut self) {
        let outcomes = std::mem::take(&mut *self.outcomes.lock());
        for (id, name, outcome) in outcomes {
            let failed = matches!(outcome, Err(NotRun::Failed(_)));
            let Some(flight) = self.flights.get_mut(&id) else { continue };
            flight.handling.remove(name);
            if failed {
                let line = format!("{name} cannot hear {:?}: {outcome:?}", flight.message);
                self.told.lock().contradictions.push(line);
            }
            if outcome.is_ok() || failed {
                flight.waiting.remove(name);
                self.land(id);
            }
        }
    }
    /// Everybody has heard it: it leaves the outbox, and the next of its lane takes off.
    fn land(&mut self, id: EventId) {
        if self.flights.get(&id).is_none_or(|flight| !flight.waiting.is_empty()) {
            return;
        }
        let Some(Flight { message, .. }) = self.flights.remove(&id) else { return };
        let running = self.world.running.iter().find(|(name, _)| **name == &*message.source);
        if let Some((name, running)) = running {
            let (waves, name) = (running.waves.clone(), *name);
            let sent = async move {
                let sent = waves
                    .write(id, |wave, id| Box::pin(outbox::sent(wave, std::slice::from_ref(id))));
                drop(sent.await);
            };
            self.tasks.add(name, "sent".to_owned(), Box::pin(sent));
        }
        let source = self.lanes.iter_mut().find(|(name, _)| **name == &*message.source);
        let next = source.and_then(|(_, lanes)| {
            // It may be read again before it is out of the outbox.
            lanes.forget(message.id);
            lanes.done(&message)
        });
        self.heard.push(message);
        if let Some(next) = next {
            self.take_off(next);
        }
    }
}
