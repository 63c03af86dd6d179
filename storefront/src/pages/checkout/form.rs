//! The form of a checkout, and the command that it asks for.
use crate::Shop;
use crate::form::Faults;
use crate::visitor::Visitor;
use contracts::Address;
use contracts::orders::{Checkout, PayWith, ShippingMethod};
use contracts::payments::PaymentMethod;
use serde::{Deserialize, Serialize};

/// What is typed, or chosen.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct CheckoutForm {
    /// The name of the attempt; not a part of what it asks for.
    #[serde(skip_serializing)]
    pub idempotency_key: String,
    pub cart_version: String,
    pub email: String,
    pub name: String,
    pub line1: String,
    pub line2: String,
    pub postal_code: String,
    pub city: String,
    pub country: String,
    pub phone: String,
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
            email: nothing(),
            name: nothing(),
            line1: nothing(),
            line2: nothing(),
            postal_code: nothing(),
            city: nothing(),
            country: nothing(),
            phone: nothing(),
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
        "name" => "Full name",
        "line1" => "Street and number",
        "line2" => "Flat, floor, company",
        "postal_code" => "Postal code",
        "city" => "City",
        "country" => "Country",
        "phone" => "Phone",
        "shipping_method" => "Shipping",
        "payment_method" => "Payment",
        "card_token" => "The card",
        "cart_version" => "The version of your cart",
        other => other,
    }
}

/// How somebody means to pay, by what a form says of it.
pub fn pay_with(method: &str, card_token: &str) -> Result<PayWith, Faults> {
    match method {
        "wallet" => Ok(PayWith { method: PaymentMethod::Wallet, token: None }),
        "card" if card_token.is_empty() => Err(Faults::one("card_token", "must be chosen")),
        "card" => Ok(PayWith { method: PaymentMethod::Card, token: Some(card_token.to_owned()) }),
        _ => Err(Faults::one("payment_method", "must be chosen")),
    }
}

impl CheckoutForm {
    /// The command, or all that is wrong with the fields.
    pub fn read(&self, shop: &Shop, visitor: &Visitor) -> Result<Checkout, Faults> {
        let mut faults = Faults::default();
        let shipping_address = self.address();
        let Address { name, line1, city, postal_code, country, .. } = &shipping_address;
        let required = [
            ("name", name),
            ("line1", line1),
            ("city", city),
            ("postal_code", postal_code),
            ("country", country),
        ];
        for (field, _) in required.into_iter().filter(|(_, text)| text.is_empty()) {
            faults.add(field, "must be filled in");
        }
        for (field, reason) in shipping_address.faults() {
            faults.add(field, reason);
        }
        let email = Some(self.email.trim().to_owned()).filter(|_| !visitor.is_known());
        if email.as_ref().is_some_and(|email| !email.contains('@') || email.len() > 254) {
            faults.add("email", "must be an e-mail address");
        }
        let shipping_method = match self.shipping_method.as_str() {
            "standard" => ShippingMethod::Standard,
            "express" => ShippingMethod::Express,
            "pickup" => ShippingMethod::Pickup,
            _ => {
                faults.add("shipping_method", "must be chosen");
                ShippingMethod::Standard
            }
        };
        let payment = pay_with(&self.payment_method, &self.card_token);
        if let Err(Faults(wrong)) = &payment {
            wrong.iter().for_each(|(field, reason)| faults.add(field, reason.clone()));
        }
        let cart_version = self.cart_version.parse::<i64>().ok();
        if cart_version.is_none() {
            faults.add("cart_version", "was lost: look at your cart again, then place the order");
        }
        match payment {
            Ok(payment) if faults.is_empty() => Ok(Checkout {
                of: visitor.cart.clone(),
                idempotency: shop.attempt(&self.idempotency_key, self),
                shipping_address,
                shipping_method,
                payment,
                email,
                cart_version,
            }),
            _ => Err(faults),
        }
    }
    fn address(&self) -> Address {
        let text = |field: &String| field.trim().to_owned();
        let some = |field: &String| Some(text(field)).filter(|text| !text.is_empty());
        Address {
            name: text(&self.name),
            line1: text(&self.line1),
            line2: some(&self.line2),
            city: text(&self.city),
            postal_code: text(&self.postal_code),
            country: text(&self.country).to_ascii_uppercase(),
            phone: some(&self.phone),
        }
    }
}
