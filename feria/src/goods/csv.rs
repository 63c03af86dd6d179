//! Comma-separated values with a header. Rows that follow each other with the same `slug` are
//! the variants of one product; what belongs to the product stands in the first of them.
use super::{Goods, Rejected, Row, Rows, category_path, decimal, minor_units};
use crate::Failure;
use contracts::catalog::{NewVariant, ProductRecord};
use contracts::{Currency, Money};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// The columns, in the order in which they are written. A file may have them in any order, and
/// leave out all but `title`, `sku` and `price`.
const COLUMNS: [&str; 15] = [
    "slug",
    "title",
    "sku",
    "price",
    "currency",
    "on_hand",
    "options",
    "description",
    "authors",
    "genres",
    "categories",
    "images",
    "attributes",
    "stars",
    "created_at",
];

/// Whether `beginning` begins with a header of this format.
pub fn is_header(beginning: &str) -> bool {
    let first = beginning.lines().next().unwrap_or_default();
    let names: Vec<&str> = first.split(',').map(|name| name.trim().trim_matches('"')).collect();
    ["title", "sku", "price"].iter().all(|name| names.contains(name))
}

/// The rows of `input`.
/// # Errors
/// When the header lacks a column or has one that is unknown.
pub fn read(input: impl Read + Send + 'static, currency: Currency) -> Result<Rows, Failure> {
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader.headers().map_err(|error| Failure::input(one_line(&error)))?;
    let mut places = BTreeMap::new();
    for (place, name) in header.iter().enumerate() {
        let name = name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase();
        let Some(known) = COLUMNS.into_iter().find(|known| *known == name) else {
            let known = COLUMNS.join(", ");
            return Err(Failure::input(format!(
                "the column {name:?} is unknown; the columns are {known}"
            )));
        };
        places.insert(known, place);
    }
    if let Some(missing) = ["title", "sku", "price"].iter().find(|it| !places.contains_key(*it)) {
        return Err(Failure::input(format!("the header has no column {missing}")));
    }
    let width = header.len();
    let columns = Columns { places, width, currency };
    let records = reader.into_records();
    Ok(Box::new(Products { records, columns, waiting: None, line: 1 }))
}

struct Columns {
    places: BTreeMap<&'static str, usize>,
    width: usize,
    currency: Currency,
}

/// One row: a variant, and the product where it is the first of its rows.
struct Entry {
    goods: Goods,
    slug: String,
}

/// Puts rows of one slug together.
struct Products<R> {
    records: ::csv::StringRecordsIntoIter<R>,
    columns: Columns,
    waiting: Option<Entry>,
    line: u64,
}

impl<R: Read> Iterator for Products<R> {
    type Item = Row;
    fn next(&mut self) -> Option<Row> {
        loop {
            let Some(record) = self.records.next() else {
                return self.waiting.take().map(|entry| Ok(entry.goods));
            };
            let entry = match record {
                Ok(record) => {
                    self.line = record.position().map_or(self.line, ::csv::Position::line);
                    self.columns.open(&record, self.line)
                }
                Err(error) => {
                    self.line = error.position().map_or(self.line, ::csv::Position::line);
                    Err(one_line(&error))
                }
            };
            match entry {
                Err(reason) => return Some(Err(Rejected { line: self.line, reason })),
                Ok(entry) => match &mut self.waiting {
                    Some(first) if !entry.slug.is_empty() && first.slug == entry.slug => {
                        first.goods.record.variants.extend(entry.goods.record.variants);
                        first.goods.stock.extend(entry.goods.stock);
                    }
                    waiting => {
                        if let Some(whole) = waiting.replace(entry) {
                            return Some(Ok(whole.goods));
                        }
                    }
                },
            }
        }
    }
}

