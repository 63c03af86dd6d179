//! Codes that name one thing: SKUs and ISBNs, found whole or not at all. Pure.
use contracts::Sku;
use contracts::catalog::Product;
use serde_json::Value;
use std::collections::BTreeSet;

/// Facts that hold a code, by the beginning of their names.
const CODED: [&str; 4] = ["isbn", "ean", "gtin", "upc"];

/// All codes of a product, as they are indexed.
pub fn codes_of(product: &Product) -> BTreeSet<String> {
    let mut codes: BTreeSet<String> =
        product.variants.iter().map(|variant| variant.sku.to_string()).collect();
    for (name, value) in &product.attributes {
        let name = name.to_lowercase();
        if CODED.iter().any(|start| name.starts_with(start)) {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            codes.extend(codes_in(&text));
        }
    }
    codes
}

/// What a text may mean as a code; nothing when it cannot be one.
pub fn codes_in(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    let text = text.trim();
    codes.extend(text.parse::<Sku>().map(|sku| sku.to_string()));
    let bare: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    if let Some(isbn) = isbn13(&bare.to_ascii_uppercase())
        && !codes.contains(&isbn)
    {
        codes.push(isbn);
    }
    codes
}

/// An ISBN in its form of 13 digits; that of ten may have lost a zero at its front to a
/// spreadsheet.
fn isbn13(bare: &str) -> Option<String> {
    let digits: Option<Vec<u32>> = bare.chars().map(value).collect();
    let digits = digits?;
    let ten_only = digits[..digits.len().saturating_sub(1)].contains(&10);
    match digits.len() {
        9 if !ten_only => isbn13(&format!("0{bare}")),
        10 if !ten_only => {
            let sum: u32 = digits.iter().zip((1..=10).rev()).map(|(digit, by)| digit * by).sum();
            sum.is_multiple_of(11).then(|| with_check(&format!("978{}", &bare[..9])))
        }
        13 if !digits.contains(&10) && (bare.starts_with("978") || bare.starts_with("979")) => {
            Some(with_check(&bare[..12])).filter(|whole| whole == bare)
        }
        _ => None,
    }
}

fn value(c: char) -> Option<u32> {
    if c == 'X' { Some(10) } else { c.to_digit(10) }
}

fn with_check(twelve: &str) -> String {
    let digits = twelve.chars().filter_map(|c| c.to_digit(10));
    let sum: u32 = digits.zip([1, 3].into_iter().cycle()).map(|(digit, by)| digit * by).sum();
    format!("{twelve}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_isbn_is_one_however_it_is_written() {
        for text in [
            "9780439023481",
            "978-0-439-02348-1",
            "978 0 439 02348 1",
            "0439023483",
            "0-439-02348-3",
            "439023483",
        ] {
            assert!(codes_in(text).contains(&"9780439023481".to_owned()), "{text}");
        }
        assert!(codes_in("0-8044-2957-x").contains(&"9780804429573".to_owned()));
    }

    #[test]
    fn what_is_no_isbn_is_taken_for_a_sku_or_for_nothing() {
        assert_eq!(codes_in("0439023484"), ["0439023484"], "a wrong check digit");
        assert_eq!(codes_in("9780439023482"), ["9780439023482"]);
        assert_eq!(codes_in("1234567890123"), ["1234567890123"], "of no book");
        assert_eq!(codes_in("x"), ["X"]);
        assert_eq!(codes_in("XXXXXXXXX"), ["XXXXXXXXX"]);
        assert_eq!(codes_in("XXXXXXXXXX"), ["XXXXXXXXXX"]);
        assert_eq!(codes_in("mug-1"), ["MUG-1"]);
        assert_eq!(codes_in(""), [""; 0]);
        assert_eq!(codes_in("é é"), [""; 0]);
    }
}
