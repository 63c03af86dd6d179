//! One JSON object a line: what `feria export` writes, and what people write by hand.
use super::{Goods, Rejected, Row, Rows, category_path, minor_units, next_line};
use contracts::catalog::{NewVariant, ProductRecord};
use contracts::{Currency, Money, Sku, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

/// Longer lines are no products.
const LONGEST: u64 = 4 << 20;

/// A line: a product with variants, or with one SKU and price of its own.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<String>,
    title: String,
    description: String,
    images: Vec<String>,
    authors: Vec<String>,
    genres: Vec<String>,
    categories: Vec<Place>,
    attributes: BTreeMap<String, serde_json::Value>,
    variants: Vec<Form>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<Sku>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_hand: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stars: Option<[u64; 5]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    sku: Sku,
    #[serde(default)]
    options: BTreeMap<String, String>,
    price: Price,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_hand: Option<i64>,
}

/// A category: the names on the way to it, or all in one text, `Books > Fiction`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Place {
    Names(Vec<String>),
    Text(String),
}

/// Minor units, a decimal text, or an amount with its currency.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Price {
    Money(Money),
    Minor(i64),
    Decimal(String),
}

impl Price {
    fn open(self, currency: Currency) -> Result<Money, String> {
        match self {
            Self::Money(money) => Ok(money),
            Self::Minor(minor) => Ok(Money::new(minor, currency)),
            Self::Decimal(text) => minor_units(&text, currency)
                .map(|minor| Money::new(minor, currency))
                .ok_or_else(|| format!("price {text:?} is no amount of {}", currency.code())),
        }
    }
}

impl Line {
    fn open(self, line: u64, currency: Currency) -> Result<Goods, String> {
        let mut forms = self.variants;
        match (self.sku, self.price) {
            (Some(sku), Some(price)) if forms.is_empty() => {
                forms.push(Form { sku, options: BTreeMap::new(), price, on_hand: self.on_hand });
            }
            (None, None) if self.on_hand.is_none() && !forms.is_empty() => {}
            _ => return Err("it needs either variants, or sku and price".to_owned()),
        }
        let mut stock = BTreeMap::new();
        let mut variants = Vec::with_capacity(forms.len());
        for Form { sku, options, price, on_hand } in forms {
            stock.extend(on_hand.map(|on_hand| (sku.clone(), on_hand)));
            variants.push(NewVariant { sku, options, price: price.open(currency)? });
        }
        let place = |place| match place {
            Place::Names(names) => names,
            Place::Text(text) => category_path(&text),
        };
        let record = ProductRecord {
            slug: self.slug,
            title: self.title,
            description: self.description,
            images: self.images,
            authors: self.authors,
            genres: self.genres,
            categories: self.categories.into_iter().map(place).collect(),
            attributes: self.attributes,
            variants,
            stars: self.stars,
            created_at: self.created_at,
        };
        Ok(Goods { line, record, stock })
    }
    fn of(goods: &Goods) -> Self {
        let record = goods.record.clone();
        let form = |variant: NewVariant| Form {
            on_hand: goods.stock.get(&variant.sku).copied(),
            sku: variant.sku,
            options: variant.options,
            price: Price::Money(variant.price),
        };
        Self {
            slug: record.slug,
            title: record.title,
            description: record.description,
            images: record.images,
            authors: record.authors,
            genres: record.genres,
            categories: record.categories.into_iter().map(Place::Names).collect(),
            attributes: record.attributes,
            variants: record.variants.into_iter().map(form).collect(),
            stars: record.stars,
            created_at: record.created_at,
            ..Self::default()
        }
    }
}

/// The rows of `input`; empty lines are passed over.
pub fn read(input: impl BufRead + Send + 'static, currency: Currency) -> Rows {
    let mut input = input;
    let (mut number, mut ended) = (0, false);
    Box::new(std::iter::from_fn(move || {
        loop {
            if ended {
                return None;
            }
            number += 1;
            let rejected = |reason| Err(Rejected { line: number, reason });
            return Some(match next_line(&mut input, LONGEST)? {
                Err(error) => {
                    ended = true;
                    rejected(format!("the file cannot be read on: {error}"))
                }
                Ok(Err(reason)) => rejected(reason),
                Ok(Ok(text)) => {
                    let text = text.trim_start_matches('\u{feff}').trim();
                    if text.is_empty() {
                        continue;
                    }
                    parse(text, number, currency)
                }
            });
        }
    }))
}

fn parse(text: &str, line: u64, currency: Currency) -> Row {
    let parsed: Result<Line, _> = serde_json::from_str(text);
    let opened = match parsed {
        Ok(parsed) => parsed.open(line, currency),
        Err(error) => Err(without_place(&error)),
    };
    opened.map_err(|reason| Rejected { line, reason })
}

/// What serde says, with the column alone: each line is a document of its own to it.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    format!("{said} (column {})", error.column())
}

/// Writes goods, one JSON object a line.
pub struct JsonlWriter<W>(W);

impl<W: Write> JsonlWriter<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self(out)
    }
    /// Writes one product.
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, goods: &Goods) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, &Line::of(goods))?;
        self.0.write_all(b"\n")
    }
    /// Writes what is left.
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Row> {
        read(io::Cursor::new(text.to_owned()), Currency::USD).collect()
    }
    fn reason(text: &str) -> String {
        rows(text).remove(0).unwrap_err().reason
    }

    #[test]
    fn what_people_write_is_understood() {
        let text = "\u{feff}{\"title\": \"Ink\", \"sku\": \"ink-1\", \"price\": \"4.50\", \
                    \"on_hand\": 7, \"categories\": [\"Paper > Ink\", [\"Gifts\"]]}\n\n\
                    {\"title\": \"Pen\", \"variants\": [{\"sku\": \"PEN-B\", \"price\": 300, \
                    \"options\": {\"colour\": \"blue\"}}]}";
        let goods: Vec<Goods> = rows(text).into_iter().map(Result::unwrap).collect();
        assert_eq!((goods[0].line, goods[1].line), (1, 3));
        assert_eq!(goods[0].record.categories, [vec!["Paper", "Ink"], vec!["Gifts"]]);
        assert_eq!(goods[0].record.variants[0].price, Money::new(450, Currency::USD));
        assert_eq!(goods[0].stock[&"INK-1".parse().unwrap()], 7);
        assert_eq!(goods[1].record.variants[0].price, Money::new(300, Currency::USD));
        assert!(goods[1].stock.is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_rejected_with_its_line_and_reading_goes_on() {
        let text = "{\"title\": \"A\", \"sku\": \"A\", \"price\": 1}\n{\"title\": 7}\nnonsense\n\
                    {\"title\": \"B\", \"sku\": \"B\", \"price\": 1}";
        let lines: Vec<_> = rows(text)
            .into_iter()
            .map(|row| row.map(|goods| goods.line).map_err(|rejected| rejected.line))
            .collect();
        assert_eq!(lines, [Ok(1), Err(2), Err(3), Ok(4)]);
        assert!(reason("{\"title\": \"A\", \"colour\": 1}").contains("unknown field `colour`"));
        assert!(reason("{\"title\": \"A\"}").contains("sku and price"));
        assert!(reason("{\"title\": \"A\", \"sku\": \"A\", \"price\": \"1.234\"}").contains("USD"));
        assert!(
            reason("{\"title\": \"A\", \"sku\": \"A\", \"price\": 1.5}").contains("price")
                || reason("{\"title\": \"A\", \"sku\": \"A\", \"price\": 1.5}").contains("Price")
        );
    }
}
