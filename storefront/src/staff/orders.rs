//! `/admin/orders`: everybody's orders.
use super::{Tab, require, tabs};
use crate::Shop;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{STATUSES, encoded};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use contracts::caller::Permission;
use contracts::orders::{ListOrders, ListOrdersRefused, Order, OrderStatus};
use serde::Deserialize;
use std::sync::Arc;

const LIMIT: u32 = 30;

/// Which orders.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Which {
    status: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "staff/orders.html")]
struct OrdersPage {
    frame: Frame,
    tabs: Vec<Tab>,
    status: Option<OrderStatus>,
    orders: Vec<Order>,
    key: String,
    next: Option<String>,
}

/// Whether an order can still be cancelled.
fn open(order: &Order) -> bool {
    matches!(order.status, OrderStatus::Pending | OrderStatus::Paid)
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Shown {
    require(&visitor, Permission::ManageOrders)?;
    let named = STATUSES.iter().find(|(_, name, _)| *name == which.status);
    let status = named.map(|(status, ..)| *status);
    let cursor = Some(which.cursor).filter(|cursor| !cursor.is_empty());
    let list = ListOrders { limit: LIMIT, cursor, status, everybody: true };
    let (frame, listed) =
        tokio::join!(Frame::at_place(&shop, &visitor, "staff"), shop.ask(&visitor, list));
    let listed = listed.or_stop(|refused| match refused {
        ListOrdersRefused::NotLoggedIn | ListOrdersRefused::NotAllowed => Stop::NotFound,
        ListOrdersRefused::Cursor => Stop::bad("The list does not go on from there."),
    })?;
    let next = listed.next_cursor.map(|cursor| {
        let name = named.map_or("", |(_, name, _)| *name);
        format!("/admin/orders?status={name}&cursor={}", encoded(&cursor))
    });
    let page = OrdersPage {
        frame,
        tabs: tabs(&visitor, "/admin/orders"),
        status,
        orders: listed.items,
        key: shop.key(),
        next,
    };
    private(StatusCode::OK, &page)
}
