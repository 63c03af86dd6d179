//! What is around every page: the head with search and shelves, and how full the cart is.
use crate::Shop;
use crate::notice::Notice;
use crate::stop::{Shown, Stop};
use crate::visitor::Visitor;
use askama::Template;
use askama::filters::HtmlSafe;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _};
use contracts::cart::CartContents;
use contracts::catalog::{Named, ShelfEntry};
use contracts::orders::ShopTerms;
use std::fmt;
use std::sync::Arc;

/// More shelves than this do not fit the head of a page.
const SHELVES: usize = 24;

/// What is around a page.
pub struct Frame {
    /// The address of the style sheet.
    pub style: String,
    /// What the shop is called, and the rest of its terms.
    pub terms: Arc<ShopTerms>,
    /// Whether somebody is logged in.
    pub known: bool,
    /// Whether they work here.
    pub staff: bool,
    /// How many pieces are in the cart.
    pub count: u64,
    /// The outermost categories.
    pub shelves: Vec<Category>,
    /// What was searched for.
    pub q: String,
    /// What they have just done.
    pub notice: Option<&'static Notice>,
    place: String,
}

/// A category as the head names it.
#[derive(Clone, Debug)]
pub struct Category {
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
}

impl From<ShelfEntry> for Category {
    fn from(entry: ShelfEntry) -> Self {
        Self { slug: entry.slug, name: entry.name }
    }
}

impl<I> From<Named<I>> for Category {
    fn from(named: Named<I>) -> Self {
        Self { slug: named.slug, name: named.name }
    }
}

/// Marks the link to the page that one is on.
pub struct Current(bool);

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 { f.write_str(" aria-current=\"page\"") } else { Ok(()) }
    }
}
impl HtmlSafe for Current {}

impl Frame {
    /// The frame of a page that is none of those that the head names.
    pub async fn of(shop: &Shop, visitor: &Visitor) -> Self {
        Self::at_place(shop, visitor, String::new()).await
    }
    /// The frame of the page that the head calls `place`.
    pub async fn at_place(shop: &Shop, visitor: &Visitor, place: impl Into<String>) -> Self {
        let (count, tree, terms) = tokio::join!(count(shop, visitor), shop.tree(), shop.terms());
        let outermost = tree.iter().filter(|entry| entry.parent.is_none());
        let shelves = outermost.take(SHELVES).cloned().map(Category::from).collect();
        Self {
            style: shop.style.clone(),
            terms,
            known: visitor.is_known(),
            staff: visitor.is_staff(),
            count,
            shelves,
            q: String::new(),
            notice: visitor.notice,
            place: place.into(),
        }
    }
    /// The same with what was searched for.
    pub fn searching(mut self, q: &str) -> Self {
        q.clone_into(&mut self.q);
        self
    }
    /// Whether the page is at `place`.
    pub fn at(&self, place: &str) -> Current {
        Current(self.place == place)
    }
    /// Whether the page is the legal page `slug`.
    pub fn at_legal(&self, slug: &str) -> Current {
        Current(self.place.strip_prefix("legal:") == Some(slug))
    }
    /// Whether the page is the shelf `slug`.
    pub fn at_shelf(&self, slug: &str) -> Current {
        Current(self.place.strip_prefix("shelf:") == Some(slug))
    }
}

/// How many pieces are in the cart. By the contents, for a cart that is shown has its prices
/// noted as seen. A page without that number is still a page.
async fn count(shop: &Shop, visitor: &Visitor) -> u64 {
    if !visitor.is_known() && visitor.cart.token.is_none() {
        return 0;
    }
    match shop.ask(visitor, CartContents { of: visitor.cart.clone(), lately: true }).await {
        Ok(contents) => contents.lines.iter().map(|line| u64::from(line.quantity.get())).sum(),
        Err(error) => {
            tracing::warn!(%error, "the cart was not counted");
            0
        }
    }
}

/// A page that was made for whoever asked for it.
pub fn html(status: StatusCode, page: &impl Template) -> Shown {
    let html = page.render().map_err(|error| {
        tracing::error!(%error, "a page cannot be written");
        Stop::Broken
    })?;
    let mut response = (status, Html(html)).into_response();
    let keep = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    Ok(response)
}

/// A page about money and addresses: no copy of it is kept.
pub fn private(status: StatusCode, page: &impl Template) -> Shown {
    let mut response = html(status, page)?;
    let keep = HeaderValue::from_static("private, no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    Ok(response)
}
