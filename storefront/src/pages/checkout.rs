//! `/checkout`: where to, how, and who pays. The form carries the name of its attempt and the
//! version of the cart that it shows, so that a double click places one order.
pub mod form;
mod trouble;

use self::form::CheckoutForm;
use self::trouble::Trouble;
use super::card::picture;
use super::cart::cart_of;
use crate::form::{CARDS, Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Price, number};
use crate::{Shop, cookies};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::CallError;
use contracts::cart::Cart;
use contracts::identity::GetMe;
use contracts::orders::{CheckedOut, Checkout, CheckoutRefused};
use contracts::payments::{GetWallet, PaymentMethod, PaymentMethods};
use std::sync::Arc;
use std::time::Duration;

/// How often, and how long apart, a second click asks what became of the first.
const LOOKS: u32 = 25;
const BETWEEN: Duration = Duration::from_millis(200);

struct Line {
    title: String,
    cover: String,
    quantity: String,
    total: Price,
}

struct Choice {
    value: &'static str,
    name: String,
    hint: &'static str,
    price: Option<Price>,
    free: bool,
    chosen: bool,
    cards: bool,
}

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage {
    frame: Frame,
    form: CheckoutForm,
    faults: Faults,
    trouble: Option<Trouble>,
    lines: Vec<Line>,
    shipping: Vec<Choice>,
    payment: Vec<Choice>,
    subtotal: Price,
    from: Price,
    total_from: Price,
}

/// The empty form.
pub async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    let cart = cart_of(&shop, &visitor).await?;
    if cart.items.is_empty() {
        return Ok(Redirect::to("/cart").into_response());
    }
    let me = shop.ask(&visitor, GetMe).await.ok();
    let form = CheckoutForm {
        idempotency_key: shop.key(),
        name: me.map(|me| me.name).unwrap_or_default(),
        ..CheckoutForm::default()
    };
    page(&shop, &visitor, cart, Asked { form, ..Asked::default() }).await
}

/// Places the order.
pub async fn send(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<CheckoutForm>,
) -> Shown {
    let checkout = match form.read(&shop, &visitor) {
        Ok(checkout) => checkout,
        Err(faults) => return faulty(&shop, &visitor, form, faults).await,
    };
    match place(&shop, &visitor, checkout).await {
        Ok(placed) => {
            let page = format!("/orders/{}", placed.order.id);
            let mut response = Redirect::to(&format!("{page}?notice=placed")).into_response();
            if let Some(token) = placed.order_token {
                shop.cookies().set_at(&mut response, cookies::ORDER, &token, &page, cookies::LONG);
            }
            Ok(response)
        }
        Err(CallError::Refused(CheckoutRefused::CartEmpty)) => {
            Ok(Redirect::to("/cart").into_response())
        }
        Err(CallError::Refused(CheckoutRefused::Invalid { field, reason })) => {
            let field = form::field_of(&field).to_owned();
            faulty(&shop, &visitor, form, Faults::one(field, reason)).await
        }
        Err(CallError::Refused(refused)) => refuse(&shop, &visitor, form, refused).await,
        Err(CallError::NotDone(why)) => {
            tracing::warn!(%why, "a checkout was not done");
            // The same attempt may be tried again.
            again(&shop, &visitor, form, Trouble::not_now(), StatusCode::SERVICE_UNAVAILABLE).await
        }
        Err(CallError::Unknown(why)) => {
            tracing::warn!(%why, "the outcome of a checkout is unknown");
            again(&shop, &visitor, form, Trouble::unknown(), StatusCode::SERVICE_UNAVAILABLE).await
        }
    }
}

