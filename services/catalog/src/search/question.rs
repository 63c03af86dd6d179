//! What is looked for, as a query of the index.
//!
//! Every word must be in a product: as it was typed, as the beginning of a word (the last one
//! only, which may still be in the typing), or, where nothing is found so, but for a typo. The
//! score says so in tiers that never mix: a code before all else, then words as they were typed,
//! then beginnings, then typos; within a tier, where the word stands.
use super::codes::codes_in;
use super::fields::{Fields, analyzer, words};
use crate::product::squeezed;
use crate::queries::Filter;
use contracts::catalog::Shelf;
use std::ops::Bound;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, FuzzyTermQuery, Occur, Query, RangeQuery,
    TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

/// More words than this are too many to be meant: the longest title has fewer.
const MOST_WORDS: usize = 64;
/// Typos are looked for in questions of at most so many words: each costs a walk through all
/// words of the index.
const MOST_FORGIVEN: usize = 10;

const CODE: f32 = 1_000_000.0;
const EXACT: f32 = 10_000.0;
const BEGINNING: f32 = 1_000.0;
const BEGINNING_OF_TITLE: f32 = 100.0;
const BEGINNING_OF_AUTHOR: f32 = 50.0;
const ONE_TYPO: f32 = 10.0;
const TWO_TYPOS: f32 = 4.0;
const TYPO_IN_TITLE: f32 = 2.0;
/// How much a word counts in the title, in authors, in genres and categories.
const BOOSTS: [f32; 3] = [8.0, 4.0, 2.0];

/// How many typos are forgiven in a word: none in numbers and codes, where each would name
/// something else.
fn forgiven(word: &str) -> u8 {
    let letters = word.chars().count();
    match letters {
        _ if !word.chars().all(char::is_alphabetic) => 0,
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    }
}

