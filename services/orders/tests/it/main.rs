//! The orders service, with the rest of the store played by the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]
mod access;
mod cancelling;
mod checking_out;
mod crashes;
mod expiring;
mod failing_steps;
mod hearing;
mod keys;
mod listing;
mod over_http;
mod paying;
mod shop;
mod web;
