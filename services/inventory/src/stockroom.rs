//! The rows that a set of orders is decided on: their holds and the stock of their SKUs. Pure:
//! `store` fills it with locked rows, each order is decided in turn on what those before it
//! left, and `store` writes what changed.
use crate::hold::{Hold, HoldState, Lines};
use crate::stock::{Broken, Stock, TooLittle, Watched};
use contracts::inventory::{ReserveRefused, Shortage, StockLine};
use contracts::{OrderId, Quantity, Sku, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The stock of some SKUs and the holds of some orders, as they were and as they become.
#[derive(Clone, Debug, Default)]
pub struct Stockroom {
    shelf: BTreeMap<Sku, Shelved>,
    holds: BTreeMap<OrderId, Entry>,
    moves: Vec<Move>,
}

#[derive(Clone, Copy, Debug)]
struct Shelved {
    before: Stock,
    now: Stock,
    low_stock_at: Option<i64>,
}

#[derive(Clone, Debug)]
struct Entry {
    hold: Hold,
    /// Whether there is a row of it.
    stored: bool,
    changed: bool,
}

/// Pieces that left the shelf for an order, or came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which SKU.
    pub sku: Sku,
    /// The version of the stock that it made.
    pub version: i64,
    /// Negative where they left.
    pub delta: i64,
    /// `sold` or `returned`.
    pub reason: &'static str,
    /// For which order.
    pub order: OrderId,
}

/// What became of one SKU's stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockChange {
    /// Which SKU.
    pub sku: Sku,
    /// As it was.
    pub before: Stock,
    /// As it is.
    pub now: Stock,
    /// At how many staff is told that it runs out; none: at the store's default.
    pub low_stock_at: Option<i64>,
}

impl StockChange {
    /// Whether it can be ordered, where that changed.
    pub fn crossed(&self) -> Option<bool> {
        let in_stock = self.now.is_in_stock();
        (in_stock != self.before.is_in_stock()).then_some(in_stock)
    }
    /// The number that what can be ordered fell to, or through; `default` is the store's. Who
    /// sells one by one is told once, and again only after it was above.
    pub fn ran_low(&self, default: i64) -> Option<i64> {
        let threshold = self.low_stock_at.unwrap_or(default);
        let (before, now) = (self.before.available(), self.now.available());
        (before > threshold && now <= threshold).then_some(threshold)
    }
}

/// Of so many `pieces` that were asked for.
pub fn shortage(sku: Sku, pieces: i64, available: i64) -> Shortage {
    Shortage { sku, requested: u32::try_from(pieces).unwrap_or(u32::MAX), available }
}

impl Stockroom {
    /// With the holds that have rows.
    pub fn with_holds(holds: impl IntoIterator<Item = (OrderId, Hold)>) -> Self {
        let entry = |hold| Entry { hold, stored: true, changed: false };
        let holds = holds.into_iter().map(|(order, hold)| (order, entry(hold))).collect();
        Self { holds, ..Self::default() }
    }
    /// Puts the stock of a SKU in.
    pub fn put(&mut self, sku: Sku, known: Watched) {
        let Watched { stock, low_stock_at } = known;
        self.shelf.insert(sku, Shelved { before: stock, now: stock, low_stock_at });
    }
    /// The version of a SKU's stock, and how many can be ordered.
    pub fn level(&self, sku: &Sku) -> Option<(i64, i64)> {
        self.shelf.get(sku).map(|shelved| (shelved.now.version, shelved.now.available()))
    }
    /// The hold of `order`.
    pub fn hold(&self, order: OrderId) -> Option<&Hold> {
        self.holds.get(&order).map(|entry| &entry.hold)
    }
    /// The SKUs of pieces that are held, or left, for the orders of this room.
    pub fn skus_of_holds(&self) -> BTreeSet<Sku> {
        let carries = |hold: &&Hold| matches!(hold.state, HoldState::Held | HoldState::Taken);
        let holds = self.holds.values().map(|entry| &entry.hold).filter(carries);
        holds.flat_map(|hold| hold.lines.skus().cloned()).collect()
    }

