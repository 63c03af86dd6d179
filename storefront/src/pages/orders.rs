//! `/orders`: the orders of an account, newest first.
use super::card::picture;
use crate::Shop;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Badge, Day, Price, counted};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use contracts::OrderId;
use contracts::orders::{ListOrders, ListOrdersRefused, Order};
use serde::Deserialize;
use std::sync::Arc;

const LIMIT: u32 = 20;
/// So many covers of an order are shown.
const COVERS: usize = 3;

/// Where a list goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct From {
    /// What the page before answered.
    pub cursor: String,
}

impl From {
    /// The cursor, if there is one.
    pub fn cursor(self) -> Option<String> {
        Some(self.cursor).filter(|cursor| !cursor.is_empty())
    }
}

struct Row {
    id: OrderId,
    number: String,
    covers: Vec<String>,
    day: Day,
    books: String,
    badge: Badge,
    total: Price,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(from): Query<From>,
) -> Shown {
    if !visitor.is_known() {
        return Err(Stop::LogIn("/orders".to_owned()));
    }
    let list = ListOrders { limit: LIMIT, cursor: from.cursor(), status: None, everybody: false };
    let (frame, listed) =
        tokio::join!(Frame::at_place(&shop, &visitor, "orders"), shop.ask(&visitor, list));
    let listed = listed.or_stop(|refused| match refused {
        ListOrdersRefused::NotLoggedIn => Stop::LogIn("/orders".to_owned()),
        ListOrdersRefused::NotAllowed => Stop::NotFound,
        ListOrdersRefused::Cursor => Stop::bad("The list does not go on from there."),
    })?;
    let rows = listed.items.into_iter().map(row).collect();
    private(StatusCode::OK, &OrdersPage { frame, rows, next: listed.next_cursor })
}

fn row(order: Order) -> Row {
    let books = order.items.iter().map(|line| u64::from(line.quantity.get())).sum();
    let covers = order.items.iter().take(COVERS);
    Row {
        covers: covers.map(|line| picture(line.image.as_ref(), &line.sku)).collect(),
        id: order.id,
        number: order.number,
        day: Day(order.created_at),
        books: counted(books, "book", "books"),
        badge: Badge(order.status),
        total: Price(order.total),
    }
}
