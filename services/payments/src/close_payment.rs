//! Closes the payments of an order for good.
use crate::payment::Bill;
use crate::provider;
use crate::store::Sheet;
use contracts::payments::{ClosePayment, Closing};
use contracts::{Money, OrderId, PaymentId};
use kit::Unexpected;
use kit::wave::Wave;

/// Commits that nothing of the order may be captured any more, and says whether something was.
/// An order that was not heard of is marked by its bill; the first answer stays the answer.
/// # Errors
/// When the database fails.
pub async fn close_payment(wave: &mut Wave, command: &ClosePayment) -> Result<Closing, Unexpected> {
    let order = command.order;
    let mut sheet = Sheet::default();
    sheet.load_bills(wave, [order]).await?;
    sheet.load_payments_of(wave, [order]).await?;
    sheet.load_open_charges(wave).await?;
    // Money of a payment that was replaced before is to go back: only the present one's stays.
    let present = sheet.bills.get(order).and_then(|bill| bill.present);
    let stays = (sheet.payments.iter()).find(|payment| {
        present == Some(payment.id) && payment.is_captured() && payment.left().minor > 0
    });
    let kept = stays.map_or(0, |payment| payment.captured.minor);
    let currency = sheet.payments.iter().map(|payment| payment.amount.currency).next();
    let bill = sheet.bills.get_or(order, || Bill::new(order));
    if !bill.closed {
        (bill.closed, bill.kept) = (true, kept);
    }
    let kept = bill.kept;
    void_open(&mut sheet, wave, order);
    sheet.save(wave).await?;
    Ok(match currency {
        Some(currency) if kept > 0 => Closing::Captured { amount: Money::new(kept, currency) },
        _ => Closing::Closed,
    })
}

/// Voids what is open of an order's payments, on a sheet that holds them with their charges.
/// Money that a provider takes nevertheless goes back when it says so.
pub fn void_open(sheet: &mut Sheet, wave: &mut Wave, order: OrderId) {
    let open = sheet.payments.iter().filter(|payment| payment.order == order && payment.is_open());
    let open: Vec<PaymentId> = open.map(|payment| payment.id).collect();
    for id in open {
        let Some(payment) = sheet.payments.get_mut(id) else { continue };
        payment.void();
        let charge = payment.charge.and_then(|charge| sheet.attempts.get_mut(charge));
        if let Some(charge) = charge {
            charge.void(wave.now());
            wave.wake(provider::WORKER);
        }
    }
}
