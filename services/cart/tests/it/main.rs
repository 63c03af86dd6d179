//! The cart service on the engine under test; the catalogue is played.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod carts;
mod routes;

use contracts::catalog::{Priced, PricesOf};
use contracts::{Currency, Money, ProductId, Sku};
use kit::config::Config;
use kit::plug::Service;
use kit::testing::Rig;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}
pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

/// A cart service beside a catalogue in which everything costs what `price` says, and `GONE` is
/// not sold.
pub async fn start() -> (Arc<Rig>, Arc<AtomicI64>) {
    let rig = Rig::start(&[Box::new(cart::plug()) as Box<dyn Service>], Config::default()).await;
    let price = Arc::new(AtomicI64::new(250));
    let now = Arc::clone(&price);
    rig.play::<PricesOf>(move |_, call| {
        let priced = |sku: Sku| Priced {
            product: ProductId(uuid::Uuid::nil()),
            slug: sku.as_str().to_lowercase(),
            title: format!("All about {sku}"),
            image: None,
            price: usd(now.load(Ordering::Acquire)),
            sku,
        };
        Ok(call.skus.into_iter().filter(|sku| sku.as_str() != "GONE").map(priced).collect())
    });
    (Arc::new(rig), price)
}
