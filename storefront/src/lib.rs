//! The pages for shoppers (`/`) and for staff (`/admin`): plain HTML, without scripts.
//!
//! Owns what a browser keeps: the cookies of its session, of a guest's cart and orders. Promises
//! that a form that is sent twice is done once, and one that another site sends never; that
//! whatever a product is called is shown and never run. Never reads a service's tables: it asks
//! by calls, as whoever looks.
#![warn(missing_docs)]

mod cookies;
mod cover;
mod door;
mod form;
mod frame;
mod notice;
mod pages;
mod renewal;
mod staff;
mod stop;
mod visitor;
mod words;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use contracts::{Call, Money};
use kit::calls::{Answer, Calls};
use kit::clock::Sources;
use kit::config::Config;
use pages::{
    assets, cart, checkout, covers, home, login, notifications, order, orders, product, receipt,
    register, search, wallet,
};
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
}

impl Shop {
    /// Asks a service on behalf of whoever looks.
    async fn ask<C: Call>(&self, visitor: &Visitor, call: C) -> Answer<C> {
        self.calls.call(&visitor.caller, call).await
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
    let renewals = renewal::Renewals::default();
    let shop = Arc::new(Shop { calls, sources, config, renewals, style: assets::style_address() });
    let shoppers = Router::new()
        .route("/", get(home::show))
        .route("/search", get(search::show))
        .route("/p/{slug}", get(product::show))
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
        .route("/login", get(login::show).post(login::send))
        .route("/logout", post(login::log_out))
        .route("/register", get(register::show).post(register::send))
        .route("/wallet", get(wallet::show))
        .route("/wallet/top-ups", post(wallet::top_up))
        .route("/notifications", get(notifications::show));
    let pages = shoppers
        .merge(staff::routes())
        .fallback(async || stop::Stop::NotFound)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(from_fn_with_state(Arc::clone(&shop), door::door));
    let pictures = Router::new()
        .route("/covers/{*name}", get(covers::show))
        .route("/assets/style.css", get(assets::style))
        .route("/favicon.svg", get(assets::favicon));
    pages.merge(pictures).with_state(shop)
}
