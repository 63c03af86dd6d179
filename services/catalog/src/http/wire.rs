//! What comes in and goes out by HTTP.
use crate::ready::decimal;
use contracts::catalog::{self, CreateProduct, FindProducts, NewVariant, Priced, Sort};
use contracts::{AuthorId, CategoryId, GenreId, Money, ProductId, Sku, Timestamp};
use kit::pages::{PageNumber, PageSize, default_page, default_size};
use kit::problem::{FieldError, HttpResult, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Something that can be bought, in one or more variants.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "id": "01936f2e-7c1a-7000-8000-5f6d3c2b1a09", "slug": "the-analytical-engine",
    "title": "The Analytical Engine", "description": "Notes by the translator.",
    "images": ["/covers/the-analytical-engine.svg"],
    "authors": [{"id": "01936f2e-7c1a-7000-8000-000000000001", "slug": "ada-lovelace",
        "name": "Ada Lovelace"}],
    "genres": [], "categories": [], "attributes": {"pages": 66, "year": 1843},
    "score": 12, "rating": 4.34, "rating_count": 2147,
    "variants": [{"sku": "BOOK-0042", "options": {},
        "price": {"amount": 1999, "currency": "USD"}, "available": 7}],
    "sku": "BOOK-0042", "price": {"amount": 1999, "currency": "USD"}, "available": 7,
    "created_at": "2026-01-31T12:00:00.000000Z"
})))]
pub struct Product {
    /// The product.
    id: ProductId,
    /// Its name in addresses; unique. Where it changes, the old one leads to it for ever.
    slug: String,
    /// What it is called, as it was given: escape it where you show it.
    title: String,
    /// Plain text, as it was given.
    description: String,
    /// Addresses of pictures, the first one the cover.
    images: Vec<String>,
    /// Who made it.
    authors: Vec<catalog::Named<AuthorId>>,
    /// Of which kind it is.
    genres: Vec<catalog::Named<GenreId>>,
    /// On which shelves it stands.
    categories: Vec<catalog::Named<CategoryId>>,
    /// Free facts, such as pages and year.
    attributes: BTreeMap<String, Value>,
    /// Units sold in paid orders.
    score: i64,
    /// Mean of the stars, 1.00 to 5.00; null without reviews.
    #[schema(value_type = Option<f64>, required = true)]
    rating: Option<serde_json::Number>,
    /// How many gave stars.
    rating_count: u64,
    /// At least one.
    variants: Vec<catalog::Variant>,
    /// The first variant's SKU.
    sku: Sku,
    /// The first variant's price.
    price: Money,
    /// How many of the first variant can be ordered.
    available: i64,
    /// When it was listed.
    created_at: Timestamp,
}

impl From<catalog::Product> for Product {
    fn from(product: catalog::Product) -> Self {
        Self {
            id: product.id,
            slug: product.slug,
            title: product.title,
            description: product.description,
            images: product.images,
            authors: product.authors,
            genres: product.genres,
            categories: product.categories,
            attributes: product.attributes,
            score: product.score,
            rating: product.rating.and_then(decimal),
            rating_count: product.rating_count,
            variants: product.variants,
            sku: product.sku,
            price: product.price,
            available: product.available,
            created_at: product.created_at,
        }
    }
}

/// One page of products.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductPage {
    /// At most `per_page`.
    items: Vec<Product>,
    /// From 1.
    page: u32,
    /// 1 to 100.
    per_page: u32,
    /// How many match in all.
    total: u64,
    /// The counts, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<catalog::Facets>,
}

impl From<catalog::ProductPage> for ProductPage {
    fn from(page: catalog::ProductPage) -> Self {
        let items = page.items.into_iter().map(Product::from).collect();
        let (number, facets) = (page.page, page.facets);
        Self { items, page: number, per_page: page.per_page, total: page.total, facets }
    }
}

