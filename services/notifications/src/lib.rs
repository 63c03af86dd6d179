//! Owns letters, the mails that come of them, and the list that each person sees. Promises one
//! mail of each kind about an order, whatever comes twice. Never decides anything about an
//! order, and keeps no address but those that it wrote to.
#![warn(missing_docs)]

mod http;
mod intend_letters;
mod letter;
mod mail;
mod queries;
mod store;
mod write_letters;

use contracts::identity::{ContactsOf, UserRegistered};
use contracts::notifications::ListNotifications;
use contracts::orders::{OrderCancelled, OrderPaid, OrderPlaced, OrdersForLetters};
use kit::calls::Calls;
use kit::clock::Sources;
use kit::db::Db;
use kit::plug::{Parts, Plug};
use kit::problem::Unexpected;
use kit::wave::Waves;
use mail::Shop;
use std::time::Duration;

/// The worker that writes what is due.
pub const WRITE_LETTERS: &str = "write_letters";

/// The notifications service.
pub struct Notifications {
    db: Db,
    waves: Waves,
    calls: Calls,
    sources: Sources,
    shop: Shop,
}

fn build(parts: Parts) -> Result<Notifications, Unexpected> {
    let shop = Shop::new(&parts.config.mail_from, &parts.config.public_url)?;
    let Parts { db, waves, calls, sources, .. } = parts;
    Ok(Notifications { db, waves, calls, sources, shop })
}

/// What notifications says of itself.
pub fn plug() -> Plug<Notifications> {
    Plug::new("notifications", vec![kit::migration!("0001_notifications")], build)
        .answers::<ListNotifications>(|s, caller, call| {
            Box::pin(queries::list_notifications(s, caller, call))
        })
        .calls::<OrdersForLetters>()
        .calls::<ContactsOf>()
        .hears::<UserRegistered>(|_, wave, heard| Box::pin(intend_letters::welcome(wave, heard)))
        .hears::<OrderPlaced>(|_, wave, heard| Box::pin(intend_letters::confirm(wave, heard)))
        .hears::<OrderPaid>(|_, wave, heard| Box::pin(intend_letters::give_receipts(wave, heard)))
        .hears::<OrderCancelled>(|_, wave, heard| {
            Box::pin(intend_letters::tell_of_cancellations(wave, heard))
        })
        .works(WRITE_LETTERS, Duration::from_secs(1), |s| Box::pin(write_letters::write_letters(s)))
        .routes(http::routes)
}
