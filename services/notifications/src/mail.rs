//! The words of each letter: what a mail says in plain text and HTML, and its one line in the
//! shop. Pure; whatever came from people is escaped by the template, and has no line breaks.
use crate::letter::{Kind, Letter, Mail};
use askama::Template;
use contracts::Money;
use contracts::orders::{CancelReason, Order, ShippingMethod};
use contracts::{Timestamp, cart::CartLine};
use kit::problem::Unexpected;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, Message};
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// Who writes.
#[derive(Clone, Debug)]
pub struct Shop {
    from: Mailbox,
    name: String,
    url: String,
}

impl Shop {
    /// The shop that writes as `from` (`Name <address>`) and is found at `url`.
    /// # Errors
    /// When `from` is no mailbox.
    pub fn new(from: &str, url: &str) -> Result<Self, Unexpected> {
        let from: Mailbox = from.parse().map_err(|_| {
            Unexpected::new(format!(
                "mail_from = {from:?} is no mailbox, such as: Feria <shop@example.com>"
            ))
        })?;
        let name = from.name.clone().unwrap_or_else(|| from.email.domain().to_owned());
        Ok(Self { from, name: one_line(&name), url: url.trim_end_matches('/').to_owned() })
    }
}

/// Whom a letter is for.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// E-mail address.
    pub email: &'a str,
    /// How to address the person.
    pub name: &'a str,
}

/// Why a letter was not written.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// Nothing can be sent to this address.
    #[error("mail cannot be sent to the address")]
    Address,
    /// The template does not work.
    #[error(transparent)]
    Template(#[from] askama::Error),
}

/// Writes `letter`; `order` is what it is about, if it is about one.
/// # Errors
/// [`NotWritten`], see there.
pub fn write(
    shop: &Shop,
    letter: &Letter,
    to: Addressee<'_>,
    order: Option<&Order>,
) -> Result<Mail, NotWritten> {
    let to_address: Address = to.email.parse().map_err(|_| NotWritten::Address)?;
    let words = words(shop, letter, order);
    let name = one_line(to.name);
    let table = order.map(|order| Table::of(order, letter.kind));
    let text = Text { shop, name: &name, words: &words, table: table.as_ref() }.render()?;
    let html = Html { shop, name: &name, words: &words, table: table.as_ref() }.render()?;
    Ok(Mail {
        message_id: format!("<{}@{}>", letter.id, shop.from.email.domain()),
        to: to_address.to_string(),
        subject: words.subject,
        text,
        html,
        title: words.title,
        body: words.paragraphs.join(" "),
    })
}

/// What a letter says, before it is set in text or HTML.
struct Words {
    subject: String,
    title: String,
    paragraphs: Vec<String>,
}

fn words(shop: &Shop, letter: &Letter, order: Option<&Order>) -> Words {
    let shop = &shop.name;
    let number = order.map(|order| one_line(&order.number)).unwrap_or_default();
    let total = order.map(|order| order.total.to_string()).unwrap_or_default();
    let (subject, title, paragraphs) = match letter.kind {
        Kind::Welcome => (
            format!("Welcome to {shop}"),
            format!("Welcome to {shop}"),
            vec![
                "Your account is open.".to_owned(),
                "Your cart, your orders and your wallet are now kept for you.".to_owned(),
            ],
        ),
        Kind::OrderConfirmation => (
            format!("Your order {number} at {shop}"),
            format!("We have your order {number}"),
            vec![
                "Thank you for your order.".to_owned(),
                format!("Its number is {number}, and it comes to {total}."),
                "The receipt follows as soon as it is paid.".to_owned(),
            ],
        ),
        Kind::Receipt => (
            format!("Receipt for your order {number} at {shop}"),
            format!("Your order {number} is paid"),
            vec![
                format!("We received {total} for your order {number}. Thank you."),
                "We are getting it ready for you.".to_owned(),
            ],
        ),
        Kind::Cancellation => (
            format!("Your order {number} at {shop} was cancelled"),
            format!("Your order {number} was cancelled"),
            cancellation(letter, &number, &total),
        ),
    };
    Words { subject, title, paragraphs }
}

