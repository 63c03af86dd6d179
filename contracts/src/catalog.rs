//! What catalog tells and answers. It owns products, their words and their prices.
mod records;
mod reviews;

pub use records::*;
pub use reviews::*;

use crate::message::{call, event};
use crate::{AuthorId, CategoryId, GenreId, Money, NoRefusal, ProductId, Sku, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A product came into being, changed, or was withdrawn; ask for it to see how it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductChanged {
    /// Which product.
    pub product: ProductId,
    /// All of its SKUs.
    pub skus: Vec<Sku>,
}
event!(ProductChanged, "catalog.product_changed.v1", product);

/// A category, author or genre was made by staff, got another name, address or place, or is gone:
/// products that have it read differently from now on, without a change of their own. Of one
/// that was made along with a product, that product's news are all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShelfChanged {
    /// Of which kind.
    pub shelf: Shelf,
    /// Which one.
    pub entry: uuid::Uuid,
}
event!(ShelfChanged, "catalog.shelf_changed.v1", entry);

/// Something that can be bought, in one or more variants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Product {
    /// The product.
    pub id: ProductId,
    /// Its name in addresses; unique.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// Addresses of pictures, the first one the cover.
    pub images: Vec<String>,
    /// Who made it.
    pub authors: Vec<Named<AuthorId>>,
    /// Of which kind it is.
    pub genres: Vec<Named<GenreId>>,
    /// On which shelves it stands.
    pub categories: Vec<Named<CategoryId>>,
    /// Free facts, such as pages and year.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// Units sold in paid orders.
    pub score: i64,
    /// Mean of the stars, 1.0 to 5.0; null without reviews. In hundredths to stay exact: 434 is 4.34.
    pub rating: Option<u32>,
    /// How many gave stars: published reviews, and those that an import brought along.
    pub rating_count: u64,
    /// At least one.
    pub variants: Vec<Variant>,
    /// The first variant's SKU.
    pub sku: Sku,
    /// The first variant's price.
    pub price: Money,
    /// How many of the first variant can be ordered.
    pub available: i64,
    /// When it was listed.
    pub created_at: Timestamp,
}

/// One form in which a product is sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Variant {
    /// Its stock keeping unit; unique in the store.
    pub sku: Sku,
    /// What makes it differ, such as `{"size": "M"}`.
    pub options: BTreeMap<String, String>,
    /// What one piece costs.
    pub price: Money,
    /// How many can be ordered.
    pub available: i64,
}

/// An id and the name that people know it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Named<I> {
    /// The id.
    pub id: I,
    /// Its name in addresses.
    pub slug: String,
    /// The name.
    pub name: String,
}

/// List a new product. Authors, genres and categories are named; new ones are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateProduct {
    /// 1 to 500 characters.
    pub title: String,
    /// At most 20,000 characters.
    pub description: String,
    /// At most 20 addresses (http, https or a path of this store).
    pub images: Vec<String>,
    /// Names, at most 50.
    pub authors: Vec<String>,
    /// Names, at most 50.
    pub genres: Vec<String>,
    /// Names, at most 50.
    pub categories: Vec<String>,
    /// At most 100 facts.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// 1 to 100, in the order in which they are shown.
    pub variants: Vec<NewVariant>,
}
call!(CreateProduct, "catalog.create_product.v1", Product, ProductRefused);

/// One form of a new product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewVariant {
    /// Not yet used in the store.
    pub sku: Sku,
    /// What makes it differ.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Not negative.
    pub price: Money,
}

/// Why a product was not created or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ProductRefused {
    /// The caller lacks the right.
    #[error("only staff may change the catalogue")]
    NotAllowed,
    /// No such product.
    #[error("there is no such product")]
    NotFound,
    /// The SKU belongs to a product already.
    #[error("SKU {sku} is taken")]
    SkuTaken {
        /// Which one.
        sku: Sku,
    },
    /// Another product has the slug, or had it.
    #[error("the slug is taken")]
    SlugTaken,
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Change what is given of a product; leave the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateProduct {
    /// Which product.
    pub product: ProductId,
    /// As in [`CreateProduct`].
    pub title: Option<String>,
    /// As in [`CreateProduct`].
    pub description: Option<String>,
    /// As in [`CreateProduct`].
    pub images: Option<Vec<String>>,
    /// As in [`CreateProduct`].
    pub authors: Option<Vec<String>>,
    /// As in [`CreateProduct`].
    pub genres: Option<Vec<String>>,
    /// As in [`CreateProduct`].
    pub categories: Option<Vec<String>>,
    /// Replaces all facts.
    pub attributes: Option<BTreeMap<String, serde_json::Value>>,
    /// New prices by SKU of this product.
    pub prices: BTreeMap<Sku, Money>,
    /// Replaces all variants: new ones are added, missing ones withdrawn. Not beside `prices`.
    pub variants: Option<Vec<NewVariant>>,
    /// A new name in addresses; the old one leads to it.
    pub slug: Option<String>,
}
call!(UpdateProduct, "catalog.update_product.v1", Product, ProductRefused);

