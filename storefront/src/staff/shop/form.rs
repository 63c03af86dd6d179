//! The terms as they are typed. A row's fields are called as the service calls them, such as
//! `tax[0].country`; a row that is empty, or is to be removed, is left out of what is saved.
use crate::form::Faults;
use crate::staff::{Fields, some, typed};
use crate::words::{SHIPPING, number, parse_money};
use contracts::orders::{LegalPage, ShippingRate, Shop, ShopTerms, TaxRate};
use contracts::{Currency, Money};
use std::collections::BTreeMap;

/// No form of ours has more rows of a kind.
const MOST_ROWS: usize = 300;

/// A row: what was typed, by the fields' names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(BTreeMap<String, String>);

impl Row {
    fn of<const N: usize>(fields: [(&str, String); N]) -> Self {
        Self(fields.into_iter().map(|(name, text)| (name.to_owned(), text)).collect())
    }
    /// What was typed into a field.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
    fn is_left_out(&self, fields: &[&str]) -> bool {
        let is_empty = |name: &&str| self.text(name).trim().is_empty();
        !self.text("remove").is_empty() || fields.iter().all(is_empty)
    }
}

/// The form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The version that was seen.
    pub version: String,
    pub name: String,
    pub address: String,
    pub vat_id: String,
    pub email: String,
    pub phone: String,
    pub countries: String,
    pub prices_include_tax: bool,
    pub pages: Vec<Row>,
    pub shipping: Vec<Row>,
    pub tax: Vec<Row>,
}

/// The rows of the form that were not left out, in the order in which the service sees them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Places {
    pages: Vec<usize>,
    shipping: Vec<usize>,
    tax: Vec<usize>,
}

impl Places {
    /// The field of the form that the service calls `field`.
    pub fn field_of(&self, field: &str) -> Option<String> {
        let plain = field.split('[').next().unwrap_or_default();
        if ["name", "address", "vat_id", "email", "phone", "countries"].contains(&plain) {
            return Some(plain.to_owned());
        }
        let rows = match plain {
            "pages" => &self.pages,
            "shipping" => &self.shipping,
            "tax" => &self.tax,
            _ => return None,
        };
        let (at, rest) = field.strip_prefix(plain)?.strip_prefix('[')?.split_once(']')?;
        let row = rows.get(at.parse::<usize>().ok()?)?;
        Some(format!("{plain}[{row}]{rest}"))
    }
}

