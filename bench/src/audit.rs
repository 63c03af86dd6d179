//! What must hold when the load is over: all is decided, written and sent, and nothing is lost.
//!
//! That everything is drained is counted in the databases, as no route counts it. The rest is
//! asked over HTTP by the admin, as staff would.
use crate::Trouble;
use crate::client::{Connection, get, send};
use crate::sql::number;
use crate::store::Store;
use crate::town::config;
use kit::db::{Db, DbOptions};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is counted until nothing is left: whose database, and by which query.
const UNFINISHED: [(&str, &str, &str); 9] = [
    ("orders", "orders are pending", "SELECT COUNT(*) FROM orders WHERE status = 'pending'"),
    (
        "notifications",
        "letters are unwritten",
        "SELECT COUNT(*) FROM letters WHERE next_at IS NOT NULL",
    ),
    ("identity", "news of identity is unsent", OUTBOX),
    ("catalog", "news of catalog is unsent", OUTBOX),
    ("inventory", "news of inventory is unsent", OUTBOX),
    ("cart", "news of cart is unsent", OUTBOX),
    ("orders", "news of orders is unsent", OUTBOX),
    ("payments", "news of payments is unsent", OUTBOX),
    ("notifications", "news of notifications is unsent", OUTBOX),
];
const OUTBOX: &str = "SELECT COUNT(*) FROM outbox";
/// How often it is looked whether all is done.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks at the books.
pub struct Audit {
    databases: Vec<(&'static str, Db)>,
    admin: String,
}

/// What is in stock, all SKUs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// On the shelves.
    pub on_hand: i64,
    /// Of that, promised to orders.
    pub reserved: i64,
}

impl Audit {
    /// Of the store on `data`, asked as `admin` (an access token).
    /// # Errors
    /// When a database cannot be opened.
    pub async fn open(data: &Path, admin: String) -> Result<Self, Trouble> {
        let config = config(data)?;
        let mut databases: Vec<(&'static str, Db)> = Vec::new();
        for (service, ..) in UNFINISHED {
            if databases.iter().all(|(known, _)| *known != service) {
                let url = config.database_url(service);
                let db = Db::open(service, &url, None, DbOptions::default()).await;
                databases.push((service, db.map_err(Trouble::from_error)?));
            }
        }
        Ok(Self { databases, admin })
    }
    /// What is still to be done, if anything.
    async fn unfinished(&self) -> Result<Option<String>, Trouble> {
        for (service, what, sql) in UNFINISHED {
            let Some((_, db)) = self.databases.iter().find(|(name, _)| *name == service) else {
                continue;
            };
            let left = number(db.reader(), sql).await?;
            if left > 0 {
                return Ok(Some(format!("{left} {what}")));
            }
        }
        Ok(None)
    }
    /// Waits until everything is done; what is left after `patience`.
    /// # Errors
    /// When a database cannot be read.
    pub async fn drained(&self, patience: Duration) -> Result<Option<String>, Trouble> {
        let began = Instant::now();
        loop {
            let left = self.unfinished().await?;
            if left.is_none() || began.elapsed() > patience {
                return Ok(left);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    /// Waits until the search index has all products.
    /// # Errors
    /// When it does not in ten minutes.
    pub async fn indexed(&self, store: &Store, products: usize) -> Result<(), Trouble> {
        let mut connection = Connection::open(store.address).await?;
        let began = Instant::now();
        loop {
            let page = self.json(&mut connection, "/v1/products?per_page=1").await?;
            let found = page["total"].as_u64().unwrap_or_default();
            if found >= products as u64 {
                return Ok(());
            }
            if began.elapsed() > Duration::from_secs(600) {
                return Err(Trouble::new(format!("only {found} of {products} are indexed")));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    async fn json(&self, connection: &mut Connection, path: &str) -> Result<Value, Trouble> {
        let answer = connection.ask(&get(path, Some(&self.admin))).await?;
        if answer.status != 200 {
            return Err(Trouble::new(format!("GET {path} is answered {}", answer.status)));
        }
        Ok(serde_json::from_slice(answer.body)?)
    }
    /// The sum of all stock, as staff sees it.
    /// # Errors
    /// When the store does not tell.
    pub async fn stock(&self, store: &Store) -> Result<Stock, Trouble> {
        let mut connection = Connection::open(store.address).await?;
        let (mut sum, mut cursor) = (Stock::default(), String::new());
        loop {
            let path = format!("/v1/inventory?limit=100{cursor}");
            let page = self.json(&mut connection, &path).await?;
            for level in page["items"].as_array().into_iter().flatten() {
                sum.on_hand += level["on_hand"].as_i64().unwrap_or_default();
                sum.reserved += level["reserved"].as_i64().unwrap_or_default();
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(sum),
            }
        }
    }
    /// The stock of one SKU.
    /// # Errors
    /// When the store does not tell.
    pub async fn stock_of(&self, store: &Store, sku: &str) -> Result<Stock, Trouble> {
        let mut connection = Connection::open(store.address).await?;
        let level = self.json(&mut connection, &format!("/v1/inventory/{sku}")).await?;
        let piece = |name: &str| level[name].as_i64().unwrap_or_default();
        Ok(Stock { on_hand: piece("on_hand"), reserved: piece("reserved") })
    }
    /// Sets the stock of one SKU.
    /// # Errors
    /// When the store refuses.
    pub async fn set_stock(&self, store: &Store, sku: &str, on_hand: u64) -> Result<(), Trouble> {
        let mut connection = Connection::open(store.address).await?;
        let (mut request, path) = (Vec::new(), format!("/v1/inventory/{sku}"));
        let body = format!(r#"{{"on_hand":{on_hand}}}"#);
        send(&mut request, ("PUT", &path), Some(&self.admin), "", body.as_bytes());
        let answer = connection.ask(&request).await?;
        match answer.status {
            200 => Ok(()),
            status => Err(Trouble::new(format!("the stock of {sku} is not set: {status}"))),
        }
    }
    /// What does not hold after `pieces` were sold since `before`; nothing is wrong if empty.
    /// # Errors
    /// When the store does not tell.
    pub async fn broken(
        &self,
        store: &Store,
        before: Stock,
        pieces: u64,
    ) -> Result<Vec<String>, Trouble> {
        let mut connection = Connection::open(store.address).await?;
        let mut broken = Vec::new();
        let pending = self.json(&mut connection, "/v1/staff/orders?status=pending&limit=1").await?;
        if pending["items"].as_array().is_none_or(|items| !items.is_empty()) {
            broken.push("orders are pending".to_owned());
        }
        let parked = self.json(&mut connection, "/v1/staff/parked").await?;
        let parked = parked["items"].as_array().map_or(0, Vec::len);
        if parked > 0 {
            broken.push(format!("{parked} messages are parked"));
        }
        let now = self.stock(store).await?;
        if now.reserved != 0 {
            broken.push(format!("{} pieces are still reserved", now.reserved));
        }
        let gone = before.on_hand - now.on_hand;
        if u64::try_from(gone) != Ok(pieces) {
            broken.push(format!("{pieces} pieces were sold, and {gone} left the shelves"));
        }
        Ok(broken)
    }
    /// Closes the databases.
    pub async fn close(self) {
        for (_, db) in self.databases {
            db.close().await;
        }
    }
}
