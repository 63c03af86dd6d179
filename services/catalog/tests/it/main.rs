//! The catalogue through its calls, its routes and the news that it hears. Inventory and wallets
//! are played by the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod facets;
mod finding;
mod freshness;
mod http;
mod http_reviews;
mod http_shelves;
mod products;
mod records;
mod reviews;
mod round_trips;
mod scores;
mod shelves;
mod variants;

use contracts::catalog::{
    CreateProduct, FindProducts, NewVariant, Priced, PricesOf, Product, ProductPage, ProductRefused,
};
use contracts::inventory::{Available, AvailableOf};
use contracts::{Call, CallError, Caller, Currency, Money, Sku};
use kit::testing::{Rig, admin};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the played inventory has; none while it is away.
type Stock = Arc<Mutex<Option<BTreeMap<Sku, i64>>>>;

pub struct Shop {
    rig: Rig,
    stock: Stock,
}

pub fn sku(text: &str) -> Sku {
    text.parse().unwrap()
}
pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}
pub fn refused<C: Call>(answer: Result<C::Reply, CallError<C::Error>>, _: &C) -> C::Error {
    match answer {
        Err(CallError::Refused(refused)) => refused,
        other => panic!("it must be refused: {other:?}"),
    }
}

/// A book by Ada with one variant.
pub fn book(title: &str, sku_text: &str, price: i64) -> CreateProduct {
    CreateProduct {
        title: title.into(),
        description: String::new(),
        images: vec![],
        authors: vec![],
        genres: vec![],
        categories: vec![],
        attributes: BTreeMap::new(),
        variants: vec![NewVariant {
            sku: sku(sku_text),
            options: BTreeMap::new(),
            price: usd(price),
        }],
    }
}

impl Shop {
    async fn open() -> Self {
        let rig = Rig::start(&[Box::new(catalog::plug())], Default::default()).await;
        let stock: Stock = Arc::new(Mutex::new(Some(BTreeMap::new())));
        let has = Arc::clone(&stock);
        rig.play::<AvailableOf>(move |_, call| {
            let stock = has.lock();
            let stock = stock.as_ref().ok_or_else(|| CallError::NotDone("away".into()))?;
            let known = |sku: Sku| Some(Available { available: *stock.get(&sku)?, sku });
            Ok(call.skus.into_iter().filter_map(known).collect())
        });
        Self { rig, stock }
    }
    async fn list(&self, new: CreateProduct) -> Product {
        self.rig.call(&admin(), new).await.unwrap()
    }
    async fn try_list(&self, new: CreateProduct) -> Result<Product, CallError<ProductRefused>> {
        self.rig.call(&admin(), new).await
    }
    /// Has the index of every replica follow; workers do it by themselves a little later.
    async fn indexed(&self) {
        self.rig.work("catalog", "index").await;
    }
    async fn page(&self, find: FindProducts) -> ProductPage {
        let find =
            FindProducts { page: find.page.max(1), per_page: find.per_page.max(100), ..find };
        let mut pages = Vec::new();
        // Every replica has an index of its own.
        for _ in &self.rig.nodes {
            pages.push(self.rig.call(&Caller::Guest, find.clone()).await.unwrap());
        }
        for page in &pages {
            assert_eq!(titles(page), titles(&pages[0]), "replicas agree on {find:?}");
        }
        pages.remove(0)
    }
    async fn find(&self, find: FindProducts) -> Vec<String> {
        titles(&self.page(find).await)
    }
    async fn search(&self, q: &str) -> Vec<String> {
        self.find(FindProducts { q: Some(q.into()), ..Default::default() }).await
    }
    async fn prices(&self, skus: &[&str]) -> Vec<Priced> {
        let call =
            PricesOf { skus: skus.iter().map(|text| sku(text)).collect(), categories: false };
        self.rig.call(&Caller::Store, call).await.unwrap()
    }
}

pub fn titles(page: &ProductPage) -> Vec<String> {
    page.items.iter().map(|product| product.title.clone()).collect()
}
