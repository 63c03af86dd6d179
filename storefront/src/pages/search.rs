//! `/search`, and `/c/{slug}` for a category: products by words, shelf, author, genre and price,
//! page by page, with links that narrow the search.
mod facets;

use self::facets::Facet;
use super::card::Card;
use crate::Shop;
use crate::form::Faults;
use crate::frame::{Frame, html};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{self, counted, encoded};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::catalog::{
    FindProducts, GetShelfEntry, Shelf, ShelfEntry, ShelfEntryDetail, ShelfRefused, Sort,
};
use contracts::{Currency, Money};
use serde::Deserialize;
use std::sync::Arc;

const PER_PAGE: u32 = 24;
/// There are no more pages.
const LAST_PAGE: u32 = 100_000;
/// Nobody types more words.
const LONGEST_Q: usize = 200;
/// The name, in an address, of every order but the first, with words for it.
const SORTS: [(Sort, &str, &str); 6] = [
    (Sort::Relevance, "relevance", "Best match"),
    (Sort::Best, "best", "Best selling"),
    (Sort::Newest, "newest", "Newest"),
    (Sort::Price, "price", "Price, low to high"),
    (Sort::PriceDescending, "-price", "Price, high to low"),
    (Sort::Title, "title", "Title"),
];

/// What is looked for, as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Search {
    q: String,
    category: String,
    author: String,
    genre: String,
    min: String,
    max: String,
    in_stock: String,
    affordable: String,
    sort: String,
    page: String,
}

/// One filter that is on, and the address without it.
struct Chip {
    words: String,
    without: String,
}

struct Link {
    words: String,
    to: String,
    current: bool,
    rel: &'static str,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    frame: Frame,
    title: String,
    found: String,
    search: Search,
    /// The categories above this one, the outermost first.
    above: Vec<ShelfEntry>,
    currency: Currency,
    facets: Vec<Facet>,
    sorts: Vec<(&'static str, &'static str, bool)>,
    chips: Vec<Chip>,
    cards: Vec<Card>,
    /// None in the place of a gap.
    links: Vec<Option<Link>>,
    faults: Faults,
}

/// What the names in the address stand for, where the catalogue knows them.
#[derive(Default)]
struct Known {
    category: Option<ShelfEntryDetail>,
    author: Option<ShelfEntry>,
    genre: Option<ShelfEntry>,
}

/// The page of what was found.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(mut search): Query<Search>,
) -> Shown {
    search.tidy();
    let (category, known) = look_up(&shop, &visitor, &search).await;
    let known = Known { category: category.ok().flatten(), ..known };
    page(&shop, &visitor, search, known).await
}

/// The page of a category.
pub async fn show_category(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(slug): Path<String>,
    Query(mut search): Query<Search>,
) -> Shown {
    search.category = slug;
    search.tidy();
    let (category, known) = look_up(&shop, &visitor, &search).await;
    let category = category?.ok_or(Stop::NotFound)?;
    page(&shop, &visitor, search, Known { category: Some(category), ..known }).await
}

/// The category, which a page may need, and the other names, without which it is still a page.
async fn look_up(
    shop: &Shop,
    visitor: &Visitor,
    search: &Search,
) -> (Result<Option<ShelfEntryDetail>, Stop>, Known) {
    let (category, author, genre) = tokio::join!(
        known(shop, visitor, Shelf::Categories, &search.category),
        known(shop, visitor, Shelf::Authors, &search.author),
        known(shop, visitor, Shelf::Genres, &search.genre)
    );
    let entry = |asked: Result<Option<ShelfEntryDetail>, Stop>| {
        asked.ok().flatten().map(|detail| detail.entry)
    };
    let known = Known { category: None, author: entry(author), genre: entry(genre) };
    (category, known)
}

