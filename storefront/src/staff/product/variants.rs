//! The forms of a product: one more, or one less.
use super::{Asked, find, page, saved, says};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::staff::{Fields, facts, require, some, typed};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{encoded, parse_money};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::caller::Permission;
use contracts::catalog::{NewVariant, Product, ProductRefused, UpdateProduct};
use contracts::inventory::SetStock;
use contracts::{Currency, Sku};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The product with these variants, and else as it is.
fn with(product: &Product, variants: Vec<NewVariant>) -> UpdateProduct {
    UpdateProduct {
        product: product.id,
        title: None,
        description: None,
        images: None,
        authors: None,
        genres: None,
        categories: None,
        attributes: None,
        prices: BTreeMap::new(),
        variants: Some(variants),
        slug: None,
    }
}

fn present(product: &Product) -> impl Iterator<Item = NewVariant> {
    product.variants.iter().cloned().map(|variant| NewVariant {
        sku: variant.sku,
        options: variant.options,
        price: variant.price,
    })
}

/// Adds one, then counts its shelf.
pub async fn add(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(fresh): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let product = find(&shop, &visitor, &id).await?;
    let (new, on_hand) = match read(&product, &fresh, shop.config.currency) {
        Ok(read) => read,
        Err(faults) => {
            let asked = Asked { fresh, faults, ..Asked::default() };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return page(&shop, &visitor, &product, asked, status).await;
        }
    };
    let (sku, place) = (new.sku.clone(), product.variants.len());
    let variants = present(&product).chain([new]).collect();
    let refused = match shop.ask(&visitor, with(&product, variants)).await.refusal()? {
        Ok(_) => return counted(&shop, &visitor, &product, sku, on_hand).await,
        Err(refused) => refused,
    };
    let (faults, trouble, status) = match refused {
        ProductRefused::SkuTaken { sku: taken } if taken == sku => {
            (Faults::one("new-sku", "belongs to another product"), None, StatusCode::CONFLICT)
        }
        ProductRefused::Invalid { field, reason }
            if field.starts_with(&format!("variants[{place}]")) =>
        {
            let about = ["options", "price", "sku"].into_iter().find(|name| field.contains(name));
            let faults = Faults::one(format!("new-{}", about.unwrap_or("sku")), reason);
            (faults, None, StatusCode::UNPROCESSABLE_ENTITY)
        }
        refused => says(&product, refused)?,
    };
    let asked = Asked { fresh, faults, trouble, fields: Fields::new() };
    page(&shop, &visitor, &product, asked, status).await
}

async fn counted(
    shop: &Shop,
    visitor: &Visitor,
    product: &Product,
    sku: Sku,
    on_hand: Option<i64>,
) -> Shown {
    let Some(on_hand) = on_hand else { return saved(product.id) };
    if let Err(error) = shop.ask(visitor, SetStock::counted(sku.clone(), on_hand)).await {
        tracing::warn!(%error, %sku, "a variant is listed without stock");
        let to = format!("/admin/stock?q={}&notice=no_stock_set", encoded(sku.as_str()));
        return Ok(Redirect::to(&to).into_response());
    }
    saved(product.id)
}

fn read(
    product: &Product,
    fields: &Fields,
    currency: Currency,
) -> Result<(NewVariant, Option<i64>), Faults> {
    let field = |name| typed(fields, name).unwrap_or_default();
    let mut faults = Faults::default();
    let sku = field("sku").trim().parse::<Sku>();
    match &sku {
        Err(error) => faults.add("new-sku", format!("is none: {error}")),
        Ok(sku) if product.variants.iter().any(|variant| variant.sku == *sku) => {
            faults.add("new-sku", "is there already");
        }
        Ok(_) => {}
    }
    let price = parse_money(field("price"), currency);
    if let Err(reason) = &price {
        faults.add("new-price", reason.clone());
    }
    let options = facts::read_options(field("options"));
    if options.is_none() {
        faults.add("new-options", "must be lines such as size: M");
    }
    let on_hand = some(field("on_hand")).map(|text| text.parse::<i64>());
    if !on_hand.as_ref().is_none_or(|read| read.as_ref().is_ok_and(|count| *count >= 0)) {
        faults.add("new-on_hand", "must be a whole number, 0 or more");
    }
    match (sku, price, options) {
        (Ok(sku), Ok(price), Some(options)) if faults.is_empty() => {
            Ok((NewVariant { sku, options, price }, on_hand.and_then(Result::ok)))
        }
        _ => Err(faults),
    }
}

/// Takes one off the shelves; the last one goes with its product only.
pub async fn withdraw(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
    Sent(fields): Sent<Fields>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let product = find(&shop, &visitor, &id).await?;
    let sku = typed(&fields, "sku").and_then(|sku| sku.parse::<Sku>().ok());
    let sku = sku.ok_or_else(|| Stop::bad("There is no such SKU."))?;
    let left: Vec<NewVariant> = present(&product).filter(|variant| variant.sku != sku).collect();
    if left.len() == product.variants.len() {
        // Sent twice, it is gone already.
        return saved(product.id);
    }
    let (faults, trouble, status) = if left.is_empty() {
        let last = "It is the last one: withdraw the product instead.".to_owned();
        (Faults::default(), Some(last), StatusCode::CONFLICT)
    } else {
        match shop.ask(&visitor, with(&product, left)).await.refusal()? {
            Ok(_) => return saved(product.id),
            Err(refused) => says(&product, refused)?,
        }
    };
    let asked = Asked { faults, trouble, ..Asked::default() };
    page(&shop, &visitor, &product, asked, status).await
}
