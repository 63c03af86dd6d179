//! `/admin/products/{id}`: changes a product's words, facts, forms and prices, or withdraws it.
pub mod variants;

use super::facts::{self, lines, write_options};
use super::{Fields, require, typed};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{number, parse_money, sentence};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::caller::Permission;
use contracts::catalog::{
    GetProduct, Named, NewVariant, Product, ProductRefused, UpdateProduct, WithdrawProduct,
};
use contracts::{Currency, Money, ProductId, Sku};
use std::collections::BTreeMap;
use std::sync::Arc;

struct Variant {
    sku: Sku,
    /// The names of its fields.
    price_field: String,
    options_field: String,
    price: String,
    options: String,
}

#[derive(Template)]
#[template(path = "staff/product.html")]
struct ProductPage {
    frame: Frame,
    id: ProductId,
    /// As it is; what was typed is in `texts`.
    slug: String,
    name: String,
    /// What is in the fields, by their names.
    texts: BTreeMap<&'static str, String>,
    variants: Vec<Variant>,
    currency: Currency,
    faults: Faults,
    trouble: Option<String>,
    /// What is in the form of a new variant.
    fresh: Fields,
}

impl ProductPage {
    fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }
    fn price_label(&self) -> String {
        format!("Price in {}", self.currency)
    }
    fn fresh(&self, name: &str) -> &str {
        typed(&self.fresh, name).unwrap_or_default()
    }
}

/// What was typed and not done, and why.
#[derive(Default)]
struct Asked {
    fields: Fields,
    fresh: Fields,
    faults: Faults,
    trouble: Option<String>,
}

/// The form, with the product as it is.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let product = find(&shop, &visitor, &id).await?;
    page(&shop, &visitor, &product, Asked::default(), StatusCode::OK).await
}

async fn find(shop: &Shop, visitor: &Visitor, id: &str) -> Result<Product, Stop> {
    let id: ProductId = id.parse().map_err(|_| Stop::NotFound)?;
    let get = GetProduct { id_or_slug: id.to_string() };
    shop.ask(visitor, get).await.or_stop(|_| Stop::NotFound)
}

fn saved(product: ProductId) -> Shown {
    let to = format!("/admin/products/{product}?notice=product_saved");
    Ok(Redirect::to(&to).into_response())
}

/// Saves what was typed.
pub async fn save(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(fields): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let product = find(&shop, &visitor, &id).await?;
    let update = match read(&product, &fields, shop.config.currency) {
        Ok(update) => update,
        Err(faults) => {
            let asked = Asked { fields, faults, ..Asked::default() };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return page(&shop, &visitor, &product, asked, status).await;
        }
    };
    match shop.ask(&visitor, update).await.refusal()? {
        Ok(_) => saved(product.id),
        Err(refused) => {
            let (faults, trouble, status) = says(&product, refused)?;
            let asked = Asked { fields, faults, trouble, fresh: Fields::new() };
            page(&shop, &visitor, &product, asked, status).await
        }
    }
}

/// Takes the product off the shelves.
pub async fn withdraw(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let product: ProductId = id.parse().map_err(|_| Stop::NotFound)?;
    shop.ask(&visitor, WithdrawProduct { product }).await.or_stop(|refused| match refused {
        ProductRefused::NotAllowed => Stop::Forbidden,
        _ => Stop::NotFound,
    })?;
    Ok(Redirect::to("/admin/products?notice=product_withdrawn").into_response())
}

fn price_field(sku: &Sku) -> String {
    format!("price.{sku}")
}
fn options_field(sku: &Sku) -> String {
    format!("options.{sku}")
}

/// What the catalogue refuses: beside a field of the form, or above it.
fn says(
    product: &Product,
    refused: ProductRefused,
) -> Result<(Faults, Option<String>, StatusCode), Stop> {
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    match refused {
        ProductRefused::NotAllowed => Err(Stop::Forbidden),
        ProductRefused::NotFound => Err(Stop::NotFound),
        ProductRefused::SlugTaken => {
            let faults = Faults::one("slug", "is another product's, or was");
            Ok((faults, None, StatusCode::CONFLICT))
        }
        ProductRefused::SkuTaken { sku } => {
            let trouble = format!("{sku} belongs to another product.");
            Ok((Faults::default(), Some(trouble), StatusCode::CONFLICT))
        }
        ProductRefused::Invalid { field, reason } => match field_of(product, &field) {
            Some(known) => Ok((Faults::one(known, reason), None, unprocessable)),
            None => Ok((Faults::default(), Some(sentence(&field, &reason)), unprocessable)),
        },
    }
}

/// The field of the form that the catalogue calls `field`.
fn field_of(product: &Product, field: &str) -> Option<String> {
    if let Some(rest) = field.strip_prefix("prices.") {
        let mut skus = product.variants.iter().map(|variant| &variant.sku);
        let named = |sku: &&Sku| {
            rest.strip_prefix(sku.as_str())
                .is_some_and(|end| end.is_empty() || end.starts_with('.'))
        };
        return skus.find(named).map(price_field);
    }
    if let Some((at, rest)) = field.strip_prefix("variants[").and_then(|rest| rest.split_once(']'))
    {
        let variant = product.variants.get(at.parse::<usize>().ok()?)?;
        let of_options = rest.starts_with(".options");
        return Some(if of_options {
            options_field(&variant.sku)
        } else {
            price_field(&variant.sku)
        });
    }
    let known = field.split(['[', '.']).next().unwrap_or_default();
    let known = if known == "attributes" { "facts" } else { known };
    let all =
        ["title", "description", "slug", "authors", "genres", "categories", "images", "facts"];
    all.contains(&known).then(|| known.to_owned())
}

