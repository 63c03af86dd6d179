//! `/admin/transactions`: what was asked of providers and done in the books, newest first.
use super::{Tab, link, no_such_page, require, tabs};
use crate::Shop;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::PaymentId;
use contracts::caller::Permission;
use contracts::payments::{
    ConfirmRefused, GetPayment, ListTransactions, Transaction, TransactionsRefused,
};
use serde::Deserialize;
use std::sync::Arc;

const LIMIT: u32 = 50;

/// From where on.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct From {
    cursor: String,
}

#[derive(Template)]
#[template(path = "staff/transactions.html")]
struct TransactionsPage {
    frame: Frame,
    tabs: Vec<Tab>,
    transactions: Vec<Transaction>,
    next: Option<String>,
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(from): Query<From>,
) -> Shown {
    require(&visitor, Permission::ManagePayments)?;
    let cursor = Some(from.cursor).filter(|cursor| !cursor.is_empty());
    let list = ListTransactions { limit: LIMIT, cursor };
    let (frame, listed) =
        tokio::join!(Frame::at_place(&shop, &visitor, "staff"), shop.ask(&visitor, list));
    let listed = listed.or_stop(|refused| match refused {
        TransactionsRefused::NotAllowed => Stop::Forbidden,
        TransactionsRefused::Cursor => no_such_page(),
    })?;
    let next = listed.next_cursor.map(|cursor| link("/admin/transactions", &[("cursor", &cursor)]));
    let tabs = tabs(&visitor, "/admin/transactions");
    private(StatusCode::OK, &TransactionsPage { frame, tabs, transactions: listed.items, next })
}

/// Goes to the order that a payment is for.
pub async fn to_order(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    require(&visitor, Permission::ManagePayments)?;
    let payment: PaymentId = id.parse().map_err(|_| Stop::NotFound)?;
    let got = shop.ask(&visitor, GetPayment { payment }).await;
    let payment = got.or_stop(|refused| match refused {
        ConfirmRefused::NotAllowed => Stop::Forbidden,
        _ => Stop::NotFound,
    })?;
    match payment.order {
        Some(order) => Ok(Redirect::to(&format!("/admin/orders/{order}")).into_response()),
        None => Err(Stop::conflict("This money went into a wallet: there is no order behind it.")),
    }
}
