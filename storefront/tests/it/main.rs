//! The pages, with the services behind them played by the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::too_many_lines)]
mod browser;
mod buying;
mod looking;
mod orders;
mod sessions;
mod staff;
mod town;
