//! The pages for shoppers (`/`) and for staff (`/admin`): plain HTML. The one script looks at an
//! order again when it has changed; without it the pages do all the same.
//!
//! Owns what a browser keeps: the cookies of its session, of a guest's cart and orders. Promises
//! that a form that is sent twice is done once, and one that another site sends never; that
//! whatever a product is called is shown and never run. Never reads a service's tables: it asks
//! by calls, as whoever looks.
#![warn(missing_docs)]

mod cookies;
mod countries;
mod cover;
mod door;
mod form;
mod frame;
mod notice;
mod pages;
mod recent;
mod renewal;
mod staff;
mod stop;
mod visitor;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use contracts::catalog::{CategoryTree, ShelfEntry};
use contracts::orders::{GetShop, ShopTerms};
use contracts::{Call, Caller, Money};
use kit::calls::{Answer, Calls};
use kit::clock::Sources;
use kit::config::Config;
use pages::{
    account, assets, cart, checkout, covers, home, legal, links, login, notifications, order,
    orders, product, receipt, register, search, wallet,
};
use recent::Recent;
use std::sync::Arc;
use visitor::Visitor;

/// No form of ours is longer.
const LONGEST_FORM: usize = 64 << 10;

/// What the pages are made with.
pub struct Parts {
    /// Any call.
    pub calls: Calls,
    /// Time, and keys for forms.
    pub sources: Sources,
    /// The store's settings.
    pub config: Arc<Config>,
}

/// What every page has at hand.
pub(crate) struct Shop {
    calls: Calls,
    sources: Sources,
    config: Arc<Config>,
    renewals: renewal::Renewals,
    /// The address of the style sheet, with the hash of what it says.
    style: String,
    /// The address of the script, likewise.
    live: String,
    terms: Recent<ShopTerms>,
    tree: Recent<Vec<ShelfEntry>>,
}

impl Shop {
    /// Asks a service on behalf of whoever looks.
    async fn ask<C: Call>(&self, visitor: &Visitor, call: C) -> Answer<C> {
        self.calls.call(&visitor.caller, call).await
    }
    /// The shop's name and terms. Where nobody ever told them, it is called Feria; no page is
    /// missing because of that.
    async fn terms(&self) -> Arc<ShopTerms> {
        let ask = async {
            let told = self.calls.call(&Caller::Guest, GetShop).await;
            let told = told.inspect_err(|error| tracing::warn!(%error, "the shop's terms are old"));
            told.ok().map(|shop| shop.terms)
        };
        let told = self.terms.get(&self.sources, ask).await;
        match told {
            Some(terms) if !terms.name.trim().is_empty() => terms,
            other => {
                let terms = other.map(Arc::unwrap_or_clone).unwrap_or_default();
                Arc::new(ShopTerms { name: "Feria".to_owned(), ..terms })
            }
        }
    }
    /// All categories, parents before their children.
    async fn tree(&self) -> Arc<Vec<ShelfEntry>> {
        let ask = async {
            let told = self.calls.call(&Caller::Guest, CategoryTree).await;
            told.inspect_err(|error| tracing::warn!(%error, "the shelves were not listed")).ok()
        };
        self.tree.get(&self.sources, ask).await.unwrap_or_default()
    }
    /// `minor` units of what the store sells in.
    fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.config.currency)
    }
    /// What is to be set in a browser, under the rules of this store.
    fn cookies(&self) -> cookies::Rules {
        cookies::Rules { https: self.config.public_url.starts_with("https://") }
    }
}

/// The pages. Whoever serves them puts a [`contracts::Caller`] into the request's extensions,
/// from the cookie `feria_session`; a caller who is nobody is renewed from `feria_refresh`.
pub fn pages(parts: Parts) -> Router {
    let Parts { calls, sources, config } = parts;
    let shop = Arc::new(Shop {
        calls,
        sources,
        config,
        renewals: renewal::Renewals::default(),
        style: assets::style_address(),
        live: assets::live_address(),
        terms: Recent::default(),
        tree: Recent::default(),
    });
    let pages = shoppers()
        .merge(people())
        .merge(staff::routes())
        .fallback(async || stop::Stop::NotFound)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(from_fn_with_state(Arc::clone(&shop), door::door));
    let pictures = Router::new()
        .route("/covers/{*name}", get(covers::show))
        .route("/assets/style.css", get(assets::style))
        .route("/assets/live.js", get(assets::live))
        .route("/favicon.svg", get(assets::favicon));
    pages.merge(pictures).with_state(shop)
}

/// Goods, carts and orders.
fn shoppers() -> Router<Arc<Shop>> {
    Router::new()
        .route("/", get(home::show))
        .route("/search", get(search::show))
        .route("/c/{slug}", get(search::show_category))
        .route("/p/{slug}", get(product::show))
        .route("/p/{slug}/reviews", post(product::review))
        .route("/cart", get(cart::show))
        .route("/cart/add", post(product::add))
        .route("/cart/update", post(cart::update))
        .route("/cart/remove", post(cart::remove))
        .route("/checkout", get(checkout::show).post(checkout::send))
        .route("/orders", get(orders::show))
        .route("/orders/{id}", get(order::show))
        .route("/orders/{id}/pay", post(order::pay))
        .route("/orders/{id}/cancel", post(order::cancel))
        .route("/orders/{id}/receipt", get(receipt::show))
        .route("/legal/{slug}", get(legal::show))
}

/// What belongs to a person.
fn people() -> Router<Arc<Shop>> {
    Router::new()
        .route("/login", get(login::show).post(login::send))
        .route("/logout", post(login::log_out))
        .route("/register", get(register::show).post(register::send))
        .route("/wallet", get(wallet::show))
        .route("/wallet/top-ups", post(wallet::top_up))
        .route("/notifications", get(notifications::show))
        .route("/account", get(account::show))
        .route("/account/name", post(account::rename))
        .route("/account/password", post(account::change_password))
        .route("/account/verify", post(account::ask_to_verify))
        .route("/account/sessions", post(account::end_sessions))
        .route("/account/data", get(account::data))
        .route("/account/delete", post(account::erase))
        .route("/account/addresses", get(account::addresses::fresh).post(account::addresses::save))
        .route("/account/addresses/{id}", get(account::addresses::edit))
        .route("/account/addresses/{id}/default", post(account::addresses::make_default))
        .route("/account/addresses/{id}/delete", post(account::addresses::remove))
        .route("/forgot-password", get(links::forgot).post(links::ask_to_reset))
        .route("/reset-password", get(links::reset).post(links::choose))
        .route("/verify-email", get(links::verify).post(links::confirm))
}
