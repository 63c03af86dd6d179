//! What each letter says, before it is set in text or HTML. Pure; whatever came from people has
//! no line breaks.
use crate::letter::{Kind, Letter};
use contracts::cart::CartLine;
use contracts::identity::SecretLink;
use contracts::orders::{
    CancelReason, Order, OrderForLetter, OrderStatus, Shipment, ShippingMethod, ShopTerms,
};
use contracts::payments::PaymentMethod;
use contracts::{Money, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Who writes: the shop as it is called now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letterhead {
    pub name: String,
    pub url: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub address: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_id: Option<String>,
    /// How the shop is reached, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reach: Vec<String>,
    /// Where transfers go to, should an order not say it. No letter shows it by itself.
    #[serde(skip)]
    pub bank_account: String,
}

impl Letterhead {
    /// Of the shop with these terms; `name` is what it is called where they do not say.
    pub fn new(terms: &ShopTerms, name: &str, url: &str, bank_account: &str) -> Self {
        let own = one_line(&terms.name);
        let lines = |lines: Vec<&String>| -> Vec<String> {
            lines.into_iter().map(|line| one_line(line)).filter(|line| !line.is_empty()).collect()
        };
        Self {
            name: if own.is_empty() { name.to_owned() } else { own },
            url: url.to_owned(),
            address: lines(terms.address.iter().collect()),
            vat_id: terms.vat_id.as_deref().map(one_line).filter(|id| !id.is_empty()),
            reach: lines(terms.email.iter().chain(&terms.phone).collect()),
            bank_account: bank_account.to_owned(),
        }
    }
}

/// What a letter says.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Words {
    /// Kept beside the words.
    #[serde(skip)]
    pub subject: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paragraphs: Vec<String>,
    /// Where to go: what it is called, and its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<(String, String)>,
    /// What is said below that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closing: Vec<String>,
    /// Facts with their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<(String, String)>,
}

/// The words of `letter`; `order` is what it is about, `link` what it carries, if it does.
pub fn words(
    head: &Letterhead,
    letter: &Letter,
    order: Option<&OrderForLetter>,
    link: Option<&SecretLink>,
) -> Words {
    match (letter.kind, order) {
        (Kind::Welcome, _) => welcome(head, link),
        (Kind::PasswordReset, _) => password_reset(head, link),
        (Kind::VerifyEmail, _) => verify_email(head, link),
        (Kind::LowStock, _) => low_stock(head, letter),
        (_, Some(known)) => {
            let mut words = about_order(head, letter, known);
            // A guest's order opens by a secret that nobody but the guest has.
            if known.account.is_some() {
                let url = format!("{}/orders/{}", head.url, known.order.id);
                words.action = Some(("See your order".to_owned(), url));
            }
            words
        }
        // Every other kind is about an order.
        (_, None) => Words::default(),
    }
}

fn about_order(head: &Letterhead, letter: &Letter, known: &OrderForLetter) -> Words {
    let (shop, order) = (&head.name, &known.order);
    let (number, total) = (one_line(&order.number), order.total.to_string());
    let (subject, title) = match letter.kind {
        Kind::OrderConfirmation => {
            (format!("Your order {number} at {shop}"), format!("We have your order {number}"))
        }
        Kind::Receipt => (
            format!("Receipt for your order {number} at {shop}"),
            format!("Your order {number} is paid"),
        ),
        Kind::Cancellation => (
            format!("Your order {number} at {shop} was cancelled"),
            format!("Your order {number} was cancelled"),
        ),
        Kind::Shipment => (
            format!("Your order {number} at {shop} is on its way"),
            format!("A parcel of your order {number} is on its way"),
        ),
        Kind::Delivery => (
            format!("Your order {number} at {shop} has arrived"),
            format!("Your order {number} has arrived"),
        ),
        _ => (
            format!("Money back for your order {number} at {shop}"),
            format!("Money back for your order {number}"),
        ),
    };
    let mut words = Words { subject, title, ..Words::default() };
    (words.paragraphs, words.details) = match letter.kind {
        Kind::OrderConfirmation => confirmation(head, order, &number, &total),
        Kind::Receipt => receipt(head, letter, known),
        Kind::Cancellation => (cancellation(letter, &number, &total), Vec::new()),
        Kind::Shipment => shipment(letter, order, &number),
        Kind::Delivery => (
            vec![
                format!("All of your order {number} has arrived. We hope that you like it."),
                "Should anything be amiss, just answer this letter.".to_owned(),
            ],
            Vec::new(),
        ),
        _ => (refund(letter, &number, &total), Vec::new()),
    };
    words
}

