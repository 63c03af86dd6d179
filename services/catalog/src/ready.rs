//! A product that is ready to be answered: written once, with room for what inventory says.
use crate::store::Listed;
use contracts::catalog::Product;
use contracts::{ProductId, Sku, Timestamp};
use kit::problem::Unexpected;
use serde::Serialize;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};

/// A product as the public API writes it, without the numbers of pieces that can be ordered.
pub struct Ready {
    /// The product.
    pub id: ProductId,
    /// Of its variants, in their order.
    pub skus: Box<[Sku]>,
    /// What the cheapest variant costs.
    pub cheapest: i64,
    /// Whether a variant can be ordered, as inventory last told.
    pub in_stock: bool,
    /// When it was read.
    pub read_at: Timestamp,
    text: Box<[u8]>,
    slug: Range<u32>,
    /// Where the mean of the stars stands, and what it is in hundredths.
    rating_at: Range<u32>,
    rating: Option<u32>,
    /// Where numbers go: one of each variant, and that of the first again.
    holes: Box<[u32]>,
    /// What inventory last said, by variant; negative before it said anything.
    told: Box<[AtomicI64]>,
}

/// Bytes that a product takes beside its text: the struct, its counters, its place in the cache.
const OVERHEAD: usize = 240;
/// Bytes that a SKU takes, with the number beside it.
const OF_SKU: usize = 80;

/// Writes an object, member by member.
#[derive(Default)]
struct Writer {
    text: Vec<u8>,
    holes: Vec<u32>,
}

impl Writer {
    fn name(&mut self, name: &str) {
        if self.text.last().is_some_and(|last| *last != b'{') {
            self.text.push(b',');
        }
        self.text.push(b'"');
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
    }
    /// Writes a member; answers where its value stands.
    fn member(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<Range<u32>, Unexpected> {
        self.name(name);
        let start = self.place()?;
        serde_json::to_writer(&mut self.text, value)?;
        Ok(start..self.place()?)
    }
    /// Leaves room for a number.
    fn hole(&mut self, name: &str) -> Result<(), Unexpected> {
        self.name(name);
        let place = self.place()?;
        self.holes.push(place);
        Ok(())
    }
    fn place(&self) -> Result<u32, Unexpected> {
        u32::try_from(self.text.len()).map_err(Unexpected::from_error)
    }
}

impl Ready {
    /// Writes a product that was read at `read_at`.
    /// # Errors
    /// Never: all of it is JSON.
    pub fn of(listed: &Listed, read_at: Timestamp) -> Result<Self, Unexpected> {
        let product = &listed.product;
        let mut out = Writer::default();
        out.text.push(b'{');
        out.member("id", &product.id)?;
        let slug = out.member("slug", &product.slug)?;
        out.member("title", &product.title)?;
        out.member("description", &product.description)?;
        out.member("images", &product.images)?;
        out.member("authors", &product.authors)?;
        out.member("genres", &product.genres)?;
        out.member("categories", &product.categories)?;
        out.member("attributes", &product.attributes)?;
        out.member("score", &product.score)?;
        let rating_at = out.member("rating", &product.rating.and_then(decimal))?;
        out.member("rating_count", &product.rating_count)?;
        out.name("variants");
        for (at, variant) in product.variants.iter().enumerate() {
            out.text.extend_from_slice(if at == 0 { b"[{" } else { b",{" });
            out.member("sku", &variant.sku)?;
            out.member("options", &variant.options)?;
            out.member("price", &variant.price)?;
            out.hole("available")?;
            out.text.push(b'}');
        }
        out.text.push(b']');
        out.member("sku", &product.sku)?;
        out.member("price", &product.price)?;
        out.hole("available")?;
        out.member("created_at", &product.created_at)?;
        out.text.push(b'}');
        let prices = product.variants.iter().map(|variant| variant.price.minor);
        Ok(Self {
            id: product.id,
            skus: product.variants.iter().map(|variant| variant.sku.clone()).collect(),
            cheapest: prices.min().unwrap_or(0),
            in_stock: listed.in_stock.iter().any(|flag| *flag),
            read_at,
            text: out.text.into_boxed_slice(),
            // Without the quotes; nothing in a slug is escaped.
            slug: slug.start + 1..slug.end - 1,
            rating_at,
            rating: product.rating,
            holes: out.holes.into_boxed_slice(),
            told: product.variants.iter().map(|_| AtomicI64::new(-1)).collect(),
        })
    }
    /// Its name in addresses.
    pub fn slug(&self) -> &str {
        let slug = self.slug.start as usize..self.slug.end as usize;
        self.text.get(slug).and_then(|slug| std::str::from_utf8(slug).ok()).unwrap_or_default()
    }
    /// How much memory it takes, about.
    pub fn weight(&self) -> usize {
        OVERHEAD + self.text.len() + self.skus.len() * OF_SKU
    }
    /// Remembers what inventory says of a variant; whether that is new.
    pub fn tell(&self, variant: usize, number: i64) -> bool {
        self.told.get(variant).is_some_and(|told| told.swap(number, Ordering::Relaxed) != number)
    }

