//! A letter becomes a mail: its words, kept as they were written; plain text and HTML, set from
//! them whenever they are read; and the message that mail programs read. Pure; whatever came from
//! people is escaped by the template.
use crate::letter::{Letter, Mail};
use crate::words::{Letterhead, Table, Words, one_line, token_of, travels, words};
use askama::Template;
use contracts::identity::SecretLink;
use contracts::orders::{OrderForLetter, ShopTerms};
use contracts::{AccountId, Timestamp};
use kit::config::Config;
use kit::problem::Unexpected;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use lettre::{Address, Message};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// Who writes, as configured.
#[derive(Clone, Debug)]
pub struct Shop {
    from: Mailbox,
    name: String,
    url: String,
    bank_account: String,
}

impl Shop {
    /// The shop that writes as `mail_from` (`Name <address>`) and is found at `public_url`.
    /// # Errors
    /// When `mail_from` is no mailbox.
    pub fn new(config: &Config) -> Result<Self, Unexpected> {
        let from = &config.mail_from;
        let from: Mailbox = from.parse().map_err(|_| {
            Unexpected::new(format!(
                "mail_from = {from:?} is no mailbox, such as: Feria <shop@example.com>"
            ))
        })?;
        let name = from.name.clone().unwrap_or_else(|| from.email.domain().to_owned());
        let url = config.public_url.trim_end_matches('/').to_owned();
        let bank_account = config.payments.bank_account.clone();
        Ok(Self { from, name: one_line(&name), url, bank_account })
    }
    /// The address that it writes from.
    pub const fn from(&self) -> &Address {
        &self.from.email
    }
    /// The head of its letters while it sells on these terms.
    pub fn letterhead(&self, terms: &ShopTerms) -> Letterhead {
        Letterhead::new(terms, &self.name, &self.url, &self.bank_account)
    }
}

/// Whom a letter is for.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// Whose it is; none for a guest.
    pub account: Option<AccountId>,
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
    /// Its words cannot be kept.
    #[error(transparent)]
    Words(#[from] serde_json::Error),
}

/// Writes `letter`; `order` is what it is about, `link` what it carries, if it does.
/// # Errors
/// [`NotWritten`], see there.
pub fn write(
    (shop, head): (&Shop, &Letterhead),
    letter: &Letter,
    to: Addressee<'_>,
    order: Option<&OrderForLetter>,
    link: Option<&SecretLink>,
) -> Result<Mail, NotWritten> {
    let to_address: Address = to.email.parse().map_err(|_| NotWritten::Address)?;
    let sheet = Sheet {
        head: Cow::Borrowed(head),
        name: one_line(to.name),
        words: words(head, letter, order, link),
        table: order.and_then(|known| Table::of(&known.order, letter.kind)),
        travels: order.map(|known| travels(&known.order, letter.kind)).unwrap_or_default(),
    };
    let kept = serde_json::to_string(&sheet)?;
    let words = sheet.words;
    Ok(Mail {
        message_id: format!("<{}@{}>", letter.id, shop.from.email.domain()),
        account: to.account,
        to: to_address.to_string(),
        subject: words.subject,
        words: kept,
        secret: link.map(token_of),
        expires_at: link.filter(|_| letter.kind.is_a_link()).map(|link| link.expires_at),
        title: words.title,
        body: words.paragraphs.join(" "),
    })
}

/// All that a mail says, as it was when it was written. Kept as JSON, a quarter of its HTML; what
/// was kept once must be read for ever.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sheet<'a> {
    head: Cow<'a, Letterhead>,
    /// Of the person.
    name: String,
    words: Words,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<Table>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    travels: Vec<String>,
}

/// The plain text and the HTML of a mail with this subject that says `kept`, a [`Sheet`]: the same
/// each time, until a release has other templates.
/// # Errors
/// When it is no sheet.
pub fn set(subject: &str, kept: &str) -> Result<(String, String), Unexpected> {
    let Sheet { head, name, words, table, travels } = &serde_json::from_str(kept)?;
    let (table, travels) = (table.as_ref(), travels.as_slice());
    let text = Text { head, name, words, table, travels }.render();
    let html = Html { subject, head, name, words, table, travels }.render();
    Ok((text.map_err(Unexpected::from_error)?, html.map_err(Unexpected::from_error)?))
}

