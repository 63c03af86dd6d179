//! The cart service through its calls, its routes and the news that it hears. The catalogue is
//! played by the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod carts;
mod expiry;
mod guests;
mod http;
mod news;
mod orders;
mod routes;

use contracts::cart::{AddItem, CartAnswer, CartRefused, CartToken, GetCart};
use contracts::catalog::{Priced, PricesOf};
use contracts::{CallError, Caller, Currency, Money, ProductId, Quantity, Sku};
use kit::testing::Rig;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What the played catalogue sells: minor units by SKU.
type Prices = Arc<Mutex<BTreeMap<Sku, i64>>>;

struct Shop {
    rig: Rig,
    prices: Prices,
}

pub fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}
pub fn count(n: u32) -> Quantity {
    Quantity::new(n).unwrap()
}
pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}
pub fn by(token: Option<&str>) -> CartToken {
    CartToken { token: token.map(str::to_owned) }
}

impl Shop {
    async fn open() -> Self {
        let rig = Rig::start(&[Box::new(cart::plug())], Default::default()).await;
        let prices: Prices = Arc::default();
        for (name, price) in [("A-1", 1000), ("B-2", 250), ("C-3", 33)] {
            prices.lock().insert(sku(name), price);
        }
        let shown = Arc::clone(&prices);
        rig.play::<PricesOf>(move |_, call| {
            let prices = shown.lock();
            let priced = |sku: Sku| {
                Some(Priced {
                    product: ProductId(Default::default()),
                    slug: sku.as_str().to_lowercase(),
                    title: format!("Title of {sku}"),
                    image: None,
                    price: usd(*prices.get(&sku)?),
                    categories: vec![],
                    sku,
                })
            };
            Ok(call.skus.into_iter().filter_map(priced).collect())
        });
        Self { rig, prices }
    }
    async fn add(
        &self,
        caller: &Caller,
        token: Option<&str>,
        name: &str,
        quantity: u32,
    ) -> Result<CartAnswer, CallError<CartRefused>> {
        let call = AddItem { of: by(token), sku: sku(name), quantity: count(quantity) };
        self.rig.call(caller, call).await
    }
    async fn cart(&self, caller: &Caller, token: Option<&str>) -> contracts::cart::Cart {
        self.rig.call(caller, GetCart { of: by(token) }).await.unwrap().cart
    }
    fn price(&self, name: &str, minor: Option<i64>) {
        match minor {
            Some(minor) => self.prices.lock().insert(sku(name), minor),
            None => self.prices.lock().remove(&sku(name)),
        };
    }
}

/// SKUs and quantities, in order.
pub fn lines(cart: &contracts::cart::Cart) -> Vec<(String, u32)> {
    cart.items.iter().map(|line| (line.sku.to_string(), line.quantity.get())).collect()
}

/// A cart service beside a catalogue in which everything costs what `price` says, and `GONE` is
/// not sold.
pub async fn start() -> (Arc<Rig>, Arc<AtomicI64>) {
    let rig = Rig::start(&[Box::new(cart::plug())], Default::default()).await;
    let price = Arc::new(AtomicI64::new(250));
    let now = Arc::clone(&price);
    rig.play::<PricesOf>(move |_, call| {
        let priced = |sku: Sku| Priced {
            product: ProductId(uuid::Uuid::nil()),
            slug: sku.as_str().to_lowercase(),
            title: format!("All about {sku}"),
            image: None,
            price: usd(now.load(Ordering::Acquire)),
            categories: vec![],
            sku,
        };
        Ok(call.skus.into_iter().filter(|sku| sku.as_str() != "GONE").map(priced).collect())
    });
    (Arc::new(rig), price)
}
