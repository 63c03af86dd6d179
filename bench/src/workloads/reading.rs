//! Browsing: the same requests go to the store and to the bare server.
use crate::Trouble;
use crate::bare::Page;
use crate::client::{Connection, get};
use crate::load::{Client, Failure, Tally};
use crate::shop::{Shop, refused};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use std::net::SocketAddr;
use std::rc::Rc;

/// The most products whose pages are asked for.
const MOST_DETAILS: usize = 10_000;
/// How many searches differ.
const SEARCHES: usize = 2_000;
/// How many pages of a list are turned.
const PAGES: usize = 25;

/// Which requests there are, each as likely as any other.
pub struct Plan {
    /// Their paths.
    pub paths: Vec<String>,
    requests: Vec<Vec<u8>>,
}

impl Plan {
    fn of(paths: Vec<String>) -> Rc<Self> {
        let requests = paths.iter().map(|path| get(path, None)).collect();
        Rc::new(Self { paths, requests })
    }
    /// The page of a product.
    pub fn details(shop: &Shop) -> Rc<Self> {
        // Spread over all, should there be more than are asked for.
        let goods = &shop.town.goods;
        let step = goods.len().div_ceil(MOST_DETAILS).max(1);
        Self::of(goods.iter().step_by(step).map(|good| detail(&good.slug)).collect())
    }
    /// A page of the list, in each order.
    pub fn lists(shop: &Shop) -> Rc<Self> {
        let pages = (shop.town.goods.len() / 20).clamp(1, PAGES);
        let sorts = ["title", "newest", "best", "price", "-price"];
        let page =
            |page| move |sort: &str| format!("/v1/products?sort={sort}&page={page}&per_page=20");
        Self::of((1..=pages).flat_map(|n| sorts.into_iter().map(page(n))).collect())
    }
    /// Words of titles, with counts by category, author, genre, price and stock.
    pub fn searches(shop: &Shop) -> Rc<Self> {
        let mut chance = SmallRng::seed_from_u64(7);
        let paths = (0..SEARCHES).map(|_| search(shop, &mut chance)).collect();
        Self::of(paths)
    }
    /// What the store answers to each, for the bare server to answer, too.
    /// # Errors
    /// When it answers anything but 200.
    pub async fn answers(&self, store: SocketAddr) -> Result<Vec<Page>, Trouble> {
        let mut connection = Connection::open(store).await?;
        let mut pages = Vec::with_capacity(self.paths.len());
        for (path, request) in self.paths.iter().zip(&self.requests) {
            let answer = connection.ask(request).await?;
            if answer.status != 200 {
                return Err(Trouble::new(format!("{path} is answered {}", answer.status)));
            }
            pages.push(Page::new("GET", path, &answer));
        }
        Ok(pages)
    }
}

/// The address of a product.
pub fn detail(slug: &str) -> String {
    format!("/v1/products/{slug}")
}

/// One or two words of a title; one search in three within a price range, one in three of what is
/// in stock.
pub fn search(shop: &Shop, chance: &mut SmallRng) -> String {
    let goods = &shop.town.goods;
    let title = goods.get(chance.random_range(0..goods.len().max(1))).map_or("", |one| &one.title);
    let letters = |word: &&str| word.len() > 2 && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let words: Vec<&str> = title.split_whitespace().filter(letters).collect();
    let first = chance.random_range(0..words.len().max(1));
    let some = words.get(first..(first + chance.random_range(1..=2)).min(words.len()));
    let q = some.filter(|some| !some.is_empty()).map_or("the".to_owned(), |some| some.join("+"));
    let more = match chance.random_range(0..3) {
        0 => "&min_price=500&max_price=2500",
        1 => "&in_stock=true",
        _ => "",
    };
    format!("/v1/products?q={q}&facets=true&per_page=20{more}")
}

/// One who reads.
pub struct Reader {
    plan: Rc<Plan>,
    chance: SmallRng,
}

impl Reader {
    /// The reader of this number.
    pub fn new(plan: &Rc<Plan>, number: usize) -> Self {
        Self { plan: Rc::clone(plan), chance: SmallRng::seed_from_u64(number as u64) }
    }
}

impl Client for Reader {
    async fn next(&mut self, connection: &mut Connection, _: &mut Tally) -> Result<(), Failure> {
        let which = self.chance.random_range(0..self.plan.requests.len().max(1));
        let request = self.plan.requests.get(which).map_or(&b""[..], Vec::as_slice);
        let answer = connection.ask(request).await?;
        if answer.status == 200 { Ok(()) } else { Err(refused("read", &answer)) }
    }
}
