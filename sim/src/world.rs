//! The store under simulation: its services with their databases, the clock, and the faults.
//!
//! Catalogue and accounts are played (search, password hashes and HTTP stay outside); orders,
//! inventory, payments, cart and notifications are the real ones.
use crate::executor::{Spawned, Stuck, complete};
use crate::tally;
use contracts::catalog::{Priced, PricesOf};
use contracts::identity::{Contact, ContactsOf, LinksFor, StaffContacts};
use contracts::inventory::ReleaseStock;
use contracts::{AccountId, Call as _, Currency, Money, ProductId, Sku};
use kit::bus::Bus;
use kit::calls::Registry;
use kit::clock::Sources;
use kit::config::Config;
use kit::db::DbOptions;
use kit::faults::{CallFault, Faults, Point};
use kit::plug::{Running, Service, Setup};
use kit::testing::{HandClock, Seeded};
use parking_lot::Mutex;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The services of the simulation, in the order of their names; the last is the simulation's own.
pub fn services() -> Vec<Box<dyn Service>> {
    vec![
        Box::new(cart::plug()),
        Box::new(inventory::plug()),
        Box::new(notifications::plug()),
        Box::new(orders::plug()),
        Box::new(payments::plug()),
        Box::new(tally::plug()),
    ]
}

/// How often faults happen, in thousandths of the occasions on which they could.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// A service crashes at a commit.
    pub crash: u32,
    /// A call goes wrong.
    pub call: u32,
    /// A message that was heard is delivered again.
    pub again: u32,
}

impl Rates {
    /// No faults.
    pub const NONE: Self = Self { crash: 0, call: 0, again: 0 };
    /// Messages come again.
    pub const AGAIN: Self = Self { again: 60, ..Self::NONE };
    /// Calls go wrong, too, but nobody crashes.
    pub const CALLS: Self = Self { call: 40, ..Self::AGAIN };
    /// As many as a run can bear and still sell.
    pub const MANY: Self = Self { crash: 12, call: 40, again: 60 };
}

/// Decides which faults happen. Its chance is its own, so that it does not depend on how often
/// services draw ids.
pub struct Trouble {
    chance: Mutex<ChaCha8Rng>,
    rates: Mutex<Rates>,
    /// Who crashed and was not yet started again.
    crashed: Mutex<BTreeSet<&'static str>>,
    /// Whether something crashed, or a call went wrong that was to undo a step.
    undo_lost: AtomicBool,
}

impl Trouble {
    fn happens(&self, rate: impl Fn(Rates) -> u32) -> bool {
        let rate = rate(*self.rates.lock());
        rate > 0 && self.chance.lock().random_range(0..1000) < rate
    }
    /// Who crashed since it was last asked.
    pub fn take_crashed(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.crashed.lock()).into_iter().collect()
    }
    /// From now on, faults happen at `rates`.
    pub fn set(&self, rates: Rates) {
        *self.rates.lock() = rates;
    }
    /// Whether a step may still be undone only by the clock: its undo was lost, or whoever was
    /// to undo it.
    pub fn was_undo_lost(&self) -> bool {
        self.undo_lost.load(Ordering::Relaxed)
    }
    /// Whether a message is delivered again.
    pub fn again(&self) -> bool {
        self.happens(|rates| rates.again)
    }
}

impl Faults for Trouble {
    fn crashes(&self, service: &'static str, _: Point) -> bool {
        let crashes = self.happens(|rates| rates.crash);
        if crashes {
            self.crashed.lock().insert(service);
            self.undo_lost.store(true, Ordering::Relaxed);
        }
        crashes
    }
    fn call(&self, _: &'static str, name: &'static str) -> CallFault {
        if !self.happens(|rates| rates.call) {
            return CallFault::None;
        }
        if name == ReleaseStock::NAME {
            self.undo_lost.store(true, Ordering::Relaxed);
        }
        match self.chance.lock().next_u32() % 3 {
            0 => CallFault::NotDone,
            1 => CallFault::AnswerLost,
            _ => CallFault::RequestLost,
        }
    }
}

/// The prices of the played catalogue, in cents.
pub const GOODS: [(&str, i64); 4] = [("APPLE", 100), ("BREAD", 350), ("CHEESE", 999), ("DATES", 5)];

/// The store under simulation.
pub struct World {
    /// Moves only when the scheduler moves it.
    pub clock: HandClock,
    /// Who answers what.
    pub registry: Registry,
    /// Who hears what.
    pub bus: Bus,
    /// The services that run; one that crashed is missing until it is started again.
    pub running: BTreeMap<&'static str, Running>,
    /// Which services hear an event, whether they run or not.
    pub hearing: BTreeMap<&'static str, Vec<&'static str>>,
    /// Which faults happen.
    pub trouble: Arc<Trouble>,
    /// Who crashed, and waits to be started again.
    pub down: BTreeSet<&'static str>,
    /// The prices of now.
    pub prices: Arc<Mutex<BTreeMap<Sku, i64>>>,
    plugs: BTreeMap<&'static str, Box<dyn Service>>,
    setup: Setup,
}

