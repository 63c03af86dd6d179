//! Why an order was not placed, as one tells a shopper.
use crate::countries;
use contracts::cart::Cart;
use contracts::inventory::Shortage;
use contracts::orders::CheckoutRefused;
use contracts::{Money, Sku};

/// What is told above the form.
pub struct Trouble {
    /// The headline.
    pub title: &'static str,
    /// What happened, one sentence each.
    pub lines: Vec<String>,
    /// Where to go from there, with words for it.
    pub link: Option<(String, &'static str)>,
}

impl Trouble {
    /// Why orders refused, with the titles of what is in the cart.
    pub fn of(refused: &CheckoutRefused, cart: &Cart) -> Self {
        let title = |sku: &Sku| {
            let line = cart.items.iter().find(|line| line.sku == *sku);
            line.map_or_else(|| sku.to_string(), |line| line.title.clone())
        };
        let to_cart = Some(("/cart".to_owned(), "Change your cart"));
        match refused {
            CheckoutRefused::CartChanged { .. } => Self::new(
                "Your cart has changed",
                "It was changed since you saw it here, perhaps in another window. This is how it is now.",
            ),
            CheckoutRefused::CartAlreadyOrdered { order } => Self {
                link: Some((format!("/orders/{order}"), "See that order")),
                ..Self::new("You have ordered this cart already", "No second order was placed.")
            },
            CheckoutRefused::PriceChanged { changes } => {
                let told = changes.iter().map(|change| {
                    let (title, now, shown) = (title(&change.sku), change.now, change.shown);
                    format!("{title} now costs {now} (it was {shown}).")
                });
                let mut told: Vec<String> = told.collect();
                told.push("Place the order again if that is fine with you.".to_owned());
                Self { title: "A price changed", lines: told, link: to_cart }
            }
            CheckoutRefused::NotSold { skus } => Self {
                title: "Not sold any more",
                lines: skus
                    .iter()
                    .map(|sku| format!("{} was taken off the shelves.", title(sku)))
                    .collect(),
                link: to_cart,
            },
            CheckoutRefused::OutOfStock { short } => {
                let lines = short.iter().map(|short| too_little(short, &title(&short.sku)));
                Self { title: "Somebody was faster", lines: lines.collect(), link: to_cart }
            }
            CheckoutRefused::InProgress => Self::new(
                "Your order is just being placed",
                "Wait a moment, then look at your orders, or press the button again: it places one order.",
            ),
            CheckoutRefused::KeyReused => Self {
                link: Some(("/orders".to_owned(), "See your orders")),
                ..Self::new(
                    "This form was sent before with other details",
                    "Look whether the first order was placed before you send another.",
                )
            },
            CheckoutRefused::NotDelivered { country } => Self::new(
                "We do not deliver there in this way",
                &format!(
                    "To {}, choose another way of shipping, or give another address.",
                    countries::name(country)
                ),
            ),
            CheckoutRefused::CartEmpty
            | CheckoutRefused::Total { .. }
            | CheckoutRefused::Invalid { .. } => {
                Self::new("This cannot be ordered", &format!("The shop says: {refused}."))
            }
        }
    }
    /// The total is not the one that was shown.
    pub fn other_total(total: Money, country: &str) -> Self {
        let country = countries::name(country);
        Self::new(
            "Look at the total once more",
            &format!(
                "Delivered to {country} it is {total}. Place the order if that is fine with you."
            ),
        )
    }
    /// Nothing was done.
    pub fn not_now() -> Self {
        Self::new(
            "The order was not placed",
            "A part of the shop does not answer. Press the button again in a moment.",
        )
    }
    /// It may have been done.
    pub fn unknown() -> Self {
        Self::new(
            "We do not know whether your order was placed",
            "Press the button again without changing anything: it places one order, and no second one.",
        )
    }
    fn new(title: &'static str, line: &str) -> Self {
        Self { title, lines: vec![line.to_owned()], link: None }
    }
}

fn too_little(short: &Shortage, title: &str) -> String {
    match (short.requested, short.available) {
        (_, ..=0) => format!("{title} is sold out."),
        (wanted, left) => format!("You want {wanted} of {title}, and {left} are left."),
    }
}