type Said = (Vec<String>, Vec<(String, String)>);

fn confirmation(head: &Letterhead, order: &Order, number: &str, total: &str) -> Said {
    let mut paragraphs = vec![
        "Thank you for your order.".to_owned(),
        format!("Its number is {number}, and it comes to {total}."),
    ];
    let mut details = Vec::new();
    match order.payment.method {
        PaymentMethod::BankTransfer => {
            let until = order.expires_at.map(|end| format!(" by {}", end.date()));
            paragraphs.push(format!(
                "Please transfer {total}{}. We send it as soon as the money has arrived; the \
                 receipt follows then.",
                until.unwrap_or_default()
            ));
            let account = order.payment.instructions.as_deref().unwrap_or(&head.bank_account);
            let account = one_line(account);
            let reference = order.payment.reference.as_deref().map_or(number.to_owned(), one_line);
            details.push(("Amount".to_owned(), total.to_owned()));
            if !account.is_empty() {
                details.push(("To".to_owned(), account));
            }
            details.push(("Reference".to_owned(), reference));
        }
        PaymentMethod::CashOnDelivery => paragraphs
            .push(format!("You pay {total} in cash when it arrives; the receipt follows then.")),
        PaymentMethod::Card | PaymentMethod::Wallet => {
            paragraphs.push("The receipt follows as soon as it is paid.".to_owned());
        }
    }
    (paragraphs, details)
}

fn receipt(head: &Letterhead, letter: &Letter, known: &OrderForLetter) -> Said {
    let order = &known.order;
    let number = one_line(&order.number);
    let mut paragraphs =
        vec![format!("We received {} for your order {number}. Thank you.", order.total)];
    if matches!(order.status, OrderStatus::Pending | OrderStatus::Paid) {
        paragraphs.push("We are getting it ready for you.".to_owned());
    }
    let mut details = Vec::new();
    if let Some(receipt) = &known.receipt {
        details.push(("Receipt".to_owned(), one_line(receipt)));
    }
    details.push(("Paid on".to_owned(), letter.told_at.date()));
    let seller: Vec<&str> =
        [head.name.as_str()].into_iter().chain(head.address.iter().map(String::as_str)).collect();
    details.push(("Sold by".to_owned(), seller.join(", ")));
    if let Some(vat_id) = &head.vat_id {
        details.push(("VAT ID".to_owned(), vat_id.clone()));
    }
    (paragraphs, details)
}

fn cancellation(letter: &Letter, number: &str, total: &str) -> Vec<String> {
    let why = match letter.reason {
        Some(CancelReason::ByShopper) => "as you asked",
        Some(CancelReason::ByStaff) => "by our staff",
        Some(CancelReason::PaymentFailed) => "because the payment was refused",
        Some(CancelReason::Expired) => "because it was not paid in time",
        Some(CancelReason::StockMissing) => "because an item had sold out",
        Some(CancelReason::Undeliverable) => "because its parcels came back to us",
        None => "for a reason that we do not know",
    };
    let money = if letter.was_paid {
        format!("You get back the {total} that you paid, the way you paid it.")
    } else {
        "You are not charged for it.".to_owned()
    };
    vec![format!("Your order {number} was cancelled {why}."), money]
}

fn shipment(letter: &Letter, order: &Order, number: &str) -> Said {
    let mut paragraphs = vec![format!("A parcel of your order {number} is on its way to you.")];
    if order.payment.method == PaymentMethod::CashOnDelivery {
        paragraphs.push(format!("Please have {} ready in cash.", order.total));
    }
    let parcel = |parcel: &&Shipment| Some(parcel.id) == letter.facts.shipment;
    let Some(parcel) = order.shipments.iter().find(parcel) else {
        return (paragraphs, Vec::new());
    };
    let named = |name: &str, value: &Option<String>| {
        let value = value.as_deref().map(one_line).filter(|value| !value.is_empty())?;
        Some((name.to_owned(), value))
    };
    let mut details: Vec<(String, String)> =
        [named("Carrier", &parcel.carrier), named("Tracking code", &parcel.tracking)]
            .into_iter()
            .flatten()
            .collect();
    let title = |sku| order.items.iter().find(|item: &&CartLine| item.sku == sku);
    details.extend(parcel.lines.iter().map(|line| {
        let sku = line.sku.to_string();
        let what = title(line.sku.clone()).map_or(sku, |item| one_line(&item.title));
        (format!("{} x", line.quantity.get()), what)
    }));
    (paragraphs, details)
}

