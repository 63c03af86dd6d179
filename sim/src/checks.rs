//! What must hold at the end of a run, read from the services' own tables.
use crate::executor::Stuck;
use crate::scheduler::Scheduler;
use crate::tables::{none, number, pairs, rows};
use crate::tally;
use contracts::inventory::LowStock;
use contracts::{Event as _, EventId};
use sea_orm::QueryResult;
use std::collections::BTreeMap;

/// What does not hold, in sentences; empty when all does.
///
/// # Errors
/// When a table cannot be read.
pub fn violations(run: &Scheduler, stock: i64) -> Result<Vec<String>, Stuck> {
    let mut found = run.told.lock().contradictions.clone();
    let orders = orders(run)?;
    check_orders(run, &orders, &mut found)?;
    check_stock(run, &orders, stock, &mut found)?;
    check_money(run, &orders, &mut found)?;
    check_letters(run, &orders, &mut found)?;
    check_digests(run, &mut found)?;
    check_tally(run, &mut found)?;
    check_rest(run, &mut found)?;
    Ok(found)
}

struct Order {
    status: String,
    method: String,
    total: i64,
    was_paid: bool,
    receipt: Option<i64>,
    lines: Vec<(String, i64)>,
}

fn orders(run: &Scheduler) -> Result<BTreeMap<String, Order>, Stuck> {
    let sql =
        "SELECT hex(id), status, method, total, items, paid_at, receipt FROM orders ORDER BY id";
    let read = |row: &QueryResult| -> Result<(String, Order), sea_orm::DbErr> {
        let items: String = row.try_get_by_index(4)?;
        let json = |text: &str| {
            serde_json::from_str::<serde_json::Value>(text)
                .map_err(|error| sea_orm::DbErr::Custom(error.to_string()))
        };
        let line = |line: &serde_json::Value| {
            let sku = line["sku"].as_str().unwrap_or_default().to_owned();
            (sku, line["quantity"].as_i64().unwrap_or_default())
        };
        let order = Order {
            status: row.try_get_by_index(1)?,
            method: row.try_get_by_index(2)?,
            total: row.try_get_by_index(3)?,
            was_paid: row.try_get_by_index::<Option<i64>>(5)?.is_some(),
            receipt: row.try_get_by_index(6)?,
            lines: json(&items)?.as_array().into_iter().flatten().map(line).collect(),
        };
        Ok((row.try_get_by_index(0)?, order))
    };
    let read: Result<_, _> = rows(run, "orders", sql)?.iter().map(read).collect();
    read.map_err(|error| Stuck(format!("orders: {error}")))
}

fn hex(id: uuid::Uuid) -> String {
    id.simple().to_string().to_uppercase()
}

fn check_orders(
    run: &Scheduler,
    orders: &BTreeMap<String, Order>,
    found: &mut Vec<String>,
) -> Result<(), Stuck> {
    for (id, order) in orders {
        if !["delivered", "refunded", "cancelled"].contains(&&*order.status) {
            found.push(format!("order {id} ended {} ({})", order.status, order.method));
        }
        if order.was_paid != order.receipt.is_some() {
            let (paid, receipt) = (order.was_paid, order.receipt);
            found.push(format!("order {id}: paid: {paid}, receipt {receipt:?}"));
        }
    }
    for (key, id) in &run.told.lock().orders {
        if !orders.contains_key(&hex(id.0)) {
            found.push(format!("order {id}, answered to key {key}, is lost"));
        }
    }
    let mut numbers: Vec<i64> = orders.values().filter_map(|order| order.receipt).collect();
    numbers.sort_unstable();
    if !numbers.iter().zip(1..).all(|(number, place)| *number == place) {
        found.push(format!("receipts are not numbered without gaps: {numbers:?}"));
    }
    let live = orders.values().filter(|order| order.status != "cancelled").count();
    let listed = number(run, "orders", "SELECT count(*) FROM ordered_carts")?;
    if i64::try_from(live).ok() != Some(listed) {
        found.push(format!("{live} live orders, {listed} ordered carts"));
    }
    Ok(())
}