    /// Holds `lines` for `order`, which is asked about at `ask_at`. An order that holds them
    /// already changes nothing; one that holds others is refused, or it would be paid for what
    /// it does not hold.
    /// # Errors
    /// [`ReserveRefused`], see there; then nothing of it is held.
    pub fn reserve(
        &mut self,
        order: OrderId,
        lines: &Lines,
        ask_at: Timestamp,
    ) -> Result<(), ReserveRefused> {
        match self.hold(order).map(|hold| (hold.state, hold.lines == *lines)) {
            Some((HoldState::Held | HoldState::Taken, true)) => return Ok(()),
            Some((HoldState::Held | HoldState::Taken, false)) => {
                return Err(ReserveRefused::OtherLines);
            }
            Some((HoldState::Released | HoldState::Returned | HoldState::Missing, _)) => {
                return Err(ReserveRefused::Released);
            }
            None => {}
        }
        let (plan, short) = self.plan(lines, Stock::reserve);
        if !short.is_empty() {
            let short =
                short.into_iter().map(|(sku, pieces, is)| shortage(sku, pieces, is.available));
            return Err(ReserveRefused::OutOfStock { short: short.collect() });
        }
        self.apply(plan);
        let held = Hold { state: HoldState::Held, lines: lines.clone(), ask_at: Some(ask_at) };
        self.keep(order, held);
        Ok(())
    }

