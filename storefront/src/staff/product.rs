//! `/admin/products/{id}`: changes a product's words and prices, or withdraws it.
use super::require;
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{number, parse_money};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::caller::Permission;
use contracts::catalog::{GetProduct, Product, ProductRefused, UpdateProduct, WithdrawProduct};
use contracts::{Currency, ProductId, Sku};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The fields as they come: each price is called `price.` and its SKU.
type Fields = Vec<(String, String)>;

struct Variant {
    sku: Sku,
    options: String,
    /// The name of its field.
    field: String,
    price: String,
}

#[derive(Template)]
#[template(path = "staff/product.html")]
struct ProductPage {
    frame: Frame,
    id: ProductId,
    slug: String,
    title: String,
    description: String,
    variants: Vec<Variant>,
    currency: Currency,
    faults: Faults,
}

/// The form, with the product as it is.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let product = find(&shop, &visitor, &id).await?;
    page(&shop, &visitor, product, &Vec::new(), Faults::default(), StatusCode::OK).await
}

async fn find(shop: &Shop, visitor: &Visitor, id: &str) -> Result<Product, Stop> {
    let id: ProductId = id.parse().map_err(|_| Stop::NotFound)?;
    let get = GetProduct { id_or_slug: id.to_string() };
    shop.ask(visitor, get).await.or_stop(|_| Stop::NotFound)
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
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let update = match read(&product, &fields, shop.config.currency) {
        Ok(update) => update,
        Err(faults) => return page(&shop, &visitor, product, &fields, faults, unprocessable).await,
    };
    let faults = match shop.ask(&visitor, update).await.refusal()? {
        Ok(_) => {
            let to = format!("/admin/products/{}?notice=product_saved", product.id);
            return Ok(Redirect::to(&to).into_response());
        }
        Err(ProductRefused::NotAllowed | ProductRefused::NotFound) => return Err(Stop::NotFound),
        Err(ProductRefused::Invalid { field, reason }) => Faults::one(field, reason),
        Err(ProductRefused::SkuTaken { sku }) => Faults::one(field_of(&sku), "is taken"),
    };
    page(&shop, &visitor, product, &fields, faults, unprocessable).await
}

/// Takes the product off the shelves.
pub async fn withdraw(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let product: ProductId = id.parse().map_err(|_| Stop::NotFound)?;
    shop.ask(&visitor, WithdrawProduct { product }).await.or_stop(|_| Stop::NotFound)?;
    Ok(Redirect::to("/admin/products?notice=product_withdrawn").into_response())
}

fn field_of(sku: &Sku) -> String {
    format!("price.{sku}")
}

fn typed<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

/// What is to be changed: a field that did not come stays as it is.
fn read(product: &Product, fields: &Fields, currency: Currency) -> Result<UpdateProduct, Faults> {
    let mut faults = Faults::default();
    let title = typed(fields, "title").map(|title| title.trim().to_owned());
    if title.as_ref().is_some_and(String::is_empty) {
        faults.add("title", "must have 1 to 500 characters");
    }
    let mut prices = BTreeMap::new();
    for variant in &product.variants {
        let field = field_of(&variant.sku);
        match typed(fields, &field).map(|price| parse_money(price, currency)) {
            Some(Ok(price)) if price != variant.price => {
                prices.insert(variant.sku.clone(), price);
            }
            Some(Err(reason)) => faults.add(&field, reason),
            Some(Ok(_)) | None => {}
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(UpdateProduct {
        product: product.id,
        title,
        description: typed(fields, "description").map(|text| text.trim().replace("\r\n", "\n")),
        images: None,
        authors: None,
        genres: None,
        categories: None,
        attributes: None,
        prices,
    })
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    product: Product,
    fields: &Fields,
    faults: Faults,
    status: StatusCode,
) -> Shown {
    let frame = Frame::at_place(shop, visitor, "staff").await;
    let or = |name: &str, saved: String| typed(fields, name).map_or(saved, str::to_owned);
    let variant = |variant: contracts::catalog::Variant| {
        let field = field_of(&variant.sku);
        Variant {
            options: variant.options.into_values().collect::<Vec<_>>().join(", "),
            price: or(&field, number(variant.price)),
            sku: variant.sku,
            field,
        }
    };
    let page = ProductPage {
        frame,
        id: product.id,
        slug: product.slug,
        title: or("title", product.title),
        description: or("description", product.description),
        variants: product.variants.into_iter().map(variant).collect(),
        currency: shop.config.currency,
        faults,
    };
    private(status, &page)
}