impl Columns {
    fn open(&self, record: &::csv::StringRecord, line: u64) -> Result<Entry, String> {
        if record.len() != self.width {
            return Err(format!("{} fields where the header has {}", record.len(), self.width));
        }
        let of = |name: &str| {
            let place = self.places.get(name)?;
            record.get(*place).map(str::trim).filter(|text| !text.is_empty())
        };
        let sku = of("sku").ok_or("it has no sku")?;
        let sku: contracts::Sku = sku.parse().map_err(|error| format!("sku {sku:?}: {error}"))?;
        let currency = match of("currency") {
            None => self.currency,
            Some(code) => code.parse().map_err(|error| format!("currency {code:?}: {error}"))?,
        };
        let price = of("price").ok_or("it has no price")?;
        let minor = minor_units(price, currency)
            .ok_or_else(|| format!("price {price:?} is no amount of {}", currency.code()))?;
        let on_hand = match of("on_hand") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| format!("on_hand {text:?} is no number"))?),
        };
        let list = |name| of(name).map_or(Ok(Vec::new()), |text| list(name, text));
        let slug = of("slug").unwrap_or_default().to_owned();
        let variant = NewVariant {
            sku: sku.clone(),
            options: json(of("options"), "options")?,
            price: Money::new(minor, currency),
        };
        let paths = list("categories")?;
        let record = ProductRecord {
            slug: Some(slug.clone()).filter(|slug| !slug.is_empty()),
            title: of("title").unwrap_or_default().to_owned(),
            // Not trimmed: what was exported comes back as it was.
            description: self.untrimmed(record, "description"),
            images: list("images")?,
            authors: list("authors")?,
            genres: list("genres")?,
            categories: paths.iter().map(|path| category_path(path)).collect(),
            attributes: json(of("attributes"), "attributes")?,
            variants: vec![variant],
            stars: of("stars").map(stars).transpose()?,
            created_at: match of("created_at") {
                None => None,
                Some(text) => Some(
                    serde_json::from_value(text.into())
                        .map_err(|_| format!("created_at {text:?} is no time"))?,
                ),
            },
        };
        let stock = on_hand.map(|on_hand| (sku, on_hand)).into_iter().collect();
        Ok(Entry { goods: Goods { line, record, stock }, slug })
    }
    fn untrimmed(&self, record: &::csv::StringRecord, name: &str) -> String {
        self.places.get(name).and_then(|place| record.get(*place)).unwrap_or_default().to_owned()
    }
}

/// `a|b`, or a JSON list where a text has a bar of its own.
fn list(name: &str, text: &str) -> Result<Vec<String>, String> {
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|_| format!("{name} is no list of texts"));
    }
    Ok(text.split('|').map(|part| part.trim().to_owned()).filter(|it| !it.is_empty()).collect())
}
fn json<T: serde::de::DeserializeOwned + Default>(
    text: Option<&str>,
    name: &str,
) -> Result<T, String> {
    let parsed = text.map_or(Ok(T::default()), serde_json::from_str);
    parsed.map_err(|error| format!("{name} is no JSON object: {error}"))
}
fn stars(text: &str) -> Result<[u64; 5], String> {
    let counts: Result<Vec<u64>, _> = text.split('|').map(|count| count.trim().parse()).collect();
    let counts: Option<[u64; 5]> = counts.ok().and_then(|counts| counts.try_into().ok());
    counts.ok_or_else(|| format!("stars {text:?} is not five numbers, such as 0|1|2|5|9"))
}
fn one_line(error: &::csv::Error) -> String {
    error.to_string().replace('\n', " ")
}

/// Writes goods, a row a variant.
pub struct CsvWriter<W: Write>(::csv::Writer<W>);

