//! What a product may look like. Pure: fields, names, slugs; no database, no clock.
use crate::shelf::MOST_LEVELS;
use contracts::catalog::{CreateProduct, NewVariant, ProductRefused, UpdateProduct};
use contracts::{Currency, Money, Sku};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const TITLE_CHARACTERS: usize = 500;
const DESCRIPTION_CHARACTERS: usize = 20_000;
const IMAGES: usize = 20;
const ADDRESS_CHARACTERS: usize = 2_000;
const NAMES: usize = 50;
const NAME_CHARACTERS: usize = 200;
const FACTS: usize = 100;
const FACT_NAME_CHARACTERS: usize = 100;
const FACTS_BYTES: usize = 50_000;
const VARIANTS: usize = 100;
const OPTIONS: usize = 20;
const OPTION_CHARACTERS: usize = 100;
const SLUG_CHARACTERS: usize = 100;
/// Sort keys fit an index of every engine.
const SORT_CHARACTERS: usize = 200;

/// The three kinds of names that a product has.
pub use contracts::catalog::Shelf;

/// The three, in the order in which they are written.
pub const SHELVES: [Shelf; 3] = [Shelf::Authors, Shelf::Genres, Shelf::Categories];

/// The name of a shelf in the database.
pub const fn shelf_key(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Authors => "authors",
        Shelf::Genres => "genres",
        Shelf::Categories => "categories",
    }
}

fn invalid(field: impl Into<String>, reason: impl Into<String>) -> ProductRefused {
    ProductRefused::Invalid { field: field.into(), reason: reason.into() }
}

/// Checks a new product; the store sells in `currency`.
/// # Errors
/// The first field that does not hold what it should.
pub fn check_new(new: &CreateProduct, currency: Currency) -> Result<(), ProductRefused> {
    check_words(Some(&new.title), Some(&new.description), Some(&new.images))?;
    for (shelf, names) in [
        (Shelf::Authors, &new.authors),
        (Shelf::Genres, &new.genres),
        (Shelf::Categories, &new.categories),
    ] {
        check_names(shelf, names)?;
    }
    check_attributes(&new.attributes)?;
    check_variants(&new.variants, currency)
}

/// Checks a change; whether the SKUs are the product's is known later.
/// # Errors
/// The first field that does not hold what it should.
pub fn check_change(change: &UpdateProduct, currency: Currency) -> Result<(), ProductRefused> {
    check_words(change.title.as_deref(), change.description.as_deref(), change.images.as_deref())?;
    for (shelf, names) in [
        (Shelf::Authors, &change.authors),
        (Shelf::Genres, &change.genres),
        (Shelf::Categories, &change.categories),
    ] {
        check_names(shelf, names.as_deref().unwrap_or_default())?;
    }
    if let Some(attributes) = &change.attributes {
        check_attributes(attributes)?;
    }
    if let Some(variants) = &change.variants {
        if !change.prices.is_empty() {
            return Err(invalid("prices", "must not stand beside variants"));
        }
        check_variants(variants, currency)?;
    }
    if let Some(slug) = &change.slug {
        let reserved = || (!is_free_word(slug)).then(|| "stands for something else".to_owned());
        if let Some(reason) = wrong_slug(slug).or_else(reserved) {
            return Err(invalid("slug", reason));
        }
    }
    for (sku, price) in &change.prices {
        check_price(&format!("prices.{sku}"), *price, currency)?;
    }
    Ok(())
}

fn check_words(
    title: Option<&str>,
    description: Option<&str>,
    images: Option<&[String]>,
) -> Result<(), ProductRefused> {
    if let Some(title) = title {
        if title.trim().is_empty() {
            return Err(invalid("title", "must not be empty"));
        }
        check_text("title", title, TITLE_CHARACTERS)?;
    }
    if let Some(description) = description {
        check_text("description", description, DESCRIPTION_CHARACTERS)?;
    }
    let images = images.unwrap_or_default();
    if images.len() > IMAGES {
        return Err(invalid("images", format!("must have at most {IMAGES} addresses")));
    }
    for (index, image) in images.iter().enumerate() {
        let field = format!("images[{index}]");
        check_text(&field, image, ADDRESS_CHARACTERS)?;
        if !is_address(image) {
            return Err(invalid(
                field,
                "must be an http or https address, or a path of this store",
            ));
        }
    }
    Ok(())
}

