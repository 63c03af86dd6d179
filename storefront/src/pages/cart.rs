//! `/cart`: what a shopper means to buy, with forms to change it.
use super::card::picture;
use crate::Shop;
use crate::form::Sent;
use crate::frame::{Frame, html};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Price, Stock, counted};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::cart::{Cart, CartAnswer, CartRefused, ChangeItem, GetCart, RemoveItem};
use contracts::inventory::AvailableOf;
use contracts::{Quantity, Sku};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A line that is changed, or taken out where `quantity` is 0.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Change {
    sku: String,
    quantity: String,
}

struct Line {
    sku: Sku,
    title: String,
    slug: String,
    cover: String,
    quantity: String,
    each: Price,
    total: Price,
    /// What is wrong with what was typed.
    fault: Option<String>,
    /// How many can be ordered, where that is less than what is wanted.
    short: Option<Stock>,
}

#[derive(Template)]
#[template(path = "cart.html")]
struct CartPage {
    frame: Frame,
    lines: Vec<Line>,
    unavailable: Vec<Sku>,
    books: String,
    subtotal: Price,
}

/// The cart.
pub async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    page(&shop, &visitor, None, StatusCode::OK).await
}

/// Says how many of a SKU the cart has.
pub async fn update(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Change>,
) -> Shown {
    let sku: Sku = form.sku.parse().map_err(|_| Stop::bad("The cart has no such line."))?;
    let typed = form.quantity.trim();
    if typed.parse() == Ok(0_u32) {
        return take_out(&shop, &visitor, sku).await;
    }
    let Some(quantity) = typed.parse::<u32>().ok().and_then(|count| Quantity::new(count).ok())
    else {
        let fault = format!("The number of copies must be from 1 to {}", Quantity::MAX);
        return wrong(&shop, &visitor, sku, typed, fault).await;
    };
    let change = ChangeItem { of: visitor.cart.clone(), sku: sku.clone(), quantity };
    match shop.ask(&visitor, change).await.refusal()? {
        Ok(_) => Ok(Redirect::to("/cart?notice=updated").into_response()),
        Err(CartRefused::TooMuch { what }) => {
            let fault = format!("{what} is more than a cart can hold");
            wrong(&shop, &visitor, sku, typed, fault).await
        }
        Err(refused) => Err(Stop::conflict(format!("{refused}."))),
    }
}

/// Takes a line out of the cart.
pub async fn remove(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<Change>,
) -> Shown {
    let sku: Sku = form.sku.parse().map_err(|_| Stop::bad("The cart has no such line."))?;
    take_out(&shop, &visitor, sku).await
}

async fn take_out(shop: &Shop, visitor: &Visitor, sku: Sku) -> Shown {
    let take = RemoveItem { of: visitor.cart.clone(), sku };
    match shop.ask(visitor, take).await.refusal()? {
        Ok(_) | Err(CartRefused::NotInCart { .. }) => {
            Ok(Redirect::to("/cart?notice=removed").into_response())
        }
        Err(refused) => Err(Stop::conflict(format!("{refused}."))),
    }
}

async fn wrong(shop: &Shop, visitor: &Visitor, sku: Sku, typed: &str, fault: String) -> Shown {
    let typed: String = typed.chars().take(20).collect();
    page(shop, visitor, Some((sku, typed, fault)), StatusCode::UNPROCESSABLE_ENTITY).await
}

/// The cart of whoever looks; an empty one where a guest has none yet.
pub async fn cart_of(shop: &Shop, visitor: &Visitor) -> Result<Cart, Stop> {
    if !visitor.is_known() && visitor.cart.token.is_none() {
        let nothing = shop.money(0);
        return Ok(Cart {
            id: None,
            items: Vec::new(),
            subtotal: nothing,
            total: nothing,
            version: 0,
            unavailable: Vec::new(),
        });
    }
    let get = GetCart { of: visitor.cart.clone() };
    let CartAnswer { cart, .. } = shop.ask(visitor, get).await.or_stop(|never| match never {})?;
    Ok(cart)
}

/// How many of each can be ordered. A page without these numbers is still a page.
async fn available(shop: &Shop, visitor: &Visitor, cart: &Cart) -> BTreeMap<Sku, i64> {
    let skus: Vec<Sku> = cart.items.iter().map(|line| line.sku.clone()).collect();
    if skus.is_empty() {
        return BTreeMap::new();
    }
    let available = shop.ask(visitor, AvailableOf { skus }).await.unwrap_or_default();
    available.into_iter().map(|one| (one.sku, one.available)).collect()
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    mut wrong: Option<(Sku, String, String)>,
    status: StatusCode,
) -> Shown {
    let cart = cart_of(shop, visitor).await?;
    let (frame, available) =
        tokio::join!(Frame::at_place(shop, visitor, "cart"), available(shop, visitor, &cart));
    let books = cart.items.iter().map(|line| u64::from(line.quantity.get())).sum();
    let lines = cart.items.into_iter().map(|line| {
        let wrong = wrong.take_if(|(sku, ..)| *sku == line.sku);
        let (typed, fault) = wrong.map(|(_, typed, fault)| (typed, fault)).unzip();
        let left = available.get(&line.sku).copied();
        Line {
            short: left.filter(|left| *left < i64::from(line.quantity)).map(Stock),
            quantity: typed.unwrap_or_else(|| line.quantity.to_string()),
            fault,
            cover: picture(line.image.as_ref(), &line.sku),
            sku: line.sku,
            title: line.title,
            slug: line.slug,
            each: Price(line.unit_price),
            total: Price(line.line_total),
        }
    });
    let page = CartPage {
        lines: lines.collect(),
        frame,
        unavailable: cart.unavailable,
        books: counted(books, "book", "books"),
        subtotal: Price(cart.subtotal),
    };
    html(status, &page)
}
