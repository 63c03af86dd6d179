//! Receipts: what was bought and paid, and from whom.
//!
//! Payments numbers receipts in the wave that captures, without a gap. Orders that were paid
//! before it did so have no such number, and go by their own, `R-F7K3-9QX2-M4`: those letters never
//! look like a number of the new kind, `R-000123`.
use crate::order::Order;
use crate::store::terms;
use crate::{Orders, queries, shop, terms as rules};
use contracts::orders::{GetReceipt, OrderRefused, Receipt, Seller};
use contracts::{CallError, Caller, Timestamp};
use kit::Unexpected;
use kit::calls::Answer;

/// The number of an order's receipt.
pub fn number(order: &Order) -> String {
    match order.receipt {
        Some(number) => format!("R-{number:06}"),
        None => format!("R-{}", order.number),
    }
}

/// Who sold at `time`: by the terms that held then.
async fn seller(orders: &Orders, time: Timestamp) -> Result<Seller, Unexpected> {
    let held = terms::at(orders.db.reader(), time).await?;
    Ok(rules::seller(shop::as_shop(orders, held).terms))
}

/// The receipt of an order that was paid, whatever became of it.
pub async fn get_receipt(orders: &Orders, caller: &Caller, call: GetReceipt) -> Answer<GetReceipt> {
    let order = queries::open(orders, caller, &call.of).await?;
    let Some(paid_at) = order.paid_at else {
        let status = order.wrong_state().0;
        return Err(CallError::Refused(OrderRefused::WrongState { status }));
    };
    let seller = seller(orders, paid_at).await.map_err(queries::fault)?;
    Ok(Receipt {
        number: number(&order),
        seller,
        paid_at,
        refunded: order.refunded,
        order: order.view(),
    })
}

/// The number for a letter; none as long as payments has not told it, where it is about to.
pub fn for_letter(order: &Order) -> Option<String> {
    // Only orders of the first release do not say how they were placed.
    let told = order.receipt.is_some() || order.placed_with.is_none();
    (order.is_paid() && told).then(|| number(order))
}