/// An address that a page can show without harm: never `javascript:`, never another scheme.
fn is_address(text: &str) -> bool {
    let plain =
        |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '<' | '>' | '\\');
    let here = text.starts_with('/') && !text.starts_with("//");
    (here || text.starts_with("https://") || text.starts_with("http://")) && text.chars().all(plain)
}

fn check_text(field: &str, text: &str, most: usize) -> Result<(), ProductRefused> {
    if text.contains('\0') {
        return Err(invalid(field, "must not contain a NUL character"));
    }
    if text.chars().nth(most).is_some() {
        return Err(invalid(field, format!("must have at most {most} characters")));
    }
    Ok(())
}

fn check_names(shelf: Shelf, names: &[String]) -> Result<(), ProductRefused> {
    let field = shelf_key(shelf);
    if names.len() > NAMES {
        return Err(invalid(field, format!("must have at most {NAMES} names")));
    }
    for (index, name) in names.iter().enumerate() {
        check_name(&format!("{field}[{index}]"), name)?;
    }
    Ok(())
}

fn check_name(field: &str, name: &str) -> Result<(), ProductRefused> {
    check_text(field, name, NAME_CHARACTERS)?;
    if name_key(name).is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    Ok(())
}

/// Checks the categories of a record, each a path of names from the outermost one.
/// # Errors
/// The first field that does not hold what it should.
pub fn check_paths(paths: &[Vec<String>]) -> Result<(), ProductRefused> {
    if paths.len() > NAMES {
        return Err(invalid("categories", format!("must have at most {NAMES} paths")));
    }
    for (index, path) in paths.iter().enumerate() {
        let field = format!("categories[{index}]");
        if path.is_empty() || path.len() > MOST_LEVELS {
            return Err(invalid(field, format!("must have 1 to {MOST_LEVELS} names")));
        }
        for (depth, name) in path.iter().enumerate() {
            check_name(&format!("{field}[{depth}]"), name)?;
        }
    }
    Ok(())
}

