//! The form of a checkout, and the command that it asks for.
use crate::Shop;
use crate::form::Faults;
use crate::pages::address::{self, AddressForm};
use crate::pages::paying::pay_with;
use crate::visitor::Visitor;
use crate::words::SHIPPING;
use contracts::identity::SavedAddress;
use contracts::orders::{Checkout, Offer, ShippingMethod};
use contracts::{Address, AddressId};
use serde::{Deserialize, Serialize};

/// What is typed, or chosen.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct CheckoutForm {
    /// The name of the attempt; not a part of what it asks for.
    #[serde(skip_serializing)]
    pub idempotency_key: String,
    pub cart_version: String,
    /// The totals that stand on the page. See [`quoted`].
    #[serde(skip_serializing)]
    pub quoted: String,
    /// `quote`, where only the totals are to be reckoned anew.
    #[serde(skip_serializing)]
    pub step: String,
    pub email: String,
    /// One of the addresses that the account keeps.
    pub address_id: String,
    #[serde(flatten)]
    pub address: AddressForm,
    /// Whether the address is to be kept.
    #[serde(skip_serializing)]
    pub keep: String,
    pub shipping_method: String,
    pub payment_method: String,
    pub card_token: String,
}

impl Default for CheckoutForm {
    fn default() -> Self {
        let nothing = String::new;
        Self {
            idempotency_key: nothing(),
            cart_version: nothing(),
            quoted: nothing(),
            step: nothing(),
            email: nothing(),
            address_id: nothing(),
            address: AddressForm::default(),
            keep: nothing(),
            shipping_method: "standard".to_owned(),
            payment_method: nothing(),
            card_token: nothing(),
        }
    }
}

/// The field of the form that orders calls `field`.
pub fn field_of(field: &str) -> &str {
    match field {
        "payment.method" => "payment_method",
        "payment.token" => "card_token",
        other => other.strip_prefix("shipping_address.").unwrap_or(other),
    }
}

/// What the form calls a field.
pub fn label(field: &str) -> &str {
    match field {
        "email" => "E-mail",
        "address_id" => "The address",
        "shipping_method" => "Shipping",
        "payment_method" => "Payment",
        "card_token" => "The card",
        "cart_version" => "The version of your cart",
        other => address::label(other),
    }
}

/// The totals of a page, by country and way of shipping: an order is only placed for a total
/// that was shown.
pub fn quoted(country: &str, offers: &[Offer]) -> String {
    let totals = offers.iter().map(|offer| (name_of(offer.method), offer.total.minor));
    let totals: Vec<String> = totals.map(|(name, total)| format!("{name}={total}")).collect();
    format!("{country}:{}", totals.join(","))
}

/// The name of a way of shipping on the wire.
pub fn name_of(method: ShippingMethod) -> &'static str {
    SHIPPING.iter().find(|(known, ..)| *known == method).map_or("", |(_, name, ..)| name)
}

impl CheckoutForm {
    /// The kept address that is chosen, if one is.
    pub fn kept<'a>(&self, saved: &'a [SavedAddress]) -> Option<&'a SavedAddress> {
        let id: AddressId = self.address_id.parse().ok()?;
        saved.iter().find(|saved| saved.id == id)
    }
    /// Where to, as far as it is known.
    pub fn country(&self, saved: &[SavedAddress]) -> String {
        match self.kept(saved) {
            Some(kept) => kept.address.country.clone(),
            None => self.address.country(),
        }
    }
    /// Whether the page showed what this offer asks for.
    pub fn has_seen(&self, country: &str, offer: &Offer) -> bool {
        let Some((there, totals)) = self.quoted.split_once(':') else { return false };
        let total = format!("{}={}", name_of(offer.method), offer.total.minor);
        there == country && totals.split(',').any(|shown| shown == total)
    }
    /// The same with the fields of a kept address, to be changed.
    pub fn opened(mut self, saved: &[SavedAddress]) -> Self {
        if let Some(kept) = self.kept(saved) {
            self.address = kept.address.clone().into();
            "new".clone_into(&mut self.address_id);
        }
        self
    }
    fn address(&self, saved: &[SavedAddress]) -> Result<Address, Faults> {
        if let Some(kept) = self.kept(saved) {
            return Ok(kept.address.clone());
        }
        if !matches!(self.address_id.as_str(), "" | "new") {
            return Err(Faults::one("address_id", "is not among yours any more: choose another"));
        }
        let (address, faults) = self.address.read();
        if faults.is_empty() { Ok(address) } else { Err(faults) }
    }
    /// The command, or all that is wrong with the fields.
    pub fn read(
        &self,
        shop: &Shop,
        visitor: &Visitor,
        saved: &[SavedAddress],
    ) -> Result<Checkout, Faults> {
        let mut faults = Faults::default();
        let email = Some(self.email.trim().to_owned()).filter(|_| !visitor.is_known());
        if email.as_ref().is_some_and(|email| !email.contains('@') || email.len() > 254) {
            faults.add("email", "must be an e-mail address");
        }
        let address = faults.take(self.address(saved));
        let method = SHIPPING.iter().find(|(_, name, ..)| *name == self.shipping_method);
        if method.is_none() {
            faults.add("shipping_method", "must be chosen");
        }
        let payment = faults.take(pay_with(&self.payment_method, &self.card_token));
        let cart_version = self.cart_version.parse::<i64>().ok();
        if cart_version.is_none() {
            faults.add("cart_version", "was lost: look at your cart again, then place the order");
        }
        match (address, method, payment) {
            (Some(shipping_address), Some((shipping_method, ..)), Some(payment))
                if faults.is_empty() =>
            {
                Ok(Checkout {
                    of: visitor.cart.clone(),
                    idempotency: shop.attempt(&self.idempotency_key, self),
                    shipping_address,
                    shipping_method: *shipping_method,
                    payment,
                    email,
                    cart_version,
                })
            }
            _ => Err(faults),
        }
    }
}