/// All of a list that has no pages.
#[derive(Debug, Serialize, ToSchema)]
pub struct BestSellersList {
    /// Best first.
    pub items: Vec<Product>,
}

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FindQuery {
    /// Words in title, authors, genres, categories, description and SKU; every one must be
    /// there, the last one may be a beginning. At most 200 characters.
    q: Option<String>,
    /// A category's slug, name or id.
    category: Option<String>,
    /// An author's slug, name or id.
    author: Option<String>,
    /// A genre's slug, name or id.
    genre: Option<String>,
    /// The least that the cheapest variant costs, in minor units.
    #[param(minimum = 0)]
    min_price: Option<i64>,
    /// The most that the cheapest variant costs, in minor units.
    #[param(minimum = 0)]
    max_price: Option<i64>,
    /// Only what the caller's wallet can pay for; needs a login.
    #[serde(default)]
    #[param(default = false)]
    affordable: bool,
    /// Only what can be ordered (true) or cannot (false).
    in_stock: Option<bool>,
    /// `relevance`, `price`, `-price`, `title`, `newest` or `best`.
    #[serde(default)]
    #[param(inline, default = "relevance")]
    sort: Sort,
    /// Whether to count all that matches by category, author, genre, price and stock.
    #[serde(default)]
    #[param(default = false)]
    facets: bool,
    /// Which page, from 1.
    #[serde(default = "default_page")]
    #[param(value_type = u32, minimum = 1, maximum = 100_000, default = 1)]
    page: PageNumber,
    /// How many products to a page.
    #[serde(default = "default_size")]
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    per_page: PageSize,
}

const LONGEST_QUERY: usize = 200;

impl FindQuery {
    /// The call that it stands for; an empty text asks for nothing.
    pub fn call(self) -> HttpResult<FindProducts> {
        let mut errors = Vec::new();
        let texts = [
            ("q", &self.q),
            ("category", &self.category),
            ("author", &self.author),
            ("genre", &self.genre),
        ];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|text| text.chars().nth(LONGEST_QUERY).is_some()) {
                let reason = format!("must have at most {LONGEST_QUERY} characters");
                errors.push(FieldError::new(field, reason).coded("range"));
            }
        }
        for (field, price) in [("min_price", self.min_price), ("max_price", self.max_price)] {
            if price.is_some_and(|price| !(0..=Money::MAX_MINOR).contains(&price)) {
                let reason = format!("must be from 0 to {}", Money::MAX_MINOR);
                errors.push(FieldError::new(field, reason).coded("range"));
            }
        }
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Ok(FindProducts {
            q: given(self.q),
            category: given(self.category),
            author: given(self.author),
            genre: given(self.genre),
            min_price: self.min_price,
            max_price: self.max_price,
            affordable: self.affordable,
            in_stock: self.in_stock,
            sort: self.sort,
            facets: self.facets,
            page: self.page.get(),
            per_page: self.per_page.get(),
        })
    }
}

/// How many products to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LimitQuery {
    /// How many products.
    #[serde(default = "default_size")]
    #[param(value_type = u32, minimum = 1, maximum = 100, default = 20)]
    pub limit: PageSize,
}

/// A new product: either `sku` and `price`, or `variants`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "sku": "BOOK-0042", "title": "The Analytical Engine", "description": "Notes.",
    "price": {"amount": 1999, "currency": "USD"}, "authors": ["Ada Lovelace"],
    "genres": ["Computing"], "categories": ["Books"], "images": [],
    "attributes": {"pages": 66, "year": 1843}
})))]
pub struct NewProduct {
    /// 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    title: String,
    /// Plain text, at most 20,000 characters.
    #[serde(default)]
    #[schema(max_length = 20_000)]
    description: String,
    /// Addresses (http, https or a path of this store), the first one the cover.
    #[serde(default)]
    #[schema(max_items = 20)]
    images: Vec<String>,
    /// Names; new ones are made.
    #[serde(default)]
    #[schema(max_items = 50)]
    authors: Vec<String>,
    /// Names; new ones are made.
    #[serde(default)]
    #[schema(max_items = 50)]
    genres: Vec<String>,
    /// Names; new ones are made.
    #[serde(default)]
    #[schema(max_items = 50)]
    categories: Vec<String>,
    /// Free facts.
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    /// The only variant's SKU.
    sku: Option<Sku>,
    /// The only variant's price, in the store's currency.
    price: Option<Money>,
    /// The variants, in the order in which they are shown.
    #[schema(min_items = 1, max_items = 100)]
    variants: Option<Vec<NewVariant>>,
}

