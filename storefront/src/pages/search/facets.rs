//! Links that narrow a search, each with how many matches it leaves. They keep all other filters.
use super::{Known, Search, name};
use crate::words::number;
use contracts::catalog::{FacetCount, Facets, PriceCount, ShelfEntry};
use contracts::{Currency, Money};

/// One kind of filter.
pub struct Facet {
    /// What it is called.
    pub title: &'static str,
    /// Never empty.
    pub links: Vec<Narrow>,
}

/// One filter.
#[derive(Debug, PartialEq, Eq)]
pub struct Narrow {
    /// What it is called.
    pub words: String,
    /// How many matches it leaves, where that is known.
    pub count: Option<u64>,
    /// Where it leads to: the search with it, or without it where it is on.
    pub to: String,
    /// Whether it is on.
    pub on: bool,
    /// Whether it leads out of a category.
    pub up: bool,
}

impl Narrow {
    fn new(words: impl Into<String>, count: Option<u64>, to: String, on: bool) -> Self {
        Self { words: words.into(), count, to, on, up: false }
    }
}

/// All kinds, for somebody who is logged in (`has_wallet`) or not.
pub fn facets(
    search: &Search,
    known: &Known,
    counts: Facets,
    currency: Currency,
    has_wallet: bool,
) -> Vec<Facet> {
    let authors = named(counts.authors, (&search.author, known.author.as_ref()), |slug| {
        search.with(|s| slug.clone_into(&mut s.author))
    });
    let genres = named(counts.genres, (&search.genre, known.genre.as_ref()), |slug| {
        search.with(|s| slug.clone_into(&mut s.genre))
    });
    let all = [
        ("Category", categories(search, known, counts.categories)),
        ("Author", authors),
        ("Genre", genres),
        ("Price", prices(search, &counts.prices, currency)),
        ("Show", switches(search, counts.in_stock, has_wallet)),
    ];
    let told = all.into_iter().filter(|(_, links)| !links.is_empty());
    told.map(|(title, links)| Facet { title, links }).collect()
}

/// The way out of a category, the category, and those in it; else all that have matches.
fn categories(search: &Search, known: &Known, counts: Vec<FacetCount>) -> Vec<Narrow> {
    let to = |slug: &str| search.with(|s| slug.clone_into(&mut s.category));
    let count = |slug: &str| counts.iter().find(|count| count.slug == slug).map(|c| c.count);
    let Some(here) = &known.category else {
        return named(counts, (&search.category, None), to);
    };
    let way = here
        .path
        .iter()
        .map(|above| Narrow { up: true, ..Narrow::new(&above.name, None, to(&above.slug), false) });
    let this = Narrow::new(&here.entry.name, count(&here.entry.slug), to(""), true);
    let inside = here
        .children
        .iter()
        .map(|child| Narrow::new(&child.name, count(&child.slug), to(&child.slug), false));
    way.chain([this]).chain(inside).collect()
}

/// The names that have matches; first the one that is chosen.
fn named(
    counts: Vec<FacetCount>,
    (chosen, entry): (&str, Option<&ShelfEntry>),
    to: impl Fn(&str) -> String,
) -> Vec<Narrow> {
    let mut links = Vec::new();
    if !chosen.is_empty() {
        let counted = counts.iter().find(|count| count.slug == chosen);
        let words = counted.map_or_else(|| name(entry, chosen), |count| count.name.clone());
        links.push(Narrow::new(words, counted.map(|count| count.count), to(""), true));
    }
    let others = counts.into_iter().filter(|count| count.slug != chosen);
    links.extend(others.map(|other| {
        let to = to(&other.slug);
        Narrow::new(other.name, Some(other.count), to, false)
    }));
    links
}

fn prices(search: &Search, counts: &[PriceCount], currency: Currency) -> Vec<Narrow> {
    let told = |minor: i64| number(Money::new(minor, currency));
    let link = |range: &PriceCount| {
        let min = if range.from > 0 { told(range.from) } else { String::new() };
        // The highest price is one that still counts.
        let max = range.to.map(|to| told(to.saturating_sub(1).max(0))).unwrap_or_default();
        let words = match (min.as_str(), max.as_str()) {
            ("", "") => "Any price".to_owned(),
            ("", max) => format!("Up to {max}"),
            (min, "") => format!("{min} and more"),
            (min, max) => format!("{min} to {max}"),
        };
        let on = search.min == min && search.max == max && !(min.is_empty() && max.is_empty());
        let to = search.with(|s| {
            s.min = if on { String::new() } else { min };
            s.max = if on { String::new() } else { max };
        });
        Narrow::new(words, Some(range.count), to, on)
    };
    counts.iter().map(link).collect()
}

fn switches(search: &Search, in_stock: u64, has_wallet: bool) -> Vec<Narrow> {
    let switched = |on: bool| if on { String::new() } else { "true".to_owned() };
    let stocked = !search.in_stock.is_empty();
    let to = search.with(|s| s.in_stock = switched(stocked));
    let mut links = vec![Narrow::new("In stock", Some(in_stock), to, stocked)];
    if has_wallet {
        let within = !search.affordable.is_empty();
        let to = search.with(|s| s.affordable = switched(within));
        links.push(Narrow::new("Within my wallet", None, to, within));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(slug: &str, count: u64) -> FacetCount {
        FacetCount { slug: slug.to_owned(), name: slug.to_uppercase(), count }
    }

    #[test]
    fn a_link_keeps_the_other_filters_and_the_chosen_one_leads_out() {
        let search = Search {
            q: "sea".to_owned(),
            author: "homer".to_owned(),
            page: "3".to_owned(),
            ..Search::default()
        };
        let to = |slug: &str| search.with(|s| slug.clone_into(&mut s.author));
        let links = named(vec![count("melville", 4), count("homer", 2)], ("homer", None), to);
        let told: Vec<_> =
            links.iter().map(|link| (link.words.as_str(), link.to.as_str(), link.on)).collect();
        assert_eq!(
            told,
            [
                ("HOMER", "/search?q=sea", true),
                ("MELVILLE", "/search?q=sea&author=melville", false)
            ]
        );
        let links = named(Vec::new(), ("saint-exupery", None), to);
        assert_eq!((links[0].words.as_str(), links[0].count), ("Saint Exupery", None));
    }

    #[test]
    fn a_range_of_prices_ends_before_the_next_one_begins() {
        let ranges = [(0, Some(1000), 3), (1000, Some(2000), 2), (2000, None, 1)]
            .map(|(from, to, count)| PriceCount { from, to, count });
        let search =
            Search { min: "10.00".to_owned(), max: "19.99".to_owned(), ..Search::default() };
        let links = prices(&search, &ranges, Currency::USD);
        let told: Vec<_> =
            links.iter().map(|link| (link.words.as_str(), link.to.as_str(), link.on)).collect();
        assert_eq!(
            told,
            [
                ("Up to 9.99", "/search?max=9.99", false),
                ("10.00 to 19.99", "/search", true),
                ("20.00 and more", "/search?min=20.00", false),
            ]
        );
    }
}
