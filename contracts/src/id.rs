//! Ids: UUIDv7, one type per kind, so that an order's id never stands where an account's should.
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
    )+};
}

ids! {
    /// A registered person.
    AccountId,
    /// One login of an account; ends at logout.
    SessionId,
    /// A product, which has one or more variants.
    ProductId,
    /// An author.
    AuthorId,
    /// A genre.
    GenreId,
    /// A category of products.
    CategoryId,
    /// A cart, a guest's or an account's.
    CartId,
    /// An order.
    OrderId,
    /// A payment: what one order or one top-up asks for.
    PaymentId,
    /// A refund of a payment, or of a part of it.
    RefundId,
    /// One side of a movement in the ledger.
    EntryId,
    /// A top-up of a wallet.
    TopUpId,
    /// A change of stock, with its reason.
    AdjustmentId,
    /// A notification to one person.
    NotificationId,
    /// An event.
    EventId,
    /// A parcel of an order.
    ShipmentId,
    /// A review of a product.
    ReviewId,
    /// An address that an account keeps.
    AddressId,
    /// A link that was sent by mail and works once.
    LinkId,
    /// A letter that was written.
    MailId,
}
