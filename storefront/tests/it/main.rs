//! The pages, with the services behind them played by the tests.
mod browser;
mod buying;
mod looking;
mod orders;
mod sessions;
mod staff;
mod town;
