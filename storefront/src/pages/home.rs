//! `/`: the shop front.
use super::card::Card;
use crate::Shop;
use crate::frame::{Frame, html};
use crate::stop::Shown;
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use contracts::catalog::{BestSellers, FindProducts, Product, Sort};
use std::sync::Arc;

const BEST: u32 = 12;
const NEWEST: u32 = 6;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    hero: Vec<Card>,
    best: Vec<Card>,
    newest: Vec<Card>,
}

/// The shop front: also when a part of it does not answer.
pub async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    let newest =
        FindProducts { sort: Sort::Newest, page: 1, per_page: NEWEST, ..Default::default() };
    let (frame, best, newest) = tokio::join!(
        Frame::of(&shop, &visitor),
        shop.ask(&visitor, BestSellers { limit: BEST }),
        shop.ask(&visitor, newest)
    );
    if let Err(error) = &best {
        tracing::warn!(%error, "the best sellers were not listed");
    }
    let best = best.unwrap_or_default();
    let newest = newest.map(|page| page.items).unwrap_or_default();
    let hero = best.iter().chain(&newest).take(3).cloned().collect();
    let page = Home { frame, hero: cards(hero), best: cards(best), newest: cards(newest) };
    html(StatusCode::OK, &page)
}

fn cards(products: Vec<Product>) -> Vec<Card> {
    products.into_iter().map(Card::from).collect()
}
