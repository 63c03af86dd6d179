//! What is measured, and how: warm-up, runs, and what must hold afterwards.
pub mod buying;
pub mod flash;
pub mod mixing;
pub mod reading;

use self::buying::{Buyer, Filler};
use self::flash::Sale;
use self::mixing::{Mix, Visitor};
use self::reading::{Plan, Reader};
use crate::Trouble;
use crate::audit::Audit;
use crate::bare::{self, Page};
use crate::client::Connection;
use crate::load::{Client, Crowd, Tally};
use crate::process::Process;
use crate::report::{Measured, Quantiles, Run, millis};
use crate::shop::{Hands, Purse, Shop};
use crate::store::{Program, Store};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long it may take until all is done that a run set off.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many pieces a flash sale has for ten buyers.
const TENTH: usize = 10;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// The page of a product
    Detail,
    /// A page of the list, in five orders
    List,
    /// Words with facets
    Search,
    /// Add one piece to a cart
    Cart,
    /// Add one line and check out until paid; every second shopper by wallet
    Purchase,
    /// The same, all by card
    PurchaseCard,
    /// The same, all by wallet
    PurchaseWallet,
    /// One shopper alone, by card
    LoneCard,
    /// One shopper alone, by wallet
    LoneWallet,
    /// TPC-W: 95 % look, 5 % order
    Browsing,
    /// TPC-W: 80 % and 20 %
    Shopping,
    /// TPC-W: 50 % and 50 %
    Ordering,
    // The last one: the memory of its connections is given back after seconds only.
    /// Many buyers, one SKU, a piece for every tenth
    Flash,
}

/// How it is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a run lasts.
    pub lasts: Duration,
    /// How long the load runs before the first.
    pub warm_up: Duration,
    /// How many runs.
    pub runs: usize,
    /// How many connections; none for what suits the workload.
    pub connections: Option<usize>,
    /// How many operations a second; none for as many as can be.
    pub rate: Option<u32>,
    /// How many buyers a flash sale has.
    pub buyers: usize,
    /// How many connections there may be in all.
    pub most_connections: usize,
    /// Whether the bare server is measured, too.
    pub bare: bool,
}

/// What is measured, and with what.
pub struct Bench<'a> {
    /// The store.
    pub store: &'a Store,
    /// Goods and shoppers.
    pub shop: Rc<Shop>,
    /// The books.
    pub audit: &'a Audit,
    /// How.
    pub options: &'a Options,
    /// This program, as the bare server.
    pub own: &'a Program,
    /// For whatever has to be put somewhere.
    pub folder: &'a Path,
}

impl Workload {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detail => "detail",
            Self::List => "list",
            Self::Search => "search",
            Self::Cart => "cart",
            Self::Purchase => "purchase",
            Self::PurchaseCard => "purchase-card",
            Self::PurchaseWallet => "purchase-wallet",
            Self::LoneCard => "lone-card",
            Self::LoneWallet => "lone-wallet",
            Self::Flash => "flash",
            Self::Browsing => "browsing",
            Self::Shopping => "shopping",
            Self::Ordering => "ordering",
        }
    }
    /// How many connections suit it.
    const fn connections(self) -> usize {
        match self {
            Self::Detail | Self::List | Self::Search => 32,
            Self::Cart => 128,
            Self::Purchase | Self::PurchaseCard | Self::PurchaseWallet => 256,
            Self::LoneCard | Self::LoneWallet => 1,
            Self::Flash => 0,
            Self::Browsing | Self::Shopping | Self::Ordering => 64,
        }
    }
    /// Whether it sells anything, or sets off anything else that has to be waited for.
    const fn writes(self) -> bool {
        !matches!(self, Self::Detail | Self::List | Self::Search)
    }
}