/// Places the order; a second click waits for what becomes of the first.
async fn place(
    shop: &Shop,
    visitor: &Visitor,
    checkout: Checkout,
) -> Result<CheckedOut, CallError<CheckoutRefused>> {
    for _ in 0..LOOKS {
        let answer = shop.ask(visitor, checkout.clone()).await;
        if answer != Err(CallError::Refused(CheckoutRefused::InProgress)) {
            return answer;
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Err(CallError::Refused(CheckoutRefused::InProgress))
}

async fn refuse(
    shop: &Shop,
    visitor: &Visitor,
    mut form: CheckoutForm,
    refused: CheckoutRefused,
) -> Shown {
    // The store keeps a refusal with its key: what is sent next is another attempt.
    if refused != CheckoutRefused::InProgress {
        form.idempotency_key = shop.key();
        form.cart_version.clear();
    }
    let cart = cart_of(shop, visitor).await?;
    let trouble = Trouble::of(&refused, &cart);
    let asked = Asked {
        form,
        faults: Faults::default(),
        trouble: Some(trouble),
        status: StatusCode::CONFLICT,
    };
    page(shop, visitor, cart, asked).await
}

async fn faulty(shop: &Shop, visitor: &Visitor, form: CheckoutForm, faults: Faults) -> Shown {
    let form = CheckoutForm { idempotency_key: shop.key(), cart_version: String::new(), ..form };
    let cart = cart_of(shop, visitor).await?;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    page(shop, visitor, cart, Asked { form, faults, trouble: None, status }).await
}

async fn again(
    shop: &Shop,
    visitor: &Visitor,
    form: CheckoutForm,
    trouble: Trouble,
    status: StatusCode,
) -> Shown {
    let cart = cart_of(shop, visitor).await?;
    let asked = Asked { form, faults: Faults::default(), trouble: Some(trouble), status };
    page(shop, visitor, cart, asked).await
}

/// What was typed, and what came of it.
#[derive(Default)]
struct Asked {
    form: CheckoutForm,
    faults: Faults,
    trouble: Option<Trouble>,
    status: StatusCode,
}

async fn page(shop: &Shop, visitor: &Visitor, cart: Cart, asked: Asked) -> Shown {
    let Asked { mut form, faults, trouble, status } = asked;
    if cart.items.is_empty() {
        // There is nothing to show a form for.
        let why = trouble.map_or("Your cart is empty.", |trouble| trouble.title);
        return Err(Stop::conflict(why));
    }
    if form.cart_version.is_empty() {
        // Else it is the attempt of before, which is to say the same again.
        form.cart_version = cart.version.to_string();
    }
    let (frame, payment) =
        tokio::join!(Frame::of(shop, visitor), payment(shop, visitor, &cart, &form));
    let prices = &shop.config.shipping;
    let cheapest = [prices.standard, prices.express, prices.pickup].into_iter().min();
    let from = shop.money(cheapest.unwrap_or(0));
    let line = |line: contracts::cart::CartLine| Line {
        cover: picture(line.image.as_ref(), &line.sku),
        quantity: format!("{} × {}", line.quantity, number(line.unit_price)),
        title: line.title,
        total: Price(line.line_total),
    };
    let page = CheckoutPage {
        frame,
        shipping: shipping(shop, &form),
        payment: payment?,
        subtotal: Price(cart.subtotal),
        from: Price(from),
        total_from: Price(cart.subtotal.plus(from).unwrap_or(cart.subtotal)),
        lines: cart.items.into_iter().map(line).collect(),
        form,
        faults,
        trouble,
    };
    private(status, &page)
}

fn shipping(shop: &Shop, form: &CheckoutForm) -> Vec<Choice> {
    let prices = &shop.config.shipping;
    let options = [
        ("standard", "Standard", "By post, 3 to 5 working days", prices.standard),
        ("express", "Express", "By courier, next working day", prices.express),
        ("pickup", "Pick up", "At the shop, from tomorrow", prices.pickup),
    ];
    let option = |(value, name, hint, price): (_, &str, _, _)| Choice {
        value,
        name: name.to_owned(),
        hint,
        price: Some(Price(shop.money(price))),
        free: price == 0,
        chosen: form.shipping_method == value,
        cards: false,
    };
    options.into_iter().map(option).collect()
}

/// The ways to pay; the wallet is chosen beforehand where it is enough.
async fn payment(
    shop: &Shop,
    visitor: &Visitor,
    cart: &Cart,
    form: &CheckoutForm,
) -> Result<Vec<Choice>, Stop> {
    let offered = shop.ask(visitor, PaymentMethods).await.or_stop(|never| match never {})?;
    let balance = match visitor.is_known() {
        true => shop.ask(visitor, GetWallet).await.ok().map(|wallet| wallet.balance),
        false => None,
    };
    let dearest = shop.money(shop.config.shipping.standard.max(shop.config.shipping.express));
    let most = cart.subtotal.plus(dearest).unwrap_or(cart.subtotal);
    let is_enough = balance.is_some_and(|balance| balance.minor >= most.minor);
    let wanted = match form.payment_method.as_str() {
        "" if is_enough => "wallet",
        "" => "card",
        chosen => chosen,
    };
    let usable = offered.into_iter().filter(|offer| !offer.needs_account || visitor.is_known());
    let option = |offer: contracts::payments::OfferedMethod| Choice {
        value: offer.method.as_str(),
        hint: match offer.method {
            PaymentMethod::Card => "This shop runs on a sandbox: pick a test card",
            PaymentMethod::Wallet if is_enough => "Your balance covers this order",
            PaymentMethod::Wallet => "Your balance may be too small: top up first",
        },
        price: balance.filter(|_| offer.method == PaymentMethod::Wallet).map(Price),
        free: false,
        chosen: offer.method.as_str() == wanted,
        cards: offer.needs_token,
        name: offer.name,
    };
    Ok(usable.map(option).collect())
}
