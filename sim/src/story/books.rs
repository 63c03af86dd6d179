//! What must hold once a store rests, read from the services' own tables.
//!
//! Plain SQL that SQLite and PostgreSQL read alike; sums are made here, so that one service's
//! figures are held against another's.
use super::Wrong;
use kit::plug::Node;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, TryGetable};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What the books say, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Orders by status.
    pub orders: BTreeMap<String, u64>,
    /// Receipts that were given out.
    pub receipts: u64,
    /// SKUs whose stock adds up.
    pub skus: u64,
    /// Pieces that left the shelf for good.
    pub sold: i64,
    /// What does not hold, in sentences.
    pub violations: Vec<String>,
}

impl std::fmt::Display for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { orders, receipts, skus, sold, violations } = self;
        write!(
            f,
            "orders {orders:?}; {receipts} receipts; {skus} SKUs add up, {sold} pieces sold; \
             {} violations",
            violations.len()
        )
    }
}

/// An order, as far as others have to agree with it.
pub struct Order {
    /// As orders says it.
    pub status: String,
    total: i64,
    receipt: Option<i64>,
    paid: bool,
    confirmed: u64,
    receipts: u64,
    /// Pieces by SKU.
    pub lines: BTreeMap<String, i64>,
}

/// Reads the books of all services.
/// # Errors
/// When a table cannot be read.
pub async fn audit(node: &Node) -> Result<Audit, Wrong> {
    let read = Books(node);
    let mut audit = Audit::default();
    let mut orders = read.orders().await?;
    read.mails(&mut orders).await?;
    for order in orders.values() {
        *audit.orders.entry(order.status.clone()).or_default() += 1;
    }
    check_orders(&orders, &mut audit);
    read.stock(&orders, &mut audit).await?;
    read.money(&orders, &mut audit).await?;
    read.rest(&mut audit).await?;
    Ok(audit)
}

fn check_orders(orders: &BTreeMap<Uuid, Order>, audit: &mut Audit) {
    let mut numbers = Vec::new();
    for (id, order) in orders {
        let mut wrong = |what: String| audit.violations.push(format!("order {id}: {what}"));
        if !["delivered", "cancelled", "refunded"].contains(&&*order.status) {
            wrong(format!("it ended {}", order.status));
        }
        if order.confirmed != 1 {
            wrong(format!("{} confirmations", order.confirmed));
        }
        if order.paid != order.receipt.is_some() {
            wrong(format!("paid: {}, receipt: {:?}", order.paid, order.receipt));
        }
        if order.receipts != u64::from(order.paid) {
            wrong(format!("paid: {}, {} letters with a receipt", order.paid, order.receipts));
        }
        numbers.extend(order.receipt);
    }
    numbers.sort_unstable();
    audit.receipts = numbers.len() as u64;
    let gapless = numbers.iter().zip(1..).all(|(number, place)| *number == place);
    if !gapless {
        audit.violations.push(format!("receipts are not numbered without gaps: {numbers:?}"));
    }
}

/// The tables of all services.
pub struct Books<'a>(pub &'a Node);

