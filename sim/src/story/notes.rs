//! What shoppers and staff were told, and whether the store still knows it.
use super::books::Books;
use super::client::Client;
use super::{Wrong, text};
use kit::plug::Node;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Tokens end a quarter of an hour after they were given, and guests have none to renew.
const REPEATED_WITHIN: Duration = Duration::from_secs(600);

/// What stays as it was in an order. Whoever prefers to wait is told the rest as it is by now.
const LASTING: [&str; 8] =
    ["id", "number", "items", "subtotal", "shipping", "total", "created_at", "order_token"];

/// Whatever was acknowledged.
#[derive(Clone, Default)]
pub struct Notes {
    orders: BTreeMap<Uuid, Noted>,
    cancelled: BTreeSet<Uuid>,
    /// Refunds by their id: of which order, how much.
    refunds: BTreeMap<Uuid, (Uuid, i64)>,
    top_ups: BTreeMap<Uuid, i64>,
}

/// An order that was acknowledged, with the request that asked for it.
#[derive(Clone)]
struct Noted {
    asked: Client,
    body: Value,
    answer: Value,
    at: Instant,
}

impl Notes {
    /// How many orders, cancels, refunds and top-ups were acknowledged.
    pub fn said(&self) -> String {
        format!(
            "{} orders, {} cancels, {} refunds and {} top-ups were acknowledged",
            self.orders.len(),
            self.cancelled.len(),
            self.refunds.len(),
            self.top_ups.len()
        )
    }
    /// How many orders were acknowledged.
    pub fn orders(&self) -> usize {
        self.orders.len()
    }
    pub(super) fn order(&mut self, asked: Client, body: Value, answer: Value) {
        let noted = Noted { asked, body, at: Instant::now(), answer };
        self.orders.insert(id(&noted.answer["id"]), noted);
    }
    pub(super) fn cancel(&mut self, order: &Value) {
        self.cancelled.insert(id(&order["id"]));
    }
    pub(super) fn refund(&mut self, order: &Value, refund: &Value) {
        let amount = refund["amount"]["amount"].as_i64().unwrap_or_default();
        self.refunds.insert(id(&refund["id"]), (id(&order["id"]), amount));
    }
    pub(super) fn top_up(&mut self, top_up: &Value) {
        let amount = top_up["amount"]["amount"].as_i64().unwrap_or_default();
        self.top_ups.insert(id(&top_up["id"]), amount);
    }

    /// What was acknowledged and is not there, in sentences. `all`: whether nothing else may be
    /// there either, as each request was repeated until it had its answer.
    /// # Errors
    /// When a table cannot be read.
    pub async fn check(&self, node: &Node, all: bool) -> Result<Vec<String>, Wrong> {
        let mut wrong = Vec::new();
        let orders = Books(node).orders().await?;
        for (id, noted) in &self.orders {
            let Some(order) = orders.get(id) else {
                wrong.push(format!("order {id} was acknowledged, and is not there"));
                continue;
            };
            if order.lines != lines(&noted.answer) {
                wrong.push(format!("order {id} has not the items that were acknowledged"));
            }
            if self.cancelled.contains(id) && order.status != "cancelled" {
                wrong.push(format!("order {id} was cancelled, and is {}", order.status));
            }
        }
        let unknown = orders.keys().filter(|id| all && !self.orders.contains_key(id));
        wrong.extend(unknown.map(|id| format!("order {id}, of which nobody was told")));
        self.check_money(node, all, &mut wrong).await?;
        Ok(wrong)
    }
    async fn check_money(
        &self,
        node: &Node,
        all: bool,
        wrong: &mut Vec<String>,
    ) -> Result<(), Wrong> {
        let books = Books(node);
        // What the store gives back by itself has no staff.
        let sql = "SELECT id, amount FROM refunds WHERE staff_id IS NOT NULL";
        let refunds: BTreeMap<Uuid, i64> =
            books.pairs("payments", sql).await?.into_iter().collect();
        let noted = self.refunds.iter().map(|(id, (_, amount))| (*id, *amount)).collect();
        compare("refund", &noted, &refunds, all, wrong);
        let sql = "SELECT id, amount FROM top_ups WHERE status = 'captured'";
        let top_ups: BTreeMap<Uuid, i64> =
            books.pairs("payments", sql).await?.into_iter().collect();
        compare("top-up", &self.top_ups, &top_ups, all, wrong);
        Ok(())
    }

    /// Asks for each order once more, and compares the answers; how many were compared, and what
    /// differs.
    /// # Errors
    /// When the store does not answer.
    pub async fn repeat(&self) -> Result<(usize, Vec<String>), Wrong> {
        let (mut compared, mut wrong) = (0, Vec::new());
        for (id, noted) in &self.orders {
            if noted.at.elapsed() > REPEATED_WITHIN {
                continue;
            }
            compared += 1;
            match noted.asked.post("/v1/checkout", &noted.body).await {
                Ok(again) => {
                    let differs = |part: &&&str| again[**part] != noted.answer[**part];
                    for part in LASTING.iter().filter(differs) {
                        let (first, again) = (&noted.answer[part], &again[part]);
                        wrong.push(format!("order {id}: {part} first {first}, again {again}"));
                    }
                }
                Err(refused) => wrong.push(format!("order {id}, asked for again: {refused}")),
            }
        }
        Ok((compared, wrong))
    }
}

fn compare(
    what: &str,
    noted: &BTreeMap<Uuid, i64>,
    found: &BTreeMap<Uuid, i64>,
    all: bool,
    wrong: &mut Vec<String>,
) {
    for (id, amount) in noted {
        if found.get(id) != Some(amount) {
            let found = found.get(id);
            wrong.push(format!("{what} {id} of {amount} was acknowledged, found: {found:?}"));
        }
    }
    let unknown = found.keys().filter(|id| all && !noted.contains_key(id));
    wrong.extend(unknown.map(|id| format!("{what} {id}, of which nobody was told")));
}

/// Pieces by SKU, as an answer has them.
fn lines(order: &Value) -> BTreeMap<String, i64> {
    let items = order["items"].as_array().into_iter().flatten();
    items
        .map(|item| (text(&item["sku"]).to_owned(), item["quantity"].as_i64().unwrap_or_default()))
        .collect()
}

fn id(value: &Value) -> Uuid {
    text(value).parse().unwrap_or_default()
}
