//! Owns orders, their states, and the clock that ends those nobody pays. Promises that a
//! checkout places one order or none, whatever fails on the way, and that an order is paid once
//! and cancelled once. Never moves money or stock: it tells those who do.
pub mod begin_closing;
pub mod cancel_order;
pub mod checkout;
pub mod create_shipment;
pub mod events;
pub mod expire_orders;
pub mod hear_accounts;
pub mod hear_payments;
pub mod http;
pub mod join_guest_orders;
pub mod kept;
pub mod methods;
pub mod order;
pub mod order_token;
pub mod parcels;
pub mod pay_order;
pub mod place_orders;
pub mod queries;
pub mod quote;
pub mod quote_cart;
pub mod receipts;
pub mod recent;
pub mod requests;
pub mod shop;
mod store;
pub mod tax;
pub mod terms;
pub mod update_shipment;
pub mod update_shop;
pub mod waiting;
pub mod what_became_of;

use crate::checkout::{BeginCheckout, CheckoutAnswer, EndCheckout};
use crate::events::Streams;
use crate::order_token::Tokens;
use crate::place_orders::{PlaceOrder, PlaceOrderError};
use crate::recent::Recent;
use crate::waiting::Waiting;
use contracts::CallError;
use contracts::cart::CartContents;
use contracts::catalog::PricesOf;
use contracts::identity::{AccountErased, ContactsOf, EmailVerified};
use contracts::inventory::{ReleaseStock, ReserveStock, ShortOf, StockMissing};
use contracts::orders::{
    CancelOrder, Checkout, CreateShipment, GetOrder, GetReceipt, GetShop, GetTracking, HasBought,
    ListOrders, Order, OrderCancelled, OrderDelivered, OrderFulfilled, OrderPaid, OrderPlaced,
    OrderRefunded, OrdersForLetters, PayOrder, QuoteCart, ShipmentDelivered, ShipmentSent,
    ShopChanged, UpdateShipment, UpdateShop, WhatBecameOf,
};
use contracts::payments::{
    ClosePayment, ContinuePayment, PaymentActionRequired, PaymentCaptured, PaymentFailed,
    PaymentRefunded,
};
use kit::Unexpected;
use kit::calls::Calls;
use kit::clock::Sources;
use kit::config::Config;
use kit::db::{Db, Engine};
use kit::idempotency::Known;
use kit::migrate::Migration;
use kit::plug::{Parts, Plug};
use kit::wave::{Batched, NotRun, Wave, Waves};
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The most checkouts that share a wave.
const MOST_CHECKOUTS: usize = 250;
/// The most checkouts that go on at a time; the others wait for their turn. Where thousands want
/// the same, most of them come after it is sold out, and can be told so at once.
const MOST_DECIDING: usize = 512;
/// How often overdue orders are looked for.
const EXPIRE_EVERY: Duration = Duration::from_millis(500);
/// How often guest orders that are to join an account are looked for; they are told of, too.
const JOIN_EVERY: Duration = Duration::from_secs(10);
/// How often the orders that somebody watches are looked after.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The orders service.
pub struct Orders {
    db: Db,
    waves: Waves,
    calls: Calls,
    sources: Sources,
    config: Arc<Config>,
    begin: Batched<BeginCheckout, Known<CheckoutAnswer>>,
    deciding: Semaphore,
    place: Batched<Arc<PlaceOrder>, Result<Order, PlaceOrderError>>,
    end: Batched<EndCheckout, bool>,
    waiting: Waiting,
    recent: Arc<Recent>,
    tokens: OnceLock<Tokens>,
    shop: shop::Remembered,
    streams: Streams,
    closing: CancellationToken,
}

