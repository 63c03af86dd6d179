//! What is behind the counter (`/admin`): for staff, and nowhere to be found for others.
mod new_product;
mod orders;
mod product;
mod products;
mod stock;

use crate::Shop;
use crate::stop::Stop;
use crate::visitor::Visitor;
use axum::Router;
use axum::routing::{get, post};
use contracts::caller::Permission;
use std::sync::Arc;

/// The pages for staff.
pub fn routes() -> Router<Arc<Shop>> {
    Router::new()
        .route("/admin", get(orders::show))
        .route("/admin/orders", get(orders::show))
        .route("/admin/stock", get(stock::show).post(stock::set))
        .route("/admin/products", get(products::show))
        .route("/admin/products/new", get(new_product::show).post(new_product::send))
        .route("/admin/products/{id}", get(product::show).post(product::save))
        .route("/admin/products/{id}/withdraw", post(product::withdraw))
}

/// Passes for those who may. Guests may log in first; others find nothing.
fn require(visitor: &Visitor, permission: Permission) -> Result<(), Stop> {
    if visitor.is_known() && visitor.caller.may(permission) { Ok(()) } else { Err(Stop::NotFound) }
}

/// A part of the counter.
struct Tab {
    to: &'static str,
    words: &'static str,
    current: bool,
}

/// The parts that whoever looks may see, of which one is `here`.
fn tabs(visitor: &Visitor, here: &str) -> Vec<Tab> {
    let all = [
        ("/admin/orders", "Orders", Permission::ManageOrders),
        ("/admin/products", "Products", Permission::ManageCatalog),
        ("/admin/stock", "Stock", Permission::ManageStock),
    ];
    let open = all.into_iter().filter(|(.., permission)| visitor.caller.may(*permission));
    open.map(|(to, words, _)| Tab { to, words, current: to == here }).collect()
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
        let q: String = self.q.chars().filter(|c| !c.is_control()).take(200).collect();
        contracts::catalog::FindProducts {
            q: Some(q.trim().to_owned()).filter(|q| !q.is_empty()),
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
        let to = |page: u32| format!("{path}?q={}&page={page}", crate::words::encoded(&self.q));
        let seen = u64::from(here) * u64::from(Self::PER_PAGE);
        ((here > 1).then(|| to(here - 1)), (seen < total).then(|| to(here + 1)))
    }
}
