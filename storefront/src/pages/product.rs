//! `/p/{slug}`: one product with its reviews, and `POST /cart/add`.
mod reviews;

pub use self::reviews::review;

use self::reviews::{ReviewForm, Reviews};
use super::card::{Card, is_picture, picture};
use crate::form::{Faults, Sent};
use crate::frame::{Category, Frame, html};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Price, Stars, counted, encoded, mean, sentence};
use crate::{Shop, cookies};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::caller::Permission;
use contracts::cart::{AddItem, CartRefused};
use contracts::catalog::{FindProducts, GetProduct, PricesOf, Product, Sort, Variant};
use contracts::{ProductId, Quantity, Sku};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// How many of the same shelf are shown.
const BESIDE: usize = 6;
/// Longer names in addresses there are none.
const LONGEST_SLUG: usize = 1000;

/// What is put into the cart.
#[derive(Deserialize)]
#[serde(default)]
pub struct Add {
    sku: String,
    quantity: String,
}

impl Default for Add {
    fn default() -> Self {
        Self { sku: String::new(), quantity: "1".to_owned() }
    }
}

/// Where the list of reviews goes on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct From {
    reviews: String,
}

struct Choice {
    sku: Sku,
    name: String,
    price: Price,
    available: i64,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage {
    frame: Frame,
    id: ProductId,
    slug: String,
    title: String,
    /// A paragraph each.
    description: Vec<String>,
    cover: String,
    /// Further pictures.
    pictures: Vec<String>,
    rating: Option<Rating>,
    authors: Vec<Category>,
    genres: Vec<Category>,
    category: Option<Category>,
    /// What the variants differ by.
    legend: String,
    choices: Vec<Choice>,
    /// How many can be put into the cart at once; 0 when all is sold out.
    most: i64,
    quantity: String,
    faults: Faults,
    facts: Vec<(String, String)>,
    reviews: Reviews,
    beside: Vec<Card>,
    /// Whether whoever looks may change it.
    editable: bool,
}

/// What those think who gave stars.
struct Rating {
    stars: Stars,
    mean: String,
    count: String,
}

/// What somebody sent from the page, and what came of it.
#[derive(Default)]
struct Asked {
    add: Add,
    faults: Faults,
    review: ReviewForm,
    review_faults: Faults,
    /// Why a review was not written, where no field is to blame.
    trouble: Option<&'static str>,
    /// Where the list of reviews goes on.
    cursor: Option<String>,
    status: StatusCode,
}

/// The page of a product. A name that it had before leads to the one of now.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Query(from): Query<From>,
) -> Shown {
    let product = find(&shop, &visitor, slug.clone()).await?;
    if product.slug != slug {
        let query = visitor.here.split_once('?').map(|(_, query)| format!("?{query}"));
        let to = format!("/p/{}{}", encoded(&product.slug), query.unwrap_or_default());
        return Ok(Redirect::permanent(&to).into_response());
    }
    let cursor = Some(from.reviews).filter(|cursor| !cursor.is_empty());
    page(&shop, &visitor, product, Asked { cursor, ..Asked::default() }).await
}

async fn find(shop: &Shop, visitor: &Visitor, id_or_slug: String) -> Result<Product, Stop> {
    if id_or_slug.len() > LONGEST_SLUG || id_or_slug.chars().any(char::is_control) {
        return Err(Stop::NotFound);
    }
    shop.ask(visitor, GetProduct { id_or_slug }).await.or_stop(|_| Stop::NotFound)
}

/// Puts something into the cart.
pub async fn add(State(shop): State<Arc<Shop>>, visitor: Visitor, Sent(form): Sent<Add>) -> Shown {
    let sku: Sku = form.sku.parse().map_err(|_| Stop::bad("Choose what to put into the cart."))?;
    let quantity = form.quantity.trim().parse::<u32>().ok();
    let Some(quantity) = quantity.and_then(|count| Quantity::new(count).ok()) else {
        let fault = format!("must be a whole number from 1 to {}", Quantity::MAX);
        return again(&shop, &visitor, form, sku, fault).await;
    };
    let item = AddItem { of: visitor.cart.clone(), sku: sku.clone(), quantity };
    let answer = match shop.ask(&visitor, item).await.refusal()? {
        Ok(answer) => answer,
        Err(CartRefused::TooMuch { what }) => {
            let fault = format!("is too high: {what} would be more than a cart can hold");
            return again(&shop, &visitor, form, sku, fault).await;
        }
        Err(refused) => return Err(Stop::conflict(format!("{refused}."))),
    };
    let line = answer.cart.items.iter().find(|line| line.sku == sku);
    let page = line.map_or("/cart".to_owned(), |line| format!("/p/{}", encoded(&line.slug)));
    let mut response = Redirect::to(&format!("{page}?notice=added")).into_response();
    if let Some(token) = answer.token.filter(|_| !visitor.is_known()) {
        shop.cookies().set(&mut response, cookies::CART, &token, cookies::LONG);
    }
    Ok(response)
}

/// The same product again, with what is wrong with the number of copies.
async fn again(shop: &Shop, visitor: &Visitor, form: Add, sku: Sku, fault: String) -> Shown {
    let prices = PricesOf { skus: vec![sku], categories: false };
    let priced = shop.ask(visitor, prices).await.or_stop(|never| match never {})?;
    let Some(priced) = priced.into_iter().next() else { return Err(Stop::NotFound) };
    let product = find(shop, visitor, priced.product.to_string()).await?;
    let faults = Faults::one("quantity", fault);
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    page(shop, visitor, product, Asked { add: form, faults, status, ..Asked::default() }).await
}

