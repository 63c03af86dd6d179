//! The orders service, with the rest of the store played by the tests.
mod cancelling;
mod checking_out;
mod crashes;
mod expiring;
mod failing_steps;
mod hearing;
mod keys;
mod paying;
mod shop;
