//! Owns letters, the mails that come of them, their way to the mail server, and the list that
//! each person sees, live too. Promises one mail of each kind about an order, whatever comes
//! twice, and each under one Message-ID. Never decides anything about an order, and keeps no
//! address but those that it wrote to.
#![warn(missing_docs)]

mod claims;
mod deliver_mails;
mod digest_low_stock;
mod forget_people;
mod http;
mod intend_letters;
mod letter;
mod live;
mod mail;
mod post;
mod queries;
mod send_again;
mod store;
mod words;
mod write_letters;

use claims::Claims;
use contracts::identity::{
    AccountErased, ContactsOf, EmailVerified, LinkAsked, LinksFor, SessionEnded, StaffContacts,
    UserRegistered,
};
use contracts::inventory::LowStock;
use contracts::notifications::{GetMail, ListMails, ListNotifications, SendAgain};
use contracts::orders::{
    GetShop, OrderCancelled, OrderDelivered, OrderPaid, OrderPlaced, OrdersForLetters, ShipmentSent,
};
use contracts::payments::PaymentRefunded;
use kit::calls::Calls;
use kit::clock::Sources;
use kit::db::Db;
use kit::plug::{Parts, Plug};
use kit::problem::Unexpected;
use kit::wave::Waves;
use live::Live;
use mail::Shop;
use post::Post;
use std::time::Duration;

/// The worker that writes what is due.
pub const WRITE_LETTERS: &str = "write_letters";
/// The worker that hands mails to the mail server, if there is one.
pub const DELIVER_MAILS: &str = "deliver_mails";
/// The worker that tells staff what runs out.
pub const DIGEST_LOW_STOCK: &str = "digest_low_stock";

/// The notifications service.
pub struct Notifications {
    db: Db,
    waves: Waves,
    calls: Calls,
    sources: Sources,
    shop: Shop,
    /// None: mails are kept.
    post: Option<Post>,
    live: Live,
    claims: Claims,
}

fn build(parts: Parts) -> Result<Notifications, Unexpected> {
    let Parts { db, waves, calls, sources, config, closing } = parts;
    let shop = Shop::new(&config)?;
    let post = Post::new(config.mail.expose(), shop.from())?;
    let (live, claims) = (Live::new(closing), Claims::new(db.engine()));
    Ok(Notifications { db, waves, calls, sources, shop, post, live, claims })
}

/// What notifications says of itself.
pub fn plug() -> Plug<Notifications> {
    let migrations = vec![
        kit::migration!("0001_notifications"),
        kit::migration!("0002_post"),
        kit::migration!("0003_words"),
        kit::migration!("0004_indexes"),
    ];
    let plug = Plug::new("notifications", migrations, build)
        .answers::<ListNotifications>(|s, caller, call| {
            Box::pin(queries::list_notifications(s, caller, call))
        })
        .answers::<ListMails>(|s, caller, call| Box::pin(queries::list_mails(s, caller, call)))
        .answers::<GetMail>(|s, caller, call| Box::pin(queries::get_mail(s, caller, call)))
        .answers::<SendAgain>(|s, caller, call| Box::pin(send_again::send_again(s, caller, call)))
        .calls::<OrdersForLetters>()
        .calls::<GetShop>()
        .calls::<ContactsOf>()
        .calls::<LinksFor>()
        .calls::<StaffContacts>()
        .works(WRITE_LETTERS, Duration::from_secs(1), |s| Box::pin(write_letters::write_letters(s)))
        .works(DELIVER_MAILS, Duration::from_secs(1), |s| Box::pin(deliver_mails::deliver_mails(s)))
        .works(DIGEST_LOW_STOCK, Duration::from_secs(15), |s| {
            Box::pin(digest_low_stock::digest_low_stock(s))
        })
        .routes(http::routes);
    watching(hearing(plug))
}

fn hearing(plug: Plug<Notifications>) -> Plug<Notifications> {
    plug.hears::<UserRegistered>(|_, wave, heard| Box::pin(intend_letters::welcome(wave, heard)))
        .hears::<LinkAsked>(|_, wave, heard| Box::pin(intend_letters::send_links(wave, heard)))
        .hears::<OrderPlaced>(|_, wave, heard| Box::pin(intend_letters::confirm(wave, heard)))
        .hears::<OrderPaid>(|_, wave, heard| Box::pin(intend_letters::give_receipts(wave, heard)))
        .hears::<OrderCancelled>(|_, wave, heard| {
            Box::pin(intend_letters::tell_of_cancellations(wave, heard))
        })
        .hears::<ShipmentSent>(|_, wave, heard| {
            Box::pin(intend_letters::tell_of_shipments(wave, heard))
        })
        .hears::<OrderDelivered>(|_, wave, heard| {
            Box::pin(intend_letters::tell_of_deliveries(wave, heard))
        })
        .hears::<PaymentRefunded>(|_, wave, heard| {
            Box::pin(intend_letters::tell_of_refunds(wave, heard))
        })
        .hears::<LowStock>(|_, wave, heard| Box::pin(digest_low_stock::note(wave, heard)))
        .hears::<EmailVerified>(|_, wave, heard| {
            Box::pin(forget_people::remember_verified(wave, heard))
        })
        .hears::<AccountErased>(|_, wave, heard| {
            Box::pin(forget_people::forget_people(wave, heard))
        })
}

/// Of each of these a letter comes, which another replica may write.
fn watching(plug: Plug<Notifications>) -> Plug<Notifications> {
    plug.watches::<OrderPlaced>(|s, event| s.live.expect(event.account))
        .watches::<OrderPaid>(|s, event| s.live.expect(event.account))
        .watches::<OrderCancelled>(|s, event| s.live.expect(event.account))
        .watches::<ShipmentSent>(|s, event| s.live.expect(event.account))
        .watches::<OrderDelivered>(|s, event| s.live.expect(event.account))
        .watches::<PaymentRefunded>(|s, _| s.live.expect(None))
        .watches::<SessionEnded>(|s, event| s.live.end(event))
}
