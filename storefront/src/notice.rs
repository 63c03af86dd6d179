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

static NOTICES: &[Notice] = &[
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
    good("name_saved", "Your name is saved."),
    good("password_changed", "Your password is changed. Your other devices are logged out."),
    good("password_reset", "Your password is changed. Log in with the new one."),
    good("link_sent", "The letter is on its way. Open the link in it."),
    good("email_verified", "Thank you! Your e-mail address is verified."),
    good("address_saved", "The address is saved."),
    good("address_removed", "The address is deleted."),
    good("session_closed", "Logged out there."),
    good("erased", "Your account is deleted. Thank you for having been here."),
    good("reviewed", "Thank you! Your review is shown as soon as we have read it."),
    good("review_published", "Thank you! Your review is here for all to read."),
    good("sent", "The parcel is on its way."),
    good("parcel_saved", "The parcel is up to date."),
    good("confirmed", "The money is in the books."),
    good("refund_asked", "The money goes back."),
    good("review_seen", "The review can be read by all."),
    good("review_hidden", "The review is not shown."),
    good("shelf_saved", "It is saved."),
    good("shelf_removed", "It is gone. The products stay."),
    good("shop_saved", "The shop's terms are saved."),
    good("mail_waits", "The letter is on its way to the mail server again."),
    good("account_saved", "The account is changed, and its sessions have ended."),
    good("stock_set", "The shelf is up to date."),
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