impl NewProduct {
    /// Whether it was given by `sku` and `price`: then a wrong field is called so.
    pub const fn is_bare(&self) -> bool {
        self.variants.is_none()
    }
    /// The call that it stands for.
    pub fn call(self) -> HttpResult<CreateProduct> {
        let variants = match (self.sku, self.price, self.variants) {
            (None, None, Some(variants)) => variants,
            (Some(sku), Some(price), None) => {
                vec![NewVariant { sku, options: BTreeMap::new(), price }]
            }
            (sku, _, Some(_)) => {
                let field = if sku.is_some() { "sku" } else { "price" };
                return Err(Problem::invalid_field(field, "must not stand beside variants"));
            }
            (sku, price, None) => {
                let missing = [("sku", sku.is_none()), ("price", price.is_none())];
                let missing = missing.into_iter().filter(|(_, missing)| *missing);
                let error = |(field, _)| FieldError::new(field, "is required").coded("missing");
                return Err(Problem::invalid(missing.map(error).collect()));
            }
        };
        Ok(CreateProduct {
            title: self.title,
            description: self.description,
            images: self.images,
            authors: self.authors,
            genres: self.genres,
            categories: self.categories,
            attributes: self.attributes,
            variants,
        })
    }
}

/// What to change of a product; what is not given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"title": "The Analytical Engine, annotated",
    "prices": {"BOOK-0042": {"amount": 2499, "currency": "USD"}}})))]
pub struct ProductChange {
    /// As when it was created.
    pub title: Option<String>,
    /// As when it was created.
    pub description: Option<String>,
    /// As when it was created.
    pub images: Option<Vec<String>>,
    /// As when it was created.
    pub authors: Option<Vec<String>>,
    /// As when it was created.
    pub genres: Option<Vec<String>>,
    /// As when it was created.
    pub categories: Option<Vec<String>>,
    /// Replaces all facts.
    pub attributes: Option<BTreeMap<String, Value>>,
    /// The first variant's new price.
    pub price: Option<Money>,
    /// New prices by SKU of this product.
    #[serde(default)]
    pub prices: BTreeMap<Sku, Money>,
    /// Replaces all variants: new ones are added, missing ones withdrawn. Not beside `price` or
    /// `prices`.
    #[schema(min_items = 1, max_items = 100)]
    pub variants: Option<Vec<NewVariant>>,
    /// A new name in addresses; the old one leads to it.
    #[schema(max_length = 100, pattern = "^[a-z0-9-]{1,100}$")]
    pub slug: Option<String>,
}

/// Whose prices to tell.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"skus": ["BOOK-0042", "BOOK-0043"]})))]
pub struct PricesQuestion {
    /// 1 to 1,000.
    #[schema(min_items = 1, max_items = 1_000)]
    pub skus: Vec<Sku>,
    /// Whether to say in which categories they stand.
    #[serde(default)]
    pub categories: bool,
}

/// What they cost now; unknown and withdrawn SKUs are left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceList {
    /// By SKU.
    pub items: Vec<Priced>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rating_is_a_number_with_two_decimals() {
        for (hundredths, shown) in [(434, "4.34"), (405, "4.05"), (500, "5.00"), (100, "1.00")] {
            let number = decimal(hundredths).unwrap();
            assert_eq!(number.as_f64().unwrap(), shown.parse::<f64>().unwrap());
        }
    }
}
