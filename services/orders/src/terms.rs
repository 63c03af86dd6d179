//! The shop's terms: what they may hold, what a new shop has, and where it delivers. Pure.
use contracts::Money;
use contracts::orders::{LegalPage, Seller, ShippingMethod, ShippingRate, ShopTerms, TaxRate};
use kit::config::Config;
use std::collections::BTreeSet;

/// The most lines of an address.
const MOST_ADDRESS_LINES: usize = 8;
/// The most pages.
const MOST_PAGES: usize = 20;
/// The most rates of a kind, and the most countries.
const MOST_RATES: usize = 250;
/// All of something, in basis points.
const WHOLE: u32 = 10_000;

/// The terms of a shop that was told nothing but its configuration: it delivers everywhere, for
/// what `[shipping]` says, and reckons no tax.
pub fn configured(config: &Config) -> ShopTerms {
    let rate = |method, price| ShippingRate { method, country: None, price, free_above: None };
    let shipping = &config.shipping;
    ShopTerms {
        name: name_of_sender(&config.mail_from),
        shipping: vec![
            rate(ShippingMethod::Standard, shipping.standard),
            rate(ShippingMethod::Express, shipping.express),
            rate(ShippingMethod::Pickup, shipping.pickup),
        ],
        ..ShopTerms::default()
    }
}

/// `Feria` of `"Feria" <shop@localhost>`, and where mail is from nobody by name.
fn name_of_sender(from: &str) -> String {
    let before = from.split_once('<').map_or("", |(name, _)| name);
    let name = before.trim().trim_matches('"').trim();
    let fits = text_fault(name, 1, 100).is_none();
    if fits { name.to_owned() } else { "Feria".to_owned() }
}

/// Who sells under `terms`, as receipts say.
pub fn seller(terms: ShopTerms) -> Seller {
    Seller { name: terms.name, address: terms.address, vat_id: terms.vat_id }
}

/// Whether the shop delivers to `country` at all.
pub fn serves(terms: &ShopTerms, country: &str) -> bool {
    terms.countries.is_empty() || terms.countries.iter().any(|served| served == country)
}

/// What stands for `method` to `country`: its own rate, else the one of all other countries; none
/// where the shop does not deliver so.
pub fn shipping_rate<'a>(
    terms: &'a ShopTerms,
    method: ShippingMethod,
    country: &str,
) -> Option<&'a ShippingRate> {
    let of = |wanted: Option<&str>| {
        let mut rates = terms.shipping.iter();
        rates.find(|rate| rate.method == method && rate.country.as_deref() == wanted)
    };
    serves(terms, country).then(|| of(Some(country)).or_else(|| of(None))).flatten()
}

/// What shipping by `method` to `country` costs an order with this `subtotal`, in minor units.
pub fn shipping_price(
    terms: &ShopTerms,
    method: ShippingMethod,
    country: &str,
    subtotal: i64,
) -> Option<i64> {
    let rate = shipping_rate(terms, method, country)?;
    let free = rate.free_above.is_some_and(|from| subtotal >= from);
    Some(if free { 0 } else { rate.price })
}

/// Whether it matters in which categories goods stand.
pub fn names_categories(terms: &ShopTerms) -> bool {
    terms.tax.iter().any(|rate| rate.category.is_some())
}

/// Whether the text can be a country: two capital letters (ISO 3166-1 alpha-2).
pub fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// What a country has to be, as it is said to whoever wrote something else.
pub(crate) const COUNTRY: &str = "must be two capital letters (ISO 3166-1), such as GB";

/// The fields that do not hold what they should, each with a reason.
pub fn faults(terms: &ShopTerms) -> Vec<(String, String)> {
    let mut faults = Faults::default();
    faults.text("name", &terms.name, 1, 100);
    faults.count("address", terms.address.len(), MOST_ADDRESS_LINES);
    for (place, line) in terms.address.iter().enumerate().take(MOST_ADDRESS_LINES) {
        faults.text(&format!("address[{place}]"), line, 1, 200);
    }
    for (field, text) in [("vat_id", &terms.vat_id), ("phone", &terms.phone)] {
        if let Some(text) = text {
            faults.text(field, text, 1, 30);
        }
    }
    if terms.email.as_deref().is_some_and(|email| !crate::checkout::is_email(email)) {
        faults.add("email", "must be an e-mail address");
    }
    faults.count("countries", terms.countries.len(), MOST_RATES);
    let mut seen = BTreeSet::new();
    for (place, country) in terms.countries.iter().enumerate().take(MOST_RATES) {
        let field = format!("countries[{place}]");
        faults.country(&field, Some(country));
        faults.once(&field, seen.insert(country), "is there already");
    }
    pages(&mut faults, &terms.pages);
    shipping(&mut faults, &terms.shipping);
    tax(&mut faults, &terms.tax);
    faults.0
}