impl Books<'_> {
    async fn rows(&self, service: &str, sql: &str) -> Result<Vec<QueryResult>, Wrong> {
        let running = self.0.services.iter().find(|running| running.name == service);
        let running = running.ok_or_else(|| Wrong(format!("{service} does not run")))?;
        let reader = running.db.reader();
        let statement = Statement::from_string(reader.get_database_backend(), sql);
        let rows = reader.query_all_raw(statement).await;
        rows.map_err(|error| Wrong(format!("{service}: {sql}: {error}")))
    }
    /// Rows of a key and a number.
    /// # Errors
    /// When they cannot be read.
    pub async fn pairs<K: TryGetable>(
        &self,
        service: &str,
        sql: &str,
    ) -> Result<Vec<(K, i64)>, Wrong> {
        let rows = self.rows(service, sql).await?;
        let pair = |row: &QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        let pairs: Result<_, DbErr> = rows.iter().map(pair).collect();
        pairs.map_err(|error| Wrong(format!("{service}: {sql}: {error}")))
    }

    /// All orders, as orders has them.
    /// # Errors
    /// When they cannot be read.
    pub async fn orders(&self) -> Result<BTreeMap<Uuid, Order>, Wrong> {
        let sql = "SELECT id, status, total, receipt, paid_at, items FROM orders";
        let open = |row: &QueryResult| -> Result<(Uuid, Order), DbErr> {
            let items: String = row.try_get_by_index(5)?;
            let items: serde_json::Value =
                serde_json::from_str(&items).map_err(|error| DbErr::Custom(error.to_string()))?;
            let line = |line: &serde_json::Value| {
                let sku = line["sku"].as_str().unwrap_or_default().to_owned();
                (sku, line["quantity"].as_i64().unwrap_or_default())
            };
            let order = Order {
                status: row.try_get_by_index(1)?,
                total: row.try_get_by_index(2)?,
                receipt: row.try_get_by_index(3)?,
                paid: row.try_get_by_index::<Option<i64>>(4)?.is_some(),
                confirmed: 0,
                receipts: 0,
                lines: items.as_array().into_iter().flatten().map(line).collect(),
            };
            Ok((row.try_get_by_index(0)?, order))
        };
        let rows = self.rows("orders", sql).await?;
        let orders: Result<_, DbErr> = rows.iter().map(open).collect();
        orders.map_err(|error| Wrong(format!("orders: {error}")))
    }

    async fn mails(&self, orders: &mut BTreeMap<Uuid, Order>) -> Result<(), Wrong> {
        for kind in ["order_confirmation", "receipt"] {
            let sql = format!(
                "SELECT order_id, count(*) FROM mails WHERE kind = '{kind}' GROUP BY order_id"
            );
            for (id, count) in self.pairs::<Uuid>("notifications", &sql).await? {
                let Some(order) = orders.get_mut(&id) else {
                    return Err(Wrong(format!("a letter about order {id}, which is none")));
                };
                let count = u64::try_from(count).unwrap_or_default();
                match kind {
                    "receipt" => order.receipts = count,
                    _ => order.confirmed = count,
                }
            }
        }
        Ok(())
    }

    async fn stock(&self, orders: &BTreeMap<Uuid, Order>, audit: &mut Audit) -> Result<(), Wrong> {
        let on_hand = self.pairs::<String>("inventory", "SELECT sku, on_hand FROM stock").await?;
        let reserved: BTreeMap<String, i64> =
            self.pairs("inventory", "SELECT sku, reserved FROM stock").await?.into_iter().collect();
        let of = async |which: &str| -> Result<BTreeMap<String, i64>, Wrong> {
            let sql = format!(
                "SELECT sku, CAST(sum(delta) AS BIGINT) FROM adjustments WHERE {which} GROUP BY sku"
            );
            Ok(self.pairs("inventory", &sql).await?.into_iter().collect())
        };
        let received = of("order_id IS NULL").await?;
        let sold = of("reason = 'sold'").await?;
        let returned = of("reason = 'returned'").await?;
        let sql = "SELECT state, count(*) FROM holds WHERE state = 'held' GROUP BY state";
        for (_, count) in self.pairs::<String>("inventory", sql).await? {
            audit.violations.push(format!("{count} holds outlive their orders"));
        }
        let known: Vec<(Uuid, i64)> = self
            .pairs(
                "inventory",
                "SELECT order_id, count(*) FROM holds WHERE state = 'returned' GROUP BY order_id",
            )
            .await?;
        let back: Vec<Uuid> = known.into_iter().map(|(id, _)| id).collect();
        let mut left: BTreeMap<&str, i64> = BTreeMap::new();
        for (id, order) in orders {
            let out =
                order.status == "delivered" || (order.status == "refunded" && !back.contains(id));
            for (sku, pieces) in order.lines.iter().filter(|_| out) {
                *left.entry(sku).or_default() += pieces;
            }
        }
        for (sku, on_hand) in on_hand {
            let number = |of: &BTreeMap<String, i64>| of.get(&sku).copied().unwrap_or_default();
            let (received, sold, returned) = (number(&received), -number(&sold), number(&returned));
            if on_hand + sold - returned != received {
                audit.violations.push(format!(
                    "{sku}: {on_hand} on hand + {sold} sold - {returned} returned is not {received}"
                ));
            }
            if sold - returned != left.get(&*sku).copied().unwrap_or_default() {
                audit.violations.push(format!(
                    "{sku}: {sold} sold and {returned} returned, which is not what orders have"
                ));
            }
            if number(&reserved) != 0 || on_hand < 0 {
                let reserved = number(&reserved);
                audit.violations.push(format!("{sku}: {on_hand} on hand, {reserved} reserved"));
            }
            audit.skus += 1;
            audit.sold += sold - returned;
        }
        Ok(())
    }

    async fn money(&self, orders: &BTreeMap<Uuid, Order>, audit: &mut Audit) -> Result<(), Wrong> {
        let sql =
            "SELECT currency, CAST(sum(amount) AS BIGINT) FROM ledger_entries GROUP BY currency";
        for (currency, sum) in self.pairs::<String>("payments", sql).await? {
            if sum != 0 {
                audit.violations.push(format!("the ledger's sum is {sum} {currency}"));
            }
        }
        let sql = "SELECT order_id, CAST(sum(captured - refunded) AS BIGINT) FROM payments GROUP BY order_id";
        let kept: BTreeMap<Uuid, i64> = self.pairs("payments", sql).await?.into_iter().collect();
        let sql = "SELECT order_id, count(*) FROM payments WHERE captured > 0 GROUP BY order_id";
        for (order, count) in self.pairs::<Uuid>("payments", sql).await? {
            // One that was captured after closing went back; it has no receipt.
            if count > 1 {
                audit.violations.push(format!("order {order}: {count} payments were captured"));
            }
        }
        let sql = "SELECT order_id, CAST(sum(refunded) AS BIGINT) FROM payments GROUP BY order_id";
        let back: BTreeMap<Uuid, i64> = self.pairs("payments", sql).await?.into_iter().collect();
        for (id, order) in orders {
            let of = |of: &BTreeMap<Uuid, i64>| of.get(id).copied().unwrap_or_default();
            let due = match order.status.as_str() {
                "delivered" => order.total - of(&back),
                _ => 0,
            };
            if of(&kept) != due {
                let (kept, status) = (of(&kept), &order.status);
                audit.violations.push(format!("order {id} ({status}): {kept} kept, {due} due"));
            }
        }
        let sql = "SELECT status, count(*) FROM refunds WHERE status <> 'done' GROUP BY status";
        for (status, count) in self.pairs::<String>("payments", sql).await? {
            audit.violations.push(format!("{count} refunds are {status}"));
        }
        Ok(())
    }

    async fn rest(&self, audit: &mut Audit) -> Result<(), Wrong> {
        for running in &self.0.services {
            for table in ["outbox", "parked"] {
                let sql = format!("SELECT name, count(*) FROM {table} GROUP BY name");
                for (name, count) in self.pairs::<String>(running.name, &sql).await? {
                    let service = running.name;
                    audit.violations.push(format!("{service}: {count} of {name} in {table}"));
                }
            }
        }
        Ok(())
    }
}
