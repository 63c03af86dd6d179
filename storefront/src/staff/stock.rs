//! `/admin/stock`: what is on the shelves, of all SKUs, of those that run out or of what is
//! searched for; with forms to count anew and to say at how many staff is told.
use super::{Look, Tab, link, no_such_page, require, some, tabs};
use crate::Shop;
use crate::form::Sent;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::Sku;
use contracts::caller::Permission;
use contracts::catalog::PricesOf;
use contracts::inventory::{ListStock, SetStock, StockLevel, StockOf, StockRefused};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

const LIMIT: u32 = 50;

/// Which SKUs: those of the products that are searched for, else all, or those that run out.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Which {
    q: String,
    page: String,
    /// Anything: only those that run out.
    low: String,
    cursor: String,
}

/// What was counted, what the form showed, and the list that it was on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Count {
    sku: String,
    on_hand: String,
    low_stock_at: String,
    /// What was there when the form was shown: a field that was left alone changes nothing,
    /// for meanwhile the shop may have sold.
    was_on_hand: String,
    was_low_stock_at: String,
    #[serde(flatten)]
    which: Which,
}

struct Row {
    slug: Option<String>,
    title: String,
    sku: Sku,
    reserved: i64,
    available: i64,
    /// As it is.
    was_on_hand: String,
    was_low_stock_at: String,
    /// As it is, or was typed.
    on_hand: String,
    low_stock_at: String,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "staff/stock.html")]
struct StockPage {
    frame: Frame,
    tabs: Vec<Tab>,
    which: Which,
    rows: Vec<Row>,
    /// At how many staff is told, where a SKU says nothing else.
    low_stock_at: u32,
    /// Of a SKU that is not on this page of the list.
    fault: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Shown {
    require(&visitor, Permission::ManageStock)?;
    page(&shop, &visitor, which, None, StatusCode::OK).await
}

impl Which {
    fn query<'a>(&'a self, more: (&'a str, &'a str)) -> String {
        let (q, page) = (("q", self.q.as_str()), ("page", self.page.as_str()));
        let (low, cursor) = (("low", self.low.as_str()), ("cursor", self.cursor.as_str()));
        link("/admin/stock", &[q, page, low, cursor, more])
    }
}

impl Count {
    /// What is to be set: only what is not as the form showed it.
    fn read(&self, sku: Sku) -> Result<SetStock, String> {
        let number = |text: &str| text.trim().parse::<i64>();
        let on_hand = match self.on_hand.trim() != self.was_on_hand.trim() {
            true => Some(number(&self.on_hand).map_err(|_| "must be a whole number".to_owned())?),
            false => None,
        };
        let threshold = some(&self.low_stock_at);
        let low_stock_at = match threshold != some(&self.was_low_stock_at) {
            true => {
                let few = threshold.map(|text| number(&text)).transpose();
                Some(few.map_err(|_| "the threshold must be a whole number".to_owned())?)
            }
            false => None,
        };
        Ok(SetStock { sku, on_hand, low_stock_at })
    }
}

/// Sets what is on the shelf, and at how many staff is told.
pub async fn set(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(count): Sent<Count>,
) -> Shown {
    require(&visitor, Permission::ManageStock)?;
    let sku: Sku = count.sku.parse().map_err(|_| Stop::bad("There is no such SKU."))?;
    let (fault, status) = match count.read(sku.clone()) {
        Err(fault) => (fault, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(SetStock { on_hand: None, low_stock_at: None, .. }) => {
            return Ok(Redirect::to(&count.which.query(("", ""))).into_response());
        }
        Ok(set) => match shop.ask(&visitor, set).await.refusal()? {
            Ok(_) => {
                let to = count.which.query(("notice", "stock_set"));
                return Ok(Redirect::to(&to).into_response());
            }
            Err(StockRefused::NotAllowed) => return Err(Stop::Forbidden),
            Err(StockRefused::Invalid { field, reason }) => {
                let what = if field == "low_stock_at" { "the threshold " } else { "" };
                (format!("{what}{reason}"), StatusCode::UNPROCESSABLE_ENTITY)
            }
            Err(refused) => (format!("not set: {refused}"), StatusCode::CONFLICT),
        },
    };
    let Count { on_hand, low_stock_at, which, .. } = count;
    let wrong = Wrong { sku, on_hand, low_stock_at, fault };
    page(&shop, &visitor, which, Some(wrong), status).await
}

/// What was typed for a SKU, and what is wrong with it.
struct Wrong {
    sku: Sku,
    on_hand: String,
    low_stock_at: String,
    fault: String,
}

/// Rows with the addresses of the pages around them.
type Listed = (Vec<Row>, Option<String>, Option<String>);

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    which: Which,
    mut wrong: Option<Wrong>,
    status: StatusCode,
) -> Shown {
    let (frame, listed) = tokio::join!(Frame::at_place(shop, visitor, "staff"), async {
        if which.q.trim().is_empty() {
            all(shop, visitor, &which).await
        } else {
            found(shop, visitor, &which).await
        }
    });
    let (mut rows, before, after) = listed?;
    for row in &mut rows {
        if let Some(wrong) = wrong.take_if(|wrong| wrong.sku == row.sku) {
            row.on_hand = wrong.on_hand.chars().take(20).collect();
            row.low_stock_at = wrong.low_stock_at.chars().take(20).collect();
            row.fault = Some(wrong.fault);
        }
    }
    let fault = wrong.map(|Wrong { sku, fault, .. }| format!("{sku}: {fault}"));
    let tabs = tabs(visitor, "/admin/stock");
    let low_stock_at = shop.config.low_stock_at;
    private(status, &StockPage { frame, tabs, which, rows, low_stock_at, fault, before, after })
}

