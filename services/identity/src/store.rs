//! The SQL of identity, one file an aggregate.
//!
//! Rows are locked in one order, so that waves never wait in a ring: admins, then the account,
//! then what belongs to it.
mod accounts;
mod addresses;
mod keys;
mod links;
mod sessions;

pub use accounts::*;
pub use addresses::*;
pub use keys::*;
pub use links::*;
pub use sessions::*;