impl Fields {
    /// The query for the words of `q` (none: everything) within `filter`; whether with typos. None
    /// where nothing can match: a text without a single word, or a name that no indexed product has.
    pub fn query(
        &self,
        q: Option<&str>,
        filter: &Filter,
        forgiving: bool,
    ) -> Option<Box<dyn Query>> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        match q {
            Some(q) => clauses.push((Occur::Must, self.text(q, forgiving)?)),
            None => clauses.push((Occur::Must, unscored(Box::new(AllQuery)))),
        }
        for name in &filter.names {
            let field = match name.shelf {
                Shelf::Categories => self.categories,
                Shelf::Authors => self.authors,
                Shelf::Genres => self.genres,
            };
            let number = u64::try_from(name.number?).ok()?;
            clauses.push((Occur::Must, unscored(exactly(Term::from_field_u64(field, number)))));
        }
        if filter.min_price.is_some() || filter.max_price.is_some() {
            let bound = |price: Option<i64>| match price {
                Some(price) => Bound::Included(Term::from_field_i64(self.min_price, price)),
                None => Bound::Unbounded,
            };
            let range = RangeQuery::new(bound(filter.min_price), bound(filter.max_price));
            clauses.push((Occur::Must, unscored(Box::new(range))));
        }
        if let Some(in_stock) = filter.in_stock {
            let term = Term::from_field_bool(self.in_stock, in_stock);
            clauses.push((Occur::Must, unscored(exactly(term))));
        }
        Some(Box::new(BooleanQuery::new(clauses)))
    }

    fn text(&self, q: &str, forgiving: bool) -> Option<Box<dyn Query>> {
        let mut analyzer = analyzer();
        let text = squeezed(q);
        let chunks: Vec<(&str, Vec<String>)> =
            text.split(' ').map(|chunk| (chunk, words(&mut analyzer, chunk))).collect();
        let count: usize = chunks.iter().map(|(_, words)| words.len()).sum();
        if count > MOST_WORDS {
            return None;
        }
        let forgiving = forgiving && count <= MOST_FORGIVEN;
        let typing = chunks.len() - 1;
        let all: Vec<(Occur, Box<dyn Query>)> = (chunks.iter().enumerate())
            .filter(|(_, (_, words))| !words.is_empty())
            .map(|(place, (chunk, words))| {
                (Occur::Must, self.chunk(chunk, words, place == typing, forgiving))
            })
            .collect();
        if all.is_empty() {
            return None;
        }
        let all: Box<dyn Query> = Box::new(BooleanQuery::new(all));
        // An ISBN may be written with spaces.
        let whole = if chunks.len() > 1 { codes_in(&text) } else { Vec::new() };
        Some(self.or_coded(all, &whole))
    }

    /// What stands between two spaces: a code, or words that must all be there.
    fn chunk(
        &self,
        chunk: &str,
        words: &[String],
        typing: bool,
        forgiving: bool,
    ) -> Box<dyn Query> {
        let each = words.iter().enumerate().map(|(place, word)| {
            let starts = typing && place + 1 == words.len();
            let typos = if forgiving { forgiven(word) } else { 0 };
            (Occur::Must, self.word(word, starts, typos))
        });
        let all: Box<dyn Query> = Box::new(BooleanQuery::new(each.collect()));
        self.or_coded(all, &codes_in(chunk))
    }

    fn or_coded(&self, words: Box<dyn Query>, codes: &[String]) -> Box<dyn Query> {
        if codes.is_empty() {
            return words;
        }
        let mut any = vec![(Occur::Should, words)];
        any.extend(codes.iter().map(|code| {
            let code = exactly(Term::from_field_text(self.codes, code));
            (Occur::Should, scored(code, CODE))
        }));
        Box::new(BooleanQuery::new(any))
    }

    fn word(&self, word: &str, starts: bool, typos: u8) -> Box<dyn Query> {
        let within = |field: Field| Term::from_field_text(field, word);
        let beginning = |field: Field| FuzzyTermQuery::new_prefix(within(field), 0, false);
        let near = |field: Field, typos: u8| FuzzyTermQuery::new(within(field), typos, true);
        let exact = TermQuery::new(within(self.all), IndexRecordOption::Basic);
        // One of these must be; whatever else says only how well it matches.
        let mut any: Vec<Box<dyn Query>> = vec![scored(Box::new(exact), EXACT)];
        let mut better: Vec<Box<dyn Query>> = Vec::new();
        for (field, boost) in [self.title, self.by, self.kinds].into_iter().zip(BOOSTS) {
            better.push(Box::new(BoostQuery::new(exactly(within(field)), boost)));
        }
        if starts {
            any.push(scored(Box::new(beginning(self.all)), BEGINNING));
            better.push(scored(Box::new(beginning(self.title)), BEGINNING_OF_TITLE));
            better.push(scored(Box::new(beginning(self.by)), BEGINNING_OF_AUTHOR));
        }
        if typos > 0 {
            any.push(scored(Box::new(near(self.all, 1)), ONE_TYPO));
            better.push(scored(Box::new(near(self.title, typos)), TYPO_IN_TITLE));
        }
        if typos > 1 {
            any.push(scored(Box::new(near(self.all, 2)), TWO_TYPOS));
        }
        let any: Box<dyn Query> = Box::new(BooleanQuery::union(any));
        let mut word = vec![(Occur::Must, any)];
        word.extend(better.into_iter().map(|query| (Occur::Should, query)));
        Box::new(BooleanQuery::new(word))
    }
}

fn exactly(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
}

fn scored(query: Box<dyn Query>, score: f32) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, score))
}

/// A filter says nothing about how well a product matches.
fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    scored(query, 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_words_are_forgiven_more_and_numbers_nothing() {
        for (word, typos) in
            [("war", 0), ("emma", 1), ("austens", 1), ("analytic", 2), ("1984", 0), ("1a2b3c4d", 0)]
        {
            assert_eq!(forgiven(word), typos, "{word}");
        }
    }

    #[test]
    fn the_tiers_never_mix() {
        // No text scores more than about 20 in a field of the index, whatever the boost.
        let within = BOOSTS.iter().sum::<f32>() * 20.0;
        let beginnings = BEGINNING + BEGINNING_OF_TITLE + BEGINNING_OF_AUTHOR;
        let typos = ONE_TYPO + TWO_TYPOS + TYPO_IN_TITLE;
        assert!(CODE > (EXACT + within + beginnings + typos) * MOST_WORDS as f32);
        assert!(EXACT > beginnings + typos + within * (MOST_FORGIVEN as f32 - 1.0));
        assert!(BEGINNING > typos);
    }
}