impl Orders {
    fn new(parts: Parts) -> Self {
        let waves = &parts.waves;
        let recent = Arc::new(Recent::default());
        if parts.db.engine() == Engine::Sqlite {
            let keeping = Arc::clone(&recent);
            waves.noted(move |changed| keeping.note(changed));
        }
        Self {
            begin: waves.batched("begin_checkouts", MOST_CHECKOUTS, |wave, requests| {
                Box::pin(checkout::begin_checkouts(wave, requests))
            }),
            place: waves.batched("place_orders", MOST_CHECKOUTS, |wave, commands| {
                Box::pin(place_orders::place_orders(wave, commands))
            }),
            deciding: Semaphore::new(MOST_DECIDING),
            end: waves.batched("end_checkouts", MOST_CHECKOUTS, |wave, commands| {
                Box::pin(checkout::end_checkouts(wave, commands))
            }),
            db: parts.db,
            waves: parts.waves,
            calls: parts.calls,
            sources: parts.sources,
            config: parts.config,
            waiting: Waiting::default(),
            recent,
            tokens: OnceLock::new(),
            shop: shop::Remembered::default(),
            streams: Streams::new(events::MOST_STREAMS),
            closing: parts.closing,
        }
    }
    /// The tokens of guests' orders; there once the service has started.
    fn tokens<E>(&self) -> Result<&Tokens, CallError<E>> {
        let missing = || CallError::NotDone("orders has not started yet".to_owned());
        self.tokens.get().ok_or_else(missing)
    }
    /// Reads the secret of order tokens; the first start of the store makes it.
    async fn start(&self) -> Result<(), Unexpected> {
        let mut fresh = [0; 32];
        self.sources.fill(&mut fresh);
        let read = again(|| self.waves.write(fresh, |wave, fresh| Box::pin(secret(wave, fresh))));
        let secret = read.await.map_err(Unexpected::from_error)?;
        // A second start of the same service reads the same.
        let _ = self.tokens.set(Tokens::new(secret));
        Ok(())
    }
}

async fn secret(wave: &mut Wave, fresh: &[u8; 32]) -> Result<[u8; 32], Unexpected> {
    let kept = store::setting(wave, "order_token_secret", fresh).await?;
    kept.try_into().map_err(|_| Unexpected::new("the secret of order tokens has not 32 bytes"))
}

/// Runs a command once more when it failed and was rolled back: a twin beside it, in another
/// replica, may have won a unique index, and is seen by the second look.
async fn again<A, F: Future<Output = Result<A, NotRun>>>(run: impl Fn() -> F) -> Result<A, NotRun> {
    match run().await {
        Err(NotRun::Failed(_)) => run().await,
        ran => ran,
    }
}

fn migrations() -> Vec<Migration> {
    vec![
        kit::migration!("0001_orders"),
        kit::migration!("0002_shipments"),
        kit::migration!("0003_terms"),
    ]
}

