//! What cart tells and answers. It owns what shoppers mean to buy; prices it only shows.
use crate::message::{call, event};
use crate::{AccountId, CartId, Money, NoRefusal, Quantity, Sku};
use serde::{Deserialize, Serialize};

/// Whose cart a call is about: the caller's account, else the one that the token names.
///
/// With an account and a live token the guest's cart is merged into the account's, once, and
/// the token is void.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartToken {
    /// The `Cart-Token` header.
    pub token: Option<String>,
}

/// What a shopper means to buy, with the prices of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Cart {
    /// Null for a cart that was never changed.
    pub id: Option<CartId>,
    /// In the order in which they were added.
    pub items: Vec<CartLine>,
    /// The sum of the lines.
    pub subtotal: Money,
    /// The same: shipping and tax are reckoned at checkout.
    pub total: Money,
    /// Rises with every change; 0 for a cart that was never changed.
    pub version: i64,
    /// SKUs that were in the cart and are no longer sold: shown once, not counted.
    pub unavailable: Vec<Sku>,
}

/// One line of a cart or an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CartLine {
    /// Which SKU.
    pub sku: Sku,
    /// What it is called.
    pub title: String,
    /// The product's name in addresses.
    pub slug: String,
    /// Its picture.
    pub image: Option<String>,
    /// How many.
    pub quantity: Quantity,
    /// What one piece costs.
    pub unit_price: Money,
    /// `unit_price` times `quantity`.
    pub line_total: Money,
}

/// A cart, and the token that names it when it is a guest's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartAnswer {
    /// The cart.
    pub cart: Cart,
    /// To be sent back as `Cart-Token`: a new one on a guest's first change.
    pub token: Option<String>,
}

/// Why a cart was not changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum CartRefused {
    /// The catalogue does not sell this SKU.
    #[error("{sku} is not sold here")]
    NotSold {
        /// Which one.
        sku: Sku,
    },
    /// The cart has no line of this SKU.
    #[error("{sku} is not in the cart")]
    NotInCart {
        /// Which one.
        sku: Sku,
    },
    /// A line would exceed [`Quantity::MAX`], or the cart 100 lines.
    #[error("{what} is more than a cart can hold")]
    TooMuch {
        /// What there would be too much of.
        what: String,
    },
}

/// The cart as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetCart {
    /// Whose.
    pub of: CartToken,
}
call!(GetCart, "cart.get_cart.v1", CartAnswer, NoRefusal);

/// Put more of a SKU into the cart; lines of one SKU are one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddItem {
    /// Whose.
    pub of: CartToken,
    /// Which SKU.
    pub sku: Sku,
    /// How many more.
    pub quantity: Quantity,
}
call!(AddItem, "cart.add_item.v1", CartAnswer, CartRefused);

/// Say how many of a SKU the cart has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeItem {
    /// Whose.
    pub of: CartToken,
    /// Which SKU.
    pub sku: Sku,
    /// How many in all.
    pub quantity: Quantity,
}
call!(ChangeItem, "cart.change_item.v1", CartAnswer, CartRefused);

/// Take a SKU out of the cart. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveItem {
    /// Whose.
    pub of: CartToken,
    /// Which SKU.
    pub sku: Sku,
}
call!(RemoveItem, "cart.remove_item.v1", CartAnswer, CartRefused);

/// Empty the cart. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearCart {
    /// Whose.
    pub of: CartToken,
}
call!(ClearCart, "cart.clear_cart.v1", CartAnswer, NoRefusal);

/// What is in the caller's cart, without prices: what a checkout orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartContents {
    /// Whose.
    pub of: CartToken,
    /// Whether it will do what was in it when it was changed last, where that is in memory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lately: bool,
}
call!(CartContents, "cart.contents.v1", Contents, NoRefusal);

/// A cart without prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Null for a cart that was never changed.
    pub cart: Option<CartId>,
    /// 0 for a cart that was never changed.
    pub version: i64,
    /// The lines, in the order in which they were added.
    pub lines: Vec<ContentsLine>,
    /// Whether that is from memory, and not what the database says now. The prices may be older
    /// still.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lately: bool,
}

/// One line of a cart without prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentsLine {
    /// Which SKU.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// What one piece cost when the line was last shown to the shopper.
    pub shown_price: Option<Money>,
}

/// Pieces of a SKU were put into a cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemAdded {
    /// Which cart.
    pub cart: CartId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// Which SKU.
    pub sku: Sku,
    /// How many more.
    pub added: u32,
    /// How many in all now.
    pub quantity: Quantity,
}
event!(ItemAdded, "cart.item_added.v1", cart);

/// A cart has another number of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemChanged {
    /// Which cart.
    pub cart: CartId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// Which SKU.
    pub sku: Sku,
    /// How many in all now.
    pub quantity: Quantity,
}
event!(ItemChanged, "cart.item_changed.v1", cart);

/// A SKU was taken out of a cart by the shopper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRemoved {
    /// Which cart.
    pub cart: CartId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// Which SKU.
    pub sku: Sku,
}
event!(ItemRemoved, "cart.item_removed.v1", cart);

/// A cart was emptied by the shopper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartCleared {
    /// Which cart.
    pub cart: CartId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
}
event!(CartCleared, "cart.cart_cleared.v1", cart);

/// A guest's cart went into an account's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartsMerged {
    /// The account's cart.
    pub cart: CartId,
    /// Whose.
    pub account: AccountId,
    /// The guest's cart, which is no more.
    pub guest: CartId,
}
event!(CartsMerged, "cart.carts_merged.v1", cart);

/// A cart that nobody touched for long is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartExpired {
    /// Which cart.
    pub cart: CartId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
}
event!(CartExpired, "cart.cart_expired.v1", cart);
