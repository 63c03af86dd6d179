//! What the index keeps of a product.
use super::codes::codes_of;
use crate::product::title_key;
use crate::store::Listed;
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RemoveLongFilter, SimpleTokenizer, TextAnalyzer, TokenStream,
};

/// The shape of the index; another number makes it be built anew.
pub const SHAPE: u32 = 4;
/// The name of the analyzer.
pub const WORDS: &str = "words";
const LONGEST_WORD: usize = 100;

/// A product with what the index knows of its names.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The product.
    pub listed: Listed,
    /// The numbers of its authors.
    pub authors: Vec<u64>,
    /// The numbers of its genres.
    pub genres: Vec<u64>,
    /// The numbers of its categories and of all above them, each once.
    pub categories: Vec<u64>,
    /// What the categories above its own are called.
    pub above: Vec<String>,
}

/// The fields.
#[derive(Clone, Copy)]
pub struct Fields {
    /// By which a product is taken out of the index.
    pub id: Field,
    /// All words, wherever they stand: what matches is decided here.
    pub all: Field,
    /// Words of the title: here and in the next two, only how well it matches.
    pub title: Field,
    /// Words of authors.
    pub by: Field,
    /// Words of genres and categories.
    pub kinds: Field,
    /// SKUs and ISBNs, whole.
    pub codes: Field,
    /// Numbers of authors.
    pub authors: Field,
    /// Numbers of genres.
    pub genres: Field,
    /// Numbers of categories and of those above them.
    pub categories: Field,
    /// What the cheapest variant costs.
    pub min_price: Field,
    /// Whether it can be ordered.
    pub in_stock: Field,
    score: Field,
    created_at: Field,
    title_key: Field,
    id_high: Field,
    id_low: Field,
}

impl Fields {
    /// The fields and their schema.
    pub fn build() -> (Schema, Self) {
        let words = |record, norms| {
            let indexing = TextFieldIndexing::default().set_tokenizer(WORDS);
            let indexing = indexing.set_index_option(record).set_fieldnorms(norms);
            TextOptions::default().set_indexing_options(indexing)
        };
        let ranked = words(IndexRecordOption::WithFreqs, true);
        let mut schema = Schema::builder();
        let fields = Self {
            id: schema.add_text_field("id", STRING),
            all: schema.add_text_field("all", words(IndexRecordOption::Basic, false)),
            title: schema.add_text_field("title", ranked.clone()),
            by: schema.add_text_field("by", ranked.clone()),
            kinds: schema.add_text_field("kinds", ranked),
            codes: schema.add_text_field("codes", STRING),
            authors: schema.add_u64_field("authors", INDEXED | FAST),
            genres: schema.add_u64_field("genres", INDEXED | FAST),
            categories: schema.add_u64_field("categories", INDEXED | FAST),
            min_price: schema.add_i64_field("min_price", INDEXED | FAST),
            in_stock: schema.add_bool_field("in_stock", INDEXED | FAST),
            score: schema.add_i64_field("score", FAST),
            created_at: schema.add_i64_field("created_at", FAST),
            title_key: schema.add_text_field("title_key", TextOptions::default().set_fast("raw")),
            id_high: schema.add_u64_field("id_high", FAST),
            id_low: schema.add_u64_field("id_low", FAST),
        };
        (schema.build(), fields)
    }

    /// The document of `entry`, whose id is written `id`.
    pub fn document(&self, entry: &Entry, id: &str) -> TantivyDocument {
        let product = &entry.listed.product;
        let mut document = TantivyDocument::new();
        document.add_text(self.id, id);
        let mut words = |field: Option<Field>, text: &str| {
            let text = composed(text);
            if let Some(field) = field {
                document.add_text(field, &text);
            }
            document.add_text(self.all, text);
        };
        words(Some(self.title), &product.title);
        words(None, &product.description);
        product.authors.iter().for_each(|author| words(Some(self.by), &author.name));
        product.genres.iter().for_each(|genre| words(Some(self.kinds), &genre.name));
        product.categories.iter().for_each(|category| words(Some(self.kinds), &category.name));
        entry.above.iter().for_each(|category| words(Some(self.kinds), category));
        product.variants.iter().for_each(|variant| words(None, variant.sku.as_str()));
        for code in codes_of(product) {
            document.add_text(self.codes, code);
        }
        for (field, numbers) in [
            (self.authors, &entry.authors),
            (self.genres, &entry.genres),
            (self.categories, &entry.categories),
        ] {
            numbers.iter().for_each(|number| document.add_u64(field, *number));
        }
        let cheapest = product.variants.iter().map(|variant| variant.price.minor).min();
        document.add_i64(self.min_price, cheapest.unwrap_or(0));
        document.add_bool(self.in_stock, entry.listed.in_stock.iter().any(|flag| *flag));
        document.add_i64(self.score, product.score);
        document.add_i64(self.created_at, product.created_at.micros());
        document.add_text(self.title_key, title_key(&product.title));
        let (high, low) = product.id.0.as_u64_pair();
        document.add_u64(self.id_high, high);
        document.add_u64(self.id_low, low);
        document
    }
}

/// Breaks a text into words without capitals and accents.
pub fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(LONGEST_WORD))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .build()
}

/// The text without accents that stand as characters of their own.
fn composed(text: &str) -> String {
    text.chars().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect()
}

/// The words of a text, as the index has them.
pub fn words(analyzer: &mut TextAnalyzer, text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let text = composed(text);
    let mut stream = analyzer.token_stream(&text);
    stream.process(&mut |token| words.push(token.text.clone()));
    words
}
