//! How the shop writes things: prices, dates, states. What is marked safe here is written from
//! digits, fixed words and currency codes only.
use askama::filters::HtmlSafe;
use contracts::orders::{Order, OrderPayment, OrderStatus, ShipmentStatus, ShippingMethod};
use contracts::payments::{PaymentMethod, PaymentStatus};
use contracts::{Currency, Money, Timestamp};
use std::fmt;

/// A price: `19.99 USD`, the currency small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price(pub Money);

impl From<Money> for Price {
    fn from(money: Money) -> Self {
        Self(money)
    }
}
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"price\">{}</span>", Parts(self.0))
    }
}
impl HtmlSafe for Price {}

/// The lowest of several prices: `from 9.99 USD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceFrom {
    /// The lowest.
    pub price: Money,
    /// Whether there are others.
    pub others: bool,
}

impl fmt::Display for PriceFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = if self.others { "<small>from</small> " } else { "" };
        write!(f, "<span class=\"price\">{from}{}</span>", Parts(self.price))
    }
}
impl HtmlSafe for PriceFrom {}

/// A movement of money: green and with a plus where it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement(pub Money);

impl fmt::Display for Movement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, sign, amount) = match self.0.minor {
            ..0 => ("out", "−", self.0.negated()),
            _ => ("in", "+", self.0),
        };
        write!(f, "<span class=\"price {class}\">{sign}{}</span>", Parts(amount))
    }
}
impl HtmlSafe for Movement {}

struct Parts(Money);

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <small>{}</small>", number(self.0), self.0.currency)
    }
}

/// An amount without its currency: `19.99`.
pub fn number(money: Money) -> String {
    let text = money.to_string();
    text.split_once(' ').map_or_else(|| text.clone(), |(number, _)| number.to_owned())
}

/// Reads an amount as people write it, exactly: `19.99`, `20`, `0.5`.
/// # Errors
/// With a reason that reads on from the field's name.
pub fn parse_money(text: &str, currency: Currency) -> Result<Money, String> {
    let digits = usize::try_from(currency.minor_digits()).unwrap_or_default();
    let no_amount = || match digits {
        0 => "must be a whole number, such as 20".to_owned(),
        _ => format!("must be an amount such as 19.{}", &"990"[..digits.min(3)]),
    };
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_point = text.contains('.');
    let fits = !whole.is_empty() && part.len() <= digits && has_point != part.is_empty();
    if !fits || !are_digits(whole) || !are_digits(part) {
        return Err(no_amount());
    }
    let too_much = || format!("is more than {}", Money::new(Money::MAX_MINOR, currency));
    let minor: i64 = format!("{whole}{part:0<digits$}").parse().map_err(|_| too_much())?;
    if minor > Money::MAX_MINOR {
        return Err(too_much());
    }
    Ok(Money::new(minor, currency))
}

/// An instant: `14 March 2026, 09:26 UTC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When(pub Timestamp);

/// The day of an instant: `14 March 2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Timestamp);

/// The time of day of an instant: `09:26 UTC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock(pub Timestamp);

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Day and time of day.
fn told(time: Timestamp) -> Option<(String, String)> {
    let text = time.to_string();
    let (date, clock) = text.split_once('T')?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day = day.trim_start_matches('0');
    Some((format!("{day} {month} {year}"), format!("{} UTC", clock.get(..5)?)))
}

fn tag(f: &mut fmt::Formatter<'_>, time: Timestamp, words: Option<String>) -> fmt::Result {
    match words {
        Some(words) => write!(f, "<time datetime=\"{time}\">{words}</time>"),
        None => write!(f, "{time}"),
    }
}
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tag(f, self.0, told(self.0).map(|(day, clock)| format!("{day}, {clock}")))
    }
}
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tag(f, self.0, told(self.0).map(|(day, _)| day))
    }
}
impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tag(f, self.0, told(self.0).map(|(_, clock)| clock))
    }
}
impl HtmlSafe for When {}
impl HtmlSafe for Day {}
impl HtmlSafe for Clock {}

/// Where an order stands, as a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Badge(pub OrderStatus);

/// The name on the wire, and in words.
pub const STATUSES: [(OrderStatus, &str, &str); 6] = [
    (OrderStatus::Pending, "pending", "Waiting for payment"),
    (OrderStatus::Paid, "paid", "Paid"),
    (OrderStatus::Fulfilled, "fulfilled", "On its way"),
    (OrderStatus::Delivered, "delivered", "Delivered"),
    (OrderStatus::Cancelled, "cancelled", "Cancelled"),
    (OrderStatus::Refunded, "refunded", "Refunded"),
];

/// A status in words.
pub fn status(status: OrderStatus) -> &'static str {
    STATUSES.iter().find(|(known, ..)| *known == status).map_or("", |(_, _, words)| words)
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name =
            STATUSES.iter().find(|(known, ..)| *known == self.0).map_or("", |(_, name, _)| name);
        write!(f, "<span class=\"badge is-{name}\">{}</span>", status(self.0))
    }
}
impl HtmlSafe for Badge {}