fn pages(faults: &mut Faults, pages: &[LegalPage]) {
    faults.count("pages", pages.len(), MOST_PAGES);
    let mut seen = BTreeSet::new();
    for (place, page) in pages.iter().enumerate().take(MOST_PAGES) {
        let field = |name| format!("pages[{place}].{name}");
        if !is_slug(&page.slug) {
            let shape = "must be small letters, digits and hyphens, at most 100";
            faults.add(&field("slug"), shape);
        }
        faults.once(&field("slug"), seen.insert(&page.slug), "is another page's");
        faults.text(&field("title"), &page.title, 1, 100);
        let odd = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
        if page.text.chars().any(odd) {
            faults.add(&field("text"), "must not contain control characters");
        } else if page.text.chars().count() > 50_000 {
            faults.add(&field("text"), "must have at most 50,000 characters");
        }
    }
}

fn shipping(faults: &mut Faults, rates: &[ShippingRate]) {
    faults.count("shipping", rates.len(), MOST_RATES);
    let mut seen = BTreeSet::new();
    for (place, rate) in rates.iter().enumerate().take(MOST_RATES) {
        let field = |name| format!("shipping[{place}].{name}");
        faults.country(&field("country"), rate.country.as_ref());
        faults.amount(&field("price"), rate.price);
        if let Some(free_above) = rate.free_above {
            faults.amount(&field("free_above"), free_above);
        }
        let new = seen.insert((rate.method as u8, &rate.country));
        faults.once(&field("country"), new, "has a rate for this method already");
    }
}

fn tax(faults: &mut Faults, rates: &[TaxRate]) {
    faults.count("tax", rates.len(), MOST_RATES);
    let mut seen = BTreeSet::new();
    for (place, rate) in rates.iter().enumerate().take(MOST_RATES) {
        let field = |name| format!("tax[{place}].{name}");
        faults.country(&field("country"), rate.country.as_ref());
        if rate.category.as_deref().is_some_and(|slug| !is_slug(slug)) {
            let shape = "must be a category's slug: small letters, digits and hyphens";
            faults.add(&field("category"), shape);
        }
        if rate.basis_points > WHOLE {
            faults.add(&field("basis_points"), "must be 0 to 10,000");
        }
        let new = seen.insert((&rate.country, &rate.category));
        faults.once(&field("country"), new, "has a rate for this category already");
    }
}

/// A name in addresses: small letters, digits and hyphens.
fn is_slug(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=100).contains(&text.len())
        && text.bytes().all(known)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn text_fault(text: &str, least: usize, most: usize) -> Option<String> {
    let count = text.trim().chars().count();
    if count < least || text.chars().count() > most {
        Some(format!("must have {least} to {most} characters"))
    } else if text.chars().any(char::is_control) {
        Some("must not contain control characters".to_owned())
    } else {
        None
    }
}

/// What was found so far.
#[derive(Default)]
struct Faults(Vec<(String, String)>);

impl Faults {
    fn add(&mut self, field: &str, reason: impl Into<String>) {
        self.0.push((field.to_owned(), reason.into()));
    }
    fn text(&mut self, field: &str, text: &str, least: usize, most: usize) {
        self.0.extend(text_fault(text, least, most).map(|reason| (field.to_owned(), reason)));
    }
    fn count(&mut self, field: &str, count: usize, most: usize) {
        if count > most {
            self.add(field, format!("must have at most {most} entries"));
        }
    }
    fn country(&mut self, field: &str, country: Option<&String>) {
        if country.is_some_and(|country| !is_country(country)) {
            self.add(field, COUNTRY);
        }
    }
    fn amount(&mut self, field: &str, minor: i64) {
        if !(0..=Money::MAX_MINOR).contains(&minor) {
            self.add(field, format!("must be 0 to {}", Money::MAX_MINOR));
        }
    }
    fn once(&mut self, field: &str, new: bool, reason: &str) {
        if !new {
            self.add(field, reason);
        }
    }
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
