//! `/covers/{sku}.svg`: a cover drawn for a product that has no picture of its own.
use super::assets::cached;
use super::card::names;
use crate::Shop;
use crate::cover::cover_svg;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use contracts::catalog::{GetProduct, PricesOf};
use contracts::{CallError, Caller, Sku};
use std::sync::Arc;

/// A title hardly ever changes; when it does, the cover follows within a day.
const KEEP: &str = "public, max-age=86400, stale-while-revalidate=2592000";

/// A cover. Where the SKU is not sold (any more) it has no words, and is a 404 all the same.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let sku = name.strip_suffix(".svg").and_then(|name| name.parse::<Sku>().ok());
    let Some(sku) = sku else { return StatusCode::NOT_FOUND.into_response() };
    match draw(&shop, &sku).await {
        Ok(Some(svg)) => cached(&headers, "image/svg+xml", KEEP, svg),
        Ok(None) => blank(StatusCode::NOT_FOUND, &sku),
        Err(()) => blank(StatusCode::SERVICE_UNAVAILABLE, &sku),
    }
}

async fn draw(shop: &Shop, sku: &Sku) -> Result<Option<String>, ()> {
    let prices = PricesOf { skus: vec![sku.clone()], categories: false };
    let priced = shop.calls.call(&Caller::Guest, prices).await.map_err(drop)?;
    let Some(priced) = priced.into_iter().next() else { return Ok(None) };
    let get = GetProduct { id_or_slug: priced.product.to_string() };
    match shop.calls.call(&Caller::Guest, get).await {
        Ok(product) => {
            let authors = names(product.authors.iter().map(|author| author.name.as_str()));
            Ok(Some(cover_svg(&product.title, &authors, &product.id.to_string())))
        }
        Err(CallError::Refused(_)) => Ok(None),
        Err(_) => Err(()),
    }
}

/// A cover without words: browsers show it whatever the status says.
fn blank(status: StatusCode, sku: &Sku) -> Response {
    let about = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=60")];
    (status, about, cover_svg("", "", sku.as_str())).into_response()
}
