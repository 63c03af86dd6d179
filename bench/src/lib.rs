//! How fast the store is, beside what the machine could do: a load generator, the workloads, and
//! the ceilings, all measured in one run on one machine, so that the ratios mean something.
//!
//! It shares the processor with the store that it measures, and says how much of it it took.
//! Never part of a store.
#![warn(missing_docs)]
#![allow(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "rates and shares")]

pub mod audit;
pub mod bare;
pub mod cli;
pub mod client;
pub mod histogram;
pub mod load;
pub mod process;
pub mod raw;
pub mod report;
pub mod shop;
pub mod sql;
pub mod store;
pub mod town;
pub mod workloads;

use std::fmt::Display;

/// Why nothing was measured, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(String);

impl Trouble {
    /// In these words.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
    /// As an error says it.
    pub fn from_error(error: impl Display) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::from_error(error)
    }
}
impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Self {
        Self::from_error(error)
    }
}
impl From<sea_orm::DbErr> for Trouble {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::from_error(error)
    }
}
