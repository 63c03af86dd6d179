//! The shop: what it is called and the terms on which it sells.
use super::ShippingMethod;
use crate::cart::CartToken;
use crate::message::{call, event};
use crate::{Currency, Money, NoRefusal, Timestamp};
use serde::{Deserialize, Serialize};

/// What the shop is called and the terms on which it sells. Amounts are minor units of the
/// store's currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ShopTerms {
    /// What it is called: 1 to 100 characters.
    pub name: String,
    /// Who stands behind it and where, a line each, for receipts: at most 8 of 200 characters.
    pub address: Vec<String>,
    /// Its VAT identification number, as it is to be printed; at most 30 characters.
    pub vat_id: Option<String>,
    /// Where shoppers write to.
    pub email: Option<String>,
    /// Where shoppers call; at most 30 characters.
    pub phone: Option<String>,
    /// The countries that it delivers to (ISO 3166-1 alpha-2); none: everywhere.
    pub countries: Vec<String>,
    /// Pages such as terms, privacy and imprint: at most 20.
    pub pages: Vec<LegalPage>,
    /// What shipping costs; a method without a rate for a country is not offered there.
    pub shipping: Vec<ShippingRate>,
    /// Whether prices include the tax (it is shown) or not (it is added).
    pub prices_include_tax: bool,
    /// Which tax is due; without a rate that fits, none.
    pub tax: Vec<TaxRate>,
}

/// A page that the law or good manners ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LegalPage {
    /// Its name in addresses, `/legal/{slug}`: small letters, digits and hyphens.
    pub slug: String,
    /// 1 to 100 characters.
    pub title: String,
    /// Plain text; an empty line parts paragraphs. At most 50,000 characters.
    pub text: String,
}

/// What a way of shipping costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShippingRate {
    /// Which way.
    pub method: ShippingMethod,
    /// To which country (ISO 3166-1 alpha-2); none: to all that have no rate of their own.
    #[serde(default)]
    pub country: Option<String>,
    /// Minor units, at least 0.
    pub price: i64,
    /// From which subtotal on it costs nothing.
    #[serde(default)]
    pub free_above: Option<i64>,
}

/// Which tax is due on what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TaxRate {
    /// What goes to this country (ISO 3166-1 alpha-2); none: to all without a rate of their own.
    #[serde(default)]
    pub country: Option<String>,
    /// What stands in this category or in one below it (its slug); none: everything else, and
    /// shipping.
    #[serde(default)]
    pub category: Option<String>,
    /// Hundredths of a per cent, 0 to 10,000: 1,900 is 19 %.
    pub basis_points: u32,
}

/// The shop's terms as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Shop {
    /// The terms.
    #[serde(flatten)]
    pub terms: ShopTerms,
    /// What prices are in; configured, and the same for ever.
    pub currency: Currency,
    /// Rises with every change; 0 until staff changes anything.
    pub version: i64,
    /// When it was changed.
    pub changed_at: Option<Timestamp>,
}

/// The shop's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetShop;
call!(GetShop, "orders.get_shop.v1", Shop, NoRefusal);

/// Change the shop's terms, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateShop {
    /// What they become.
    pub terms: ShopTerms,
    /// The version that was seen; none changes whatever is there.
    pub version: Option<i64>,
}
call!(UpdateShop, "orders.update_shop.v1", Shop, ShopRefused);

/// Why the shop's terms were not changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum ShopRefused {
    /// The caller lacks the right.
    #[error("only admins may change the shop's terms")]
    NotAllowed,
    /// Somebody else changed them meanwhile.
    #[error("the terms were changed meanwhile")]
    ShopChanged {
        /// The version of now.
        version: i64,
    },
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The shop's terms changed: ask for them to see how they are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopChanged {
    /// Always `shop`: there is one.
    pub shop: String,
    /// The new version.
    pub version: i64,
}
event!(ShopChanged, "orders.shop_changed.v1", shop);

/// What the caller's cart would cost, delivered to a country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteCart {
    /// Whose cart, for guests.
    pub of: CartToken,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}
call!(QuoteCart, "orders.quote_cart.v1", Vec<Offer>, QuoteRefused);

/// What the cart costs with one way of shipping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Offer {
    /// Which way.
    pub method: ShippingMethod,
    /// Sum of the items.
    pub subtotal: Money,
    /// Shipping.
    pub shipping: Money,
    /// Tax that is added.
    pub tax: Money,
    /// Tax that the prices include.
    pub tax_included: Money,
    /// What was taken off.
    pub discount: Money,
    /// What is to be paid.
    pub total: Money,
}

/// Why there is no quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum QuoteRefused {
    /// The cart has no lines.
    #[error("the cart is empty")]
    CartEmpty,
    /// The shop does not deliver to this country.
    #[error("the shop does not deliver to {country}")]
    NotDelivered {
        /// Which one.
        country: String,
    },
    /// The catalogue no longer sells these.
    #[error("not sold any more")]
    NotSold {
        /// Which ones.
        skus: Vec<crate::Sku>,
    },
    /// The total is more than the store reckons with.
    #[error("the total cannot be reckoned: {reason}")]
    Total {
        /// Why.
        reason: String,
    },
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}