    /// Writes it with the numbers of its variants.
    pub fn write(&self, numbers: &[i64], out: &mut Vec<u8>) {
        out.reserve(self.text.len() + self.holes.len() * 8);
        self.fill(numbers, 0..self.text.len(), out);
    }
    /// Copies a part of the text, with the numbers that belong into it.
    fn fill(&self, numbers: &[i64], part: Range<usize>, out: &mut Vec<u8>) {
        let mut from = part.start;
        let mut copy = |until: usize, out: &mut Vec<u8>| {
            out.extend_from_slice(self.text.get(from..until).unwrap_or_default());
            from = until;
        };
        let numbers = numbers.iter().chain(numbers.first());
        for (hole, number) in self.holes.iter().zip(numbers) {
            let hole = *hole as usize;
            if part.contains(&hole) {
                copy(hole, out);
                number_to(*number, out);
            }
        }
        copy(part.end, out);
    }
    /// The product itself, with the numbers of its variants.
    /// # Errors
    /// Never: it reads what was written here.
    pub fn product(&self, numbers: &[i64]) -> Result<Product, Unexpected> {
        let mut text = Vec::with_capacity(self.text.len() + self.holes.len() * 8);
        self.fill(numbers, 0..self.rating_at.start as usize, &mut text);
        // Contracts say it in hundredths.
        serde_json::to_writer(&mut text, &self.rating)?;
        self.fill(numbers, self.rating_at.end as usize..self.text.len(), &mut text);
        Ok(serde_json::from_slice(&text)?)
    }
}

fn number_to(number: i64, out: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, &number);
}

/// Hundredths as a decimal number, without reckoning in floats.
pub fn decimal(hundredths: u32) -> Option<serde_json::Number> {
    format!("{}.{:02}", hundredths / 100, hundredths % 100).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::catalog::{Named, Variant};
    use contracts::{Currency, Money};
    use serde_json::json;
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn variant(sku: &str, price: i64) -> Variant {
        Variant {
            sku: sku.parse().unwrap(),
            options: BTreeMap::from([("size\"".to_owned(), "\u{1}é".to_owned())]),
            price: Money::new(price, Currency::USD),
            available: 0,
        }
    }
    fn listed(rating: Option<u32>, variants: Vec<Variant>) -> Listed {
        let first = variants[0].clone();
        let product = Product {
            id: ProductId(Uuid::from_u128(7)),
            slug: "a-b".into(),
            title: "\"available\":0, \\ \n".into(),
            description: String::new(),
            images: vec!["/x.svg".into()],
            authors: vec![Named {
                id: Uuid::from_u128(1).into(),
                slug: "x".into(),
                name: "X".into(),
            }],
            genres: vec![],
            categories: vec![],
            attributes: BTreeMap::from([("f".to_owned(), json!([0.1, null, {"g": -7}]))]),
            score: 3,
            rating,
            rating_count: 9,
            variants,
            sku: first.sku,
            price: first.price,
            available: 0,
            created_at: Timestamp::from_micros(1_767_225_600_000_001),
        };
        let in_stock = vec![false; product.variants.len()];
        Listed { product, in_stock, withdrawn: false, version: 1 }
    }

    #[test]
    fn it_is_written_as_the_public_api_writes_it_and_read_back_the_same() {
        let one = vec![variant("A", 500)];
        let three = vec![variant("A", 500), variant("B", 100), variant("C", 900)];
        for (rating, variants) in [(None, one), (Some(430), three.clone()), (Some(500), three)] {
            let numbers: Vec<i64> = (0..).map(|n| 7 * n + 5).take(variants.len()).collect();
            let listed = listed(rating, variants);
            let ready = Ready::of(&listed, Timestamp::from_micros(0)).unwrap();
            let mut product = listed.product;
            for (variant, number) in product.variants.iter_mut().zip(&numbers) {
                variant.available = *number;
            }
            product.available = numbers[0];
            assert_eq!(ready.product(&numbers).unwrap(), product);
            let mut text = Vec::new();
            ready.write(&numbers, &mut text);
            let public = crate::http::wire::Product::from(product);
            assert_eq!(String::from_utf8(text).unwrap(), serde_json::to_string(&public).unwrap());
            assert_eq!((ready.slug(), ready.skus.len()), ("a-b", numbers.len()));
        }
    }
}
