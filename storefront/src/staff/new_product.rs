//! `/admin/products/new`: lists a product with one SKU, and what is on its shelf.
use super::{facts, require};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{encoded, parse_money};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::caller::Permission;
use contracts::catalog::{CreateProduct, NewVariant, ProductRefused};
use contracts::inventory::SetStock;
use contracts::{Currency, Sku};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What staff type.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct NewProduct {
    title: String,
    description: String,
    authors: String,
    genres: String,
    categories: String,
    facts: String,
    sku: String,
    price: String,
    on_hand: String,
}

#[derive(Template)]
#[template(path = "staff/new_product.html")]
struct NewProductPage {
    frame: Frame,
    form: NewProduct,
    faults: Faults,
    currency: Currency,
}

/// The empty form.
pub async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let form = NewProduct { on_hand: "0".to_owned(), ..NewProduct::default() };
    page(&shop, &visitor, form, Faults::default(), StatusCode::OK).await
}

/// Lists the product, then counts its shelf.
pub async fn send(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<NewProduct>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let (create, sku, on_hand) = match form.read(shop.config.currency) {
        Ok(read) => read,
        Err(faults) => return page(&shop, &visitor, form, faults, unprocessable).await,
    };
    let product = match shop.ask(&visitor, create).await.refusal()? {
        Ok(product) => product,
        Err(ProductRefused::NotAllowed | ProductRefused::NotFound) => return Err(Stop::Forbidden),
        Err(ProductRefused::SlugTaken) => {
            let faults = Faults::one("title", "has an address that is taken");
            return page(&shop, &visitor, form, faults, StatusCode::CONFLICT).await;
        }
        Err(ProductRefused::SkuTaken { .. }) => {
            let faults = Faults::one("sku", "belongs to a product already");
            return page(&shop, &visitor, form, faults, StatusCode::CONFLICT).await;
        }
        Err(ProductRefused::Invalid { field, reason }) => {
            let faults = Faults::one(field_of(&field), reason);
            return page(&shop, &visitor, form, faults, unprocessable).await;
        }
    };
    let set = shop
        .ask(&visitor, SetStock { sku: sku.clone(), on_hand: Some(on_hand), low_stock_at: None })
        .await;
    if let Err(error) = set {
        tracing::warn!(%error, %sku, "a product is listed without stock");
        let to = format!("/admin/stock?q={}&notice=no_stock_set", encoded(sku.as_str()));
        return Ok(Redirect::to(&to).into_response());
    }
    let to = format!("/admin/products/{}?notice=product_saved", product.id);
    Ok(Redirect::to(&to).into_response())
}

/// The field of the form that the catalogue calls `field`.
fn field_of(field: &str) -> &str {
    match field {
        "attributes" => "facts",
        field if field.ends_with("sku") => "sku",
        field if field.contains("price") => "price",
        field => field.split(['[', '.']).next().unwrap_or_default(),
    }
}

/// Names with commas between.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

impl NewProduct {
    fn read(&self, currency: Currency) -> Result<(CreateProduct, Sku, i64), Faults> {
        let mut faults = Faults::default();
        if self.title.trim().is_empty() {
            faults.add("title", "must have 1 to 500 characters");
        }
        let sku = self.sku.trim().parse::<Sku>();
        if let Err(error) = &sku {
            faults.add("sku", format!("is none: {error}"));
        }
        let price = parse_money(&self.price, currency);
        if let Err(reason) = &price {
            faults.add("price", reason.clone());
        }
        let on_hand = self.on_hand.trim().parse::<i64>().ok().filter(|count| *count >= 0);
        if on_hand.is_none() {
            faults.add("on_hand", "must be a whole number, 0 or more");
        }
        let facts = facts::read(&self.facts, &BTreeMap::new());
        if facts.is_none() {
            faults.add("facts", "must be lines such as Pages: 288");
        }
        match (sku, price, on_hand, facts) {
            (Ok(sku), Ok(price), Some(on_hand), Some(attributes)) if faults.is_empty() => {
                let variant = NewVariant { sku: sku.clone(), options: BTreeMap::new(), price };
                let create = CreateProduct {
                    title: self.title.trim().to_owned(),
                    description: self.description.trim().replace("\r\n", "\n"),
                    images: vec![format!("/covers/{sku}.svg")],
                    authors: list(&self.authors),
                    genres: list(&self.genres),
                    categories: list(&self.categories),
                    attributes,
                    variants: vec![variant],
                };
                Ok((create, sku, on_hand))
            }
            _ => Err(faults),
        }
    }
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    form: NewProduct,
    faults: Faults,
    status: StatusCode,
) -> Shown {
    let frame = Frame::at_place(shop, visitor, "staff").await;
    let currency = shop.config.currency;
    private(status, &NewProductPage { frame, form, faults, currency })
}