impl World {
    /// Starts all services on databases in `folder`, which were copied from a template.
    /// # Errors
    /// When a service cannot be started.
    pub fn start(seed: u64, folder: &Path, spawned: &Spawned) -> Result<Self, Stuck> {
        let clock = HandClock::default();
        let (bus, registry) = (Bus::default(), Registry::default());
        let trouble = Arc::new(Trouble {
            chance: Mutex::new(ChaCha8Rng::seed_from_u64(seed ^ 0x7007)),
            rates: Mutex::new(Rates::NONE),
            crashed: Mutex::default(),
            undo_lost: AtomicBool::default(),
        });
        let spawned = Arc::clone(spawned);
        registry.spawn_by(Arc::new(move |owner, work| {
            spawned.lock().push((owner, "call".to_owned(), work));
        }));
        let chance = Arc::new(Seeded::new(seed));
        let faults: Arc<dyn Faults> = Arc::clone(&trouble) as Arc<dyn Faults>;
        let setup = setup(folder, &bus, &registry, Sources::new(Arc::new(clock.clone()), chance));
        let setup = Setup { faults: Some(faults), ..setup };
        let plugs: BTreeMap<_, _> = services().into_iter().map(|s| (s.name(), s)).collect();
        let mut hearing: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
        for (name, plug) in &plugs {
            for event in plug.declared().hears {
                hearing.entry(event).or_default().push(name);
            }
        }
        let prices = GOODS.iter().filter_map(|(sku, cents)| Some((sku.parse().ok()?, *cents)));
        let prices: Arc<Mutex<BTreeMap<Sku, i64>>> = Arc::new(Mutex::new(prices.collect()));
        play_catalog(&registry, Arc::clone(&prices));
        play_identity(&registry);
        let names: Vec<&'static str> = plugs.keys().copied().collect();
        let (running, down) = (BTreeMap::new(), BTreeSet::new());
        let mut world =
            Self { clock, registry, bus, running, hearing, trouble, down, prices, plugs, setup };
        for name in names {
            world.start_service(name)?;
        }
        Ok(world)
    }
    /// Starts `name` from its database.
    /// # Errors
    /// When it cannot be started.
    pub fn start_service(&mut self, name: &'static str) -> Result<(), Stuck> {
        let Some(plug) = self.plugs.get(name) else { return Err(Stuck(format!("no {name}"))) };
        let label = format!("start {name}");
        let running = complete(plug.start(&self.setup), &label)?;
        let running = running.map_err(|error| Stuck(format!("{label}: {error:#}")))?;
        self.running.insert(name, running);
        self.down.remove(name);
        Ok(())
    }
    /// Takes `name` down, as its crash left it.
    /// # Errors
    /// When its database cannot be closed.
    pub fn crash(&mut self, name: &'static str) -> Result<(), Stuck> {
        self.bus.forget(name);
        self.registry.forget(name);
        if let Some(running) = self.running.remove(name) {
            let db = running.db.clone();
            drop(running);
            complete(async move { db.close().await }, "close")?;
        }
        self.down.insert(name);
        Ok(())
    }
}

/// Migrates fresh databases in `folder`, to be copied for each seed.
/// # Errors
/// When a migration fails.
pub fn make_template(folder: &Path) -> Result<(), Stuck> {
    let sources = Sources::new(Arc::new(HandClock::default()), Arc::new(Seeded::new(0)));
    let setup = setup(folder, &Bus::default(), &Registry::default(), sources);
    for plug in services() {
        let migrated = complete(plug.migrate(&setup), "migrate")?;
        migrated.map_err(|error| Stuck(format!("{}: {error:#}", plug.name())))?;
    }
    Ok(())
}

fn setup(folder: &Path, bus: &Bus, registry: &Registry, sources: Sources) -> Setup {
    let folder = folder.to_owned();
    let data = folder.display().to_string();
    Setup {
        bus: bus.clone(),
        registry: registry.clone(),
        sources,
        config: Arc::new(Config { data, hold_seconds: 60, ..Config::default() }),
        database: Arc::new(move |name| {
            (format!("sqlite:{}", folder.join(format!("{name}.db")).display()), None)
        }),
        options: DbOptions { connections: 1, durable: false },
        whole: false,
        faults: None,
        tasks: false,
        stop: Default::default(),
        closing: Default::default(),
    }
}

fn play_catalog(registry: &Registry, prices: Arc<Mutex<BTreeMap<Sku, i64>>>) {
    registry.answer::<PricesOf>(move |_, call| {
        let prices = prices.lock();
        let priced = |sku: Sku| {
            let cents = *prices.get(&sku)?;
            Some(Priced {
                product: ProductId(uuid::Uuid::nil()),
                slug: sku.as_str().to_lowercase(),
                title: sku.to_string(),
                image: None,
                price: Money::new(cents, Currency::USD),
                categories: Vec::new(),
                sku,
            })
        };
        let answer = call.skus.into_iter().filter_map(priced).collect();
        Box::pin(async move { Ok(answer) })
    });
}

fn play_identity(registry: &Registry) {
    registry.answer::<LinksFor>(|_, _| Box::pin(async move { Ok(Vec::new()) }));
    registry.answer::<StaffContacts>(|_, _| {
        let account = AccountId(uuid::Uuid::from_u128(0xADA1));
        let contact =
            Contact { account, email: "staff@example.com".to_owned(), name: "Staff".to_owned() };
        Box::pin(async move { Ok(vec![contact]) })
    });
    registry.answer::<ContactsOf>(|_, call| {
        let contact = |account| Contact {
            account,
            email: format!("{account}@example.com"),
            name: "Sim".to_owned(),
        };
        let answer = call.accounts.into_iter().map(contact).collect();
        Box::pin(async move { Ok(answer) })
    });
}