    /// Lets the hold of `order` go. Where there is none it leaves a mark that refuses a late
    /// reserve; what was taken stays taken.
    /// # Errors
    /// When the stock does not carry the hold.
    pub fn release(&mut self, order: OrderId) -> Result<(), Broken> {
        match self.hold(order).cloned() {
            None => self.keep(order, ended(HoldState::Released, Lines::default())),
            Some(Hold { state: HoldState::Held, lines, .. }) => {
                self.step(&lines, Stock::release)?;
                self.keep(order, ended(HoldState::Released, lines));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// The order was paid: takes what it holds; `lines`, from what is available, where it holds
    /// nothing. Answers what is missing; then nothing was taken.
    /// # Errors
    /// When the stock does not carry the hold.
    pub fn paid(&mut self, order: OrderId, lines: &Lines) -> Result<Vec<StockLine>, Broken> {
        match self.hold(order).cloned() {
            Some(Hold { state: HoldState::Held, lines, .. }) => {
                let plan = self.step(&lines, Stock::take)?;
                self.record(order, &lines, &plan, -1);
                self.keep(order, ended(HoldState::Taken, lines));
            }
            None | Some(Hold { state: HoldState::Released, .. }) => {
                let (plan, short) = self.plan(lines, Stock::sell);
                if !short.is_empty() {
                    self.keep(order, ended(HoldState::Missing, lines.clone()));
                    let line = |(sku, pieces, is): (Sku, i64, TooLittle)| StockLine {
                        sku,
                        quantity: lacking(pieces - is.available),
                    };
                    return Ok(short.into_iter().map(line).collect());
                }
                self.record(order, lines, &plan, -1);
                self.apply(plan);
                self.keep(order, ended(HoldState::Taken, lines.clone()));
            }
            // Heard before: the state says so.
            Some(_) => {}
        }
        Ok(Vec::new())
    }

    /// The order was cancelled: lets go what is held, puts back what was taken.
    /// # Errors
    /// When the stock does not carry the hold.
    pub fn cancelled(&mut self, order: OrderId) -> Result<(), Broken> {
        match self.hold(order).cloned() {
            Some(Hold { state: HoldState::Taken, lines, .. }) => {
                let plan = self.step(&lines, |stock, pieces| Ok(stock.give_back(pieces)))?;
                self.record(order, &lines, &plan, 1);
                self.keep(order, ended(HoldState::Returned, lines));
                Ok(())
            }
            _ => self.release(order),
        }
    }

    /// Orders knows the order: its events will end the hold.
    pub fn confirm(&mut self, order: OrderId) {
        self.ask_at(order, None);
    }
    /// It is not known yet what became of the order: it is asked about again at `at`.
    pub fn postpone(&mut self, order: OrderId, at: Timestamp) {
        self.ask_at(order, Some(at));
    }
    fn ask_at(&mut self, order: OrderId, at: Option<Timestamp>) {
        let entry = self.holds.get_mut(&order);
        // Paid, cancelled or confirmed meanwhile: nobody has to ask any more.
        if let Some(entry) = entry.filter(|entry| entry.hold.ask_at.is_some()) {
            entry.hold.ask_at = at;
            entry.changed = true;
        }
    }

    /// The stock that changed, in the order of the SKUs.
    pub fn stock_changes(&self) -> Vec<StockChange> {
        let changed = self.shelf.iter().filter(|(_, shelved)| shelved.before != shelved.now);
        let change = |(sku, is): (&Sku, &Shelved)| StockChange {
            sku: sku.clone(),
            before: is.before,
            now: is.now,
            low_stock_at: is.low_stock_at,
        };
        changed.map(change).collect()
    }
    /// The holds that changed, in the order of their orders; each with whether it has a row.
    pub fn hold_changes(&self) -> impl Iterator<Item = (OrderId, &Hold, bool)> {
        let changed = self.holds.iter().filter(|(_, entry)| entry.changed);
        changed.map(|(order, entry)| (*order, &entry.hold, entry.stored))
    }
    /// What left the shelf and came back, in the order that it was decided.
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    fn now(&self, sku: &Sku) -> Stock {
        self.shelf.get(sku).map(|shelved| shelved.now).unwrap_or_default()
    }
    /// What each SKU would become, and those that refuse.
    fn plan<E>(&self, lines: &Lines, step: impl Fn(Stock, i64) -> Result<Stock, E>) -> Plan<E> {
        let (mut plan, mut refused) = (Vec::new(), Vec::new());
        for (sku, pieces) in lines.iter() {
            match step(self.now(sku), pieces) {
                Ok(next) => plan.push((sku.clone(), next)),
                Err(error) => refused.push((sku.clone(), pieces, error)),
            }
        }
        (plan, refused)
    }
    fn apply(&mut self, plan: Vec<(Sku, Stock)>) {
        for (sku, next) in plan {
            if let Some(shelved) = self.shelf.get_mut(&sku) {
                shelved.now = next;
            }
        }
    }
    /// Plans and applies a step that only broken books refuse.
    fn step(
        &mut self,
        lines: &Lines,
        step: impl Fn(Stock, i64) -> Result<Stock, Broken>,
    ) -> Result<Vec<(Sku, Stock)>, Broken> {
        let (plan, broken) = self.plan(lines, step);
        let unknown = lines.iter().find(|(sku, _)| !self.shelf.contains_key(*sku));
        match (broken.first(), unknown) {
            (Some((_, _, broken)), _) => Err(*broken),
            (None, Some((_, pieces))) => Err(Broken { pieces, reserved: 0 }),
            (None, None) => {
                self.apply(plan.clone());
                Ok(plan)
            }
        }
    }
    fn record(&mut self, order: OrderId, lines: &Lines, plan: &[(Sku, Stock)], sign: i64) {
        let reason = if sign < 0 { "sold" } else { "returned" };
        for ((sku, pieces), (_, next)) in lines.iter().zip(plan) {
            let (sku, version, delta) = (sku.clone(), next.version, sign * pieces);
            self.moves.push(Move { sku, version, delta, reason, order });
        }
    }
    fn keep(&mut self, order: OrderId, hold: Hold) {
        let stored = self.holds.get(&order).is_some_and(|entry| entry.stored);
        self.holds.insert(order, Entry { hold, stored, changed: true });
    }
}

/// What each SKU becomes; those that refuse, with the pieces asked for and why.
type Plan<E> = (Vec<(Sku, Stock)>, Vec<(Sku, i64, E)>);

/// A hold that nobody has to be asked about any more.
const fn ended(state: HoldState, lines: Lines) -> Hold {
    Hold { state, lines, ask_at: None }
}

/// A shortage as a quantity: it is at least one, for otherwise nothing would be short.
fn lacking(pieces: i64) -> Quantity {
    let most = i64::from(Quantity::MAX);
    Quantity::try_from(pieces.clamp(1, most)).unwrap_or(Quantity::ONE)
}

#[cfg(test)]
mod tests;
