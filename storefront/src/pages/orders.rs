//! `/orders`: the orders of an account, newest first.
use super::card::picture;
use crate::Shop;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Day, Price, STATUSES, Standing, counted, encoded};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use contracts::OrderId;
use contracts::orders::{ListOrders, ListOrdersRefused, Order, OrderStatus};
use serde::Deserialize;
use std::sync::Arc;

const LIMIT: u32 = 20;
/// Longer numbers there are none.
const LONGEST_NUMBER: usize = 40;
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
    badge: Standing,
    total: Price,
}

/// Which of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Which {
    status: String,
    number: String,
    cursor: String,
}

impl Which {
    fn status(&self) -> Option<OrderStatus> {
        STATUSES.iter().find(|(_, name, _)| *name == self.status).map(|(status, ..)| *status)
    }
    /// The beginning of a number, without what nobody means.
    fn number(&self) -> String {
        let typed = self.number.chars().filter(|c| !c.is_control());
        typed.take(LONGEST_NUMBER).collect::<String>().trim().to_owned()
    }
    fn list(&self) -> ListOrders {
        ListOrders {
            limit: LIMIT,
            cursor: Some(self.cursor.clone()).filter(|cursor| !cursor.is_empty()),
            status: self.status(),
            everybody: false,
            q: Some(self.number()).filter(|number| !number.is_empty()),
            from: None,
            to: None,
            method: None,
        }
    }
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    rows: Vec<Row>,
    status: Option<OrderStatus>,
    number: String,
    /// Whether only some are asked for.
    filtered: bool,
    next: Option<String>,
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Shown {
    if !visitor.is_known() {
        return Err(Stop::LogIn("/orders".to_owned()));
    }
    let (frame, listed) =
        tokio::join!(Frame::at_place(&shop, &visitor, "orders"), shop.ask(&visitor, which.list()));
    let listed = listed.or_stop(|refused| match refused {
        ListOrdersRefused::NotLoggedIn => Stop::LogIn("/orders".to_owned()),
        ListOrdersRefused::NotAllowed => Stop::NotFound,
        ListOrdersRefused::Cursor => Stop::bad("The list does not go on from there."),
    })?;
    let (status, number) = (which.status(), which.number());
    let next = listed.next_cursor.map(|cursor| {
        let named = if status.is_some() { which.status.as_str() } else { "" };
        let (number, cursor) = (encoded(&number), encoded(&cursor));
        format!("/orders?status={named}&number={number}&cursor={cursor}")
    });
    let page = OrdersPage {
        frame,
        rows: listed.items.into_iter().map(row).collect(),
        filtered: status.is_some() || !number.is_empty() || !which.cursor.is_empty(),
        status,
        number,
        next,
    };
    private(StatusCode::OK, &page)
}

fn row(order: Order) -> Row {
    let books = order.items.iter().map(|line| u64::from(line.quantity.get())).sum();
    let covers = order.items.iter().take(COVERS);
    Row {
        badge: Standing::from(&order),
        covers: covers.map(|line| picture(line.image.as_ref(), &line.sku)).collect(),
        id: order.id,
        number: order.number,
        day: Day(order.created_at),
        books: counted(books, "book", "books"),
        total: Price(order.total),
    }
}