fn check_stock(
    run: &Scheduler,
    orders: &BTreeMap<String, Order>,
    received: i64,
    found: &mut Vec<String>,
) -> Result<(), Stuck> {
    let mut sold: BTreeMap<&str, i64> = BTreeMap::new();
    let sql = "SELECT hex(order_id), 0 FROM holds WHERE state = 'returned'";
    let back: BTreeMap<String, i64> = pairs(run, "inventory", sql)?.into_iter().collect();
    let out = |(id, order): &(&String, &Order)| {
        order.status == "delivered" || (order.status == "refunded" && !back.contains_key(*id))
    };
    for (_, order) in orders.iter().filter(out) {
        for (sku, quantity) in &order.lines {
            *sold.entry(sku).or_default() += quantity;
        }
    }
    for (sku, on_hand) in pairs(run, "inventory", "SELECT sku, on_hand FROM stock ORDER BY sku")? {
        let sold = sold.get(sku.as_str()).copied().unwrap_or_default();
        if on_hand + sold != received {
            found.push(format!("{sku}: {on_hand} on hand + {sold} sold is not {received}"));
        }
    }
    let sql = "SELECT hex(order_id) || ' ' || state, 0 FROM holds";
    let holds: Vec<(String, i64)> = pairs(run, "inventory", sql)?;
    for (hold, _) in &holds {
        let (id, state) = hold.split_once(' ').unwrap_or_default();
        let fits = match orders.get(id).map(|order| order.status.as_str()) {
            Some("delivered") => state == "taken",
            Some("refunded") => ["taken", "returned"].contains(&state),
            Some(_) => ["released", "returned", "missing"].contains(&state),
            None => state == "released",
        };
        if !fits {
            found.push(format!("order {id}: its hold ended {state}"));
        }
    }
    let sql = "SELECT sku, reserved FROM stock WHERE reserved <> 0";
    none(run, "inventory", sql, "still reserved", found)?;
    let sql = "SELECT hex(order_id), 0 FROM holds WHERE state = 'held'";
    none(run, "inventory", sql, "still held", found)?;
    let sql = "SELECT s.sku, s.on_hand FROM stock s WHERE s.on_hand <> \
               (SELECT sum(a.delta) FROM adjustments a WHERE a.sku = s.sku)";
    none(run, "inventory", sql, "the history does not add up", found)
}

fn check_money(
    run: &Scheduler,
    orders: &BTreeMap<String, Order>,
    found: &mut Vec<String>,
) -> Result<(), Stuck> {
    let sql = "SELECT currency, sum(amount) FROM ledger_entries GROUP BY currency HAVING sum(amount) <> 0";
    none(run, "payments", sql, "the ledger is not zero", found)?;
    let sql = "SELECT hex(movement), sum(amount) FROM ledger_entries GROUP BY movement \
               HAVING sum(amount) <> 0 OR count(*) <> 2";
    none(run, "payments", sql, "a movement has not two sides", found)?;
    let sql = "SELECT w.book, w.balance FROM wallets w WHERE w.balance <> (SELECT \
               coalesce(sum(e.amount), 0) FROM ledger_entries e WHERE e.account = w.book)";
    none(run, "payments", sql, "a wallet is not the sum of its entries", found)?;
    let sql = "SELECT hex(order_id), sum(captured - refunded) FROM payments GROUP BY order_id";
    let kept: BTreeMap<String, i64> = pairs(run, "payments", sql)?.into_iter().collect();
    // What staff gave back of an order that stays.
    let sql = "SELECT hex(p.order_id), sum(r.amount) FROM refunds r JOIN payments p \
               ON p.id = r.payment_id WHERE r.staff_id IS NOT NULL GROUP BY p.order_id";
    let given: BTreeMap<String, i64> = pairs(run, "payments", sql)?.into_iter().collect();
    none(
        run,
        "payments",
        "SELECT status, count(*) FROM refunds WHERE status <> 'done' GROUP BY status",
        "refunds that are not done",
        found,
    )?;
    for (id, order) in orders {
        let given = given.get(id).copied().unwrap_or_default();
        let due = if order.status == "delivered" { order.total - given } else { 0 };
        let kept = kept.get(id).copied().unwrap_or_default();
        if kept != due {
            let (status, method) = (&order.status, &order.method);
            found.push(format!("order {id} ({status}, {method}): {kept} was kept, {due} is due"));
        }
    }
    // What the provider holds for us is what our ledger says it holds.
    let sql = "SELECT sum(amount - refunded) FROM sandbox_charges WHERE kind = 'charge' \
               AND state = 'captured'";
    let provider = number(run, "payments", &format!("SELECT coalesce(({sql}), 0)"))?;
    let sql = "SELECT coalesce(-sum(amount), 0) FROM ledger_entries WHERE account = 'card'";
    let ours = number(run, "payments", sql)?;
    if provider != ours {
        found.push(format!("the provider took {provider}, the ledger says {ours}"));
    }
    // A top-up that waits for its owner to confirm it moves nothing, and waits as long.
    let sql = "SELECT hex(id), tries FROM attempts WHERE state <> 'done' \
               AND NOT (state = 'waiting' AND top_up_id IS NOT NULL)";
    none(run, "payments", sql, "an attempt was never finished", found)?;
    for (account, told) in &run.told.lock().topped_up {
        let account = hex(account.0);
        let sql = format!(
            "SELECT coalesce(sum(amount), 0) FROM top_ups WHERE hex(account_id) = '{account}' \
             AND status = 'captured'"
        );
        let credited = number(run, "payments", &sql)?;
        if credited < *told {
            found.push(format!("{account} was told of {told}, and {credited} was credited"));
        }
    }
    Ok(())
}