/// Take a product off the shelves. It can no longer be found or ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawProduct {
    /// Which product.
    pub product: ProductId,
}
call!(WithdrawProduct, "catalog.withdraw_product.v1", (), ProductRefused);

/// One product, by id or slug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetProduct {
    /// The id or the slug.
    pub id_or_slug: String,
}
call!(GetProduct, "catalog.get_product.v1", Product, NoSuchProduct);

/// There is no such product, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("there is no such product")]
pub struct NoSuchProduct;

/// In which order products are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Sort {
    /// Best match first; newest first where nothing is searched for.
    #[default]
    #[serde(rename = "relevance")]
    Relevance,
    /// Cheapest first.
    #[serde(rename = "price")]
    Price,
    /// Dearest first.
    #[serde(rename = "-price")]
    PriceDescending,
    /// By title.
    #[serde(rename = "title")]
    Title,
    /// Newest first.
    #[serde(rename = "newest")]
    Newest,
    /// Highest score first.
    #[serde(rename = "best")]
    Best,
}

/// Search and filter the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindProducts {
    /// Words to search for in title, authors, genres, description and SKU; every word must match.
    pub q: Option<String>,
    /// A category's slug, name or id.
    pub category: Option<String>,
    /// An author's slug, name or id.
    pub author: Option<String>,
    /// A genre's slug, name or id.
    pub genre: Option<String>,
    /// Minor units of the store's currency.
    pub min_price: Option<i64>,
    /// Minor units of the store's currency.
    pub max_price: Option<i64>,
    /// Only what the caller's wallet can pay for.
    pub affordable: bool,
    /// Only what can be ordered (true) or cannot (false).
    pub in_stock: Option<bool>,
    /// In which order.
    pub sort: Sort,
    /// From 1.
    pub page: u32,
    /// 1 to 100.
    pub per_page: u32,
    /// Whether to count the matches by category, author, genre and so on.
    pub facets: bool,
}
call!(FindProducts, "catalog.find_products.v1", ProductPage, FindProductsRefused);

/// Why nothing was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum FindProductsRefused {
    /// `affordable` needs an account.
    #[error("log in to see what you can afford")]
    NotLoggedIn,
}

/// One page of products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProductPage {
    /// At most `per_page`.
    pub items: Vec<Product>,
    /// From 1.
    pub page: u32,
    /// 1 to 100.
    pub per_page: u32,
    /// How many match in all.
    pub total: u64,
    /// The counts, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facets: Option<Facets>,
}

/// How the matches spread; the most frequent first, at most 20 of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Facets {
    /// By category.
    pub categories: Vec<FacetCount>,
    /// By author.
    pub authors: Vec<FacetCount>,
    /// By genre.
    pub genres: Vec<FacetCount>,
    /// By price.
    pub prices: Vec<PriceCount>,
    /// How many can be ordered.
    pub in_stock: u64,
}

/// How many matches a name has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FacetCount {
    /// What to filter by.
    pub slug: String,
    /// The name.
    pub name: String,
    /// How many matches have it.
    pub count: u64,
}

/// How many matches a range of prices has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PriceCount {
    /// From (inclusive), in minor units.
    pub from: i64,
    /// To (exclusive); none: no end.
    pub to: Option<i64>,
    /// How many matches lie in it.
    pub count: u64,
}

/// The products with the highest score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BestSellers {
    /// 1 to 100.
    pub limit: u32,
}
call!(BestSellers, "catalog.best_sellers.v1", Vec<Product>, NoRefusal);

/// All categories, authors or genres, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shelf {
    /// Categories.
    Categories,
    /// Authors.
    Authors,
    /// Genres.
    Genres,
}