fn cancellation(letter: &Letter, number: &str, total: &str) -> Vec<String> {
    let why = match letter.reason {
        Some(CancelReason::ByShopper) => "as you asked",
        Some(CancelReason::ByStaff) => "by our staff",
        Some(CancelReason::PaymentFailed) => "because the payment was refused",
        Some(CancelReason::Expired) => "because it was not paid in time",
        Some(CancelReason::StockMissing) => "because an item had sold out",
        None => "for a reason that we do not know",
    };
    let money = if letter.was_paid {
        format!("You get back the {total} that you paid, the way you paid it.")
    } else {
        "You are not charged for it.".to_owned()
    };
    vec![format!("Your order {number} was cancelled {why}."), money]
}

/// An order, ready to be shown.
struct Table {
    number: String,
    placed_on: String,
    lines: Vec<Row>,
    /// What is added and taken off, with its name; nothing that is zero but shipping.
    sums: Vec<(&'static str, String)>,
    total: String,
    /// How and where to, one line each; empty where nothing travels any more.
    travels: Vec<String>,
}

struct Row {
    title: String,
    sku: String,
    quantity: u32,
    each: String,
    sum: String,
}

impl Table {
    fn of(order: &Order, kind: Kind) -> Self {
        let row = |line: &CartLine| Row {
            title: one_line(&line.title),
            sku: line.sku.to_string(),
            quantity: line.quantity.get(),
            each: line.unit_price.to_string(),
            sum: line.line_total.to_string(),
        };
        let mut sums = vec![("Items", order.subtotal), ("Shipping", order.shipping)];
        let more = [("Tax", order.tax), ("Discount", order.discount.negated())];
        sums.extend(more.into_iter().filter(|(_, sum)| !sum.is_zero()));
        Self {
            number: one_line(&order.number),
            placed_on: order.created_at.date(),
            lines: order.items.iter().map(row).collect(),
            sums: sums.into_iter().map(|(name, sum): (_, Money)| (name, sum.to_string())).collect(),
            total: order.total.to_string(),
            travels: if kind == Kind::Cancellation { Vec::new() } else { travels(order) },
        }
    }
}

fn travels(order: &Order) -> Vec<String> {
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

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct Text<'a> {
    shop: &'a Shop,
    name: &'a str,
    words: &'a Words,
    table: Option<&'a Table>,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    shop: &'a Shop,
    name: &'a str,
    words: &'a Words,
    table: Option<&'a Table>,
}

/// Without line breaks and other characters that would change the shape of a letter.
fn one_line(text: &str) -> String {
    let reshapes = |c: char| {
        // Besides controls: line and paragraph separators, and what turns the writing around.
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(reshapes, " ").trim().to_owned()
}

/// A mail that was written, for the post.
#[derive(Clone, Copy, Debug)]
pub struct Posted<'a> {
    /// The letter's id.
    pub id: Uuid,
    /// `<id@domain>`.
    pub message_id: &'a str,
    /// The address it goes to.
    pub to: &'a str,
    /// One line.
    pub subject: &'a str,
    /// Plain text.
    pub text: &'a str,
    /// HTML.
    pub html: &'a str,
    /// When it was written.
    pub created_at: Timestamp,
}

/// The mail as RFC 5322 has it: the same bytes however often it is asked for.
/// # Errors
/// When its address or its headers cannot be written.
pub fn eml(shop: &Shop, mail: Posted<'_>) -> Result<Vec<u8>, Unexpected> {
    let to = mail.to.parse::<Address>().map_err(Unexpected::from_error)?;
    let micros = u64::try_from(mail.created_at.micros()).unwrap_or(0);
    let message = Message::builder()
        .from(shop.from.clone())
        .to(Mailbox::new(None, to))
        .subject(mail.subject)
        .date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
        .message_id(Some(mail.message_id.to_owned()))
        .multipart(
            MultiPart::builder()
                .kind(MultiPartKind::Alternative)
                .boundary(format!("feria-{}", mail.id.simple()))
                .singlepart(part(ContentType::TEXT_PLAIN, mail.text))
                .singlepart(part(ContentType::TEXT_HTML, mail.html)),
        )
        .map_err(Unexpected::from_error)?;
    Ok(message.formatted())
}

fn part(kind: ContentType, body: &str) -> SinglePart {
    SinglePart::builder().header(kind).body(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{AccountId, NotificationId};
    use proptest::prelude::*;
    use serde_json::json;

    fn shop() -> Shop {
        Shop::new("Feria <shop@feria.example>", "https://feria.example/").unwrap()
    }
    fn letter(kind: Kind) -> Letter {
        Letter {
            id: NotificationId(Uuid::from_u128(7)),
            kind,
            order: None,
            account: Some(AccountId(Uuid::from_u128(8))),
            reason: Some(CancelReason::Expired),
            was_paid: false,
            told_at: Timestamp::from_micros(0),
            tries: 1,
        }
    }
    fn order(title: &str, currency: &str, method: &str) -> Order {
        let money = |amount: i64| json!({"amount": amount, "currency": currency});
        let id = Uuid::from_u128(9);
        serde_json::from_value(json!({
            "id": id, "number": "F-9", "status": "pending", "subtotal": money(3000),
            "items": [{"sku": "DUNE", "title": title, "slug": "dune", "image": null,
                "quantity": 2, "unit_price": money(1500), "line_total": money(3000)}],
            "shipping": money(0), "tax": money(250), "discount": money(0), "total": money(3250),
            "payment": {"id": id, "status": "pending", "method": "card", "failure_code": null},
            "shipping_method": method, "tracking": null, "cancel_reason": null,
            "shipping_address": {"name": "Ada", "line1": "1 Main Street", "line2": "Flat 2",
                "city": "London", "postal_code": "SW1Y", "country": "GB"},
            "expires_at": null, "created_at": "2026-01-31T12:00:00Z", "version": 1
        }))
        .unwrap()
    }
    fn written(kind: Kind, name: &str, order: Option<&Order>) -> Mail {
        write(&shop(), &letter(kind), Addressee { email: "ada@example.com", name }, order).unwrap()
    }

    #[test]
    fn money_is_shown_in_its_own_currency_and_nothing_travels_that_is_picked_up() {
        let yen = written(Kind::Receipt, "Ada", Some(&order("Dune", "JPY", "pickup")));
        assert!(yen.text.contains("Tax: 250 JPY\nTotal: 3250 JPY"), "{}", yen.text);
        assert!(yen.text.contains("Shipping: 0 JPY"), "{}", yen.text);
        assert!(!yen.text.contains("Discount"), "{}", yen.text);
        assert!(yen.text.contains("picked up") && !yen.text.contains("London"), "{}", yen.text);
        let post = written(Kind::Receipt, "Ada", Some(&order("Dune", "USD", "express")));
        let address = "By courier to\nAda\n1 Main Street\nFlat 2\nSW1Y London\nGB\n";
        assert!(post.text.contains(address), "{}", post.text);
        assert!(post.text.ends_with("Feria\nhttps://feria.example\n"), "{}", post.text);
    }

    #[test]
    fn who_has_no_name_is_greeted_all_the_same() {
        let mail = written(Kind::Welcome, " \u{7} ", None);
        assert!(mail.text.starts_with("Hello,\n"), "{}", mail.text);
        assert_eq!(mail.message_id, format!("<{}@feria.example>", Uuid::from_u128(7)));
    }

    #[test]
    fn a_shop_without_a_name_is_called_by_its_domain_and_one_without_an_address_is_refused() {
        assert_eq!(Shop::new("shop@feria.example", "http://x").unwrap().name, "feria.example");
        for bad in ["", "Feria", "Feria <shop>", "a@b.c\r\nBcc: d@e.f"] {
            let error = Shop::new(bad, "http://x").unwrap_err().to_string();
            assert!(error.contains("mail_from"), "{error}");
        }
    }

    #[test]
    fn what_is_no_address_is_not_written_to() {
        for email in ["", "ada", "a@b.c, d@e.f", "Ada <a@b.c>", "a@b.c\r\nBcc: d@e.f", "a b@c.d"] {
            let to = Addressee { email, name: "Ada" };
            let refused = write(&shop(), &letter(Kind::Welcome), to, None);
            assert!(matches!(refused, Err(NotWritten::Address)), "{email:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_and_no_title_changes_the_shape_of_a_letter(name in "\\PC*|(.|\n|\r){0,40}", title in "(.|\n|<|>|&|\"){0,40}") {
            let shape = |mail: &Mail| (mail.html.matches(['<', '>', '"']).count(), mail.text.lines().count());
            let plain = written(Kind::OrderConfirmation, "Ada", Some(&order("Dune", "USD", "standard")));
            let mail = written(Kind::OrderConfirmation, &name, Some(&order(&title, "USD", "standard")));
            prop_assert_eq!(shape(&mail), shape(&plain));
            let posted = Posted {
                id: Uuid::nil(), message_id: &mail.message_id, to: &mail.to, subject: &mail.subject,
                text: &mail.text, html: &mail.html, created_at: Timestamp::from_micros(0),
            };
            prop_assert!(eml(&shop(), posted).is_ok());
        }
    }
}