/// The names of a list that was changed.
fn names<I>(fields: &Fields, name: &str, old: &[Named<I>]) -> Option<Vec<String>> {
    let names: Vec<String> = lines(typed(fields, name)?).map(str::to_owned).collect();
    let is_old = names.iter().eq(old.iter().map(|named| &named.name));
    (!is_old).then_some(names)
}

/// What is to be changed: a field that did not come, or says what is so already, is left.
fn read(product: &Product, fields: &Fields, currency: Currency) -> Result<UpdateProduct, Faults> {
    let mut faults = Faults::default();
    let title = typed(fields, "title").map(|title| title.trim().to_owned());
    if title.as_ref().is_some_and(String::is_empty) {
        faults.add("title", "must have 1 to 500 characters");
    }
    let slug = typed(fields, "slug").map(str::trim).filter(|slug| *slug != product.slug);
    if slug.is_some_and(str::is_empty) {
        faults.add("slug", "must not be empty");
    }
    let images = typed(fields, "images").map(|text| lines(text).map(str::to_owned).collect());
    let facts = match typed(fields, "facts").map(|text| facts::read(text, &product.attributes)) {
        Some(None) => {
            faults.add("facts", "must be lines such as Pages: 288");
            None
        }
        read => read.flatten(),
    };
    let (prices, variants) = forms(product, fields, currency, &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(UpdateProduct {
        product: product.id,
        title,
        description: typed(fields, "description").map(|text| text.trim().replace("\r\n", "\n")),
        images: images.filter(|images| *images != product.images),
        authors: names(fields, "authors", &product.authors),
        genres: names(fields, "genres", &product.genres),
        categories: names(fields, "categories", &product.categories),
        attributes: facts.filter(|facts| *facts != product.attributes),
        prices,
        variants,
        slug: slug.map(str::to_owned),
    })
}

/// New prices; all variants where options changed too.
fn forms(
    product: &Product,
    fields: &Fields,
    currency: Currency,
    faults: &mut Faults,
) -> (BTreeMap<Sku, Money>, Option<Vec<NewVariant>>) {
    let (mut prices, mut variants, mut other_options) = (BTreeMap::new(), Vec::new(), false);
    for variant in &product.variants {
        let mut new = NewVariant {
            sku: variant.sku.clone(),
            options: variant.options.clone(),
            price: variant.price,
        };
        let field = price_field(&variant.sku);
        match typed(fields, &field).map(|price| parse_money(price, currency)) {
            Some(Ok(price)) => new.price = price,
            Some(Err(reason)) => faults.add(&field, reason),
            None => {}
        }
        let field = options_field(&variant.sku);
        let shown = write_options(&variant.options);
        if let Some(text) = typed(fields, &field).filter(|text| !facts::is_same(text, &shown)) {
            other_options = true;
            match facts::read_options(text) {
                Some(options) => new.options = options,
                None => faults.add(&field, "must be lines such as size: M"),
            }
        }
        if new.price != variant.price {
            prices.insert(new.sku.clone(), new.price);
        }
        variants.push(new);
    }
    if other_options { (BTreeMap::new(), Some(variants)) } else { (prices, None) }
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    product: &Product,
    asked: Asked,
    status: StatusCode,
) -> Shown {
    let frame = Frame::at_place(shop, visitor, "staff").await;
    let Asked { fields, fresh, faults, trouble } = asked;
    let or = |name: &str, saved: String| typed(&fields, name).map_or(saved, str::to_owned);
    let texts = [
        ("title", product.title.clone()),
        ("description", product.description.clone()),
        ("slug", product.slug.clone()),
        ("authors", listed(&product.authors)),
        ("genres", listed(&product.genres)),
        ("categories", listed(&product.categories)),
        ("images", product.images.join("\n")),
        ("facts", facts::write(&product.attributes)),
    ];
    let variant = |variant: &contracts::catalog::Variant| {
        let (price_field, options_field) = (price_field(&variant.sku), options_field(&variant.sku));
        Variant {
            sku: variant.sku.clone(),
            price: or(&price_field, number(variant.price)),
            options: or(&options_field, write_options(&variant.options)),
            price_field,
            options_field,
        }
    };
    let page = ProductPage {
        frame,
        id: product.id,
        slug: product.slug.clone(),
        name: product.title.clone(),
        texts: texts.into_iter().map(|(name, saved)| (name, or(name, saved))).collect(),
        variants: product.variants.iter().map(variant).collect(),
        currency: shop.config.currency,
        faults,
        trouble,
        fresh,
    };
    private(status, &page)
}

fn listed<I>(names: &[Named<I>]) -> String {
    names.iter().map(|named| named.name.as_str()).collect::<Vec<_>>().join("\n")
}
