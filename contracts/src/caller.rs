//! Who is asking. Services trust it because each verifies the token, or the peer, itself.
use crate::{AccountId, SessionId};
use serde::{Deserialize, Serialize};

/// What an account may do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    Customer,
    /// Sees and helps with orders.
    Support,
    /// Runs the shop.
    Admin,
}

/// A named right, checked in the use case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Create, change and withdraw products.
    ManageCatalog,
    /// Read and change stock.
    ManageStock,
    /// See every order; cancel and ship them.
    ManageOrders,
    /// Give money back, confirm transfers.
    ManagePayments,
    /// See and change accounts and their roles.
    ManageAccounts,
    /// See parked messages and replay them.
    ManageMessages,
    /// Let reviews be seen, or not.
    ModerateReviews,
    /// Change what the shop is called and the terms on which it sells.
    ManageShop,
}

impl Role {
    /// Whether the role carries `permission`.
    pub const fn may(self, permission: Permission) -> bool {
        match self {
            Self::Customer => false,
            Self::Support => {
                matches!(permission, Permission::ManageOrders | Permission::ModerateReviews)
            }
            Self::Admin => true,
        }
    }
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Support => "support",
            Self::Admin => "admin",
        }
    }
}
impl std::str::FromStr for Role {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Customer, Self::Support, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("no role is called {text:?}"))
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Caller {
    /// Nobody known: a guest.
    Guest,
    /// A logged-in person.
    Account {
        /// Which account.
        account: AccountId,
        /// By which login.
        session: SessionId,
        /// With which role.
        role: Role,
    },
    /// The store itself: a service, the simulation or the command line.
    Store,
}

impl Caller {
    /// The account, if somebody is logged in.
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account { account, .. } => Some(*account),
            Self::Guest | Self::Store => None,
        }
    }
    /// Whether the caller has `permission`. The store itself has every one.
    pub const fn may(&self, permission: Permission) -> bool {
        match self {
            Self::Guest => false,
            Self::Account { role, .. } => role.may(permission),
            Self::Store => true,
        }
    }
}