impl Bench<'_> {
    /// Measures one workload.
    /// # Errors
    /// When it cannot be set up.
    pub async fn measure(&self, workload: Workload) -> Result<Measured, Trouble> {
        use Workload as W;
        let shop = &self.shop;
        match workload {
            W::Detail => self.reads(workload, &Plan::details(shop)).await,
            W::List => self.reads(workload, &Plan::lists(shop)).await,
            W::Search => self.reads(workload, &Plan::searches(shop)).await,
            W::Cart => {
                let queue = Rc::new(shop.queue(90, 100, Purse::Card));
                let pages = self.answers_of_a_purchase().await?;
                let client = |number| Filler::new(shop, &queue, number);
                self.measured(workload, client, Some(pages)).await
            }
            W::Purchase | W::PurchaseCard | W::PurchaseWallet | W::LoneCard | W::LoneWallet => {
                let purse = match workload {
                    W::Purchase => Purse::Either,
                    W::PurchaseWallet | W::LoneWallet => Purse::Wallet,
                    _ => Purse::Card,
                };
                let queue = Rc::new(shop.queue(0, 60, purse));
                let pages = self.answers_of_a_purchase().await?;
                let client = |number| Buyer::new(shop, &queue, purse, number);
                self.measured(workload, client, Some(pages)).await
            }
            W::Flash => self.flash().await,
            W::Browsing => self.mix(workload, Mix::Browsing).await,
            W::Shopping => self.mix(workload, Mix::Shopping).await,
            W::Ordering => self.mix(workload, Mix::Ordering).await,
        }
    }

    async fn reads(&self, workload: Workload, plan: &Rc<Plan>) -> Result<Measured, Trouble> {
        let pages = match self.options.bare {
            true => Some(plan.answers(self.store.address).await?),
            false => None,
        };
        self.measured(workload, |number| Reader::new(plan, number), pages).await
    }

    async fn mix(&self, workload: Workload, mix: Mix) -> Result<Measured, Trouble> {
        let queue = Rc::new(self.shop.queue(60, 70, Purse::Either));
        self.measured(workload, |number| Visitor::new(&self.shop, &queue, mix, number), None).await
    }

    /// What the store answers to the two requests of a purchase, for the bare server.
    async fn answers_of_a_purchase(&self) -> Result<Vec<Page>, Trouble> {
        let mut connection = Connection::open(self.store.address).await?;
        let mut hands = Hands::new(&self.shop, usize::MAX);
        // One who buys nothing else.
        let shopper = self.shop.queue(0, 100, Purse::Card).len() - 1;
        let failed = |what: crate::load::Failure| Trouble::new(format!("{what:?}"));
        let good = self.shop.any_good(&mut hands.chance).map_err(failed)?;
        let body = format!(r#"{{"sku":"{}","quantity":1}}"#, good.sku);
        let token = self.shop.token(shopper);
        let path = ("POST", "/v1/cart/items");
        let answer = hands.ask(&mut connection, path, token, &body).await.map_err(failed)?;
        let mut pages = vec![Page::new(path.0, path.1, &answer)];
        let wait = "Prefer: wait=10\r\n";
        let answer = hands.ask_to_check_out(&mut connection, shopper, Purse::Card, wait).await;
        pages.push(Page::new("POST", "/v1/checkout", &answer.map_err(failed)?));
        self.audit.drained(PATIENCE).await?;
        Ok(pages)
    }

    /// Measures clients on the store, and then on the bare server, if there is one.
    async fn measured<C: Client>(
        &self,
        workload: Workload,
        client: impl Fn(usize) -> C,
        pages: Option<Vec<Page>>,
    ) -> Result<Measured, Trouble> {
        let connections = match (workload.connections(), self.options.connections) {
            // Whoever is alone stays alone.
            (1, _) | (_, None) => workload.connections(),
            (_, Some(connections)) => connections,
        };
        let writes = workload.writes();
        let before = if writes { Some(self.audit.stock(self.store).await?) } else { None };
        let mut crowd = Crowd::gather(self.store.address, (0..connections).map(&client)).await?;
        let (whole, runs) = self.runs(&mut crowd, self.store, writes).await?;
        drop(crowd);
        let mut broken = Vec::new();
        if let Some(before) = before {
            if let Some(left) = self.audit.drained(PATIENCE).await? {
                broken.push(format!("after two minutes {left}"));
            }
            let pieces = whole.counted("pieces");
            broken.extend(self.audit.broken(self.store, before, pieces).await?);
        }
        if whole.failed() > 0 {
            broken.push(format!("{} operations failed", whole.failed()));
        }
        let mut bare = Vec::new();
        if let (Some(pages), true) = (pages, self.options.bare) {
            let server = bare::start(self.own, &pages, self.folder)?;
            let mut crowd = Crowd::gather(server.address, (0..connections).map(&client)).await?;
            bare = self.runs(&mut crowd, &server, false).await?.1;
            drop(crowd);
            server.stop()?;
        }
        let asked_rate = self.options.rate;
        Ok(Measured { name: workload.name(), connections, asked_rate, runs, bare, broken })
    }

    /// Warm-up and runs: all that came of them, and each run.
    async fn runs<C: Client>(
        &self,
        crowd: &mut Crowd<C>,
        server: &Store,
        drain: bool,
    ) -> Result<(Tally, Vec<Run>), Trouble> {
        let Options { lasts, warm_up, runs: count, rate, .. } = *self.options;
        let mut whole = crowd.run(warm_up, rate).await;
        if drain {
            self.audit.drained(PATIENCE).await?;
        }
        let mut runs = Vec::new();
        for _ in 0..count {
            let meter = Meter::start(server.process);
            let tally = crowd.run(lasts, rate).await;
            let answered = meter.began.elapsed();
            if drain {
                self.audit.drained(PATIENCE).await?;
            }
            runs.push(meter.stop(&tally, drain.then_some(answered)));
            whole.merge(&tally);
        }
        Ok((whole, runs))
    }

    async fn flash(&self) -> Result<Measured, Trouble> {
        let good = self.shop.rarity().ok_or_else(|| Trouble::new("there is nothing to sell"))?;
        let first = self.shop.town.shoppers * 70 / 100;
        let last = (first + self.options.buyers).min(self.shop.town.shoppers * 90 / 100);
        let sale = Sale {
            sku: good.sku.clone(),
            pieces: ((last - first) / TENTH) as u64,
            buyers: first..last,
            connections: self.options.most_connections.min(last - first),
        };
        let (mut runs, mut broken) = (Vec::new(), Vec::new());
        // The first sale warms up.
        for number in 0..=self.options.runs {
            let meter = Meter::start(self.store.process);
            let sold = sale.hold(&self.shop, self.store, self.audit).await?;
            broken.extend(sold.broken);
            broken.extend(sold.tally.failures.keys().map(|what| format!("a buyer failed: {what}")));
            let mut run = meter.stop(&sold.tally, None);
            if let Some(answered) = sold.tally.parts.get("answered") {
                run.operations = answered.total();
                run.took = answered.into();
            }
            // What counts is until the last buyer knows. The filling of the carts is in the
            // processor time, which says nothing here.
            run.seconds = sold.decided.as_secs_f64();
            run.rate = run.operations as f64 / run.seconds.max(f64::MIN_POSITIVE);
            (run.server_cpu_us, run.client_cpu_us, run.cores_busy) = (None, 0.0, 0.0);
            if number > 0 {
                runs.push(run);
            }
        }
        let (name, connections) = (Workload::Flash.name(), sale.connections);
        Ok(Measured { name, connections, asked_rate: None, runs, bare: Vec::new(), broken })
    }
}

