//! Gives back what was captured for orders that were cancelled, and voids what was not.
use crate::close_payment::void_open;
use crate::give_back::{GiveBack, give_back};
use crate::ledger::Purse;
use crate::payment::Bill;
use crate::store::Sheet;
use contracts::orders::OrderCancelled;
use contracts::{OrderId, PaymentId};
use kit::Unexpected;
use kit::bus::Heard;
use kit::wave::Wave;

/// What staff read as the reason of such a refund.
const REASON: &str = "the order was cancelled";

/// Set-based. What was given back before leaves nothing to give back, so that a cancellation
/// that is heard again changes nothing.
/// # Errors
/// When the database fails.
pub async fn cancel_orders(
    wave: &mut Wave,
    heard: &[Heard<OrderCancelled>],
) -> Result<(), Unexpected> {
    let orders: Vec<OrderId> = heard.iter().map(|heard| heard.event.order).collect();
    let mut sheet = Sheet::default();
    sheet.load_bills(wave, orders.iter().copied()).await?;
    sheet.load_payments_of(wave, orders.iter().copied()).await?;
    sheet.load_open_charges(wave).await?;
    let owed: Vec<(PaymentId, Option<Purse>)> = (sheet.payments.iter())
        .filter(|payment| payment.left().minor > 0)
        .map(|payment| (payment.id, payment.purse()))
        .collect();
    let wallets = owed.iter().filter_map(|(_, purse)| match purse {
        Some(Purse::Wallet(account)) => Some(*account),
        _ => None,
    });
    sheet.load_wallets(wave, wallets).await?;
    for order in orders {
        sheet.bills.get_or(order, || Bill::new(order)).closed = true;
        void_open(&mut sheet, wave, order);
    }
    for (payment, _) in owed {
        // Refused where nothing is left: that is what was wanted.
        let _ = give_back(&mut sheet, wave, payment, GiveBack::all(REASON))?;
    }
    sheet.save(wave).await
}
