//! Notifications under test: orders and identity are played by the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod forgetting;
mod http;
mod letters;
mod links;
mod live;
mod low_stock;
mod shop;
mod smtp;
mod troubles;
