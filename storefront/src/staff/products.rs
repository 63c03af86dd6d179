//! `/admin/products`: the catalogue, to be changed.
use super::{Look, Tab, require, tabs};
use crate::Shop;
use crate::frame::{Frame, private};
use crate::pages::card::names;
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use contracts::caller::Permission;
use contracts::catalog::Product;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "staff/products.html")]
struct ProductsPage {
    frame: Frame,
    tabs: Vec<Tab>,
    q: String,
    total: u64,
    products: Vec<Product>,
    before: Option<String>,
    after: Option<String>,
}

fn by(product: &Product) -> String {
    names(product.authors.iter().map(|author| author.name.as_str()))
}

/// The list.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(look): Query<Look>,
) -> Shown {
    require(&visitor, Permission::ManageCatalog)?;
    let (frame, found) =
        tokio::join!(Frame::at_place(&shop, &visitor, "staff"), shop.ask(&visitor, look.find()));
    let found = found.or_stop(|_| Stop::NotFound)?;
    let (before, after) = look.around("/admin/products", found.total);
    let page = ProductsPage {
        frame,
        tabs: tabs(&visitor, "/admin/products"),
        q: look.q,
        total: found.total,
        products: found.items,
        before,
        after,
    };
    private(StatusCode::OK, &page)
}
