//! The binary: configuration, wiring, subcommands. The only crate that knows all services, and
//! the only one that holds a real clock.
#![warn(missing_docs)]

pub mod admin;
pub mod backup;
pub mod cli;
pub mod describe;
pub mod export;
pub mod failure;
pub mod goods;
pub mod import;
mod key_file;
mod lock;
pub mod seed;
pub mod serve;
pub mod services;
pub mod sources;
pub mod store;

pub use failure::Failure;
pub use serve::Store;