impl Form {
    /// The terms as they are.
    pub fn of(shop: Shop, currency: Currency) -> Self {
        let amount = |minor: i64| number(Money::new(minor, currency));
        let Shop { terms, version, .. } = shop;
        let page = |page: LegalPage| {
            Row::of([("slug", page.slug), ("title", page.title), ("text", page.text)])
        };
        let shipping = |rate: ShippingRate| {
            let known = SHIPPING.iter().find(|(method, ..)| *method == rate.method);
            Row::of([
                ("method", known.map_or("", |(_, name, ..)| *name).to_owned()),
                ("country", rate.country.unwrap_or_default()),
                ("price", amount(rate.price)),
                ("free_above", rate.free_above.map(amount).unwrap_or_default()),
            ])
        };
        let tax = |rate: TaxRate| {
            Row::of([
                ("country", rate.country.unwrap_or_default()),
                ("category", rate.category.unwrap_or_default()),
                ("basis_points", percent(rate.basis_points)),
            ])
        };
        Self {
            version: version.to_string(),
            name: terms.name,
            address: terms.address.join("\n"),
            vat_id: terms.vat_id.unwrap_or_default(),
            email: terms.email.unwrap_or_default(),
            phone: terms.phone.unwrap_or_default(),
            countries: terms.countries.join(" "),
            prices_include_tax: terms.prices_include_tax,
            pages: terms.pages.into_iter().map(page).collect(),
            shipping: terms.shipping.into_iter().map(shipping).collect(),
            tax: terms.tax.into_iter().map(tax).collect(),
        }
    }
    /// What was typed.
    pub fn typed(fields: &Fields) -> Self {
        let text = |name| typed(fields, name).unwrap_or_default().to_owned();
        Self {
            version: text("version"),
            name: text("name"),
            address: text("address"),
            vat_id: text("vat_id"),
            email: text("email"),
            phone: text("phone"),
            countries: text("countries"),
            prices_include_tax: !text("prices_include_tax").is_empty(),
            pages: rows(fields, "pages"),
            shipping: rows(fields, "shipping"),
            tax: rows(fields, "tax"),
        }
    }
    /// One more row of a kind.
    pub fn add_row(&mut self, kind: &str) {
        let rows = match kind {
            "pages" => &mut self.pages,
            "shipping" => &mut self.shipping,
            "tax" => &mut self.tax,
            _ => return,
        };
        if rows.len() < MOST_ROWS {
            rows.push(Row::default());
        }
    }
    /// The terms, and which rows they have.
    /// # Errors
    /// With what is wrong with amounts and rates; the rest is for the service to judge.
    pub fn read(&self, currency: Currency) -> Result<(ShopTerms, Places), Faults> {
        let (mut faults, mut places) = (Faults::default(), Places::default());
        let mut terms = ShopTerms {
            name: self.name.trim().to_owned(),
            address: crate::staff::facts::lines(&self.address).map(str::to_owned).collect(),
            vat_id: some(&self.vat_id),
            email: some(&self.email),
            phone: some(&self.phone),
            countries: countries(&self.countries),
            prices_include_tax: self.prices_include_tax,
            ..ShopTerms::default()
        };
        for (at, row) in self.pages.iter().enumerate() {
            if !row.is_left_out(&["slug", "title", "text"]) {
                places.pages.push(at);
                terms.pages.push(LegalPage {
                    slug: row.text("slug").trim().to_owned(),
                    title: row.text("title").trim().to_owned(),
                    text: row.text("text").trim().replace("\r\n", "\n"),
                });
            }
        }
        for (at, row) in self.shipping.iter().enumerate() {
            if !row.is_left_out(&["country", "price", "free_above"])
                && let Some(rate) = faults.take(shipping(at, row, currency))
            {
                places.shipping.push(at);
                terms.shipping.push(rate);
            }
        }
        for (at, row) in self.tax.iter().enumerate() {
            if !row.is_left_out(&["country", "category", "basis_points"])
                && let Some(rate) = faults.take(tax(at, row))
            {
                places.tax.push(at);
                terms.tax.push(rate);
            }
        }
        if faults.is_empty() { Ok((terms, places)) } else { Err(faults) }
    }
}

/// The rows of a kind, in their order.
fn rows(fields: &Fields, kind: &str) -> Vec<Row> {
    let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
    for (name, text) in fields {
        let Some(rest) = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('[')) else {
            continue;
        };
        let Some((at, field)) = rest.split_once("].") else { continue };
        if let Some(at) = at.parse::<usize>().ok().filter(|at| *at < MOST_ROWS) {
            rows.entry(at).or_default().0.insert(field.to_owned(), text.clone());
        }
    }
    rows.into_values().collect()
}

/// Codes with anything between them.
fn countries(text: &str) -> Vec<String> {
    let codes = text.split([',', ';', ' ', '\n', '\r', '\t']).map(str::trim);
    codes.filter(|code| !code.is_empty()).map(str::to_uppercase).collect()
}

fn shipping(at: usize, row: &Row, currency: Currency) -> Result<ShippingRate, Faults> {
    let field = |name: &str| format!("shipping[{at}].{name}");
    let mut faults = Faults::default();
    let method = SHIPPING.iter().find(|(_, name, ..)| *name == row.text("method"));
    if method.is_none() {
        faults.add(&field("method"), "choose a way of shipping");
    }
    let amount = |name: &str| {
        let read = parse_money(row.text(name), currency);
        read.map(|money| money.minor).map_err(|reason| Faults::one(field(name), reason))
    };
    let price = faults.take(amount("price"));
    let free_above = match some(row.text("free_above")) {
        Some(_) => faults.take(amount("free_above")),
        None => None,
    };
    match (method, price) {
        (Some((method, ..)), Some(price)) if faults.is_empty() => {
            let country = some(row.text("country")).map(|code| code.to_uppercase());
            Ok(ShippingRate { method: *method, country, price, free_above })
        }
        _ => Err(faults),
    }
}

