//! `/admin/orders`: everybody's orders, and which of them to look at.
use super::{Tab, link, no_such_page, require, sought, tabs};
use crate::Shop;
use crate::form::Faults;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::STATUSES;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use contracts::Timestamp;
use contracts::caller::Permission;
use contracts::orders::{ListOrders, ListOrdersRefused, Order, OrderStatus};
use contracts::payments::PaymentMethod;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

const LIMIT: u32 = 30;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// All ways to pay.
pub const METHODS: [PaymentMethod; 4] = [
    PaymentMethod::Card,
    PaymentMethod::Wallet,
    PaymentMethod::BankTransfer,
    PaymentMethod::CashOnDelivery,
];

/// Which orders.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Which {
    q: String,
    status: String,
    method: String,
    from: String,
    to: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "staff/orders.html")]
struct OrdersPage {
    frame: Frame,
    tabs: Vec<Tab>,
    which: Which,
    status: Option<OrderStatus>,
    method: Option<PaymentMethod>,
    faults: Faults,
    orders: Vec<Order>,
    next: Option<String>,
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(which): Query<Which>,
) -> Shown {
    require(&visitor, Permission::ManageOrders)?;
    let (list, faults) = which.read();
    let (status, method) = (list.status, list.method);
    let code = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (frame, listed) = tokio::join!(Frame::at_place(&shop, &visitor, "staff"), async {
        match faults.is_empty() {
            true => shop.ask(&visitor, list).await.map(Some),
            false => Ok(None),
        }
    });
    let listed = listed.or_stop(|refused| match refused {
        ListOrdersRefused::NotLoggedIn | ListOrdersRefused::NotAllowed => Stop::Forbidden,
        ListOrdersRefused::Cursor => no_such_page(),
    })?;
    let (orders, cursor) = listed.map(|page| (page.items, page.next_cursor)).unwrap_or_default();
    let next = cursor.map(|cursor| which.next(&cursor));
    let tabs = tabs(&visitor, "/admin/orders");
    private(code, &OrdersPage { frame, tabs, which, status, method, faults, orders, next })
}

impl Which {
    /// The question, with what is wrong with the days. An unknown state or method asks for all,
    /// as a link may be old.
    fn read(&self) -> (ListOrders, Faults) {
        let mut faults = Faults::default();
        let mut day = |field: &str, text: &str| {
            let text = text.trim();
            if text.is_empty() {
                return None;
            }
            let day = (text.len() == 10).then(|| format!("{text}T00:00:00Z").parse().ok());
            let day: Option<Timestamp> = day.flatten();
            if day.is_none() {
                faults.add(field, "must be a day such as 2026-01-31");
            }
            day
        };
        let (from, to) = (day("from", &self.from), day("to", &self.to));
        let list = ListOrders {
            limit: LIMIT,
            cursor: Some(self.cursor.clone()).filter(|cursor| !cursor.is_empty()),
            status: STATUSES.iter().find(|(_, name, _)| *name == self.status).map(|(of, ..)| *of),
            everybody: true,
            q: sought(&self.q),
            from,
            // The last day counts whole.
            to: to.map(|day| day.after(DAY)),
            method: METHODS.into_iter().find(|method| method.as_str() == self.method),
        };
        (list, faults)
    }
    fn next(&self, cursor: &str) -> String {
        let query = [
            ("q", self.q.as_str()),
            ("status", &self.status),
            ("method", &self.method),
            ("from", &self.from),
            ("to", &self.to),
            ("cursor", cursor),
        ];
        link("/admin/orders", &query)
    }
}