/// The category, author or genre that is called `id_or_slug`, or was.
async fn known(
    shop: &Shop,
    visitor: &Visitor,
    shelf: Shelf,
    id_or_slug: &str,
) -> Result<Option<ShelfEntryDetail>, Stop> {
    if id_or_slug.is_empty() {
        return Ok(None);
    }
    let get = GetShelfEntry { shelf, id_or_slug: id_or_slug.to_owned() };
    match shop.ask(visitor, get).await.refusal()? {
        Ok(detail) => Ok(Some(detail)),
        Err(
            ShelfRefused::NotFound
            | ShelfRefused::NotAllowed
            | ShelfRefused::Taken { .. }
            | ShelfRefused::Invalid { .. },
        ) => Ok(None),
    }
}

async fn page(shop: &Shop, visitor: &Visitor, mut search: Search, known: Known) -> Shown {
    if search.take_names(&known) {
        // An old name, or an id: from now on the one of now.
        return Ok(Redirect::permanent(&search.address()).into_response());
    }
    let currency = shop.config.currency;
    let (find, faults) = search.find(currency);
    let sort = find.sort;
    let (frame, found) =
        tokio::join!(Frame::at_place(shop, visitor, search.place(&known)), shop.ask(visitor, find));
    let found = found.or_stop(|_| Stop::LogIn(visitor.here.clone()))?;
    let pages = found.total.div_ceil(u64::from(PER_PAGE)).min(u64::from(LAST_PAGE));
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let books = counted(found.total, "book", "books");
    let counts = found.facets.unwrap_or_default();
    let page = SearchPage {
        title: search.title(&known),
        found: match search.sort_words(sort) {
            Some(words) if found.total > 1 => format!("{books}, {words} first"),
            _ => books,
        },
        currency,
        facets: facets::facets(&search, &known, counts, currency, frame.known),
        sorts: SORTS.iter().map(|(known, name, words)| (*name, *words, *known == sort)).collect(),
        chips: search.chips(&known, currency),
        links: search.links(u32::try_from(pages).unwrap_or(LAST_PAGE)),
        cards: found.items.into_iter().map(Card::from).collect(),
        above: known.category.map(|category| category.path).unwrap_or_default(),
        frame: frame.searching(&search.q),
        search,
        faults,
    };
    html(status, &page)
}

