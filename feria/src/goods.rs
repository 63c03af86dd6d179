//! Files of goods: what one row says, and the formats that carry rows.
//!
//! Rows are read one by one, so that a file may be larger than memory. A row that makes no sense
//! is answered with its line and the reason, and reading goes on behind it.
mod csv;
mod goodbooks;
mod jsonl;

pub use self::csv::CsvWriter;
pub use self::jsonl::JsonlWriter;

use crate::Failure;
use clap::ValueEnum;
use contracts::catalog::ProductRecord;
use contracts::{Currency, Sku};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A product as a file has it, and how many pieces of each SKU are on the shelf.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Goods {
    /// The line that it begins on, from 1.
    pub line: u64,
    /// The product.
    pub record: ProductRecord,
    /// Pieces, where the file says how many.
    pub stock: BTreeMap<Sku, i64>,
}

/// A row that is no product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl Rejected {
    /// The reason may repeat what the file says: no control character of it leaves the line on
    /// which it is told.
    fn on_one_line(self) -> Self {
        Self { reason: self.reason.replace(char::is_control, " "), ..self }
    }
}

/// What reading a row gives.
pub type Row = Result<Goods, Rejected>;
/// All rows of a file.
pub type Rows = Box<dyn Iterator<Item = Row> + Send>;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values with a header; see docs/IMPORT.md
    Csv,
    /// One JSON object a line; see docs/IMPORT.md
    Jsonl,
    /// books.csv of the data set goodbooks-10k
    Goodbooks,
}

/// The header of goodbooks-10k begins so.
const GOODBOOKS: &str = "book_id,goodreads_book_id,";
/// How much of a file is looked at to find its format.
const BEGINNING: u64 = 4096;

impl Format {
    /// The format of `file`: by how it begins, else by its name.
    /// # Errors
    /// When the file cannot be read, or looks like none of them.
    pub fn of(file: &Path) -> Result<Self, Failure> {
        let mut beginning = Vec::new();
        let opened = std::fs::File::open(file);
        opened
            .and_then(|open| open.take(BEGINNING).read_to_end(&mut beginning))
            .map_err(|error| cannot_read(file, &error))?;
        let beginning = String::from_utf8_lossy(&beginning);
        let beginning = beginning.trim_start_matches('\u{feff}').trim_start();
        let name = file.extension().and_then(|name| name.to_str()).unwrap_or_default();
        let is = |kind: &str| name.eq_ignore_ascii_case(kind);
        if beginning.starts_with(GOODBOOKS) {
            Ok(Self::Goodbooks)
        } else if beginning.starts_with('{') || is("jsonl") || is("ndjson") {
            Ok(Self::Jsonl)
        } else if is("csv") || csv::is_header(beginning) {
            Ok(Self::Csv)
        } else {
            let file = file.display();
            Err(Failure::input(format!("{file} looks like no format that is known: --format")))
        }
    }
    /// The rows of `input`.
    /// # Errors
    /// When the header is not one of this format.
    pub fn read(
        self,
        input: impl Read + Send + 'static,
        currency: Currency,
    ) -> Result<Rows, Failure> {
        let input = BufReader::with_capacity(1 << 16, input);
        let rows = match self {
            Self::Csv => csv::read(input, currency)?,
            Self::Jsonl => jsonl::read(input, currency),
            Self::Goodbooks => goodbooks::read(input, currency)?,
        };
        Ok(Box::new(rows.map(|row| row.map_err(Rejected::on_one_line))))
    }
}

/// A file that cannot be read, in one sentence.
pub fn cannot_read(file: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("{} cannot be read: {error}", file.display()))
}

/// Minor units of `text`, which is a decimal number such as `19.99`.
fn minor_units(text: &str, currency: Currency) -> Option<i64> {
    let digits = usize::try_from(currency.minor_digits()).ok()?;
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !whole.is_empty() && digits_only(whole) && digits_only(part);
    if !fits || part.len() > digits {
        return None;
    }
    format!("{whole}{part:0<digits$}").parse().ok()
}

