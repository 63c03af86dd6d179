//! `books.csv` of goodbooks-10k (zygmuntz/goodbooks-10k on GitHub): real books without price and
//! stock. Both are derived from the book's number, so that every import gives the same:
//! with `h` the first eight bytes of SHA-256 of `feria:book:{book_id}` as a number, the price is
//! `499 + 100 * (h mod 30)` hundredths of the currency's unit (4.99 to 33.99) and the stock
//! `5 + (h div 30) mod 196` pieces (5 to 200).
use super::{Goods, Rejected, Row, Rows};
use crate::Failure;
use contracts::catalog::{NewVariant, ProductRecord};
use contracts::{Currency, Money, Sku};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Read;

/// What of a row is used. Columns that are not named here are passed over.
#[derive(Deserialize)]
struct Book {
    book_id: u32,
    goodreads_book_id: u64,
    isbn: String,
    authors: String,
    original_publication_year: String,
    original_title: String,
    title: String,
    language_code: String,
    ratings_1: u64,
    ratings_2: u64,
    ratings_3: u64,
    ratings_4: u64,
    ratings_5: u64,
    image_url: String,
    small_image_url: String,
}

/// The rows of `input`.
/// # Errors
/// When the header is not that of `books.csv`.
pub fn read(input: impl Read + Send + 'static, currency: Currency) -> Result<Rows, Failure> {
    let mut reader = ::csv::Reader::from_reader(input);
    let header = reader.headers().map_err(|error| Failure::input(error.to_string()))?;
    let known = ["book_id", "authors", "title", "ratings_1", "image_url"];
    if let Some(missing) = known.iter().find(|name| !header.iter().any(|column| column == **name)) {
        return Err(Failure::input(format!(
            "this is no books.csv of goodbooks-10k: the header has no column {missing}"
        )));
    }
    let header = header.clone();
    let mut line = 1;
    let read = move |record: Result<::csv::StringRecord, ::csv::Error>| -> Row {
        let record = record.map_err(|error| {
            line = error.position().map_or(line, ::csv::Position::line);
            Rejected { line, reason: error.to_string().replace('\n', " ") }
        })?;
        line = record.position().map_or(line, ::csv::Position::line);
        let book: Result<Book, _> = record.deserialize(Some(&header));
        let book = book.map_err(|error| error.to_string().replace('\n', " "));
        let goods: Result<Goods, String> = book.and_then(|book| book.open(line, currency));
        goods.map_err(|reason| Rejected { line, reason })
    };
    Ok(Box::new(reader.into_records().map(read)))
}

impl Book {
    fn open(self, line: u64, currency: Currency) -> Result<Goods, String> {
        let number = number_of(self.book_id);
        let sku: Sku = format!("GB-{:05}", self.book_id)
            .parse()
            .map_err(|error| format!("book_id {}: {error}", self.book_id))?;
        let hundredths = 499 + 100 * i64::try_from(number % 30).unwrap_or_default();
        let scale = match currency.minor_digits() {
            0 => return Err(format!("no price is derived in {}", currency.code())),
            digits => 10_i64.saturating_pow(digits.saturating_sub(2)),
        };
        let variant = NewVariant {
            sku: sku.clone(),
            options: BTreeMap::new(),
            price: Money::new(hundredths * scale, currency),
        };
        let on_hand = 5 + i64::try_from(number / 30 % 196).unwrap_or_default();
        let year = whole(&self.original_publication_year)?;
        let mut authors: Vec<String> = Vec::new();
        for name in self.authors.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if !authors.iter().any(|known| known == name) {
                authors.push(name.to_owned());
            }
        }
        let images = [&self.image_url, &self.small_image_url];
        let record = ProductRecord {
            description: description(&authors, year),
            images: images
                .iter()
                .filter(|url| !url.is_empty())
                .map(|url| url.to_string())
                .collect(),
            categories: vec![vec!["Books".to_owned()]],
            attributes: self.attributes(year),
            stars: Some([
                self.ratings_1,
                self.ratings_2,
                self.ratings_3,
                self.ratings_4,
                self.ratings_5,
            ]),
            title: self.title.trim().to_owned(),
            authors,
            variants: vec![variant],
            ..ProductRecord::default()
        };
        Ok(Goods { line, record, stock: [(sku, on_hand)].into() })
    }
    fn attributes(&self, year: Option<i64>) -> BTreeMap<String, Value> {
        let text = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(Value::from);
        let (isbn10, isbn13) = isbn(&self.isbn).unzip();
        let series = self.title.rsplit_once(" (").and_then(|(_, rest)| rest.strip_suffix(')'));
        let facts = [
            ("year", year.map(Value::from)),
            ("language", text(&self.language_code)),
            ("original_title", text(&self.original_title)),
            ("series", series.and_then(text)),
            ("isbn10", isbn10.map(Value::from)),
            ("isbn13", isbn13.map(Value::from)),
            ("goodreads_book_id", Some(self.goodreads_book_id.into())),
        ];
        let known = facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?)));
        known.collect()
    }
}

