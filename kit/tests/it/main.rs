//! The kit under a toy: two services that count, on the engine under test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod idempotency;
mod news;
mod tables;
mod toy;
mod waves;
