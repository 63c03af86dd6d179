//! The pages, with the services behind them played by the tests.
mod buying;
mod browser;
mod looking;
mod orders;
mod sessions;
mod staff;
mod town;
