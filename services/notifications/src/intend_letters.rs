//! What is heard becomes letters to be written: nothing is asked of anybody here, so that the
//! intent commits with the inbox.
//!
//! Should a fact come again under another id, the letter of its kind about the same order (or
//! account, parcel, refund, link) is there already, and nothing is added; the unique index is the
//! last guard.
use crate::WRITE_LETTERS;
use crate::letter::{Facts, Kind, Letter, Refunded};
use crate::store;
use contracts::NotificationId;
use contracts::identity::{LinkAsked, LinkPurpose, UserRegistered};
use contracts::orders::{OrderCancelled, OrderDelivered, OrderPaid, OrderPlaced, ShipmentSent};
use contracts::payments::PaymentRefunded;
use kit::bus::Heard;
use kit::problem::Unexpected;
use kit::wave::Wave;
use uuid::Uuid;

/// Welcomes who registered.
/// # Errors
/// When the database fails.
pub async fn welcome(wave: &mut Wave, heard: &[Heard<UserRegistered>]) -> Result<(), Unexpected> {
    let letters = heard.iter().map(|heard| {
        let account = heard.event.account;
        Letter { account: Some(account), ..letter(heard, Kind::Welcome, account.0) }
    });
    intend(wave, Kind::Welcome, letters.collect()).await
}

/// Sends links that were asked for. The first link to verify an address goes with the welcome,
/// if that is not written yet.
/// # Errors
/// When the database fails.
pub async fn send_links(wave: &mut Wave, heard: &[Heard<LinkAsked>]) -> Result<(), Unexpected> {
    let of = |purpose: LinkPurpose| heard.iter().filter(move |one| one.event.purpose == purpose);
    let written = |kind: Kind| {
        move |heard: &Heard<LinkAsked>| {
            let LinkAsked { link, account, .. } = *heard.event;
            let facts = Facts { link: Some(link), ..Facts::default() };
            Letter { account: Some(account), facts, ..letter(heard, kind, link.0) }
        }
    };
    let resets: Vec<Letter> =
        of(LinkPurpose::ResetPassword).map(written(Kind::PasswordReset)).collect();
    if !resets.is_empty() {
        intend(wave, Kind::PasswordReset, resets).await?;
    }
    let mut verify: Vec<Letter> =
        of(LinkPurpose::VerifyEmail).map(written(Kind::VerifyEmail)).collect();
    if verify.is_empty() {
        return Ok(());
    }
    let joined = store::letters::join_welcomes(wave.tx(), &verify, wave.now()).await?;
    if !joined.is_empty() {
        wave.wake(WRITE_LETTERS);
    }
    verify.retain(|letter| !joined.contains(&letter.about));
    intend(wave, Kind::VerifyEmail, verify).await
}

/// Confirms orders that were placed.
/// # Errors
/// When the database fails.
pub async fn confirm(wave: &mut Wave, heard: &[Heard<OrderPlaced>]) -> Result<(), Unexpected> {
    let letters = heard.iter().map(|heard| Letter {
        order: Some(heard.event.order),
        account: heard.event.account,
        ..letter(heard, Kind::OrderConfirmation, heard.event.order.0)
    });
    intend(wave, Kind::OrderConfirmation, letters.collect()).await
}

/// Gives receipts for what was paid.
/// # Errors
/// When the database fails.
pub async fn give_receipts(wave: &mut Wave, heard: &[Heard<OrderPaid>]) -> Result<(), Unexpected> {
    let letters = heard.iter().map(|heard| Letter {
        order: Some(heard.event.order),
        account: heard.event.account,
        ..letter(heard, Kind::Receipt, heard.event.order.0)
    });
    intend(wave, Kind::Receipt, letters.collect()).await
}

/// Tells of orders that were cancelled.
/// # Errors
/// When the database fails.
pub async fn tell_of_cancellations(
    wave: &mut Wave,
    heard: &[Heard<OrderCancelled>],
) -> Result<(), Unexpected> {
    let letters = heard.iter().map(|heard| Letter {
        order: Some(heard.event.order),
        account: heard.event.account,
        reason: Some(heard.event.reason),
        was_paid: heard.event.was_paid,
        ..letter(heard, Kind::Cancellation, heard.event.order.0)
    });
    intend(wave, Kind::Cancellation, letters.collect()).await
}

/// Tells of parcels that are on their way.
/// # Errors
/// When the database fails.
pub async fn tell_of_shipments(
    wave: &mut Wave,
    heard: &[Heard<ShipmentSent>],
) -> Result<(), Unexpected> {
    let letters = heard.iter().map(|heard| {
        let shipment = heard.event.shipment;
        Letter {
            order: Some(heard.event.order),
            account: heard.event.account,
            facts: Facts { shipment: Some(shipment), ..Facts::default() },
            ..letter(heard, Kind::Shipment, shipment.0)
        }
    });
    intend(wave, Kind::Shipment, letters.collect()).await
}

/// Tells of orders that arrived.
/// # Errors
/// When the database fails.
pub async fn tell_of_deliveries(
    wave: &mut Wave,
    heard: &[Heard<OrderDelivered>],
) -> Result<(), Unexpected> {
    let letters = heard.iter().map(|heard| Letter {
        order: Some(heard.event.order),
        account: heard.event.account,
        ..letter(heard, Kind::Delivery, heard.event.order.0)
    });
    intend(wave, Kind::Delivery, letters.collect()).await
}

/// Tells of money that went back.
/// # Errors
/// When the database fails.
pub async fn tell_of_refunds(
    wave: &mut Wave,
    heard: &[Heard<PaymentRefunded>],
) -> Result<(), Unexpected> {
    let letters = heard.iter().map(|heard| {
        let PaymentRefunded { order, refund, amount, refunded, whole, .. } = *heard.event;
        Letter {
            order: Some(order),
            facts: Facts { refund: Some(Refunded { amount, refunded, whole }), ..Facts::default() },
            ..letter(heard, Kind::Refund, refund.0)
        }
    });
    intend(wave, Kind::Refund, letters.collect()).await
}

fn letter<E>(heard: &Heard<E>, kind: Kind, about: Uuid) -> Letter {
    Letter {
        id: NotificationId(heard.id.0),
        kind,
        about,
        order: None,
        account: None,
        reason: None,
        was_paid: false,
        facts: Facts::default(),
        told_at: heard.time,
        tries: 0,
    }
}

/// `letters` are of one kind. Should two of a set be about the same thing, the first is written.
async fn intend(wave: &mut Wave, kind: Kind, mut letters: Vec<Letter>) -> Result<(), Unexpected> {
    if letters.is_empty() {
        return Ok(());
    }
    let about: Vec<_> = letters.iter().map(|letter| letter.about).collect();
    let mut known = store::letters::known(wave.tx(), kind, &about).await?;
    letters.retain(|letter| known.insert(letter.about));
    if !letters.is_empty() {
        store::letters::insert(wave.tx(), &letters, wave.now()).await?;
        wave.wake(WRITE_LETTERS);
    }
    Ok(())
}