/// `minor` units as a decimal number.
fn decimal(minor: i64, currency: Currency) -> String {
    let digits = usize::try_from(currency.minor_digits()).unwrap_or_default();
    let text = format!("{minor:0>width$}", width = digits + 1);
    match text.split_at_checked(text.len().saturating_sub(digits)) {
        Some((whole, part)) if digits > 0 => format!("{whole}.{part}"),
        _ => text,
    }
}

/// A path of categories that is written as one text: `Books > Fiction`.
fn category_path(text: &str) -> Vec<String> {
    text.split('>').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// The next line of `input` without its end; an error says why it is none. What is longer than
/// `most` bytes is passed over.
fn next_line(
    input: &mut impl BufRead,
    most: u64,
) -> Option<std::io::Result<Result<String, String>>> {
    let mut line = Vec::new();
    match input.by_ref().take(most + 1).read_until(b'\n', &mut line) {
        Err(error) => return Some(Err(error)),
        Ok(0) => return None,
        Ok(_) => {}
    }
    let whole = line.last() == Some(&b'\n');
    if !whole && line.len() as u64 > most {
        if let Err(error) = input.skip_until(b'\n') {
            return Some(Err(error));
        }
        return Some(Ok(Err(format!("the line has more than {most} bytes"))));
    }
    let text = String::from_utf8(line).map_err(|_| "the line is not UTF-8".to_owned());
    Some(Ok(text.map(|text| text.trim_end_matches(['\n', '\r']).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_and_written_without_rounding() {
        let (usd, yen) = (Currency::USD, "JPY".parse().unwrap());
        for (text, currency, minor) in [
            ("19.99", usd, Some(1999)),
            (" 7 ", usd, Some(700)),
            ("0.5", usd, Some(50)),
            ("0", usd, Some(0)),
            ("300", yen, Some(300)),
            ("3.5", yen, None),
            ("1.999", usd, None),
            ("-1", usd, None),
            ("1e3", usd, None),
            ("", usd, None),
            (".5", usd, None),
            ("99999999999999999999", usd, None),
        ] {
            assert_eq!(minor_units(text, currency), minor, "{text}");
        }
        for minor in [0, 5, 50, 1999, 123_456_789] {
            assert_eq!(minor_units(&decimal(minor, usd), usd), Some(minor));
            assert_eq!(minor_units(&decimal(minor, yen), yen), Some(minor));
        }
    }

    #[test]
    fn a_line_too_long_is_passed_over_and_the_next_one_read() {
        let text = format!("one\r\n{}\nthree", "x".repeat(50));
        let mut input = text.as_bytes();
        assert_eq!(next_line(&mut input, 10).unwrap().unwrap(), Ok("one".to_owned()));
        assert!(next_line(&mut input, 10).unwrap().unwrap().is_err());
        assert_eq!(next_line(&mut input, 10).unwrap().unwrap(), Ok("three".to_owned()));
        assert!(next_line(&mut input, 10).is_none());
    }

    #[test]
    fn a_reason_that_repeats_the_file_stays_on_its_line() {
        let file = b"{\"ti\\u001b[31m\\ntle\": 1}\n".as_slice();
        let rows: Vec<_> = Format::Jsonl.read(file, Currency::USD).unwrap().collect();
        let [Err(rejected)] = rows.as_slice() else { panic!("{rows:?}") };
        assert!(rejected.reason.contains("`ti [31m tle`"), "{rejected:?}");
    }

    #[test]
    fn the_format_is_found_by_how_a_file_begins() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            Format::of(&file)
        };
        assert_eq!(of("a.csv", "book_id,goodreads_book_id,x\n").unwrap(), Format::Goodbooks);
        assert_eq!(of("a", "\u{feff}{\"sku\": 1}").unwrap(), Format::Jsonl);
        assert_eq!(of("b", "title,sku,price\n").unwrap(), Format::Csv);
        assert_eq!(of("empty.jsonl", "").unwrap(), Format::Jsonl);
        assert!(of("letter.txt", "Dear Sir").unwrap_err().to_string().contains("--format"));
        let missing = Format::of(Path::new("/none/books.csv")).unwrap_err().to_string();
        assert!(missing.contains("/none/books.csv cannot be read"), "{missing}");
    }
}