/// Clock, processor and memory at the start of a run.
struct Meter {
    began: Instant,
    process: Option<Process>,
    cpu: Option<Duration>,
    own: Duration,
    watch: Option<crate::process::Watch>,
}

impl Meter {
    fn start(process: Option<Process>) -> Self {
        Self {
            process,
            watch: process.map(Process::watch),
            cpu: process.and_then(Process::cpu),
            own: Process::own().cpu().unwrap_or_default(),
            began: Instant::now(),
        }
    }
    /// `answered`: when the last answer came, if what came later was draining.
    fn stop(self, tally: &Tally, answered: Option<Duration>) -> Run {
        let took = self.began.elapsed();
        let operations = tally.took.total();
        let each = |span: Duration| span.as_secs_f64() * 1e6 / operations.max(1) as f64;
        let cpu = self.process.and_then(Process::cpu).zip(self.cpu);
        let cpu = cpu.map(|(now, before)| now.saturating_sub(before));
        let own = Process::own().cpu().unwrap_or_default().saturating_sub(self.own);
        let seconds = took.as_secs_f64().max(f64::MIN_POSITIVE);
        let mut run = Run {
            operations,
            seconds,
            rate: operations as f64 / seconds,
            took: Quantiles::from(&tally.took),
            parts: tally.parts.iter().map(|(name, part)| (*name, part.into())).collect(),
            counts: tally.counts.clone(),
            failures: tally.failures.clone(),
            server_cpu_us: cpu.map(each),
            client_cpu_us: each(own),
            cores_busy: (own + cpu.unwrap_or_default()).as_secs_f64() / seconds,
            drained_ms: answered.map_or(0.0, |answered| millis(took.saturating_sub(answered))),
            ..Run::default()
        };
        if let Some(watch) = self.watch {
            run.held(&watch.seen());
        }
        run
    }
}