impl Search {
    /// Cuts what nobody means: spaces, control characters, endless words.
    fn tidy(&mut self) {
        let all = [
            &mut self.q,
            &mut self.category,
            &mut self.author,
            &mut self.genre,
            &mut self.min,
            &mut self.max,
            &mut self.sort,
            &mut self.page,
        ];
        for field in all {
            let spaced: String = field
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .take(LONGEST_Q)
                .collect();
            *field = spaced.trim().to_owned();
        }
        for switch in [&mut self.in_stock, &mut self.affordable] {
            *switch = if *switch == "true" { "true".to_owned() } else { String::new() };
        }
    }
    /// What to ask the catalogue; a price that is none is told, and not asked.
    fn find(&self, currency: Currency) -> (FindProducts, Faults) {
        let mut faults = Faults::default();
        let mut price = |field: &str, text: &str| match text {
            "" => None,
            _ => match words::parse_money(text, currency) {
                Ok(money) => Some(money.minor),
                Err(reason) => {
                    faults.add(field, reason);
                    None
                }
            },
        };
        let (min_price, max_price) = (price("min", &self.min), price("max", &self.max));
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let sort = SORTS.iter().find(|(_, name, _)| *name == self.sort);
        let find = FindProducts {
            q: some(&self.q),
            category: some(&self.category),
            author: some(&self.author),
            genre: some(&self.genre),
            min_price,
            max_price,
            affordable: !self.affordable.is_empty(),
            in_stock: (!self.in_stock.is_empty()).then_some(true),
            sort: sort.map_or(Sort::Relevance, |(sort, ..)| *sort),
            page: self.page_number(),
            per_page: PER_PAGE,
            facets: true,
        };
        (find, faults)
    }
    fn page_number(&self) -> u32 {
        self.page.parse().unwrap_or(1).clamp(1, LAST_PAGE)
    }
    /// Takes the names of now for those that are known. Whether any was another.
    fn take_names(&mut self, known: &Known) -> bool {
        let category = known.category.as_ref().map(|detail| &detail.entry);
        let all = [
            (&mut self.category, category),
            (&mut self.author, known.author.as_ref()),
            (&mut self.genre, known.genre.as_ref()),
        ];
        let mut other = false;
        for (name, entry) in all {
            if let Some(entry) = entry.filter(|entry| entry.slug != *name) {
                entry.slug.clone_into(name);
                other = true;
            }
        }
        other
    }
    /// The shelf in the head that this one stands on.
    fn place(&self, known: &Known) -> String {
        if !self.q.is_empty() {
            return String::new();
        }
        let outermost = known.category.as_ref().map(|category| {
            category.path.first().map_or(&category.entry.slug, |outermost| &outermost.slug)
        });
        format!("shelf:{}", outermost.unwrap_or(&self.category))
    }
    fn title(&self, known: &Known) -> String {
        if !self.q.is_empty() {
            return format!("“{}”", self.q);
        }
        if let Some(category) = &known.category {
            return category.entry.name.clone();
        }
        match self.sort.as_str() {
            _ if !self.category.is_empty() => self.category.clone(),
            _ if !self.author.is_empty() => name(known.author.as_ref(), &self.author),
            _ if !self.genre.is_empty() => name(known.genre.as_ref(), &self.genre),
            "best" => "Best sellers".to_owned(),
            "newest" => "New books".to_owned(),
            _ => "All books".to_owned(),
        }
    }
    fn sort_words(&self, sort: Sort) -> Option<&'static str> {
        match sort {
            Sort::Relevance if self.q.is_empty() => Some("newest"),
            Sort::Relevance => Some("best match"),
            Sort::Best => Some("best selling"),
            Sort::Newest => Some("newest"),
            Sort::Price => Some("cheapest"),
            Sort::PriceDescending => Some("dearest"),
            Sort::Title => None,
        }
    }
    /// The path, which names the category where there is one.
    fn path(&self) -> String {
        match self.category.as_str() {
            "" => "/search".to_owned(),
            // What is no name in addresses goes into the query.
            other if other.starts_with('.') || other.contains('/') => "/search".to_owned(),
            slug => format!("/c/{}", encoded(slug)),
        }
    }
    /// The same search with other fields, on its first page unless one is named.
    fn address(&self) -> String {
        let pairs: Vec<String> = self
            .others("")
            .into_iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let path = self.path();
        if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
    }
    /// What stands in the query but for some fields (and the page, which another search has not).
    fn others(&self, but: &str) -> Vec<(&'static str, &str)> {
        let in_path = self.path() != "/search";
        let category = if in_path { "" } else { self.category.as_str() };
        let page = if but.is_empty() { self.page.as_str() } else { "" };
        let all = [
            ("q", self.q.as_str()),
            ("category", category),
            ("author", &self.author),
            ("genre", &self.genre),
            ("min", &self.min),
            ("max", &self.max),
            ("in_stock", &self.in_stock),
            ("affordable", &self.affordable),
            ("sort", &self.sort),
            ("page", page),
        ];
        let left = |name: &str| but.split(' ').all(|out| out != name);
        all.into_iter().filter(|(name, value)| !value.is_empty() && left(name)).collect()
    }
    fn with(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut other = Self { page: String::new(), ..self.clone() };
        change(&mut other);
        other.address()
    }
    fn chips(&self, known: &Known, currency: Currency) -> Vec<Chip> {
        let amount = |text: &str| match words::parse_money(text, currency) {
            Ok(money) => Money::to_string(&money),
            Err(_) => String::new(),
        };
        let mut chips = Vec::new();
        let mut chip = |on: bool, words: String, without: String| {
            if on && !words.trim().is_empty() {
                chips.push(Chip { words, without });
            }
        };
        chip(
            // Else it is the headline.
            !self.category.is_empty() && !self.q.is_empty(),
            name(known.category.as_ref().map(|category| &category.entry), &self.category),
            self.with(|s| s.category.clear()),
        );
        let author = name(known.author.as_ref(), &self.author);
        chip(!self.author.is_empty(), author, self.with(|s| s.author.clear()));
        let genre = name(known.genre.as_ref(), &self.genre);
        chip(!self.genre.is_empty(), genre, self.with(|s| s.genre.clear()));
        let (min, max) = (amount(&self.min), amount(&self.max));
        chip(!min.is_empty(), format!("From {min}"), self.with(|s| s.min.clear()));
        chip(!max.is_empty(), format!("Up to {max}"), self.with(|s| s.max.clear()));
        let stock = self.with(|s| s.in_stock.clear());
        chip(!self.in_stock.is_empty(), "In stock".to_owned(), stock);
        let wallet = self.with(|s| s.affordable.clear());
        chip(!self.affordable.is_empty(), "Within my wallet".to_owned(), wallet);
        chips
    }
    /// Links to the pages around this one, the first and the last.
    fn links(&self, pages: u32) -> Vec<Option<Link>> {
        let here = self.page_number();
        if pages <= 1 {
            return Vec::new();
        }
        let to = |page: u32| {
            self.with(|s| s.page = if page == 1 { String::new() } else { page.to_string() })
        };
        let link = |words: &str, page, rel| {
            Some(Link { words: words.to_owned(), to: to(page), current: page == here, rel })
        };
        let mut links = Vec::new();
        if here > 1 {
            links.push(link("Back", (here - 1).min(pages), "prev"));
        }
        let mut last = 0;
        for page in
            (1..=pages).filter(|page| *page == 1 || *page == pages || page.abs_diff(here) <= 2)
        {
            if page > last + 1 {
                links.push(None);
            }
            links.push(link(&page.to_string(), page, ""));
            last = page;
        }
        if here < pages {
            links.push(link("Next", here + 1, "next"));
        }
        links
    }
}

