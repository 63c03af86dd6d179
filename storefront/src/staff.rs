//! What is behind the counter (`/admin`): for staff, each for what their role may do.
mod accounts;
mod facts;
mod history;
mod mails;
mod new_product;
mod order;
mod orders;
mod overview;
mod product;
mod products;
mod reviews;
mod shelves;
mod shop;
mod stock;
mod transactions;

use crate::Shop;
use crate::stop::{Shown, Stop};
use crate::visitor::Visitor;
use crate::words::encoded;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::routing::{get, post};
use contracts::caller::Permission;
use std::sync::Arc;

/// A description of 20,000 characters, each written as nine; more than that no form has but the
/// shop's.
const LONGEST_WORDS: usize = 256 << 10;
/// The shop's form has its legal pages in it. The gateway takes no more than this, unless it is
/// told to.
const LONGEST_TERMS: usize = 4 << 20;

/// The pages for staff.
pub fn routes() -> Router<Arc<Shop>> {
    let terms = get(shop::show).post(shop::save).layer(DefaultBodyLimit::max(LONGEST_TERMS));
    Router::new()
        .route("/admin", get(overview::show))
        .route("/admin/shop", terms)
        .route("/admin/mails", get(mails::list))
        .route("/admin/mails/{id}", get(mails::show))
        .route("/admin/mails/{id}/send", post(mails::send_again))
        .route("/admin/accounts", get(accounts::show))
        .route("/admin/accounts/{id}", post(accounts::set))
        .route("/admin/transactions", get(transactions::show))
        .route("/admin/payments/{id}", get(transactions::to_order))
        .merge(orders_and_reviews())
        .merge(goods())
        .layer(from_fn(at_the_counter))
}

fn orders_and_reviews() -> Router<Arc<Shop>> {
    Router::new()
        .route("/admin/orders", get(orders::show))
        .route("/admin/orders/{id}", get(order::show))
        .route("/admin/orders/{id}/parcels", post(order::actions::send))
        .route("/admin/orders/{id}/parcels/{parcel}", post(order::actions::update_parcel))
        .route("/admin/orders/{id}/confirm", post(order::actions::confirm))
        .route("/admin/orders/{id}/refund", post(order::actions::refund))
        .route("/admin/orders/{id}/refunds/{refund}", post(order::actions::refunded))
        .route("/admin/orders/{id}/cancel", post(order::actions::cancel))
        .route("/admin/reviews", get(reviews::show))
        .route("/admin/reviews/{id}", post(reviews::moderate))
}

fn goods() -> Router<Arc<Shop>> {
    Router::new()
        .route("/admin/categories", get(shelves::list).post(shelves::make))
        .route("/admin/categories/{shelf}/{id}", get(shelves::show).post(shelves::save))
        .route("/admin/categories/{shelf}/{id}/delete", post(shelves::delete))
        .route("/admin/stock", get(stock::show).post(stock::set))
        .route("/admin/stock/history", get(history::show).post(history::adjust))
        .route("/admin/products", get(products::show))
        .route("/admin/products/new", get(new_product::show).post(new_product::send))
        .route("/admin/products/{id}", get(product::show).post(product::save))
        .route("/admin/products/{id}/variants", post(product::variants::add))
        .route("/admin/products/{id}/variants/withdraw", post(product::variants::withdraw))
        .route("/admin/products/{id}/withdraw", post(product::withdraw))
        .layer(DefaultBodyLimit::max(LONGEST_WORDS))
}

/// Guests log in first; who does not work here is sent away, whatever they ask for. After a form
/// the login leads to the overview, as a form's address is no page.
async fn at_the_counter(visitor: Visitor, request: Request, next: Next) -> Shown {
    if !visitor.is_known() {
        let is_page = request.method() == Method::GET || request.method() == Method::HEAD;
        let here = if is_page { visitor.here } else { "/admin".to_owned() };
        return Err(Stop::LogIn(here));
    }
    if !visitor.is_staff() {
        return Err(Stop::Forbidden);
    }
    Ok(next.run(request).await)
}

/// Passes for those who may.
fn require(visitor: &Visitor, permission: Permission) -> Result<(), Stop> {
    if visitor.is_known() && visitor.caller.may(permission) { Ok(()) } else { Err(Stop::Forbidden) }
}

/// A part of the counter.
struct Tab {
    to: &'static str,
    words: &'static str,
    current: bool,
}

const TABS: [(&str, &str, Permission); 10] = [
    ("/admin", "Overview", Permission::ManageOrders),
    ("/admin/orders", "Orders", Permission::ManageOrders),
    ("/admin/reviews", "Reviews", Permission::ModerateReviews),
    ("/admin/products", "Products", Permission::ManageCatalog),
    ("/admin/categories", "Categories", Permission::ManageCatalog),
    ("/admin/stock", "Stock", Permission::ManageStock),
    ("/admin/transactions", "Money", Permission::ManagePayments),
    ("/admin/mails", "Letters", Permission::ManageMessages),
    ("/admin/accounts", "Accounts", Permission::ManageAccounts),
    ("/admin/shop", "Shop", Permission::ManageShop),
];

/// The parts that whoever looks may see, of which one is `here`.
fn tabs(visitor: &Visitor, here: &str) -> Vec<Tab> {
    let open = TABS.into_iter().filter(|(.., permission)| visitor.caller.may(*permission));
    open.map(|(to, words, _)| Tab { to, words, current: to == here }).collect()
}

/// An address with the parts of its query that are not empty.
fn link(path: &str, query: &[(&str, &str)]) -> String {
    let parts = query.iter().filter(|(_, value)| !value.is_empty());
    let parts: Vec<_> = parts.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
}

/// What was typed, trimmed; none where nothing was.
fn some(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Text for a query: without what no database takes, and not longer than any field of ours.
fn sought(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(254).collect();
    some(&text)
}

/// The fields of a form whose names depend on what it is about, as they come.
type Fields = Vec<(String, String)>;

/// What was typed into a field.
fn typed<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

/// What a cursor is that a list did not give.
fn no_such_page() -> Stop {
    Stop::bad("The list does not go on from there.")
}

/// What staff look for in a list of products, and on which page of it.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Look {
    q: String,
    page: String,
}

impl Look {
    const PER_PAGE: u32 = 25;

    /// The question to the catalogue.
    fn find(&self) -> contracts::catalog::FindProducts {
        contracts::catalog::FindProducts {
            q: sought(&self.q),
            sort: contracts::catalog::Sort::default(),
            page: self.number(),
            per_page: Self::PER_PAGE,
            ..Default::default()
        }
    }
    fn number(&self) -> u32 {
        self.page.parse().unwrap_or(1).clamp(1, 100_000)
    }
    /// The addresses of the pages before and after this one, of a list at `path`.
    fn around(&self, path: &str, total: u64) -> (Option<String>, Option<String>) {
        let here = self.number();
        let to = |page: u32| format!("{path}?q={}&page={page}", encoded(&self.q));
        let seen = u64::from(here) * u64::from(Self::PER_PAGE);
        ((here > 1).then(|| to(here - 1)), (seen < total).then(|| to(here + 1)))
    }
}
