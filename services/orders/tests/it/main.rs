//! The orders service, with the rest of the store played by the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]
mod access;
mod cancelling;
mod checking_out;
mod crashes;
mod expiring;
mod failing_steps;
mod hearing;
mod joining;
mod keys;
mod listing;
mod live;
mod over_http;
mod paying;
mod paying_later;
mod quoting;
mod receipts;
mod refunding;
mod remembering;
mod shipping;
mod shop;
mod terms;
mod upgrading;
mod web;
