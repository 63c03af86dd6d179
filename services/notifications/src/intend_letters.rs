//! What is heard becomes letters to be written: nothing is asked of anybody here, so that the
//! intent commits with the inbox.
//!
//! Should a fact come again under another id, the letter of its kind about the same order (or
//! account) is there already, and nothing is added; the unique index is the last guard.
use crate::WRITE_LETTERS;
use crate::letter::{Kind, Letter};
use crate::store;
use contracts::NotificationId;
use contracts::identity::UserRegistered;
use contracts::orders::{OrderCancelled, OrderPaid, OrderPlaced};
use kit::bus::Heard;
use kit::problem::Unexpected;
use kit::wave::Wave;

/// Welcomes who registered.
/// # Errors
/// When the database fails.
pub async fn welcome(wave: &mut Wave, heard: &[Heard<UserRegistered>]) -> Result<(), Unexpected> {
    let letters = heard
        .iter()
        .map(|heard| Letter { account: Some(heard.event.account), ..letter(heard, Kind::Welcome) });
    intend(wave, Kind::Welcome, letters.collect()).await
}

/// Confirms orders that were placed.
/// # Errors
/// When the database fails.
pub async fn confirm(wave: &mut Wave, heard: &[Heard<OrderPlaced>]) -> Result<(), Unexpected> {
    let letters = heard.iter().map(|heard| Letter {
        order: Some(heard.event.order),
        account: heard.event.account,
        ..letter(heard, Kind::OrderConfirmation)
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
        ..letter(heard, Kind::Receipt)
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
        ..letter(heard, Kind::Cancellation)
    });
    intend(wave, Kind::Cancellation, letters.collect()).await
}

fn letter<E>(heard: &Heard<E>, kind: Kind) -> Letter {
    Letter {
        id: NotificationId(heard.id.0),
        kind,
        order: None,
        account: None,
        reason: None,
        was_paid: false,
        told_at: heard.time,
        tries: 0,
    }
}

/// `letters` are of one kind, and about different things: a set has one message an aggregate.
async fn intend(wave: &mut Wave, kind: Kind, mut letters: Vec<Letter>) -> Result<(), Unexpected> {
    let about: Vec<_> = letters.iter().map(Letter::about).collect();
    let known = store::known(wave.tx(), kind, &about).await?;
    letters.retain(|letter| !known.contains(&letter.about()));
    if !letters.is_empty() {
        store::insert_letters(wave.tx(), &letters, wave.now()).await?;
        wave.wake(WRITE_LETTERS);
    }
    Ok(())
}