fn tax(at: usize, row: &Row) -> Result<TaxRate, Faults> {
    let basis_points = basis_points(row.text("basis_points")).ok_or_else(|| {
        let field = format!("tax[{at}].basis_points");
        Faults::one(field, "must be a rate such as 19 or 5.5, in per cent")
    })?;
    let country = some(row.text("country")).map(|code| code.to_uppercase());
    Ok(TaxRate { country, category: some(row.text("category")), basis_points })
}

/// `19`, `5.5` or `0.25`, in per cent, as basis points.
fn basis_points(text: &str) -> Option<u32> {
    let text = text.trim().trim_end_matches('%').trim();
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    format!("{whole}{part:0<2}").parse().ok()
}

/// The reverse of [`basis_points`].
fn percent(points: u32) -> String {
    crate::words::rate(&points).trim_end_matches([' ', '%']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::orders::ShippingMethod;

    fn terms() -> ShopTerms {
        ShopTerms {
            name: "Old Paper".to_owned(),
            address: vec!["Ada Books Ltd".to_owned(), "Cambridge".to_owned()],
            vat_id: Some("GB1".to_owned()),
            countries: vec!["GB".to_owned(), "FR".to_owned()],
            pages: vec![LegalPage {
                slug: "terms".to_owned(),
                title: "Terms".to_owned(),
                text: "We sell.\n\nYou buy.".to_owned(),
            }],
            shipping: vec![ShippingRate {
                method: ShippingMethod::Express,
                country: Some("GB".to_owned()),
                price: 1499,
                free_above: Some(10_000),
            }],
            prices_include_tax: true,
            tax: vec![TaxRate {
                country: None,
                category: Some("books".to_owned()),
                basis_points: 550,
            }],
            ..ShopTerms::default()
        }
    }

    #[test]
    fn terms_come_back_as_they_were_shown() {
        let usd = Currency::USD;
        let shop = Shop { terms: terms(), currency: usd, version: 3, changed_at: None };
        let (read, places) = Form::of(shop, usd).read(usd).unwrap();
        assert_eq!(read, terms());
        assert_eq!(places.field_of("tax[0].category").as_deref(), Some("tax[0].category"));
    }

    #[test]
    fn a_row_that_is_left_out_moves_the_others_places() {
        let field = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let fields = vec![
            field("tax[0].basis_points", ""),
            field("tax[1].basis_points", "19"),
            field("tax[1].remove", "true"),
            field("tax[7].basis_points", "7"),
            field("tax[999999].basis_points", "7"),
        ];
        let form = Form::typed(&fields);
        let (terms, places) = form.read(Currency::USD).unwrap();
        assert_eq!(terms.tax.len(), 1);
        assert_eq!(places.field_of("tax[0].country").as_deref(), Some("tax[2].country"));
        assert_eq!(places.field_of("address[3]").as_deref(), Some("address"));
        assert_eq!((places.field_of("tax[1].country"), places.field_of("tax")), (None, None));
        assert_eq!(places.field_of("version"), None);
    }

    #[test]
    fn rates_are_read_exactly() {
        let read = ["19", "5.5", "0.25", " 7 % ", "100"].map(basis_points);
        assert_eq!(read, [1900, 550, 25, 700, 10_000].map(Some));
        for bad in ["", "-1", "1.234", "1,5", "a", "1.", ".5", "99999999999"] {
            assert_eq!(basis_points(bad), None, "{bad}");
        }
        assert_eq!([1900, 550, 25].map(percent), ["19", "5.5", "0.25"]);
        assert_eq!(countries("gb, FR;at\nDE"), ["GB", "FR", "AT", "DE"]);
    }
}
