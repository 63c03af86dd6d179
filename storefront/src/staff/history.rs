//! `/admin/stock/history`: how a SKU's stock changed and why, and a form to change it by some.
use super::{Tab, link, no_such_page, require, tabs};
use crate::Shop;
use crate::form::{Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::Sku;
use contracts::caller::Permission;
use contracts::inventory::{
    AdjustStock, Adjustment, GetStock, StockHistory, StockLevel, StockRefused,
};
use serde::Deserialize;
use std::sync::Arc;

const LIMIT: u32 = 50;

/// Of which SKU, and from where on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Which {
    sku: String,
    cursor: String,
}

/// By how many, and why.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Change {
    idempotency_key: String,
    sku: String,
    delta: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "staff/history.html")]
struct HistoryPage {
    frame: Frame,
    tabs: Vec<Tab>,
    level: StockLevel,
    changes: Vec<Adjustment>,
    form: Change,
    faults: Faults,
    trouble: Option<String>,
    key: String,
    next: Option<String>,
}

fn stopped(refused: &StockRefused) -> Stop {
    match refused {
        StockRefused::NotAllowed => Stop::Forbidden,
        StockRefused::Cursor => no_such_page(),
        _ => Stop::NotFound,
    }
}

/// The changes, newest first.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Shown {
    require(&visitor, Permission::ManageStock)?;
    let sku = which.sku.parse().map_err(|_| Stop::NotFound)?;
    let cursor = Some(which.cursor).filter(|cursor| !cursor.is_empty());
    page(&shop, &visitor, sku, cursor, Wrong::default(), StatusCode::OK).await
}

/// What was typed and not done.
#[derive(Default)]
struct Wrong {
    form: Change,
    faults: Faults,
    trouble: Option<String>,
}

/// Adds to the shelf, or takes from it.
pub async fn adjust(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Change>,
) -> Shown {
    require(&visitor, Permission::ManageStock)?;
    let sku: Sku = form.sku.parse().map_err(|_| Stop::bad("There is no such SKU."))?;
    let typed = form.delta.trim();
    let typed = typed.strip_prefix('+').filter(|rest| !rest.starts_with('-')).unwrap_or(typed);
    let mut faults = Faults::default();
    let delta = typed.replace('−', "-").parse::<i64>().ok().filter(|delta| *delta != 0);
    if delta.is_none() {
        faults.add("delta", "must be a whole number, such as 5 or -2");
    }
    let reason = form.reason.trim().to_owned();
    if reason.is_empty() {
        faults.add("reason", "say why, for the history");
    }
    let (Some(delta), true) = (delta, faults.is_empty()) else {
        let wrong = Wrong { form, faults, trouble: None };
        return page(&shop, &visitor, sku, None, wrong, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let idempotency_key = shop.attempt(&form.idempotency_key, &()).key;
    let call = AdjustStock { sku: sku.clone(), delta, reason, idempotency_key };
    let (faults, trouble, status) = match shop.ask(&visitor, call).await.refusal()? {
        Ok(_) => {
            let query = [("sku", sku.as_str()), ("notice", "stock_set")];
            return Ok(Redirect::to(&link("/admin/stock/history", &query)).into_response());
        }
        Err(StockRefused::Invalid { field, reason }) => {
            (Faults::one(field, reason), None, StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(refused @ (StockRefused::BelowReserved { .. } | StockRefused::KeyReused)) => {
            let told = crate::words::sentence("", &format!("{refused}, so nothing was changed."));
            (Faults::default(), Some(told), StatusCode::CONFLICT)
        }
        Err(refused) => return Err(stopped(&refused)),
    };
    page(&shop, &visitor, sku, None, Wrong { form, faults, trouble }, status).await
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    sku: Sku,
    cursor: Option<String>,
    wrong: Wrong,
    status: StatusCode,
) -> Shown {
    let get = GetStock { sku: sku.clone() };
    let history = StockHistory { sku: sku.clone(), limit: LIMIT, cursor };
    let (frame, level, listed) = tokio::join!(
        Frame::at_place(shop, visitor, "staff"),
        shop.ask(visitor, get),
        shop.ask(visitor, history)
    );
    let level = level.or_stop(|refused| stopped(&refused))?;
    let listed = listed.or_stop(|refused| stopped(&refused))?;
    let next = listed
        .next_cursor
        .map(|cursor| link("/admin/stock/history", &[("sku", sku.as_str()), ("cursor", &cursor)]));
    let Wrong { form, faults, trouble } = wrong;
    let page = HistoryPage {
        frame,
        tabs: tabs(visitor, "/admin/stock"),
        level,
        changes: listed.items,
        form,
        faults,
        trouble,
        key: shop.key(),
        next,
    };
    private(status, &page)
}

/// A change with its sign.
fn signed(delta: &i64) -> String {
    if *delta < 0 { format!("−{}", delta.unsigned_abs()) } else { format!("+{delta}") }
}