fn stopped(refused: &StockRefused) -> Stop {
    match refused {
        StockRefused::Cursor => no_such_page(),
        _ => Stop::Forbidden,
    }
}

/// All that was ever counted, or what of it runs out.
async fn all(shop: &Shop, visitor: &Visitor, which: &Which) -> Result<Listed, Stop> {
    let cursor = Some(which.cursor.clone()).filter(|cursor| !cursor.is_empty());
    let list = ListStock { low: !which.low.is_empty(), limit: LIMIT, cursor };
    let listed = shop.ask(visitor, list).await.or_stop(|refused| stopped(&refused))?;
    let skus = listed.items.iter().map(|level| level.sku.clone()).collect();
    let prices = PricesOf { skus, categories: false };
    // What the catalogue does not tell, or sells no more, is shown by its SKU.
    let priced = shop.ask(visitor, prices).await.unwrap_or_default();
    let mut names: BTreeMap<Sku, (String, String)> =
        priced.into_iter().map(|known| (known.sku, (known.slug, known.title))).collect();
    let rows = listed.items.into_iter().map(|level| {
        let (slug, title) = names.remove(&level.sku).map_or_else(
            || (None, "Not in the catalogue".to_owned()),
            |(slug, title)| (Some(slug), title),
        );
        row(slug, title, level)
    });
    let rows = rows.collect();
    let after = listed
        .next_cursor
        .map(|cursor| link("/admin/stock", &[("low", which.low.as_str()), ("cursor", &cursor)]));
    Ok((rows, None, after))
}

/// The variants of the products that are searched for, with nothing on the shelf where nobody
/// ever counted.
async fn found(shop: &Shop, visitor: &Visitor, which: &Which) -> Result<Listed, Stop> {
    let look = Look { q: which.q.clone(), page: which.page.clone() };
    let found = shop.ask(visitor, look.find()).await.or_stop(|_| Stop::Forbidden)?;
    let (before, after) = look.around("/admin/stock", found.total);
    let variants = found.items.iter().flat_map(|product| &product.variants);
    let skus = variants.map(|variant| variant.sku.clone()).collect();
    let levels = shop.ask(visitor, StockOf { skus }).await.or_stop(|refused| stopped(&refused))?;
    let mut levels: BTreeMap<Sku, StockLevel> =
        levels.into_iter().map(|level| (level.sku.clone(), level)).collect();
    let mut rows = Vec::new();
    for product in found.items {
        for variant in product.variants {
            let none =
                |sku| StockLevel { sku, on_hand: 0, reserved: 0, available: 0, low_stock_at: None };
            let level = levels.remove(&variant.sku).unwrap_or_else(|| none(variant.sku));
            let options: Vec<String> = variant.options.into_values().collect();
            let title = format!("{} {}", product.title, options.join(", "));
            rows.push(row(Some(product.slug.clone()), title.trim().to_owned(), level));
        }
    }
    Ok((rows, before, after))
}

fn row(slug: Option<String>, title: String, level: StockLevel) -> Row {
    let low_stock_at = level.low_stock_at.map(|few| few.to_string()).unwrap_or_default();
    Row {
        slug,
        title,
        sku: level.sku,
        reserved: level.reserved,
        available: level.available,
        was_on_hand: level.on_hand.to_string(),
        was_low_stock_at: low_stock_at.clone(),
        on_hand: level.on_hand.to_string(),
        low_stock_at,
        fault: None,
    }
}