fn refund(letter: &Letter, number: &str, total: &str) -> Vec<String> {
    let Some(refund) = letter.facts.refund else {
        return vec![format!("We gave back money for your order {number}.")];
    };
    let amount = refund.amount;
    let mut said = vec![format!("We gave back {amount} for your order {number}.")];
    if refund.refunded != amount || !refund.whole {
        said.push(format!("In all, {} of {total} went back.", refund.refunded));
    }
    said.push("It can take some days until it shows.".to_owned());
    said
}

fn welcome(head: &Letterhead, link: Option<&SecretLink>) -> Words {
    let title = format!("Welcome to {}", head.name);
    let paragraphs = vec![
        "Your account is open.".to_owned(),
        "Your cart, your orders and your wallet are now kept for you.".to_owned(),
    ];
    let asks = "Confirm that this address is yours".to_owned();
    let action = link.map(|link| (asks, verify_url(head, link)));
    Words { subject: title.clone(), title, paragraphs, action, ..Words::default() }
}

fn verify_email(head: &Letterhead, link: Option<&SecretLink>) -> Words {
    Words {
        subject: format!("Confirm your address at {}", head.name),
        title: "Confirm your address".to_owned(),
        paragraphs: vec!["Please confirm that this address is yours:".to_owned()],
        action: link.map(|link| ("Confirm your address".to_owned(), verify_url(head, link))),
        closing: once(link),
        ..Words::default()
    }
}

fn password_reset(head: &Letterhead, link: Option<&SecretLink>) -> Words {
    let url = |link| format!("{}/reset-password?token={}", head.url, token_of(link));
    Words {
        subject: format!("A new password for {}", head.name),
        title: "Choose a new password".to_owned(),
        paragraphs: vec!["Somebody, hopefully you, asked for a new password.".to_owned()],
        action: link.map(|link| ("Choose a new password".to_owned(), url(link))),
        closing: once(link),
        ..Words::default()
    }
}

fn once(link: Option<&SecretLink>) -> Vec<String> {
    let Some(link) = link else { return Vec::new() };
    vec![format!(
        "The link works once, until {}. If you did not ask for it, there is nothing to do.",
        minute(link.expires_at)
    )]
}

fn verify_url(head: &Letterhead, link: &SecretLink) -> String {
    format!("{}/verify-email?token={}", head.url, token_of(link))
}

/// The secret of a link as it stands in its address (RFC 3986 §2.3).
pub fn token_of(link: &SecretLink) -> String {
    link.token.bytes().fold(String::new(), |mut token, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            token.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(token, "%{byte:02X}");
        }
        token
    })
}

/// As `2026-01-31 12:00 UTC`.
fn minute(time: Timestamp) -> String {
    let written = time.to_string();
    let clock: String = written.chars().skip(11).take(5).collect();
    format!("{} {clock} UTC", time.date())
}

/// How many SKUs are named where there is little room.
const NAMED: usize = 10;

fn low_stock(head: &Letterhead, letter: &Letter) -> Words {
    let low = &letter.facts.low;
    let subject = match low.as_slice() {
        [one] => format!("{} is running low", one.sku),
        many => format!("{} items are running low", many.len()),
    };
    let mut named: Vec<String> =
        low.iter().take(NAMED).map(|low| format!("{} ({} left)", low.sku, low.available)).collect();
    if low.len() > NAMED {
        named.push(format!("and {} more", low.len() - NAMED));
    }
    let detail = |low: &crate::letter::Low| {
        let left = format!("{} left (told at {} or fewer)", low.available, low.threshold);
        (low.sku.to_string(), left)
    };
    Words {
        title: subject.clone(),
        subject: format!("{subject} at {}", head.name),
        paragraphs: vec![format!("Few can still be ordered of {}.", named.join(", "))],
        action: Some(("See the stock".to_owned(), format!("{}/admin/stock", head.url))),
        details: low.iter().map(detail).collect(),
        ..Words::default()
    }
}

/// An order, ready to be shown.
#[derive(Debug, Serialize, Deserialize)]
pub struct Table {
    pub number: String,
    pub placed_on: String,
    pub lines: Vec<Row>,
    /// What is added and taken off, with its name; nothing that is zero but shipping.
    pub sums: Vec<(String, String)>,
    pub total: String,
    /// The tax that the total includes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub included: Vec<(String, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Row {
    pub title: String,
    pub sku: String,
    pub quantity: u32,
    pub each: String,
    pub sum: String,
}

