//! The machinery that services stand on. It knows no service, and nothing of shops.
//!
//! A service is a [`plug::Plug`]: what it answers, calls, tells, hears and watches. Its commands
//! run in [`wave`]s, many in one transaction; its news leaves by the [`outbox`], and what it
//! hears comes in by the [`inbox`], so that everything may come twice and happens once.
#![warn(missing_docs)]

pub mod auth;
pub mod bus;
pub mod calls;
pub mod clock;
pub mod config;
pub mod db;
pub mod faults;
pub mod idempotency;
pub mod inbox;
pub mod input;
pub mod lease;
pub mod migrate;
pub mod outbox;
pub mod pages;
pub mod plug;
pub mod problem;
mod relay;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod wave;
pub mod worker;

pub use problem::{Problem, Unexpected};
