//! What a shopper has just done, told by the next page: `?notice=<code>`. Only these can be told,
//! so that no link can put words into the shop's mouth.

/// One thing to tell.
#[derive(Debug, PartialEq, Eq)]
pub struct Notice {
    code: &'static str,
    /// The class of the box.
    pub tone: &'static str,
    /// What is told.
    pub text: &'static str,
    /// Where to go from there, with words for it.
    pub links: &'static [(&'static str, &'static str)],
}

impl Notice {
    /// Whether it is the one that is called `code`.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

const fn good(code: &'static str, text: &'static str) -> Notice {
    Notice { code, tone: "is-good", text, links: &[] }
}
const fn warning(code: &'static str, text: &'static str) -> Notice {
    Notice { code, tone: "is-warning", text, links: &[] }
}

static NOTICES: [Notice; 15] = [
    Notice {
        code: "added",
        tone: "is-good",
        text: "Added to your cart.",
        links: &[("/cart", "See the cart"), ("/checkout", "Check out")],
    },
    good("updated", "Your cart is up to date."),
    good("removed", "Taken out of your cart."),
    good("placed", "Thank you! Your order is placed."),
    good("paying", "We have passed your payment on."),
    good("cancelled", "The order is cancelled. What was paid goes back."),
    good("welcome", "Welcome! Your account is ready, and so is an empty wallet."),
    good("logged_out", "You are logged out."),
    warning("session_ended", "Your session has ended. Log in again to see your account."),
    good("topped_up", "The money is in your wallet."),
    warning("topping_up", "The money is on its way. Your wallet shows it as soon as it is there."),
    good("stock_set", "The shelf is counted anew."),
    good("product_saved", "The product is saved."),
    good("product_withdrawn", "The product was taken off the shelves."),
    warning("no_stock_set", "The product is listed, but its stock could not be set: set it here."),
];

/// The notice that a query string asks for.
pub fn of_query(query: &str) -> Option<&'static Notice> {
    called(query.split('&').find_map(|pair| pair.strip_prefix("notice="))?)
}

/// The notice with this code.
pub fn called(code: &str) -> Option<&'static Notice> {
    NOTICES.iter().find(|notice| notice.is(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fixed_notices_are_told() {
        assert!(of_query("a=1&notice=added").unwrap().is("added"));
        for query in ["", "notice=", "notice=hello", "xnotice=added", "notice=%3Cb%3E"] {
            assert_eq!(of_query(query), None, "{query}");
        }
    }
}
