//! Owns payments, wallets and the ledger: what was asked of whom, what came, and what went back.
//!
//! Promises that money moves only from one book to another (double entry, every movement sums to
//! zero), that an order is paid at most once, that what is captured after an order ended goes
//! back in full, that a card is asked under one key until its answer is known, and that receipts
//! are numbered from 1 without a gap.
//!
//! Never knows what was bought or by whom in person, never decides whether an order lives, and
//! never holds a transaction open while a provider is asked.
pub mod attempt;
pub mod cancel_orders;
pub mod capture_delivered;
pub mod close_payment;
pub mod confirm_refund;
pub mod confirm_top_up;
pub mod confirm_transfer;
pub mod continue_payment;
pub mod give_back;
mod http;
pub mod ledger;
pub mod open_wallets;
pub mod payment;
pub mod provider;
pub mod queries;
pub mod refund_payment;
pub mod sandbox;
pub mod settle;
pub mod start_payments;
pub mod store;
pub mod top_up;
pub mod transactions;
pub mod void_abandoned;
pub mod wallet;
pub mod webhook;

use crate::sandbox::Sandbox;
use crate::settle::{Outcome, TopUpAnswer};
use crate::start_payments::Terms;
use contracts::CallError;
use contracts::identity::UserRegistered;
use contracts::orders::{OrderCancelled, OrderDelivered, OrderPlaced};
use contracts::payments::{
    ClosePayment, ConfirmRefund, ConfirmTopUp, ConfirmTransfer, ContinuePayment, GetPayment,
    GetWallet, ListTransactions, PaymentActionRequired, PaymentCaptured, PaymentFailed,
    PaymentMethods, PaymentRefunded, RefundPayment, TopUp, WalletEntries, WalletToppedUp,
};
use kit::Unexpected;
use kit::clock::Sources;
use kit::config::Secret;
use kit::db::{Db, Engine};
use kit::migrate::Migration;
use kit::migration;
use kit::plug::{Parts, Plug};
use kit::wave::{Batched, Waves};
use std::sync::Arc;
use std::time::Duration;

/// How often the worker looks for what is due by the clock.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The payments service.
pub struct Payments {
    db: Db,
    waves: Waves,
    sources: Sources,
    terms: Terms,
    webhook_secret: Secret,
    sandbox: Sandbox,
    settle: Batched<Outcome, Option<TopUpAnswer>>,
}

impl Payments {
    fn build(parts: Parts) -> Result<Self, Unexpected> {
        let settle = parts.waves.batched("settle", 200, |wave, outcomes: &[Outcome]| {
            Box::pin(settle::settle(wave, outcomes))
        });
        Ok(Self {
            sandbox: Sandbox::new(&parts.waves),
            settle,
            terms: Terms {
                currency: parts.config.currency,
                offered: parts.config.payments.offered().into(),
            },
            webhook_secret: parts.config.payments.webhook_secret.clone(),
            db: parts.db,
            waves: parts.waves,
            sources: parts.sources,
        })
    }

    /// What the service does before anything is served.
    async fn start(self: Arc<Self>) -> Result<(), Unexpected> {
        if self.db.engine() != Engine::Sqlite {
            return Ok(());
        }
        let freed = self.waves.write((), |wave, ()| Box::pin(provider::free_leases(wave)));
        freed.await.map_err(Unexpected::from_error)
    }
}

fn migrations() -> Vec<Migration> {
    vec![migration!("0001_payments"), migration!("0002_whole_shop")]
}

/// What the payments service says of itself.
pub fn plug() -> Plug<Payments> {
    for_staff(Plug::new("payments", migrations(), Payments::build))
        .answers::<ClosePayment>(|s, _, call| {
            Box::pin(async move {
                Ok(s.waves
                    .write(call, |wave, call| Box::pin(close_payment::close_payment(wave, call)))
                    .await?)
            })
        })
        .answers::<ContinuePayment>(|s, _, call| {
            Box::pin(async move {
                let command = (s.terms.clone(), call);
                let ran = s.waves.write(command, |wave, (terms, call)| {
                    Box::pin(continue_payment::continue_payment(wave, terms, call))
                });
                ran.await?.map_err(CallError::Refused)
            })
        })
        .answers::<PaymentMethods>(|s, caller, _| {
            Box::pin(std::future::ready(queries::payment_methods(s, caller)))
        })
        .answers::<GetWallet>(|s, caller, _| Box::pin(queries::get_wallet(s, caller)))
        .answers::<WalletEntries>(|s, caller, call| {
            Box::pin(queries::wallet_entries(s, caller, call))
        })
        .answers::<TopUp>(|s, caller, call| Box::pin(top_up::top_up(s, caller, call)))
        .answers::<ConfirmTopUp>(|s, caller, call| {
            Box::pin(confirm_top_up::confirm_top_up(s, caller, call))
        })
        .tells::<PaymentActionRequired>()
        .tells::<PaymentCaptured>()
        .tells::<PaymentFailed>()
        .tells::<PaymentRefunded>()
        .tells::<WalletToppedUp>()
        .hears::<UserRegistered>(|s, wave, heard| {
            Box::pin(open_wallets::open_wallets(wave, s.terms.currency, heard))
        })
        .hears::<OrderPlaced>(|s, wave, heard| {
            Box::pin(start_payments::start_payments(wave, &s.terms, heard))
        })
        .hears::<OrderCancelled>(|_, wave, heard| {
            Box::pin(cancel_orders::cancel_orders(wave, heard))
        })
        .hears::<OrderDelivered>(|_, wave, heard| {
            Box::pin(capture_delivered::capture_delivered(wave, heard))
        })
        .works(void_abandoned::WORKER, void_abandoned::LOOK_EVERY, |s| {
            Box::pin(void_abandoned::turn(s))
        })
        .works(provider::WORKER, LOOK_EVERY, |s| Box::pin(provider::turn(s)))
        .on_start(|s| Box::pin(s.start()))
        .routes(http::routes)
}

/// What it answers to staff.
fn for_staff(plug: Plug<Payments>) -> Plug<Payments> {
    plug.answers::<RefundPayment>(|s, caller, call| {
        Box::pin(refund_payment::refund_payment(s, caller, call))
    })
    .answers::<ConfirmTransfer>(|s, caller, call| {
        Box::pin(confirm_transfer::confirm_transfer(s, caller, call))
    })
    .answers::<ConfirmRefund>(|s, caller, call| {
        Box::pin(confirm_refund::confirm_refund(s, caller, call))
    })
    .answers::<GetPayment>(|s, caller, call| Box::pin(queries::get_payment(s, caller, call)))
    .answers::<ListTransactions>(|s, caller, call| {
        Box::pin(queries::list_transactions(s, caller, call))
    })
}