fn check_attributes(attributes: &BTreeMap<String, Value>) -> Result<(), ProductRefused> {
    if attributes.len() > FACTS {
        return Err(invalid("attributes", format!("must have at most {FACTS} facts")));
    }
    for (name, value) in attributes {
        if name.is_empty()
            || name.contains('\0')
            || name.chars().nth(FACT_NAME_CHARACTERS).is_some()
        {
            let reason = format!("must have names of 1 to {FACT_NAME_CHARACTERS} characters");
            return Err(invalid("attributes", reason));
        }
        if has_nul(value) {
            return Err(invalid(format!("attributes.{name}"), "must not contain a NUL character"));
        }
    }
    let bytes = serde_json::to_string(attributes).map_or(usize::MAX, |json| json.len());
    if bytes > FACTS_BYTES {
        return Err(invalid(
            "attributes",
            format!("must have at most {FACTS_BYTES} bytes as JSON"),
        ));
    }
    Ok(())
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(k, v)| k.contains('\0') || has_nul(v)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn check_variants(variants: &[NewVariant], currency: Currency) -> Result<(), ProductRefused> {
    if variants.is_empty() || variants.len() > VARIANTS {
        return Err(invalid("variants", format!("must have 1 to {VARIANTS} entries")));
    }
    let mut seen = BTreeSet::new();
    for (index, variant) in variants.iter().enumerate() {
        let field = format!("variants[{index}]");
        if !seen.insert(&variant.sku) {
            return Err(invalid(format!("{field}.sku"), "is given twice"));
        }
        check_price(&format!("{field}.price"), variant.price, currency)?;
        let bad = |text: &String| {
            text.is_empty() || text.contains('\0') || text.chars().nth(OPTION_CHARACTERS).is_some()
        };
        if variant.options.len() > OPTIONS || variant.options.iter().any(|(k, v)| bad(k) || bad(v))
        {
            let reason =
                format!("must be at most {OPTIONS} texts of 1 to {OPTION_CHARACTERS} characters");
            return Err(invalid(format!("{field}.options"), reason));
        }
    }
    Ok(())
}

fn check_price(field: &str, price: Money, currency: Currency) -> Result<(), ProductRefused> {
    if price.currency != currency {
        return Err(invalid(format!("{field}.currency"), format!("must be {currency}")));
    }
    if !(0..=Money::MAX_MINOR).contains(&price.minor) {
        return Err(invalid(
            format!("{field}.amount"),
            format!("must be from 0 to {}", Money::MAX_MINOR),
        ));
    }
    Ok(())
}

/// What the names of one person or kind have in common: no capitals, single spaces.
pub fn name_key(name: &str) -> String {
    squeezed(name).to_lowercase().chars().take(NAME_CHARACTERS).collect()
}

/// A name as it is kept: without spaces around it, single ones within.
pub fn squeezed(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each name once, in the order in which they were given.
pub fn distinct(names: &[String]) -> Vec<(String, String)> {
    let mut seen = BTreeSet::new();
    let keyed = names.iter().map(|name| (name_key(name), squeezed(name)));
    keyed.filter(|(key, _)| seen.insert(key.clone())).collect()
}

/// What a list by title is sorted by.
pub fn title_key(title: &str) -> String {
    squeezed(title).to_lowercase().chars().take(SORT_CHARACTERS).collect()
}

/// Names that routes have beside products.
const RESERVED: [&str; 2] = ["best-sellers", "prices"];

/// `text` as a name in addresses: `a-z`, `0-9` and `-`, at most 100. Whether it is free is known
/// later; one that stands for something else is never free.
pub fn slug_of(text: &str) -> String {
    let mut slug = slug::slugify(text);
    slug.truncate(SLUG_CHARACTERS);
    let slug = slug.trim_matches('-').to_owned();
    if slug.is_empty() { "x".to_owned() } else { slug }
}

/// Whether a product may have the slug at all.
pub fn is_free_word(slug: &str) -> bool {
    !RESERVED.contains(&slug) && uuid::Uuid::parse_str(slug).is_err()
}

/// What is wrong with a slug that somebody chose.
pub fn wrong_slug(slug: &str) -> Option<String> {
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let sound = !slug.is_empty()
        && slug.len() <= SLUG_CHARACTERS
        && slug.bytes().all(known)
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    if !sound {
        let reason = format!(
            "must be 1 to {SLUG_CHARACTERS} of a-z, 0-9 and -, with none of the last at its ends"
        );
        return Some(reason);
    }
    // It would be looked up as an id.
    uuid::Uuid::parse_str(slug).is_ok().then(|| "must not read as an id".to_owned())
}

/// The slug with the end of an id, for when the bare one is taken.
pub fn suffixed(slug: &str, id: uuid::Uuid) -> String {
    let id = id.simple().to_string();
    format!("{slug}-{}", &id[id.len() - 8..])
}

/// Whether the text can be a slug: what is none is never looked up.
pub fn is_slug(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.len() <= SLUG_CHARACTERS + 9 && text.bytes().all(known)
}

/// A product's title with what makes the variant differ behind it.
pub fn title_with(title: &str, options: &BTreeMap<String, String>) -> String {
    if options.is_empty() {
        return title.to_owned();
    }
    let options: Vec<&str> = options.values().map(String::as_str).collect();
    format!("{title} ({})", options.join(", "))
}

/// The units that each product sold, from lines of SKUs.
pub fn units_by_product(
    lines: impl IntoIterator<Item = (Sku, i64)>,
    product_of: &BTreeMap<Sku, uuid::Uuid>,
) -> BTreeMap<uuid::Uuid, i64> {
    let mut units = BTreeMap::new();
    for (sku, quantity) in lines {
        if let Some(product) = product_of.get(&sku) {
            let sum: &mut i64 = units.entry(*product).or_default();
            *sum = sum.saturating_add(quantity);
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn engine() -> CreateProduct {
        CreateProduct {
            title: "The Analytical Engine".into(),
            description: "Notes".into(),
            images: vec!["/covers/1.svg".into(), "https://example.com/a.png".into()],
            authors: vec!["Ada Lovelace".into()],
            genres: vec![],
            categories: vec![],
            attributes: BTreeMap::from([("pages".into(), json!(66))]),
            variants: vec![NewVariant {
                sku: "AB-1".parse().unwrap(),
                options: BTreeMap::new(),
                price: Money::new(1999, Currency::USD),
            }],
        }
    }

    fn field_of(change: impl FnOnce(&mut CreateProduct)) -> String {
        let mut new = engine();
        change(&mut new);
        match check_new(&new, Currency::USD) {
            Err(ProductRefused::Invalid { field, .. }) => field,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_sound_product_passes() {
        assert_eq!(check_new(&engine(), Currency::USD), Ok(()));
    }

    #[test]
    fn every_unsound_field_is_named() {
        assert_eq!(field_of(|p| p.title = "  ".into()), "title");
        assert_eq!(field_of(|p| p.title = "x".repeat(501)), "title");
        assert_eq!(field_of(|p| p.title = "a\0b".into()), "title");
        assert_eq!(field_of(|p| p.description = "x".repeat(20_001)), "description");
        assert_eq!(field_of(|p| p.images = vec!["/a".into(); 21]), "images");
        for bad in
            ["javascript:alert(1)", "//evil.example", "data:x", "", "/a b", "/a\"b", "ftp://x"]
        {
            assert_eq!(field_of(|p| p.images = vec![bad.into()]), "images[0]", "{bad}");
        }
        assert_eq!(field_of(|p| p.authors = vec!["a".into(), " ".into()]), "authors[1]");
        assert_eq!(field_of(|p| p.genres = vec!["x".repeat(201)]), "genres[0]");
        assert_eq!(field_of(|p| p.categories = vec!["x".into(); 51]), "categories");
        assert_eq!(
            field_of(|p| {
                p.attributes.insert("x".into(), json!(["\0"]));
            }),
            "attributes.x"
        );
        assert_eq!(
            field_of(|p| {
                p.attributes.insert(String::new(), json!(1));
            }),
            "attributes"
        );
        assert_eq!(
            field_of(|p| {
                p.attributes.insert("x".into(), json!("y".repeat(60_000)));
            }),
            "attributes"
        );
        assert_eq!(field_of(|p| p.variants.clear()), "variants");
        assert_eq!(field_of(|p| p.variants = vec![p.variants[0].clone(); 2]), "variants[1].sku");
        assert_eq!(field_of(|p| p.variants[0].price.minor = -1), "variants[0].price.amount");
        assert_eq!(
            field_of(|p| p.variants[0].price.minor = Money::MAX_MINOR + 1),
            "variants[0].price.amount"
        );
        assert_eq!(
            field_of(|p| p.variants[0].price.currency = Currency::EUR),
            "variants[0].price.currency"
        );
        assert_eq!(
            field_of(|p| {
                p.variants[0].options.insert("size".into(), String::new());
            }),
            "variants[0].options"
        );
    }

    #[test]
    fn names_that_differ_by_capitals_and_spaces_are_one() {
        let names = [
            "Ada  Lovelace ".to_owned(),
            "ADA LOVELACE".to_owned(),
            "C++".to_owned(),
            "C".to_owned(),
        ];
        let kept: Vec<String> = distinct(&names).into_iter().map(|(_, name)| name).collect();
        assert_eq!(kept, ["Ada Lovelace", "C++", "C"]);
    }

    #[test]
    fn slugs_are_plain_and_never_stand_for_something_else() {
        assert_eq!(slug_of("L'Étranger, 2e éd."), "l-etranger-2e-ed");
        assert_eq!(slug_of("!!!"), "x");
        assert!(is_slug(&slug_of(&"ß".repeat(500))));
        assert!(!is_free_word("best-sellers"));
        assert!(!is_free_word("0190a2b4-0000-7000-8000-000000000000"));
        for bad in ["", "A", "a\0", "a_b", "é", &"a".repeat(110)] {
            assert!(!is_slug(bad), "{bad:?}");
        }
        let id = uuid::Uuid::parse_str("0190a2b4-0000-7000-8000-0000deadbeef").unwrap();
        assert_eq!(suffixed("dune", id), "dune-deadbeef");
    }
}