fn check_letters(
    run: &Scheduler,
    orders: &BTreeMap<String, Order>,
    found: &mut Vec<String>,
) -> Result<(), Stuck> {
    let sql = "SELECT hex(order_id) || ' ' || kind, count(*) FROM mails \
               WHERE order_id IS NOT NULL GROUP BY order_id, kind";
    let mails: BTreeMap<String, i64> = pairs(run, "notifications", sql)?.into_iter().collect();
    for (id, order) in orders {
        let wanted = [
            ("order_confirmation", true),
            ("receipt", order.was_paid),
            ("cancellation", order.status == "cancelled"),
        ];
        for (kind, wanted) in wanted {
            let written = mails.get(&format!("{id} {kind}")).copied().unwrap_or_default();
            if written != i64::from(wanted) {
                found.push(format!("order {id} ({}): {written} of {kind}", order.status));
            }
        }
    }
    Ok(())
}

/// Staff is told that a SKU runs out once each time that it does: the store knows nothing of a
/// note that it passed on, but by the inbox.
fn check_digests(run: &Scheduler, found: &mut Vec<String>) -> Result<(), Stuck> {
    let sql = "SELECT j.value ->> 'sku', count(*) FROM letters l, json_each(l.facts, '$.low') j \
               WHERE l.kind = 'low_stock' GROUP BY 1 ORDER BY 1";
    for (sku, written) in pairs(run, "notifications", sql)? {
        let told = run.news.values().filter(|it| &*it.name == LowStock::NAME && it.subject == sku);
        let told = told.count();
        if i64::try_from(told).is_ok_and(|told| written > told) {
            found.push(format!("{sku} ran low {told} times, and {written} letters say so"));
        }
    }
    Ok(())
}

/// Who only counts has heard all that was told: each event once, and those of an aggregate in
/// their order.
fn check_tally(run: &Scheduler, found: &mut Vec<String>) -> Result<(), Stuck> {
    let mut heard: BTreeMap<EventId, i64> = BTreeMap::new();
    let mut last: BTreeMap<(&str, &str), (i64, i64)> = BTreeMap::new();
    for (event, place) in pairs(run, tally::NAME, "SELECT event, place FROM tally ORDER BY place")?
    {
        let id: EventId = event.parse().map_err(|_| Stuck(format!("{event} is no event")))?;
        let times = heard.entry(id).or_default();
        *times += 1;
        if *times > 1 {
            continue;
        }
        let Some(news) = run.news.get(&id) else {
            found.push(format!("the tally heard {event} ({place}), which nobody told"));
            continue;
        };
        let version = (news.version, news.part);
        let before = last.insert((&*news.source, &*news.subject), version);
        if before.is_some_and(|before| before > version) {
            found.push(format!("the tally heard {news:?} after {before:?}"));
        }
    }
    let counted =
        |name: &str| run.world.hearing.get(name).is_some_and(|by| by.contains(&tally::NAME));
    for (id, news) in run.news.iter().filter(|(_, news)| counted(&news.name)) {
        let times = heard.get(id).copied().unwrap_or_default();
        if times != 1 {
            found.push(format!("the tally heard {news:?} {times} times"));
        }
    }
    Ok(())
}

/// Where nothing crashed and no undo was lost, stock is held for orders only that live: what a
/// checkout held that placed none, it has let go itself.
/// # Errors
/// When a table cannot be read.
pub fn idle_holds(run: &Scheduler) -> Result<Vec<String>, Stuck> {
    if run.world.trouble.was_undo_lost() {
        return Ok(Vec::new());
    }
    let orders = orders(run)?;
    let held = pairs(run, "inventory", "SELECT hex(order_id), 0 FROM holds WHERE state = 'held'")?;
    let idle = held
        .into_iter()
        .map(|(id, _)| id)
        .filter(|id| orders.get(id).is_none_or(|order| order.status == "cancelled"));
    Ok(idle.map(|id| format!("checkout {id} is over, and its stock is held")).collect())
}

fn check_rest(run: &Scheduler, found: &mut Vec<String>) -> Result<(), Stuck> {
    let names: Vec<&'static str> = run.world.running.keys().copied().collect();
    for name in names {
        none(run, name, "SELECT name, version FROM outbox", "never sent", found)?;
        none(run, name, "SELECT name || ': ' || error, version FROM parked", "parked", found)?;
    }
    Ok(())
}
