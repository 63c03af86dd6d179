//! The door in front of a service that is played by the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]
mod door;
mod entering;
mod looking_in;