/// What an entry is called; where it is not known, more or less.
fn name(entry: Option<&ShelfEntry>, slug: &str) -> String {
    entry.map_or_else(|| unslugged(slug), |entry| entry.name.clone())
}

/// What a name in addresses was before it became one, more or less.
fn unslugged(slug: &str) -> String {
    let words = slug.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().to_string() + letters.as_str())
    });
    words.flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_the_search_and_nothing_else() {
        let search = Search {
            q: "a&b=c d".to_owned(),
            max: "10".to_owned(),
            page: "3".to_owned(),
            ..Search::default()
        };
        assert_eq!(search.address(), "/search?q=a%26b%3Dc%20d&max=10&page=3");
        assert_eq!(search.with(|s| s.max.clear()), "/search?q=a%26b%3Dc%20d");
        assert_eq!(Search::default().address(), "/search");
        let shelf = |category: &str| Search { category: category.to_owned(), ..search.clone() };
        assert_eq!(shelf("old-tales").with(|s| s.q.clear()), "/c/old-tales?max=10");
        assert_eq!(shelf("a/b").with(|s| s.max.clear()), "/search?q=a%26b%3Dc%20d&category=a/b");
        assert_eq!(shelf("..").path(), "/search");
    }

    #[test]
    fn links_lead_to_the_pages_around_and_to_both_ends() {
        let words = |page: &str, pages| {
            let search = Search { page: page.to_owned(), ..Search::default() };
            let links = search.links(pages).into_iter();
            links
                .map(|link| link.map_or("…".to_owned(), |link| link.words))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(words("1", 1), "");
        assert_eq!(words("", 3), "1 2 3 Next");
        assert_eq!(words("5", 9), "Back 1 … 3 4 5 6 7 … 9 Next");
        assert_eq!(words("4294967295", 2), "Back 1 2");
    }

    #[test]
    fn what_nobody_means_is_cut() {
        let mut search = Search {
            q: format!(" a\tb{}", "x".repeat(500)),
            page: "-1".to_owned(),
            in_stock: "yes".to_owned(),
            sort: "; drop".to_owned(),
            min: "1e9".to_owned(),
            ..Search::default()
        };
        search.tidy();
        let (find, faults) = search.find(Currency::USD);
        assert!(find.q.is_some_and(|q| q.starts_with("a bx") && q.len() < 210));
        assert_eq!((find.page, find.in_stock, find.sort), (1, None, Sort::Relevance));
        assert!(find.min_price.is_none() && faults.of("min").is_some());
    }
}
