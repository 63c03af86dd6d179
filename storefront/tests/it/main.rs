//! The pages, with the services behind them played by the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::too_many_lines)]
mod accounts;
mod browser;
mod buying;
mod counter;
mod delivering;
mod links;
mod looking;
mod orders;
mod parcels;
mod reviews;
mod sessions;
mod shelves;
mod staff;
mod staff_goods;
mod staff_orders;
mod staff_people;
mod staff_shop;
mod terms;
mod town;
