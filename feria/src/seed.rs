//! `feria seed`: a demo catalogue of classics, with stock.
use crate::Failure;
use crate::store::Beside;
use contracts::catalog::{CreateProduct, NewVariant, ProductRefused};
use contracts::inventory::{GetStock, SetStock, StockRefused};
use contracts::{CallError, Currency, Money, Sku};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use kit::Unexpected;
use kit::config::Config;
use serde::Deserialize;
use std::collections::BTreeMap;

const CATALOGUE: &str = include_str!("../seed/catalogue.json");

/// How many products are listed at once: they share transactions.
const AT_ONCE: usize = 16;

/// A product of the catalogue: with one SKU of its own, or with variants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Classic {
    title: String,
    description: String,
    authors: Vec<String>,
    genres: Vec<String>,
    categories: Vec<String>,
    attributes: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    variants: Vec<Form>,
    sku: Option<Sku>,
    price: Option<i64>,
    on_hand: Option<i64>,
}

/// A form in which it is sold. Prices are in minor units of whatever the store's currency is.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    sku: Sku,
    #[serde(default)]
    options: BTreeMap<String, String>,
    price: i64,
    on_hand: i64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Products that are new.
    pub listed: usize,
    /// Products that were there before.
    pub skipped: usize,
    /// SKUs whose stock was set.
    pub stocked: usize,
}

impl Seeded {
    fn and(self, other: Self) -> Self {
        Self {
            listed: self.listed + other.listed,
            skipped: self.skipped + other.skipped,
            stocked: self.stocked + other.stocked,
        }
    }
}

impl std::fmt::Display for Seeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { listed, skipped, stocked } = self;
        write!(f, "Listed {listed} products and put {stocked} SKUs on the shelf")?;
        match skipped {
            0 => f.write_str("."),
            1 => f.write_str("; 1 product was there before."),
            _ => write!(f, "; {skipped} products were there before."),
        }
    }
}

/// Lists the demo catalogue. What is there already stays as it is.
/// # Errors
/// When a service does not answer.
pub async fn seed(config: Config) -> Result<Seeded, Failure> {
    let classics: Vec<Classic> = serde_json::from_str(CATALOGUE)
        .map_err(|error| Unexpected::from(error).context("read the demo catalogue"))?;
    let currency = config.currency;
    let store = Beside::open(config).await?;
    let listed = stream::iter(classics)
        .map(|classic| list(&store, classic, currency))
        .buffered(AT_ONCE)
        .try_fold(Seeded::default(), async |all, one| Ok(all.and(one)))
        .await;
    store.close().await;
    Ok(listed?)
}

async fn list(store: &Beside, classic: Classic, currency: Currency) -> Result<Seeded, Unexpected> {
    let title = classic.title.clone();
    let failed = |error: String| Unexpected::new(format!("{title}: {error}"));
    let forms = classic.forms().ok_or_else(|| failed("it has no price or no SKU".to_owned()))?;
    let known = match store.call(classic.create(&forms, currency)).await {
        Ok(_) => false,
        Err(CallError::Refused(ProductRefused::SkuTaken { .. })) => true,
        Err(CallError::Refused(refused)) => return Err(failed(refused.to_string())),
        Err(error) => return Err(failed(error.to_string())),
    };
    let mut stocked = 0;
    for Form { sku, on_hand, .. } in forms {
        // Somebody may have been interrupted between a product and its stock.
        if known && !is_unstocked(store, &sku).await.map_err(&failed)? {
            continue;
        }
        let set = store.call(SetStock::counted(sku, on_hand)).await;
        set.map_err(|error| failed(error.to_string()))?;
        stocked += 1;
    }
    Ok(Seeded { listed: usize::from(!known), skipped: usize::from(known), stocked })
}

async fn is_unstocked(store: &Beside, sku: &Sku) -> Result<bool, String> {
    match store.call(GetStock { sku: sku.clone() }).await {
        Ok(_) => Ok(false),
        Err(CallError::Refused(StockRefused::NotFound)) => Ok(true),
        Err(error) => Err(error.to_string()),
    }
}

impl Classic {
    /// How it is sold: none when the catalogue does not say.
    fn forms(&self) -> Option<Vec<Form>> {
        if !self.variants.is_empty() {
            return Some(self.variants.clone());
        }
        let (sku, price, on_hand) = (self.sku.clone()?, self.price?, self.on_hand?);
        Some(vec![Form { sku, options: BTreeMap::new(), price, on_hand }])
    }
    fn create(self, forms: &[Form], currency: Currency) -> CreateProduct {
        let cover = forms.first().map(|form| format!("/covers/{}.svg", form.sku));
        let variant = |form: &Form| NewVariant {
            sku: form.sku.clone(),
            options: form.options.clone(),
            price: Money::new(form.price, currency),
        };
        CreateProduct {
            title: self.title,
            description: self.description,
            images: cover.into_iter().collect(),
            authors: self.authors,
            genres: self.genres,
            categories: self.categories,
            attributes: self.attributes,
            variants: forms.iter().map(variant).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_demo_catalogue_is_whole() {
        let classics: Vec<Classic> = serde_json::from_str(CATALOGUE).unwrap();
        assert!(classics.len() >= 100);
        let mut skus = BTreeSet::new();
        for classic in classics {
            let forms = classic.forms().unwrap_or_else(|| panic!("{}", classic.title));
            assert!(
                !classic.authors.is_empty() && !classic.categories.is_empty(),
                "{}",
                classic.title
            );
            for form in &forms {
                assert!(skus.insert(form.sku.clone()), "{} is there twice", form.sku);
                assert!(form.price > 0 && form.on_hand >= 0, "{}", form.sku);
            }
        }
    }
}