/// One page of the categories, authors or genres, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListShelf {
    /// Which of the three.
    pub shelf: Shelf,
    /// From 1.
    pub page: u32,
    /// 1 to 100.
    pub per_page: u32,
}
call!(ListShelf, "catalog.list_shelf.v1", ShelfPage, NoRefusal);

/// One page of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(examples(json!({
    "items": [{"id": "01938f5e-8d7a-7000-8000-000000000001", "slug": "jane-austen", "name": "Jane Austen"}],
    "page": 1, "per_page": 20, "total": 1,
}))))]
pub struct ShelfPage {
    /// At most `per_page`.
    pub items: Vec<ShelfEntry>,
    /// From 1.
    pub page: u32,
    /// 1 to 100.
    pub per_page: u32,
    /// How many there are.
    pub total: u64,
}

/// A category, an author or a genre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ShelfEntry {
    /// The id.
    pub id: uuid::Uuid,
    /// Its name in addresses; unique among its kind.
    pub slug: String,
    /// The name.
    pub name: String,
    /// The category that this one is part of; null for the outermost, authors and genres.
    pub parent: Option<uuid::Uuid>,
}

/// One category, author or genre, by id or slug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetShelfEntry {
    /// Of which kind.
    pub shelf: Shelf,
    /// The id or the slug; an old slug finds it too.
    pub id_or_slug: String,
}
call!(GetShelfEntry, "catalog.get_shelf_entry.v1", ShelfEntryDetail, ShelfRefused);

/// A category, an author or a genre, with its place in the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ShelfEntryDetail {
    /// The entry.
    #[serde(flatten)]
    pub entry: ShelfEntry,
    /// The categories that it is part of, the outermost first.
    pub path: Vec<ShelfEntry>,
    /// The categories right below it, by name.
    pub children: Vec<ShelfEntry>,
}

/// All categories as a tree: parents stand before their children, siblings by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryTree;
call!(CategoryTree, "catalog.category_tree.v1", Vec<ShelfEntry>, NoRefusal);

/// Make a category, author or genre, or change one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveShelfEntry {
    /// Of which kind.
    pub shelf: Shelf,
    /// Which one to change; none makes a new one.
    pub id: Option<uuid::Uuid>,
    /// 1 to 200 characters; unique among its kind. None leaves it.
    pub name: Option<String>,
    /// A new name in addresses; the old one leads to it. None derives it for a new one.
    pub slug: Option<String>,
    /// The category that it is to be part of (`Some(None)`: of none). None leaves it. Only for
    /// categories, and never one that is part of itself.
    #[serde(
        default,
        deserialize_with = "crate::message::left_null_or_set",
        skip_serializing_if = "Option::is_none"
    )]
    pub parent: Option<Option<uuid::Uuid>>,
}
call!(SaveShelfEntry, "catalog.save_shelf_entry.v1", ShelfEntry, ShelfRefused);

/// Take a category, author or genre away from all products. Its children go to its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteShelfEntry {
    /// Of which kind.
    pub shelf: Shelf,
    /// Which one.
    pub id: uuid::Uuid,
}
call!(DeleteShelfEntry, "catalog.delete_shelf_entry.v1", (), ShelfRefused);

/// Why a category, author or genre was not shown or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ShelfRefused {
    /// The caller lacks the right.
    #[error("only staff may change the catalogue")]
    NotAllowed,
    /// No such entry.
    #[error("there is no such entry")]
    NotFound,
    /// Another one has the name or the slug.
    #[error("{field} is taken")]
    Taken {
        /// `name` or `slug`.
        field: String,
    },
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What SKUs cost right now, read from the database. Unknown and withdrawn ones are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricesOf {
    /// At most 1,000.
    pub skus: Vec<Sku>,
    /// Whether to say in which categories they stand.
    #[serde(default)]
    pub categories: bool,
}
call!(PricesOf, "catalog.prices_of.v1", Vec<Priced>, NoRefusal);

/// What one SKU costs, and what it is called on a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Priced {
    /// Which SKU.
    pub sku: Sku,
    /// Of which product.
    pub product: ProductId,
    /// The product's name in addresses.
    pub slug: String,
    /// The product's title, with the variant's options behind it.
    pub title: String,
    /// The product's first picture.
    pub image: Option<String>,
    /// What one piece costs.
    pub price: Money,
    /// The slugs of the categories that it stands in and of all above them, where asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
}
