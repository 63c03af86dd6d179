//! Products as files carry them: whole, and without the ids of one store.
use super::NewVariant;
use crate::message::call;
use crate::{NoRefusal, ProductId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that a store knows of a product, but for what its own life added (score, reviews, stock).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProductRecord {
    /// Its name in addresses; none derives it from the title.
    pub slug: Option<String>,
    /// 1 to 500 characters.
    pub title: String,
    /// At most 20,000 characters.
    pub description: String,
    /// At most 20 addresses.
    pub images: Vec<String>,
    /// Names, at most 50.
    pub authors: Vec<String>,
    /// Names, at most 50.
    pub genres: Vec<String>,
    /// Shelves, at most 50: each a path of names from the outermost category to the one that the
    /// product stands in.
    pub categories: Vec<Vec<String>>,
    /// At most 100 facts.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// 1 to 100, in the order in which they are shown. The first one's SKU names the product.
    pub variants: Vec<NewVariant>,
    /// How many gave 1, 2, 3, 4 and 5 stars elsewhere; the rating counts them with the reviews.
    pub stars: Option<[u64; 5]>,
    /// When it was listed; none for now.
    pub created_at: Option<Timestamp>,
}

/// List products, or bring those that are listed (known by any of their SKUs) to what the record
/// says. Each record is decided alone; repeating a record changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProducts {
    /// At most 500.
    pub records: Vec<ProductRecord>,
}
call!(ImportProducts, "catalog.import_products.v1", Vec<Imported>, ImportRefused);

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Imported {
    /// A new product is listed.
    Created,
    /// A listed product was changed.
    Updated,
    /// It was so already.
    Unchanged,
    /// Nothing was done.
    Rejected {
        /// Why, in one sentence.
        reason: String,
    },
}

/// Why no record was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ImportRefused {
    /// The caller lacks the right.
    #[error("only staff may change the catalogue")]
    NotAllowed,
    /// More than 500 records.
    #[error("at most 500 records at once")]
    TooMany,
}

/// All products that are listed, in the order of their ids, a page at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportProducts {
    /// The last one of the page before.
    pub after: Option<ProductId>,
    /// 1 to 500.
    pub limit: u32,
}
call!(ExportProducts, "catalog.export_products.v1", ExportedPage, NoRefusal);

/// One page of products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedPage {
    /// Products with their ids.
    pub records: Vec<(ProductId, ProductRecord)>,
    /// Whether this was the last page.
    pub last: bool,
}
