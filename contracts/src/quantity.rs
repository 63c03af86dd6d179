//! How many pieces: never zero, never absurd.
use serde::{Deserialize, Serialize};
use std::fmt;

/// A number of pieces on one line: 1 to [`Quantity::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = u32, minimum = 1, maximum = 9999, examples(2)))]
#[serde(try_from = "u32", into = "u32")]
pub struct Quantity(u32);

/// The number is zero or above [`Quantity::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is from 1 to 9999")]
pub struct NotAQuantity;

impl Quantity {
    /// The most that one line can ask for.
    pub const MAX: u32 = 9_999;
    /// One piece.
    pub const ONE: Self = Self(1);

    /// `count` pieces.
    /// # Errors
    /// When `count` is zero or above [`Self::MAX`].
    pub const fn new(count: u32) -> Result<Self, NotAQuantity> {
        if count == 0 || count > Self::MAX { Err(NotAQuantity) } else { Ok(Self(count)) }
    }
    /// The number of pieces.
    pub const fn get(self) -> u32 {
        self.0
    }
    /// This many and `other` more.
    /// # Errors
    /// When the sum is above [`Self::MAX`].
    pub const fn plus(self, other: Self) -> Result<Self, NotAQuantity> {
        Self::new(self.0 + other.0)
    }
}
impl TryFrom<u32> for Quantity {
    type Error = NotAQuantity;
    fn try_from(count: u32) -> Result<Self, NotAQuantity> {
        Self::new(count)
    }
}
impl TryFrom<i64> for Quantity {
    type Error = NotAQuantity;
    fn try_from(count: i64) -> Result<Self, NotAQuantity> {
        u32::try_from(count).map_err(|_| NotAQuantity).and_then(Self::new)
    }
}
impl From<Quantity> for u32 {
    fn from(quantity: Quantity) -> u32 {
        quantity.0
    }
}
impl From<Quantity> for i64 {
    fn from(quantity: Quantity) -> i64 {
        i64::from(quantity.0)
    }
}
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