#[derive(Template)]
#[template(path = "letter.txt", escape = "none")]
struct Text<'a> {
    head: &'a Letterhead,
    name: &'a str,
    words: &'a Words,
    table: Option<&'a Table>,
    travels: &'a [String],
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    subject: &'a str,
    head: &'a Letterhead,
    name: &'a str,
    words: &'a Words,
    table: Option<&'a Table>,
    travels: &'a [String],
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
    use crate::letter::{Facts, Kind, Low, Refunded};
    use contracts::orders::{CancelReason, Order};
    use contracts::{Currency, LinkId, Money, NotificationId, ShipmentId};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::ops::Deref;

    fn configured(from: &str) -> Result<Shop, Unexpected> {
        let public_url = "https://feria.example/".to_owned();
        Shop::new(&Config { mail_from: from.into(), public_url, ..Config::default() })
    }
    fn shop() -> Shop {
        configured("Feria <shop@feria.example>").unwrap()
    }
    fn letter(kind: Kind) -> Letter {
        Letter {
            id: NotificationId(Uuid::from_u128(7)),
            kind,
            about: Uuid::from_u128(9),
            order: None,
            account: Some(AccountId(Uuid::from_u128(8))),
            reason: Some(CancelReason::Expired),
            was_paid: false,
            facts: Facts::default(),
            told_at: Timestamp::from_micros(1_769_860_800_000_000),
            tries: 1,
        }
    }
    /// An order, with some of its members changed.
    fn order(title: &str, currency: &str, change: Value) -> OrderForLetter {
        let money = |amount: i64| json!({"amount": amount, "currency": currency});
        let id = Uuid::from_u128(9);
        let mut order = json!({
            "id": id, "number": "F-9", "status": "pending", "subtotal": money(3000),
            "items": [{"sku": "DUNE", "title": title, "slug": "dune", "image": null,
                "quantity": 2, "unit_price": money(1500), "line_total": money(3000)}],
            "shipping": money(0), "tax": money(250), "tax_included": money(0), "tax_lines": [],
            "discount": money(0), "total": money(3250), "refunded": money(0), "shipments": [],
            "payment": {"id": id, "status": "pending", "method": "card", "failure_code": null},
            "shipping_method": "standard", "tracking": null, "cancel_reason": null,
            "shipping_address": {"name": "Ada", "line1": "1 Main Street", "line2": "Flat 2",
                "city": "London", "postal_code": "SW1Y", "country": "GB"},
            "expires_at": null, "created_at": "2026-01-31T12:00:00Z", "version": 1
        });
        for (member, value) in change.as_object().unwrap() {
            order[member] = value.clone();
        }
        let order: Order = serde_json::from_value(order).unwrap();
        let account = Some(AccountId(Uuid::from_u128(8)));
        OrderForLetter { account, email: None, receipt: Some("17".into()), order }
    }
    fn terms() -> ShopTerms {
        ShopTerms {
            name: "Books & <Sons>".into(),
            address: vec!["1 Market Square".into(), "1000 Lisboa\nPT".into()],
            vat_id: Some("PT999999990".into()),
            email: Some("help@feria.example".into()),
            ..ShopTerms::default()
        }
    }
    fn to<'a>(email: &'a str, name: &'a str) -> Addressee<'a> {
        Addressee { account: None, email, name }
    }
    /// A mail as it is read.
    struct Read {
        mail: Mail,
        text: String,
        html: String,
    }
    impl Deref for Read {
        type Target = Mail;
        fn deref(&self) -> &Mail {
            &self.mail
        }
    }
    fn read(mail: Mail) -> Read {
        let (text, html) = set(&mail.subject, &mail.words).unwrap();
        Read { mail, text, html }
    }
    fn written(letter: &Letter, name: &str, order: Option<&OrderForLetter>) -> Read {
        let head = shop().letterhead(&ShopTerms::default());
        read(write((&shop(), &head), letter, to("ada@example.com", name), order, None).unwrap())
    }

    #[test]
    fn each_kind_is_set_in_text_and_html_from_what_was_kept() {
        let head = shop().letterhead(&terms());
        let known = order("Dune", "USD", json!({"discount": {"amount": 1, "currency": "USD"}}));
        for kind in Kind::ALL {
            let about = Some(&known)
                .filter(|_| !matches!(kind, Kind::Welcome | Kind::LowStock) && !kind.is_a_link());
            let to = to("ada@example.com", "Ada <3");
            let mail = write((&shop(), &head), &letter(kind), to, about, None).unwrap();
            let Read { mail, text, html } = read(mail);
            assert!(text.starts_with("Hello Ada <3,\n\n"), "{kind:?}: {text}");
            assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>"), "{html}");
            assert!(html.contains("Hello Ada &#60;3,") && !html.contains("<3"), "{html}");
            let escaped =
                |said: &str| said.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;");
            assert!(html.contains(&format!("<title>{}</title>", escaped(&mail.subject))), "{html}");
            assert!(html.contains(&format!(">{}</h1>", escaped(&mail.title))), "{html}");
            let sheet: Sheet<'_> = serde_json::from_str(&mail.words).unwrap();
            assert!(!sheet.words.paragraphs.is_empty(), "{kind:?} says something");
            let said =
                sheet.words.paragraphs.iter().chain(&sheet.words.closing).chain(&sheet.travels);
            let details = sheet.words.details.iter().flat_map(|(label, value)| [label, value]);
            for line in said.chain(details) {
                assert!(text.contains(line), "{kind:?}: {line}: {text}");
                assert!(html.contains(&escaped(line)), "{kind:?}: {line}: {html}");
            }
            let shows_order =
                matches!(kind, Kind::OrderConfirmation | Kind::Receipt | Kind::Cancellation);
            assert_eq!(
                text.contains("Discount: -0.01 USD\nTotal: 32.50 USD\n"),
                shows_order,
                "{text}"
            );
            assert_eq!(html.contains(">-0.01 USD<") && html.contains(">32.50 USD<"), shows_order);
            assert!(mail.words.len() * 3 < html.len(), "{kind:?}: {}", mail.words);
        }
    }

    /// What this release keeps must be read by every later one.
    #[test]
    fn a_sheet_that_was_kept_is_read_for_ever() {
        let kept = json!({
            "head": {"name": "Feria", "url": "https://feria.example", "address": ["1 Square"],
                "vat_id": "PT9", "reach": ["help@feria.example"]},
            "name": "Ada",
            "words": {"title": "Your order F-9 is paid", "paragraphs": ["Thank you."],
                "action": ["See your order", "https://feria.example/orders/9"],
                "closing": ["Until soon."], "details": [["Receipt", "17"]]},
            "table": {"number": "F-9", "placed_on": "2026-01-31", "total": "32.50 USD",
                "lines": [{"title": "Dune", "sku": "DUNE", "quantity": 2, "each": "15.00 USD",
                    "sum": "30.00 USD"}],
                "sums": [["Tax", "2.50 USD"]], "included": [["Includes tax", "2.50 USD"]]},
            "travels": ["By post to", "Ada"]
        });
        let (text, html) = set("Receipt", &kept.to_string()).unwrap();
        assert_eq!(
            text,
            "Hello Ada,\n\nThank you.\n\nSee your order:\nhttps://feria.example/orders/9\n\n\
             Until soon.\n\nReceipt: 17\n\nOrder F-9 of 2026-01-31\n\n2 x Dune (DUNE)\n    \
             15.00 USD each, 30.00 USD\n\nTax: 2.50 USD\nTotal: 32.50 USD\n\
             Includes tax: 2.50 USD\n\nBy post to\nAda\n\nFeria\nhttps://feria.example\n\
             1 Square\nVAT ID PT9\nhelp@feria.example\n"
        );
        assert!(html.contains("<title>Receipt</title>") && html.contains("By post to"), "{html}");
        let least = json!({"head": {"name": "Feria", "url": "/"}, "name": "",
            "words": {"title": "Welcome"}});
        assert!(set("Welcome", &least.to_string()).unwrap().0.starts_with("Hello,\n"));
        assert!(set("Welcome", "{}").is_err());
    }

    #[test]
    fn money_is_shown_in_its_own_currency_and_nothing_travels_that_is_picked_up() {
        let pickup = order("Dune", "JPY", json!({"shipping_method": "pickup"}));
        let yen = written(&letter(Kind::Receipt), "Ada", Some(&pickup));
        assert!(yen.text.contains("Tax: 250 JPY\nTotal: 3250 JPY"), "{}", yen.text);
        assert!(yen.text.contains("Shipping: 0 JPY"), "{}", yen.text);
        assert!(!yen.text.contains("Discount"), "{}", yen.text);
        assert!(yen.text.contains("picked up") && !yen.text.contains("London"), "{}", yen.text);
        let express = order("Dune", "USD", json!({"shipping_method": "express"}));
        let post = written(&letter(Kind::Receipt), "Ada", Some(&express));
        let address = "By courier to\nAda\n1 Main Street\nFlat 2\nSW1Y London\nGB\n";
        assert!(post.text.contains(address), "{}", post.text);
        assert!(post.text.ends_with("Feria\nhttps://feria.example\n"), "{}", post.text);
    }

    #[test]
    fn every_letter_tells_who_writes_and_where_they_are() {
        let head = shop().letterhead(&terms());
        let to = to("ada@example.com", "Ada");
        let mail = read(write((&shop(), &head), &letter(Kind::Welcome), to, None, None).unwrap());
        let foot = "Books & <Sons>\nhttps://feria.example\n1 Market Square\n1000 Lisboa PT\n\
                    VAT ID PT999999990\nhelp@feria.example\n";
        assert!(mail.text.ends_with(foot), "{}", mail.text);
        let foot = "Books &#38; &#60;Sons&#62;</a><br>1 Market Square<br>1000 Lisboa PT\
                    <br>VAT ID PT999999990<br>help@feria.example</td>";
        assert!(mail.html.contains(foot), "{}", mail.html);
        assert_eq!(mail.subject, "Welcome to Books & <Sons>");
    }

    #[test]
    fn a_receipt_has_a_number_a_seller_and_the_tax_by_rate() {
        let head = shop().letterhead(&terms());
        let usd = |amount: i64| json!({"amount": amount, "currency": "USD"});
        let lines = json!([{"basis_points": 1_900, "base": usd(1_000), "tax": usd(190)},
            {"basis_points": 700, "base": usd(2_000), "tax": usd(60)}]);
        let added = order("Dune", "USD", json!({"tax_lines": lines, "status": "paid"}));
        let to = to("ada@example.com", "Ada");
        let mail =
            read(write((&shop(), &head), &letter(Kind::Receipt), to, Some(&added), None).unwrap());
        for part in [
            "Receipt: 17\nPaid on: 2026-01-31\n\
             Sold by: Books & <Sons>, 1 Market Square, 1000 Lisboa PT\nVAT ID: PT999999990\n",
            "Tax 19 %: 1.90 USD\nTax 7 %: 0.60 USD\nTotal: 32.50 USD\n",
            "See your order:\nhttps://feria.example/orders/00000000-0000-0000-0000-000000000009",
            "getting it ready",
        ] {
            assert!(mail.text.contains(part), "{part}\n{}", mail.text);
        }
        let included = json!({"tax_lines": lines, "tax": usd(0), "tax_included": usd(250),
            "status": "delivered"});
        let included = order("Dune", "USD", included);
        let mail = write((&shop(), &head), &letter(Kind::Receipt), to, Some(&included), None);
        let mail = read(mail.unwrap());
        let after = "Total: 32.50 USD\nIncludes 19 % tax on 10.00 USD: 1.90 USD\n\
                     Includes 7 % tax on 20.00 USD: 0.60 USD\n";
        assert!(mail.text.contains(after), "{}", mail.text);
        assert!(mail.html.contains("Includes 7 % tax on 20.00 USD"), "{}", mail.html);
        assert!(!mail.text.contains("getting it ready"), "{}", mail.text);
    }

    #[test]
    fn whoever_pays_by_transfer_learns_how_much_where_to_and_what_to_name() {
        let id = Uuid::from_u128(9);
        let how = json!({"id": id, "status": "pending", "method": "bank_transfer",
            "failure_code": null, "reference": "RF18 5390", "instructions": "Feria, PT50 0002"});
        let change = json!({"payment": how, "expires_at": "2026-02-07T12:00:00Z"});
        let mail =
            written(&letter(Kind::OrderConfirmation), "Ada", Some(&order("Dune", "USD", change)));
        assert!(mail.text.contains("Please transfer 32.50 USD by 2026-02-07."), "{}", mail.text);
        let details = "Amount: 32.50 USD\nTo: Feria, PT50 0002\nReference: RF18 5390\n";
        assert!(mail.text.contains(details), "{}", mail.text);
        assert!(mail.html.contains("PT50 0002") && mail.html.contains("RF18 5390"));
        let how = json!({"id": id, "status": "pending", "method": "cash_on_delivery",
            "failure_code": null});
        let cash = order("Dune", "USD", json!({"payment": how}));
        let mail = written(&letter(Kind::OrderConfirmation), "Ada", Some(&cash));
        assert!(mail.text.contains("You pay 32.50 USD in cash when it arrives"), "{}", mail.text);
        assert!(!mail.text.contains("Reference"), "{}", mail.text);
    }

    #[test]
    fn a_parcel_is_told_with_its_carrier_code_and_content() {
        let parcel = |id: u128, tracking: &str| {
            json!({"id": Uuid::from_u128(id), "carrier": "DHL", "tracking": tracking,
                "lines": [{"sku": "DUNE", "quantity": 1}], "status": "shipped",
                "shipped_at": "2026-01-31T12:00:00Z", "ended_at": null})
        };
        let sent = order("Dune", "USD", json!({"shipments": [parcel(1, "ONE"), parcel(2, "TWO")]}));
        let facts = Facts { shipment: Some(ShipmentId(Uuid::from_u128(2))), ..Facts::default() };
        let told = Letter { facts, ..letter(Kind::Shipment) };
        let mail = written(&told, "Ada", Some(&sent));
        let details = "Carrier: DHL\nTracking code: TWO\n1 x: Dune\n";
        assert!(mail.text.contains(details) && !mail.text.contains("ONE"), "{}", mail.text);
        assert!(mail.text.contains("By post to\nAda\n"), "{}", mail.text);
        let unknown = Letter { facts: Facts::default(), ..told };
        assert!(written(&unknown, "Ada", Some(&sent)).text.contains("is on its way to you"));
    }

    #[test]
    fn a_refund_tells_how_much_and_how_much_in_all() {
        let usd = |minor| Money::new(minor, Currency::USD);
        let told = |amount, refunded, whole| {
            let refund = Some(Refunded { amount: usd(amount), refunded: usd(refunded), whole });
            let facts = Facts { refund, ..Facts::default() };
            let letter = Letter { facts, ..letter(Kind::Refund) };
            written(&letter, "Ada", Some(&order("Dune", "USD", json!({})))).text
        };
        let part = told(100, 300, false);
        assert!(part.contains("We gave back 1.00 USD"), "{part}");
        assert!(part.contains("In all, 3.00 USD of 32.50 USD went back."), "{part}");
        let whole = told(3250, 3250, true);
        assert!(whole.contains("32.50 USD") && !whole.contains("In all"), "{whole}");
    }

    #[test]
    fn a_link_stands_in_its_letter_with_a_secret_that_is_known() {
        let head = shop().letterhead(&ShopTerms::default());
        let link = SecretLink {
            link: LinkId(Uuid::from_u128(1)),
            account: AccountId(Uuid::from_u128(8)),
            token: "s3cr&t".into(),
            expires_at: Timestamp::from_micros(1_769_860_800_000_000),
        };
        for (kind, place, dies) in [
            (Kind::Welcome, "verify-email", false),
            (Kind::VerifyEmail, "verify-email", true),
            (Kind::PasswordReset, "reset-password", true),
        ] {
            let to = to("ada@example.com", "Ada");
            let mail = read(write((&shop(), &head), &letter(kind), to, None, Some(&link)).unwrap());
            let url = format!("https://feria.example/{place}?token=s3cr%26t");
            assert!(mail.text.contains(&format!(":\n{url}\n")), "{}", mail.text);
            assert!(mail.html.contains(&format!("href=\"{url}\"")), "{}", mail.html);
            assert_eq!(mail.secret.as_deref(), Some("s3cr%26t"));
            assert_eq!(mail.expires_at.is_some(), dies, "{kind:?}");
            assert!(!mail.body.contains("s3cr"), "the list in the shop has no secrets");
        }
    }

    #[test]
    fn a_digest_lists_what_runs_out() {
        let low = |sku: &str, available| Low { sku: sku.parse().unwrap(), available, threshold: 5 };
        let digest = |low| {
            let facts = Facts { low, ..Facts::default() };
            written(&Letter { facts, ..letter(Kind::LowStock) }, "Ada", None)
        };
        let one = digest(vec![low("DUNE", 3)]);
        assert_eq!(one.subject, "DUNE is running low at Feria");
        assert!(one.text.contains("DUNE: 3 left (told at 5 or fewer)"), "{}", one.text);
        assert!(one.text.contains("https://feria.example/admin/stock"), "{}", one.text);
        let many = digest((0..12).map(|index| low(&format!("B-{index}"), index)).collect());
        assert_eq!(many.title, "12 items are running low");
        assert!(many.body.ends_with("B-9 (9 left), and 2 more."), "{}", many.body);
        assert!(many.text.contains("B-11: 11 left"), "{}", many.text);
    }

    #[test]
    fn who_has_no_name_is_greeted_all_the_same() {
        let mail = written(&letter(Kind::Welcome), " \u{7} ", None);
        assert!(mail.text.starts_with("Hello,\n"), "{}", mail.text);
        assert_eq!(mail.message_id, format!("<{}@feria.example>", Uuid::from_u128(7)));
    }

    #[test]
    fn a_shop_without_a_name_is_called_by_its_domain_and_one_without_an_address_is_refused() {
        assert_eq!(configured("shop@feria.example").unwrap().name, "feria.example");
        for bad in ["", "Feria", "Feria <shop>", "a@b.c\r\nBcc: d@e.f"] {
            let error = configured(bad).unwrap_err().to_string();
            assert!(error.contains("mail_from"), "{error}");
        }
    }

    #[test]
    fn what_is_no_address_is_not_written_to() {
        let head = shop().letterhead(&ShopTerms::default());
        for email in ["", "ada", "a@b.c, d@e.f", "Ada <a@b.c>", "a@b.c\r\nBcc: d@e.f", "a b@c.d"] {
            let to = to(email, "Ada");
            let refused = write((&shop(), &head), &letter(Kind::Welcome), to, None, None);
            assert!(matches!(refused, Err(NotWritten::Address)), "{email:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_and_no_title_changes_the_shape_of_a_letter(name in "\\PC*|(.|\n|\r){0,40}", title in "(.|\n|<|>|&|\"){0,40}") {
            let shape = |mail: &Read| (mail.html.matches(['<', '>', '"']).count(), mail.text.lines().count());
            let confirm = letter(Kind::OrderConfirmation);
            let plain = written(&confirm, "Ada", Some(&order("Dune", "USD", json!({}))));
            let mail = written(&confirm, &name, Some(&order(&title, "USD", json!({}))));
            prop_assert_eq!(shape(&mail), shape(&plain));
            let posted = Posted {
                id: Uuid::nil(), message_id: &mail.message_id, to: &mail.to, subject: &mail.subject,
                text: &mail.text, html: &mail.html, created_at: Timestamp::from_micros(0),
            };
            prop_assert!(eml(&shop(), posted).is_ok());
        }
    }
}
