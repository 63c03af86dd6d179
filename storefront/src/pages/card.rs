//! A product as lists show it.
use crate::words::{PriceFrom, Stars, Stock, encoded};
use contracts::catalog::Product;
use contracts::{Money, Sku};

/// A product as lists show it.
pub struct Card {
    /// Its name in addresses.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// Who wrote it.
    pub by: String,
    /// Its picture.
    pub cover: String,
    /// What those think who gave stars, and how many they are.
    pub rating: Option<(Stars, u64)>,
    /// What its cheapest variant costs.
    pub price: PriceFrom,
    /// How many are left, where that is worth telling.
    pub stock: Stock,
}

impl From<Product> for Card {
    fn from(product: Product) -> Self {
        let prices = || product.variants.iter().map(|variant| variant.price);
        let lowest: Money = prices().min_by_key(|price| price.minor).unwrap_or(product.price);
        let available = product.variants.iter().map(|variant| variant.available.max(0)).sum();
        Self {
            by: names(product.authors.iter().map(|author| author.name.as_str())),
            cover: picture(product.images.first(), &product.sku),
            price: PriceFrom { price: lowest, others: prices().any(|price| price != lowest) },
            rating: product
                .rating
                .filter(|_| product.rating_count > 0)
                .map(|rating| (Stars(rating), product.rating_count)),
            stock: Stock(available),
            slug: product.slug,
            title: product.title,
        }
    }
}

/// Names as one reads them: `A, B and C`.
pub fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// The address of a picture: a product's own, or the cover that is drawn for its SKU.
pub fn picture(own: Option<&String>, sku: &Sku) -> String {
    let own = own.filter(|own| is_picture(own)).cloned();
    own.unwrap_or_else(|| format!("/covers/{}.svg", encoded(sku.as_str())))
}

/// Whether a picture can be at this address: on the web, or here.
pub fn is_picture(address: &str) -> bool {
    address.starts_with("https://")
        || address.starts_with("http://")
        || (address.starts_with('/') && !address.starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_as_one_reads_them() {
        assert_eq!(names([].into_iter()), "");
        assert_eq!(names(["A"].into_iter()), "A");
        assert_eq!(names(["A", "B", "C"].into_iter()), "A, B and C");
    }

    #[test]
    fn a_picture_comes_from_the_web_or_from_here() {
        let sku: Sku = "A/1".parse().unwrap();
        for own in ["javascript:alert(1)", "//evil.example/x", "data:text/html,x", ""] {
            assert_eq!(picture(Some(&own.to_owned()), &sku), "/covers/A/1.svg");
        }
        assert_eq!(picture(Some(&"/covers/B.svg".to_owned()), &sku), "/covers/B.svg");
        assert_eq!(picture(None, &sku), "/covers/A/1.svg");
    }
}
