//! Every message between Feria's services, and the words they are made of.
//!
//! Serde only, no I/O. A message changes by addition, or a `.v2` stands beside its `.v1`:
//! the JSON files under `golden/` must parse for ever. Contracts ignore unknown fields, so
//! that two versions can run side by side; public input (a service's `http.rs`) refuses them.
#![warn(missing_docs)]

pub mod address;
pub mod caller;
pub mod cart;
pub mod catalog;
pub mod id;
pub mod identity;
pub mod inventory;
pub mod message;
pub mod money;
pub mod notifications;
pub mod orders;
pub mod payments;
pub mod quantity;
pub mod sku;
pub mod time;

pub use address::Address;
pub use caller::{Caller, Role};
pub use id::*;
pub use message::{Call, CallError, Event, NoRefusal};
pub use money::{Currency, Money};
pub use quantity::Quantity;
pub use sku::Sku;
pub use time::Timestamp;