/// What orders answers, calls, tells, hears and does by itself.
pub fn plug() -> Plug<Orders> {
    let plug = Plug::new("orders", migrations(), |parts| Ok(Orders::new(parts)))
        .answers::<Checkout>(|s, caller, call| Box::pin(checkout::checkout(s, caller, call)))
        .answers::<GetOrder>(|s, caller, call| Box::pin(queries::get_order(s, caller, call)))
        .answers::<ListOrders>(|s, caller, call| Box::pin(queries::list_orders(s, caller, call)))
        .answers::<PayOrder>(|s, caller, call| Box::pin(pay_order::pay_order(s, caller, call)))
        .answers::<CancelOrder>(|s, caller, call| {
            Box::pin(cancel_order::cancel_order(s, caller, call))
        })
        .answers::<GetReceipt>(|s, caller, call| Box::pin(receipts::get_receipt(s, caller, call)))
        .answers::<GetTracking>(|s, caller, call| Box::pin(queries::get_tracking(s, caller, call)))
        .answers::<WhatBecameOf>(|s, _, call| Box::pin(what_became_of::what_became_of(s, call)))
        .answers::<OrdersForLetters>(|s, caller, call| {
            Box::pin(queries::orders_for_letters(s, caller, call))
        })
        .calls::<CartContents>()
        .calls::<PricesOf>()
        .calls::<ReserveStock>()
        .calls::<ShortOf>()
        .calls::<ReleaseStock>()
        .calls::<ClosePayment>()
        .calls::<ContinuePayment>()
        .tells::<OrderPlaced>()
        .tells::<OrderPaid>()
        .tells::<OrderCancelled>()
        .hears::<PaymentCaptured>(|_, wave, heard| {
            Box::pin(hear_payments::payment_captured(wave, heard))
        })
        .hears::<PaymentFailed>(|_, wave, heard| {
            Box::pin(hear_payments::payment_failed(wave, heard))
        })
        .hears::<PaymentActionRequired>(|_, wave, heard| {
            Box::pin(hear_payments::action_required(wave, heard))
        })
        .hears::<PaymentRefunded>(|_, wave, heard| {
            Box::pin(hear_payments::payment_refunded(wave, heard))
        })
        .hears::<StockMissing>(|_, wave, heard| Box::pin(hear_payments::stock_missing(wave, heard)))
        .watches::<OrderPaid>(|s, paid| s.waiting.wake(paid.order))
        .watches::<OrderCancelled>(|s, cancelled| s.waiting.wake(cancelled.order))
        .watches::<PaymentActionRequired>(|s, required| s.waiting.wake(required.order))
        .works("expire_orders", EXPIRE_EVERY, |s| Box::pin(expire_orders::expire_orders(s)))
        .on_start(|s| Box::pin(async move { s.start().await }))
        .routes(http::routes);
    terms_and_streams(parcels_and_accounts(plug))
}

/// What becomes of orders that are on their way, and of those who ordered.
fn parcels_and_accounts(plug: Plug<Orders>) -> Plug<Orders> {
    plug.answers::<CreateShipment>(|s, caller, call| {
        Box::pin(create_shipment::create_shipment(s, caller, call))
    })
    .answers::<UpdateShipment>(|s, caller, call| {
        Box::pin(update_shipment::update_shipment(s, caller, call))
    })
    .answers::<HasBought>(|s, caller, call| Box::pin(queries::has_bought(s, caller, call)))
    .tells::<ShipmentSent>()
    .tells::<ShipmentDelivered>()
    .tells::<OrderFulfilled>()
    .tells::<OrderDelivered>()
    .tells::<OrderRefunded>()
    .hears::<AccountErased>(|_, wave, heard| Box::pin(hear_accounts::account_erased(wave, heard)))
    .watches::<ShipmentSent>(|s, sent| s.waiting.wake(sent.order))
    .watches::<ShipmentDelivered>(|s, arrived| s.waiting.wake(arrived.order))
    .watches::<OrderRefunded>(|s, refunded| s.waiting.wake(refunded.order))
}

/// The shop's terms, live status, and guests who become customers.
fn terms_and_streams(plug: Plug<Orders>) -> Plug<Orders> {
    plug.answers::<GetShop>(|s, _, call| Box::pin(shop::get_shop(s, call)))
        .answers::<UpdateShop>(|s, caller, call| {
            Box::pin(update_shop::update_shop(s, caller, call))
        })
        .answers::<QuoteCart>(|s, caller, call| Box::pin(quote_cart::quote_cart(s, caller, call)))
        .calls::<ContactsOf>()
        .tells::<ShopChanged>()
        .hears::<EmailVerified>(|_, wave, heard| {
            Box::pin(join_guest_orders::email_verified(wave, heard))
        })
        .watches::<ShopChanged>(|s, _| s.shop.changed())
        .works(join_guest_orders::WORKER, JOIN_EVERY, |s| {
            Box::pin(join_guest_orders::join_guest_orders(s))
        })
        .works("look_again", LOOK_EVERY, |s| Box::pin(events::look_again(s)))
}
