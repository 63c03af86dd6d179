//! What must hold at the moment when something is told: the end would not show it any more,
//! because the store mends what went wrong.
use crate::executor::Stuck;
use crate::scheduler::Scheduler;
use crate::tables::{number, pairs};
use contracts::orders::{OrderCancelled, OrderFulfilled, OrderPaid, OrderPlaced};
use contracts::{Event, OrderId};
use kit::bus::Envelope;
use std::collections::BTreeMap;

/// Looks at the books beside news that was committed just now, and says what does not fit.
///
/// Nobody has heard it yet. A service that is down is not asked.
/// # Errors
/// When a table cannot be read.
pub fn contradictions(run: &Scheduler, news: &Envelope) -> Result<Vec<String>, Stuck> {
    let mut found = Vec::new();
    if let Some(placed) = opened::<OrderPlaced>(news) {
        found.extend(without_stock(run, placed.order, &["held"])?);
    } else if let Some(paid) = opened::<OrderPaid>(news) {
        found.extend(without_stock(run, paid.order, &["held", "taken"])?);
    } else if let Some(sent) = opened::<OrderFulfilled>(news) {
        found.extend(without_stock(run, sent.order, &["held", "taken"])?);
    } else if let Some(cancelled) = opened::<OrderCancelled>(news).filter(|it| !it.was_paid) {
        found.extend(though_paid(run, &cancelled)?);
    }
    Ok(found)
}

fn opened<E: Event>(news: &Envelope) -> Option<E> {
    (&*news.name == E::NAME).then(|| serde_json::from_str(&news.body).ok()).flatten()
}

/// An order that lives has its stock: nobody let it go meanwhile.
fn without_stock(run: &Scheduler, order: OrderId, may: &[&str]) -> Result<Option<String>, Stuck> {
    if !run.world.running.contains_key("inventory") {
        return Ok(None);
    }
    let id = order.0.simple();
    let sql = format!("SELECT state, 0 FROM holds WHERE order_id = x'{id}'");
    let state = pairs(run, "inventory", &sql)?.into_iter().next().map(|(state, _)| state);
    let fits = state.as_deref().is_some_and(|state| may.contains(&state));
    Ok((!fits).then(|| format!("order {order} lives on, and its stock is {state:?}")))
}

/// Who has paid is not cancelled for not having paid: the payment was closed first.
fn though_paid(run: &Scheduler, cancelled: &OrderCancelled) -> Result<Option<String>, Stuck> {
    if !run.world.running.contains_key("payments") {
        return Ok(None);
    }
    let (order, reason) = (cancelled.order, cancelled.reason);
    let sql = format!(
        "SELECT coalesce(sum(captured - promised), 0) FROM payments WHERE id = x'{}'",
        cancelled.payment.0.simple()
    );
    let kept = number(run, "payments", &sql)?;
    let line = format!("order {order} was cancelled as unpaid ({reason:?}), and {kept} was paid");
    Ok((kept > 0).then_some(line))
}

/// Until when each request that runs has its lease, by the id that it uses.
pub type Leases = BTreeMap<String, i64>;

/// The leases of now.
/// # Errors
/// When the table cannot be read.
pub fn leases(run: &Scheduler) -> Result<Leases, Stuck> {
    let sql = "SELECT hex(resource), leased_until FROM idempotency WHERE answer IS NULL";
    Ok(pairs(run, "orders", sql)?.into_iter().collect())
}

/// Nobody takes a request over before its lease has ended.
pub fn taken_too_early(before: &Leases, after: &Leases, now: i64) -> Vec<String> {
    let early = before.iter().filter(|(id, until)| {
        **until > now && after.get(*id).is_some_and(|renewed| renewed > until)
    });
    let line = |(id, until): (&String, &i64)| {
        format!("checkout {id} was taken over {} ms before its lease ended", (until - now) / 1_000)
    };
    early.map(line).collect()
}
