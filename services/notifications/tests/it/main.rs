//! Notifications under test: orders and identity are played by the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod http;
mod letters;
mod shop;
mod troubles;