async fn page(shop: &Shop, visitor: &Visitor, product: Product, asked: Asked) -> Shown {
    let Asked { add, faults, review, review_faults, trouble, cursor, status } = asked;
    let (frame, beside, mut reviews) = tokio::join!(
        Frame::of(shop, visitor),
        beside(shop, visitor, &product),
        Reviews::of(shop, visitor, &product, cursor, review)
    );
    reviews.faults = review_faults;
    reviews.trouble = trouble;
    let (legend, choices) = choices(&product, &add.sku);
    let most = choices.iter().map(|choice| choice.available).max().unwrap_or(0);
    let rating = product.rating.filter(|_| product.rating_count > 0).map(|rating| Rating {
        stars: Stars(rating),
        mean: mean(rating),
        count: counted(product.rating_count, "rating", "ratings"),
    });
    let page = ProductPage {
        frame,
        id: product.id,
        cover: picture(product.images.first(), &product.sku),
        pictures: product.images.iter().skip(1).filter(|url| is_picture(url)).cloned().collect(),
        facts: facts(&product),
        rating,
        slug: product.slug,
        title: product.title,
        description: product.description.split("\n\n").map(str::to_owned).collect(),
        authors: product.authors.into_iter().map(Category::from).collect(),
        genres: product.genres.into_iter().map(Category::from).collect(),
        category: product.categories.into_iter().next().map(Category::from),
        most: most.min(i64::from(Quantity::MAX)),
        quantity: add.quantity,
        legend,
        choices,
        faults,
        reviews,
        beside,
        editable: visitor.caller.may(Permission::ManageCatalog),
    };
    html(status, &page)
}

/// The variants, and what they differ by; the one that was chosen before is chosen, or the first
/// that can be ordered.
fn choices(product: &Product, wanted: &str) -> (String, Vec<Choice>) {
    let orderable = |sku: &Sku| {
        product.variants.iter().any(|variant| variant.sku == *sku && variant.available > 0)
    };
    let wanted = wanted.parse::<Sku>().ok().filter(orderable);
    let first = product.variants.iter().find(|variant| variant.available > 0);
    let chosen = wanted.or_else(|| first.map(|variant| variant.sku.clone()));
    let only = only_option(&product.variants);
    let choice = |variant: &Variant| Choice {
        name: match (variant.options.is_empty(), only) {
            (true, _) => variant.sku.to_string(),
            (false, Some(_)) => variant.options.values().cloned().collect(),
            (false, None) => {
                let options = variant.options.iter();
                let told = options.map(|(name, value)| sentence(name, value));
                told.collect::<Vec<_>>().join(", ")
            }
        },
        price: Price(variant.price),
        available: variant.available.max(0),
        chosen: chosen.as_ref() == Some(&variant.sku),
        sku: variant.sku.clone(),
    };
    let legend = only.map_or_else(|| "Choose one".to_owned(), |name| sentence(name, ""));
    (legend, product.variants.iter().map(choice).collect())
}

/// The one option that all variants have, and no other.
fn only_option(variants: &[Variant]) -> Option<&String> {
    let first = variants.first()?.options.keys().next()?;
    let alike = |variant: &Variant| variant.options.keys().eq([first]);
    variants.iter().all(alike).then_some(first)
}

/// Others that stand on the same shelf.
async fn beside(shop: &Shop, visitor: &Visitor, product: &Product) -> Vec<Card> {
    let Some(category) = product.categories.first() else { return Vec::new() };
    let find = FindProducts {
        category: Some(category.slug.clone()),
        sort: Sort::Best,
        page: 1,
        per_page: u32::try_from(BESIDE + 1).unwrap_or(1),
        ..FindProducts::default()
    };
    let found = shop.ask(visitor, find).await.map(|page| page.items).unwrap_or_default();
    let others = found.into_iter().filter(|other| other.id != product.id);
    others.take(BESIDE).map(Card::from).collect()
}

/// What a reader asks for first, and what it is called.
const FACTS: [(&str, &str); 4] = [
    ("year", "First published"),
    ("pages", "Pages"),
    ("language", "Original language"),
    ("format", "Format"),
];

/// The facts that are known of a product.
fn facts(product: &Product) -> Vec<(String, String)> {
    let known = |name: &str| FACTS.iter().any(|(known, _)| *known == name);
    let first = FACTS.iter().filter_map(|(name, words)| {
        let value = written(product.attributes.get(*name)?);
        let value = if *name == "language" { language(&value) } else { value };
        Some(((*words).to_owned(), value))
    });
    let others = product.attributes.iter().filter(|(name, _)| !known(name));
    let others = others.map(|(name, value)| (sentence(name, ""), written(value)));
    let skus: Vec<&str> = product.variants.iter().map(|variant| variant.sku.as_str()).collect();
    let sku = ("SKU".to_owned(), skus.join(", "));
    first.chain(others).filter(|(_, value)| !value.is_empty()).chain([sku]).collect()
}

fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(", "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// The name of a language that classics are written in; the code of any other.
fn language(code: &str) -> String {
    let name = match code {
        "ar" => "Arabic",
        "bn" => "Bengali",
        "cs" => "Czech",
        "da" => "Danish",
        "de" => "German",
        "en" => "English",
        "es" => "Spanish",
        "fa" => "Persian",
        "fr" => "French",
        "fro" => "Old French",
        "grc" => "Ancient Greek",
        "it" => "Italian",
        "ja" => "Japanese",
        "la" => "Latin",
        "no" => "Norwegian",
        "pt" => "Portuguese",
        "ru" => "Russian",
        "sa" => "Sanskrit",
        "sv" => "Swedish",
        "zh" => "Chinese",
        other => other,
    };
    name.to_owned()
}