/// Where an order stands, as its shopper sees it: what is paid in cash waits for no payment.
pub fn stands(order: &Order) -> &'static str {
    match (order.status, order.payment.method) {
        (OrderStatus::Pending, PaymentMethod::CashOnDelivery) => "Being packed",
        (known, _) => status(known),
    }
}

/// [`stands`], as a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    status: OrderStatus,
    words: &'static str,
}

impl From<&Order> for Standing {
    fn from(order: &Order) -> Self {
        Self { status: order.status, words: stands(order) }
    }
}
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = STATUSES.iter().find(|(known, ..)| *known == self.status);
        let name = known.map_or("", |(_, name, _)| name);
        write!(f, "<span class=\"badge is-{name}\">{}</span>", self.words)
    }
}
impl HtmlSafe for Standing {}

/// See [`Standing`].
pub fn standing(order: &Order) -> Standing {
    Standing::from(order)
}

/// How many can be ordered, where that is worth a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock(pub i64);

/// So few are told.
pub const FEW: i64 = 5;

impl fmt::Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ..=0 => f.write_str("<span class=\"badge is-out\">Sold out</span>"),
            left if left <= FEW => {
                write!(f, "<span class=\"badge is-low\">Only {left} left</span>")
            }
            _ => Ok(()),
        }
    }
}
impl HtmlSafe for Stock {}

/// A way to pay, in words.
pub const fn method(method: &PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Wallet => "Wallet",
        PaymentMethod::Card => "Card",
        PaymentMethod::BankTransfer => "Bank transfer",
        PaymentMethod::CashOnDelivery => "Cash on delivery",
    }
}

/// What a way to pay means for a shopper.
pub fn explained(method: PaymentMethod, transfer_days: u32) -> String {
    match method {
        PaymentMethod::Card => "This shop runs on a sandbox: pick a test card".to_owned(),
        PaymentMethod::Wallet => "From your balance, at once".to_owned(),
        PaymentMethod::BankTransfer => {
            let days = counted(u64::from(transfer_days), "day", "days");
            format!("We tell you account and reference, and hold your order for {days}")
        }
        PaymentMethod::CashOnDelivery => "You pay whoever brings it, in cash".to_owned(),
    }
}

/// A rate of tax: `19 %`, `5.5 %`, `0.25 %`.
pub fn rate(basis_points: &u32) -> String {
    let (whole, part) = (basis_points / 100, basis_points % 100);
    let part = format!("{part:02}");
    match part.trim_end_matches('0') {
        "" => format!("{whole} %"),
        part => format!("{whole}.{part} %"),
    }
}

/// A mean of stars, which comes in hundredths: 434 is `4.3`.
pub fn mean(hundredths: u32) -> String {
    let tenths = (hundredths.saturating_add(5)) / 10;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Stars, filled to the nearest half: written from digits only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stars(pub u32);

impl fmt::Display for Stars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let halves = (self.0.min(500) + 25) / 50;
        let mean = mean(self.0);
        let mean = mean.trim_end_matches(".0");
        write!(
            f,
            "<span class=\"stars has-{halves}\" role=\"img\" aria-label=\"{mean} of 5 stars\"></span>"
        )
    }
}
impl HtmlSafe for Stars {}

/// See [`Stars`], of one review.
pub fn stars(given: &u8) -> Stars {
    Stars(u32::from(*given) * 100)
}

/// Where a parcel is, in words.
pub const fn parcel(status: &ShipmentStatus) -> &'static str {
    match status {
        ShipmentStatus::Shipped => "On its way",
        ShipmentStatus::Delivered => "Delivered",
        ShipmentStatus::Returned => "Came back to us",
    }
}

/// Where an order's payment stands, in words.
pub const fn paid(paid: &OrderPayment) -> &'static str {
    match paid.status {
        PaymentStatus::Pending if paid.method.pays_later() => "not paid yet",
        ref status => payment(status),
    }
}

/// Where a payment stands, in words.
pub const fn payment(status: &PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Pending => "waiting for an answer",
        PaymentStatus::RequiresAction => "needs your confirmation",
        PaymentStatus::Authorized => "authorised",
        PaymentStatus::Captured => "paid",
        PaymentStatus::Failed => "refused",
        PaymentStatus::Voided => "nothing was charged",
        PaymentStatus::PartiallyRefunded => "partly given back",
        PaymentStatus::Refunded => "given back",
    }
}

/// A way of shipping: its name on the wire, its name for people, and what it means.
pub const SHIPPING: [(ShippingMethod, &str, &str, &str); 3] = [
    (ShippingMethod::Standard, "standard", "Standard", "By post, 3 to 5 working days"),
    (ShippingMethod::Express, "express", "Express", "By courier, next working day"),
    (ShippingMethod::Pickup, "pickup", "Pick up", "At the shop, from tomorrow"),
];

/// How the goods travel, in words.
pub const fn shipping(method: &ShippingMethod) -> &'static str {
    match method {
        ShippingMethod::Standard => "standard",
        ShippingMethod::Express => "express",
        ShippingMethod::Pickup => "pick up",
    }
}

