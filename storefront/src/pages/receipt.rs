//! `/orders/{id}/receipt`: proof of what was bought and paid, fit to be printed.
use super::address;
use super::order::{parse, stopped};
use crate::Shop;
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::When;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use contracts::Money;
use contracts::orders::{GetReceipt, Order, OrderRefused, Seller};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage {
    frame: Frame,
    number: String,
    seller: Seller,
    order: Order,
    paid_at: When,
    refunded: Money,
    address: String,
}

/// The receipt.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Shown {
    let id = parse(&id)?;
    let (frame, receipt) = tokio::join!(
        Frame::at_place(&shop, &visitor, "orders"),
        shop.ask(&visitor, GetReceipt { of: visitor.order(id) })
    );
    let receipt = receipt.or_stop(|refused| match refused {
        OrderRefused::WrongState { .. } => {
            Stop::conflict("There is a receipt as soon as the order is paid.")
        }
        other => stopped(id, &other),
    })?;
    let page = ReceiptPage {
        frame,
        number: receipt.number,
        seller: receipt.seller,
        paid_at: When(receipt.paid_at),
        refunded: receipt.refunded,
        address: address::lines(&receipt.order.shipping_address),
        // Told apart from the totals, as it came later.
        order: Order { refunded: shop.money(0), ..receipt.order },
    };
    private(StatusCode::OK, &page)
}