impl Table {
    /// Where a letter of the kind shows the whole order.
    pub fn of(order: &Order, kind: Kind) -> Option<Self> {
        if !matches!(kind, Kind::OrderConfirmation | Kind::Receipt | Kind::Cancellation) {
            return None;
        }
        let row = |line: &CartLine| Row {
            title: one_line(&line.title),
            sku: line.sku.to_string(),
            quantity: line.quantity.get(),
            each: line.unit_price.to_string(),
            sum: line.line_total.to_string(),
        };
        let mut sums =
            vec![("Items".to_owned(), order.subtotal), ("Shipping".to_owned(), order.shipping)];
        sums.extend(added_tax(order));
        sums.push(("Discount".to_owned(), order.discount.negated()));
        let shown = |(name, sum): (String, Money)| {
            (name == "Items" || name == "Shipping" || !sum.is_zero())
                .then(|| (name, sum.to_string()))
        };
        Some(Self {
            number: one_line(&order.number),
            placed_on: order.created_at.date(),
            lines: order.items.iter().map(row).collect(),
            sums: sums.into_iter().filter_map(shown).collect(),
            total: order.total.to_string(),
            included: included_tax(order),
        })
    }
}

fn added_tax(order: &Order) -> Vec<(String, Money)> {
    if order.tax.is_zero() || order.tax_lines.is_empty() {
        return vec![("Tax".to_owned(), order.tax)];
    }
    order
        .tax_lines
        .iter()
        .map(|line| (format!("Tax {}", rate(line.basis_points)), line.tax))
        .collect()
}

fn included_tax(order: &Order) -> Vec<(String, String)> {
    if order.tax_included.is_zero() {
        return Vec::new();
    }
    if order.tax_lines.is_empty() {
        return vec![("Includes tax".to_owned(), order.tax_included.to_string())];
    }
    let line = |line: &contracts::orders::TaxLine| {
        let name = format!("Includes {} tax on {}", rate(line.basis_points), line.base);
        (name, line.tax.to_string())
    };
    order.tax_lines.iter().map(line).collect()
}

/// As `19 %` or `7.25 %`.
fn rate(basis_points: u32) -> String {
    let (whole, part) = (basis_points / 100, basis_points % 100);
    let part = format!("{part:02}");
    match part.trim_end_matches('0') {
        "" => format!("{whole} %"),
        part => format!("{whole}.{part} %"),
    }
}

/// How and where to it goes, one line each; nothing where nothing travels (any more).
pub fn travels(order: &Order, kind: Kind) -> Vec<String> {
    if !matches!(kind, Kind::OrderConfirmation | Kind::Receipt | Kind::Shipment) {
        return Vec::new();
    }
    let how = match order.shipping_method {
        ShippingMethod::Standard => "By post to",
        ShippingMethod::Express => "By courier to",
        ShippingMethod::Pickup => return vec!["To be picked up at our shop".to_owned()],
    };
    let to = &order.shipping_address;
    let place = format!("{} {}", to.postal_code, to.city);
    let lines = [Some(how), Some(&to.name), Some(&to.line1), to.line2.as_deref(), Some(&place)];
    let lines = lines.into_iter().chain([Some(to.country.as_str())]).flatten();
    lines.map(one_line).filter(|line| !line.is_empty()).collect()
}

/// Without line breaks and other characters that would change the shape of a letter.
pub fn one_line(text: &str) -> String {
    let reshapes = |c: char| {
        // Besides controls: line and paragraph separators, and what turns the writing around.
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(reshapes, " ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_shown_without_needless_digits() {
        let shown = [1_900, 725, 550, 5, 0, 10_000].map(rate);
        assert_eq!(shown, ["19 %", "7.25 %", "5.5 %", "0.05 %", "0 %", "100 %"]);
    }

    #[test]
    fn a_secret_is_written_so_that_an_address_can_hold_it() {
        let link = SecretLink {
            link: contracts::LinkId(uuid::Uuid::nil()),
            account: contracts::AccountId(uuid::Uuid::nil()),
            token: "aZ9-_.~+/=&\"<é".into(),
            expires_at: Timestamp::from_micros(1_767_225_600_000_000),
        };
        assert_eq!(token_of(&link), "aZ9-_.~%2B%2F%3D%26%22%3C%C3%A9");
        assert!(once(Some(&link))[0].contains("until 2026-01-01 00:00 UTC"));
    }
}
