//! `/admin/stock`: what is on the shelves, and a form to count it anew.
use super::{Look, Tab, require, tabs};
use crate::Shop;
use crate::form::Sent;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::encoded;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::Sku;
use contracts::caller::Permission;
use contracts::catalog::Product;
use contracts::inventory::{GetStock, SetStock, StockRefused};
use serde::Deserialize;
use std::sync::Arc;

/// What was counted, and the list that it was counted on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Count {
    sku: String,
    on_hand: String,
    q: String,
    page: String,
}

struct Row {
    slug: String,
    title: String,
    options: String,
    sku: Sku,
    reserved: i64,
    available: i64,
    on_hand: String,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/stock.html")]
struct StockPage {
    frame: Frame,
    tabs: Vec<Tab>,
    look: Look,
    rows: Vec<Row>,
    /// Of a SKU that is not on this page of the list.
    fault: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(look): Query<Look>,
) -> Shown {
    require(&visitor, Permission::ManageStock)?;
    page(&shop, &visitor, look, None, StatusCode::OK).await
}

/// Sets what is on the shelf.
pub async fn set(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(count): Sent<Count>,
) -> Shown {
    require(&visitor, Permission::ManageStock)?;
    let Count { sku, on_hand, q, page: number } = count;
    let look = Look { q, page: number };
    let sku: Sku = sku.parse().map_err(|_| Stop::bad("There is no such SKU."))?;
    let Ok(counted) = on_hand.trim().parse::<i64>() else {
        let wrong = Wrong { sku, typed: on_hand, fault: "must be a whole number".to_owned() };
        return page(&shop, &visitor, look, Some(wrong), StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let set = SetStock { sku: sku.clone(), on_hand: counted };
    let (fault, status) = match shop.ask(&visitor, set).await.refusal()? {
        Ok(_) => {
            let (q, page) = (encoded(&look.q), look.number());
            let to = format!("/admin/stock?q={q}&page={page}&notice=stock_set");
            return Ok(Redirect::to(&to).into_response());
        }
        Err(StockRefused::NotAllowed) => return Err(Stop::NotFound),
        Err(StockRefused::Invalid { reason, .. }) => (reason, StatusCode::UNPROCESSABLE_ENTITY),
        Err(refused) => (format!("not set: {refused}"), StatusCode::CONFLICT),
    };
    page(&shop, &visitor, look, Some(Wrong { sku, typed: on_hand, fault }), status).await
}

/// What was typed for a SKU, and what is wrong with it.
struct Wrong {
    sku: Sku,
    typed: String,
    fault: String,
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    look: Look,
    mut wrong: Option<Wrong>,
    status: StatusCode,
) -> Shown {
    let (frame, found) =
        tokio::join!(Frame::at_place(shop, visitor, "staff"), shop.ask(visitor, look.find()));
    let found = found.or_stop(|_| Stop::NotFound)?;
    let (before, after) = look.around("/admin/stock", found.total);
    let of_each = found.items.iter().map(|product| rows(shop, visitor, product));
    let listed = futures_util::future::try_join_all(of_each).await?;
    let mut rows: Vec<Row> = listed.into_iter().flatten().collect();
    for row in &mut rows {
        if let Some(Wrong { typed, fault, .. }) = wrong.take_if(|wrong| wrong.sku == row.sku) {
            row.on_hand = typed.chars().take(20).collect();
            row.fault = Some(fault);
        }
    }
    let fault = wrong.map(|Wrong { sku, fault, .. }| format!("{sku}: {fault}"));
    let tabs = tabs(visitor, "/admin/stock");
    private(status, &StockPage { frame, tabs, look, rows, fault, before, after })
}

/// The variants of a product, each with its stock.
async fn rows(shop: &Shop, visitor: &Visitor, product: &Product) -> Result<Vec<Row>, Stop> {
    let mut rows = Vec::with_capacity(product.variants.len());
    for variant in &product.variants {
        let get = GetStock { sku: variant.sku.clone() };
        let (on_hand, reserved, available) = match shop.ask(visitor, get).await.refusal()? {
            Ok(level) => (level.on_hand, level.reserved, level.available),
            // Nothing was ever counted.
            Err(StockRefused::NotFound) => (0, 0, 0),
            Err(_) => return Err(Stop::NotFound),
        };
        rows.push(Row {
            slug: product.slug.clone(),
            title: product.title.clone(),
            options: variant.options.values().cloned().collect::<Vec<_>>().join(", "),
            sku: variant.sku.clone(),
            reserved,
            available,
            on_hand: on_hand.to_string(),
            fault: None,
        });
    }
    Ok(rows)
}