/// Why a payment was refused, in a sentence.
pub fn failure(code: &str) -> &'static str {
    match code {
        "card_declined" => "Your card was declined.",
        "insufficient_funds" => "There was not enough money.",
        "invalid_token" => "The card was not recognised.",
        "expired" => "It took too long.",
        _ => "The payment was refused.",
    }
}

// Templates hand over what they show by reference.

/// See [`Price`].
pub const fn price(money: &Money) -> Price {
    Price(*money)
}
/// See [`number`].
pub fn amount(money: &Money) -> String {
    number(*money)
}
/// See [`When`].
pub const fn when(time: &Timestamp) -> When {
    When(*time)
}
/// See [`Day`].
pub const fn day(time: &Timestamp) -> Day {
    Day(*time)
}
/// See [`Clock`].
pub const fn clock(time: &Timestamp) -> Clock {
    Clock(*time)
}
/// See [`Badge`].
pub const fn badge(status: &OrderStatus) -> Badge {
    Badge(*status)
}
/// See [`Stock`].
pub const fn stock(available: &i64) -> Stock {
    Stock(*available)
}

/// `one`, or the number and `many`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", grouped(&count)) }
}

/// A number as people read it: `4,780,653`.
pub fn grouped(number: &u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A field's name and what is wrong with it as a sentence: `Postal code must have …`.
pub fn sentence(field: &str, reason: &str) -> String {
    let field = field.replace(['_', '.'], " ");
    let mut words = format!("{field} {reason}").trim().to_owned();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// Text as a part of a query string or a path.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    #[test]
    fn an_amount_is_read_exactly() {
        for (text, minor) in [
            ("19.99", 1999),
            (" 20 ", 2000),
            ("0.5", 50),
            ("0.07", 7),
            ("0", 0),
            ("0019.90", 1990),
            ("90071992547409.93", 9_007_199_254_740_993),
        ] {
            let read = parse_money(text, Currency::USD);
            if minor <= Money::MAX_MINOR {
                assert_eq!(read, Ok(usd(minor)), "{text}");
            } else {
                assert!(read.is_err(), "{text}");
            }
        }
        let yen: Currency = "JPY".parse().unwrap();
        assert_eq!(parse_money("500", yen), Ok(Money::new(500, yen)));
        let dinar: Currency = "KWD".parse().unwrap();
        assert_eq!(parse_money("1.005", dinar), Ok(Money::new(1005, dinar)));
        for bad in [
            "",
            " ",
            ".",
            "5.",
            ".5",
            "-1",
            "+1",
            "1,5",
            "1.999",
            "1e3",
            "0x1",
            "1.2.3",
            "1 000",
            "NaN",
            "١",
            "1.٢",
            "99999999999999999999",
            "10000000000000.01",
            "19.99 USD",
        ] {
            assert!(parse_money(bad, Currency::USD).is_err(), "{bad:?}");
        }
        assert!(parse_money("1.5", yen).is_err());
    }

    #[test]
    fn prices_are_written_as_people_read_them() {
        let price = "<span class=\"price\">19.99 <small>USD</small></span>";
        assert_eq!(Price(usd(1999)).to_string(), price);
        assert!(Movement(usd(-5)).to_string().contains("price out\">−0.05 "));
        assert!(Movement(usd(5)).to_string().contains("price in\">+0.05 "));
        assert_eq!(number(Money::new(500, "JPY".parse().unwrap())), "500");
    }

    #[test]
    fn times_are_written_as_people_read_them() {
        let time: Timestamp = "2026-03-04T09:26:58Z".parse().unwrap();
        assert!(When(time).to_string().contains(">4 March 2026, 09:26 UTC<"), "{}", When(time));
        assert!(Day(time).to_string().contains(">4 March 2026<"));
        assert!(Clock(time).to_string().contains(">09:26 UTC<"));
        for strange in [i64::MIN, i64::MAX, 0] {
            let _ = When(Timestamp::from_micros(strange)).to_string();
        }
    }

    #[test]
    fn rates_and_stars_are_written_as_people_read_them() {
        let rates = [1900, 550, 25, 0, 10_000].map(|points| rate(&points));
        assert_eq!(rates, ["19 %", "5.5 %", "0.25 %", "0 %", "100 %"]);
        assert_eq!(
            [0, 999, 1000, 4_780_653].map(|n| grouped(&n)),
            ["0", "999", "1,000", "4,780,653"]
        );
        assert_eq!([434, 435, 500, 100, 499].map(mean), ["4.3", "4.4", "5.0", "1.0", "5.0"]);
        let stars = Stars(434).to_string();
        assert!(stars.contains("has-9\"") && stars.contains("\"4.3 of 5 stars\""), "{stars}");
        assert!(Stars(u32::MAX / 2).to_string().contains("has-10"));
    }

    #[test]
    fn text_is_fit_for_an_address() {
        assert_eq!(encoded("/a b&c=%\"ü"), "/a%20b%26c%3D%25%22%C3%BC");
        assert_eq!(sentence("postal_code", "is empty"), "Postal code is empty");
        assert_eq!(sentence("", "is empty"), "Is empty");
        assert_eq!(sentence("", ""), "");
        assert_eq!(sentence("ü", "x"), "ü x");
    }
}
