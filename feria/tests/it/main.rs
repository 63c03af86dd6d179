//! The real thing: a store on a port of its own, and the command as people type it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]
mod backups;
mod client;
mod commands;
mod document;
mod goods;
mod serving;
