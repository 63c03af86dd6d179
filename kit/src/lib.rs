//! The machinery that services stand on. It knows no service, and nothing of shops.
//!
//! A service is a [`plug::Plug`]: what it answers, calls, tells, hears and watches. Its commands
//! run in [`wave`]s, many in one transaction; its news leaves by the [`outbox`], and what it
//! hears comes in by the [`inbox`], so that everything may come twice and happens once.
#![warn(missing_docs)]

pub mod bus;
pub mod calls;
pub mod clock;
#[allow(missing_docs)] pub mod config { // placeholder until config.rs lands: same fields
    #[derive(Clone)] pub struct Config { pub data: String, pub currency: contracts::Currency, pub hold_seconds: u64, pub public_url: String, pub mail_from: String, pub search: String, pub shipping: Shipping }
    #[derive(Clone)] pub struct Shipping { pub standard: i64, pub express: i64, pub pickup: i64 }
    impl Default for Config { fn default() -> Self { Self { data: "data".into(), currency: contracts::Currency::USD, hold_seconds: 900, public_url: "http://127.0.0.1:8080".into(), mail_from: "Feria <shop@localhost>".into(), search: "tantivy:".into(), shipping: Shipping { standard: 499, express: 1499, pickup: 0 } } } }
}
pub mod db;
pub mod faults;
pub mod idempotency;
pub mod inbox;
pub mod lease;
pub mod migrate;
pub mod outbox;
pub mod plug;
pub mod problem;
mod relay;
#[cfg(feature = "testing")]
pub mod testing;
pub mod wave;
pub mod worker;

pub use problem::{Problem, Unexpected};