impl<W: Write> CsvWriter<W> {
    /// Writes the header to `out`.
    /// # Errors
    /// When it cannot be written.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = ::csv::Writer::from_writer(out);
        writer.write_record(COLUMNS)?;
        Ok(Self(writer))
    }
    /// Writes one product.
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, goods: &Goods) -> io::Result<()> {
        let record = &goods.record;
        let slug = record.slug.clone().unwrap_or_default();
        for (place, variant) in record.variants.iter().enumerate() {
            let currency = variant.price.currency;
            let on_hand = goods.stock.get(&variant.sku);
            let mut row = vec![
                slug.clone(),
                record.title.clone(),
                variant.sku.to_string(),
                decimal(variant.price.minor, currency),
                currency.code().to_owned(),
                on_hand.map_or_else(String::new, ToString::to_string),
                object(&variant.options)?,
            ];
            if place == 0 {
                row.extend(of_product(record)?);
            }
            row.resize(COLUMNS.len(), String::new());
            self.0.write_record(&row)?;
        }
        Ok(())
    }
    /// Writes what is left.
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The columns from `description` on.
fn of_product(record: &ProductRecord) -> io::Result<Vec<String>> {
    let paths: Vec<String> = record.categories.iter().map(|path| path.join(" > ")).collect();
    let stars = record.stars.map(|stars| stars.map(|count| count.to_string()).join("|"));
    let created_at = record.created_at.map(serde_json::to_value).transpose()?;
    Ok(vec![
        record.description.clone(),
        joined(&record.authors)?,
        joined(&record.genres)?,
        joined(&paths)?,
        joined(&record.images)?,
        object(&record.attributes)?,
        stars.unwrap_or_default(),
        created_at.as_ref().and_then(|time| time.as_str()).unwrap_or_default().to_owned(),
    ])
}
fn joined(parts: &[String]) -> io::Result<String> {
    let plain = |part: &String| {
        !part.contains('|') && !part.starts_with('[') && part.trim() == part && !part.is_empty()
    };
    if parts.iter().all(plain) { Ok(parts.join("|")) } else { Ok(serde_json::to_string(parts)?) }
}
fn object<V: serde::Serialize>(of: &BTreeMap<String, V>) -> io::Result<String> {
    if of.is_empty() { Ok(String::new()) } else { Ok(serde_json::to_string(of)?) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<Row>, Failure> {
        Ok(read(io::Cursor::new(text.to_owned()), Currency::USD)?.collect())
    }

    #[test]
    fn rows_of_one_slug_are_variants_of_one_product() {
        let text = "slug,title,sku,price,on_hand,options,categories,authors\n\
                    tea,Tea,TEA-1,4.50,3,\"{\"\"size\"\": \"\"S\"\"}\",Food > Tea|Gifts,\n\
                    tea,,TEA-2,8,,\"{\"\"size\"\": \"\"L\"\"}\",,\n\
                    ,Cup,CUP,12.00,1,,,\"[\"\"A|B\"\"]\"\n\
                    ,Bowl,BOWL,12.00,1,,,\n";
        let goods: Vec<Goods> = rows(text).unwrap().into_iter().map(Result::unwrap).collect();
        let skus = |goods: &Goods| -> Vec<String> {
            goods.record.variants.iter().map(|variant| variant.sku.to_string()).collect()
        };
        assert_eq!(skus(&goods[0]), ["TEA-1", "TEA-2"]);
        assert_eq!(goods[0].record.title, "Tea");
        assert_eq!(goods[0].record.categories, [vec!["Food", "Tea"], vec!["Gifts"]]);
        assert_eq!(goods[0].stock.len(), 1);
        assert_eq!((goods[1].line, &*goods[1].record.authors[0]), (4, "A|B"));
        assert_eq!(goods.len(), 3);
    }

    #[test]
    fn a_row_that_makes_no_sense_is_rejected_with_its_line() {
        let text = "title,sku,price,stars\nA,A,1,\nB,,1,\nC,C,one,\nD,D,1\nE,E,1,1|2\nF,F,1,\n";
        let rejected: Vec<_> = rows(text).unwrap().into_iter().filter_map(Result::err).collect();
        let reasons: Vec<_> = rejected.iter().map(|it| (it.line, &*it.reason)).collect();
        assert_eq!(reasons[0], (3, "it has no sku"));
        assert_eq!(reasons[1], (4, "price \"one\" is no amount of USD"));
        assert_eq!(reasons[2], (5, "3 fields where the header has 4"));
        assert_eq!(reasons[3].0, 6);
        assert_eq!(reasons.len(), 4);
    }

    #[test]
    fn a_header_that_is_none_is_refused_in_one_sentence() {
        for (text, word) in [
            ("title,sku\n", "price"),
            ("title,sku,price,colour\n", "\"colour\" is unknown"),
            ("", "title"),
        ] {
            let Err(refused) = rows(text) else { panic!("{text:?} is taken") };
            assert!(refused.to_string().contains(word), "{refused}");
        }
    }
}