fn number_of(book_id: u32) -> u64 {
    let digest = Sha256::digest(format!("feria:book:{book_id}"));
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// `2008.0` is 2008; negative before our era.
fn whole(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_suffix(".0").unwrap_or(text);
    digits.parse().map(Some).map_err(|_| format!("{text:?} is no year"))
}

/// The ISBN of ten and that of thirteen digits (ISO 2108). The file lost leading zeros of the
/// first and the last digits of the second (it is in floating-point notation), so that the
/// second is made from the first; one whose check digit is wrong is left out.
fn isbn(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    if text.is_empty() || text.len() > 10 {
        return None;
    }
    let ten = format!("{text:0>10}").to_ascii_uppercase();
    let digits: Option<Vec<u32>> = ten
        .chars()
        .enumerate()
        .map(
            |(place, digit)| if place == 9 && digit == 'X' { Some(10) } else { digit.to_digit(10) },
        )
        .collect();
    let digits = digits?;
    let weighed: u32 =
        digits.iter().zip((1..=10).rev()).map(|(digit, weight)| digit * weight).sum();
    if !weighed.is_multiple_of(11) {
        return None;
    }
    let body = format!("978{}", &ten[..9]);
    let sum: u32 = body
        .chars()
        .filter_map(|digit| digit.to_digit(10))
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { digit } else { 3 * digit })
        .sum();
    let check = (10 - sum % 10) % 10;
    Some((ten, format!("{body}{check}")))
}

fn description(authors: &[String], year: Option<i64>) -> String {
    let by = match authors {
        [] => String::new(),
        [one] => format!("By {one}."),
        [first @ .., last] => format!("By {} and {last}.", first.join(", ")),
    };
    let since = match year {
        None => String::new(),
        Some(year) if year < 0 => format!(" First published in {} BC.", year.unsigned_abs()),
        Some(year) => format!(" First published in {year}."),
    };
    format!("{by}{since}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "book_id,goodreads_book_id,best_book_id,work_id,books_count,isbn,isbn13,\
        authors,original_publication_year,original_title,title,language_code,average_rating,\
        ratings_count,work_ratings_count,work_text_reviews_count,ratings_1,ratings_2,ratings_3,\
        ratings_4,ratings_5,image_url,small_image_url\n";

    fn rows(lines: &str) -> Vec<Row> {
        let text = format!("{HEADER}{lines}");
        read(std::io::Cursor::new(text), Currency::USD).unwrap().collect()
    }

    #[test]
    fn a_book_has_what_the_file_says_and_a_price_and_stock_of_its_own() {
        let line = "7,5,5,1,9,439023483,9.78e+12,\"Homer, Robert Fagles, Homer\",-750.0,,\
            \"The Odyssey (Epics, #2)\",eng,3.7,9,9,9,1,2,3,4,5,https://x/m.jpg,https://x/s.jpg\n";
        let goods = rows(line).remove(0).unwrap();
        let record = goods.record;
        assert_eq!(record.authors, ["Homer", "Robert Fagles"]);
        assert_eq!(record.description, "By Homer and Robert Fagles. First published in 750 BC.");
        assert_eq!(record.attributes["year"], -750);
        assert_eq!(record.attributes["series"], "Epics, #2");
        assert_eq!(record.attributes["isbn13"], "9780439023481");
        assert_eq!(record.attributes.get("original_title"), None);
        assert_eq!(record.stars, Some([1, 2, 3, 4, 5]));
        assert_eq!(record.images, ["https://x/m.jpg", "https://x/s.jpg"]);
        let sku = &record.variants[0].sku;
        assert_eq!(sku.as_str(), "GB-00007");
        let price = record.variants[0].price.minor;
        assert!((499..=3399).contains(&price) && price % 100 == 99, "{price}");
        assert!((5..=200).contains(&goods.stock[sku]));
        let again = rows(line).remove(0).unwrap();
        assert_eq!((&again.record.variants, &again.stock), (&record.variants, &goods.stock));
    }

    #[test]
    fn a_line_that_is_no_book_is_rejected() {
        let good = "1,1,1,1,1,,,A,,,T,,1,1,1,1,1,1,1,1,1,,\n";
        let rows = rows(&format!("x,1,1,1,1,,,A,,,T,,1,1,1,1,1,1,1,1,1,,\n{good}1,2\n{good}"));
        let lines: Vec<_> =
            rows.iter().map(|row| row.as_ref().map(|it| it.line).map_err(|it| it.line)).collect();
        assert_eq!(lines, [Err(2), Ok(3), Err(4), Ok(5)]);
        assert!(isbn("439023484").is_none(), "a wrong check digit");
        assert_eq!(isbn("080442957X").unwrap().1, "9780804429573");
    }
}
