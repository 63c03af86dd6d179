//! `/checkout`: where to, how, and who pays. The form carries the name of its attempt, the version
//! of the cart that it shows, so that a double click places one order, and the totals that it
//! shows, so that none is placed for another total.
pub mod form;
mod trouble;

use self::form::{CheckoutForm, name_of, quoted};
use self::trouble::Trouble;
use super::address::Countries;
use super::card::picture;
use super::cart::cart_of;
use super::paying::{Way, Ways};
use crate::form::{CARDS, Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{Price, SHIPPING, number};
use crate::{Shop, cookies, countries};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::cart::Cart;
use contracts::identity::{GetMe, ListAddresses, SaveAddress, SavedAddress};
use contracts::orders::{
    CheckedOut, Checkout, CheckoutRefused, Offer, QuoteCart, QuoteRefused, ShopTerms,
};
use contracts::{Address, AddressId, CallError};
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

/// A way of shipping, with what the order costs then.
struct Choice {
    value: &'static str,
    name: &'static str,
    hint: &'static str,
    price: Price,
    free: bool,
    chosen: bool,
    offer: Offer,
}

/// An address that the account keeps.
struct Kept {
    id: AddressId,
    name: String,
    line: String,
    /// Whether the shop delivers there.
    served: bool,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "checkout.html")]
struct CheckoutPage {
    frame: Frame,
    form: CheckoutForm,
    countries: Countries,
    saved: Vec<Kept>,
    faults: Faults,
    trouble: Option<Trouble>,
    lines: Vec<Line>,
    /// Empty until the country is known.
    shipping: Vec<Choice>,
    payment: Vec<Way>,
    subtotal: Price,
}

/// The empty form; with the address that the account uses first.
pub async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Shown {
    let cart = cart_of(&shop, &visitor).await?;
    if cart.items.is_empty() {
        return Ok(Redirect::to("/cart").into_response());
    }
    let (me, saved, terms) =
        tokio::join!(shop.ask(&visitor, GetMe), saved(&shop, &visitor), shop.terms());
    let first = saved.iter().find(|saved| serves(&terms, &saved.address.country));
    let mut form = CheckoutForm { idempotency_key: shop.key(), ..CheckoutForm::default() };
    form.address.name = me.map(|me| me.name).unwrap_or_default();
    form.address_id = first.map(|saved| saved.id.to_string()).unwrap_or_default();
    page(&shop, &visitor, cart, Asked { form, saved, ..Asked::default() }).await
}

/// Places the order, or shows what it costs.
pub async fn send(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<CheckoutForm>,
) -> Shown {
    let saved = saved(&shop, &visitor).await;
    if form.step == "quote" {
        return reckon(&shop, &visitor, form, saved).await;
    }
    let checkout = match form.read(&shop, &visitor, &saved) {
        Ok(checkout) => checkout,
        Err(faults) => return faulty(&shop, &visitor, form, saved, faults).await,
    };
    match look_at_total(&shop, &visitor, &form, &checkout).await {
        Look::Fine => {}
        Look::First => return reckon(&shop, &visitor, form, saved).await,
        Look::Wrong(faults) => return faulty(&shop, &visitor, form, saved, faults).await,
        Look::Other(trouble) => {
            let form = anew(&shop, form);
            let status = StatusCode::CONFLICT;
            return again(
                &shop,
                &visitor,
                Asked { form, saved, trouble: Some(trouble), status, ..Asked::default() },
            )
            .await;
        }
    }
    let keep = !form.keep.is_empty() && form.kept(&saved).is_none();
    let to_keep = keep.then(|| checkout.shipping_address.clone());
    match place(&shop, &visitor, checkout).await {
        Ok((placed, waited)) => {
            if let Some(address) = to_keep.filter(|_| visitor.is_known() && !waited) {
                keep_address(&shop, &visitor, address).await;
            }
            let page = format!("/orders/{}", placed.order.id);
            let mut response = Redirect::to(&format!("{page}?notice=placed")).into_response();
            if let Some(token) = placed.order_token {
                shop.cookies().set_at(&mut response, cookies::ORDER, &token, &page, cookies::LONG);
            }
            Ok(response)
        }
        Err(failed) => not_placed(&shop, &visitor, form, saved, failed).await,
    }
}

/// Why no order was placed, with the form to try again.
async fn not_placed(
    shop: &Shop,
    visitor: &Visitor,
    form: CheckoutForm,
    saved: Vec<SavedAddress>,
    failed: CallError<CheckoutRefused>,
) -> Shown {
    match failed {
        CallError::Refused(CheckoutRefused::CartEmpty) => Ok(Redirect::to("/cart").into_response()),
        CallError::Refused(CheckoutRefused::Invalid { field, reason }) => {
            let field = form::field_of(&field).to_owned();
            faulty(shop, visitor, form, saved, Faults::one(field, reason)).await
        }
        CallError::Refused(refused) => refuse(shop, visitor, form, saved, refused).await,
        failed => {
            tracing::warn!(error = %failed, "a checkout was not done, or its outcome is unknown");
            let trouble = match failed {
                CallError::Unknown(_) => Trouble::unknown(),
                _ => Trouble::not_now(),
            };
            // The same attempt may be tried again.
            let (trouble, status) = (Some(trouble), StatusCode::SERVICE_UNAVAILABLE);
            let asked = Asked { form, saved, trouble, status, ..Asked::default() };
            again(shop, visitor, asked).await
        }
    }
}

/// The addresses that an account keeps; a checkout without them is still one.
async fn saved(shop: &Shop, visitor: &Visitor) -> Vec<SavedAddress> {
    if !visitor.is_known() {
        return Vec::new();
    }
    let listed = shop.ask(visitor, ListAddresses).await;
    let listed = listed.inspect_err(|error| tracing::warn!(%error, "addresses were not listed"));
    listed.unwrap_or_default()
}

/// Keeps an address that was typed, unless the account has it. The order is placed, whatever
/// comes of this.
async fn keep_address(shop: &Shop, visitor: &Visitor, address: Address) {
    if saved(shop, visitor).await.iter().any(|saved| saved.address == address) {
        return;
    }
    let save = SaveAddress { id: None, address: Some(address), is_default: None };
    if let Err(error) = shop.ask(visitor, save).await {
        tracing::warn!(%error, "an address was not kept");
    }
}

fn serves(terms: &ShopTerms, country: &str) -> bool {
    terms.countries.is_empty() || terms.countries.iter().any(|served| served == country)
}

/// How what an order costs now compares to what the page showed.
enum Look {
    /// It is the same, or orders is to decide.
    Fine,
    /// The page showed no total yet.
    First,
    /// It is another total.
    Other(Trouble),
    /// Something is not offered there.
    Wrong(Faults),
}

async fn look_at_total(
    shop: &Shop,
    visitor: &Visitor,
    form: &CheckoutForm,
    checkout: &Checkout,
) -> Look {
    let country = checkout.shipping_address.country.clone();
    let quote = QuoteCart { of: visitor.cart.clone(), country: country.clone() };
    let offers = match shop.ask(visitor, quote).await {
        Ok(offers) => offers,
        Err(CallError::Refused(QuoteRefused::NotDelivered { .. })) => {
            return Look::Wrong(Faults::one("country", "is none that we deliver to"));
        }
        Err(CallError::Refused(QuoteRefused::Invalid { reason, .. })) => {
            return Look::Wrong(Faults::one("country", reason));
        }
        // The first click may have emptied the cart, and this is the second: checkout knows.
        Err(_) => return Look::Fine,
    };
    let Some(offer) = offers.iter().find(|offer| offer.method == checkout.shipping_method) else {
        return match form.quoted.is_empty() {
            true => Look::First,
            false => Look::Wrong(Faults::one("shipping_method", "is not offered there: choose")),
        };
    };
    match (form.has_seen(&country, offer), form.quoted.is_empty()) {
        (true, _) => Look::Fine,
        (false, true) => Look::First,
        (false, false) => Look::Other(Trouble::other_total(offer.total, &country)),
    }
}

/// The form again with the totals of now; nothing was asked for.
async fn reckon(
    shop: &Shop,
    visitor: &Visitor,
    form: CheckoutForm,
    saved: Vec<SavedAddress>,
) -> Shown {
    let form = anew(shop, form);
    again(shop, visitor, Asked { form, saved, ..Asked::default() }).await
}

/// The form of another attempt.
fn anew(shop: &Shop, form: CheckoutForm) -> CheckoutForm {
    CheckoutForm { idempotency_key: shop.key(), cart_version: String::new(), ..form }
}

/// Places the order; a second click waits for what becomes of the first, and says so.
async fn place(
    shop: &Shop,
    visitor: &Visitor,
    checkout: Checkout,
) -> Result<(CheckedOut, bool), CallError<CheckoutRefused>> {
    for look in 0..LOOKS {
        let answer = shop.ask(visitor, checkout.clone()).await;
        if answer != Err(CallError::Refused(CheckoutRefused::InProgress)) {
            return answer.map(|placed| (placed, look > 0));
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Err(CallError::Refused(CheckoutRefused::InProgress))
}

async fn refuse(
    shop: &Shop,
    visitor: &Visitor,
    form: CheckoutForm,
    saved: Vec<SavedAddress>,
    refused: CheckoutRefused,
) -> Shown {
    // The store keeps a refusal with its key: what is sent next is another attempt.
    let in_progress = refused == CheckoutRefused::InProgress;
    let form = if in_progress { form } else { anew(shop, form) };
    let cart = cart_of(shop, visitor).await?;
    let trouble = Some(Trouble::of(&refused, &cart));
    let status = StatusCode::CONFLICT;
    page(shop, visitor, cart, Asked { form, saved, trouble, status, ..Asked::default() }).await
}

async fn faulty(
    shop: &Shop,
    visitor: &Visitor,
    form: CheckoutForm,
    saved: Vec<SavedAddress>,
    faults: Faults,
) -> Shown {
    let mut form = anew(shop, form);
    // The fields that are to be looked at are shown.
    if faults.0.iter().any(|(field, _)| super::address::label(field) != field) {
        form = form.opened(&saved);
    }
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    again(shop, visitor, Asked { form, saved, faults, status, ..Asked::default() }).await
}

async fn again(shop: &Shop, visitor: &Visitor, asked: Asked) -> Shown {
    let cart = cart_of(shop, visitor).await?;
    page(shop, visitor, cart, asked).await
}

/// What was typed, and what came of it.
#[derive(Default)]
struct Asked {
    form: CheckoutForm,
    saved: Vec<SavedAddress>,
    faults: Faults,
    trouble: Option<Trouble>,
    status: StatusCode,
}

async fn page(shop: &Shop, visitor: &Visitor, cart: Cart, asked: Asked) -> Shown {
    let Asked { mut form, saved, mut faults, trouble, status } = asked;
    if cart.items.is_empty() {
        // There is nothing to show a form for.
        let why = trouble.map_or("Your cart is empty.", |trouble| trouble.title);
        return Err(Stop::conflict(why));
    }
    if form.cart_version.is_empty() {
        // Else it is the attempt of before, which is to say the same again.
        form.cart_version = cart.version.to_string();
    }
    let terms = shop.terms().await;
    let countries = Countries::of(&terms, &form.address);
    let country = match form.kept(&saved) {
        Some(_) => form.country(&saved),
        None => countries.chosen.clone(),
    };
    let (frame, ways, offers) = tokio::join!(
        Frame::of(shop, visitor),
        Ways::of(shop, visitor),
        offers(shop, visitor, &country, &mut faults)
    );
    let totals = offers.iter().map(|offer| offer.total).max_by_key(|total| total.minor);
    let payment = ways?.choices(shop, totals.unwrap_or(cart.subtotal), &form.payment_method);
    form.quoted = match offers.is_empty() {
        true => String::new(),
        false => quoted(&country, &offers),
    };
    let line = |line: contracts::cart::CartLine| Line {
        cover: picture(line.image.as_ref(), &line.sku),
        quantity: format!("{} × {}", line.quantity, number(line.unit_price)),
        title: line.title,
        total: Price(line.line_total),
    };
    form.address = form.address.cut();
    form.email = form.email.chars().take(300).collect();
    let page = CheckoutPage {
        saved: saved.into_iter().map(|saved| kept(saved, &form, &terms)).collect(),
        shipping: shipping(offers, &form),
        frame,
        countries,
        payment,
        subtotal: Price(cart.subtotal),
        lines: cart.items.into_iter().map(line).collect(),
        form,
        faults,
        trouble,
    };
    private(status, &page)
}

fn kept(saved: SavedAddress, form: &CheckoutForm, terms: &ShopTerms) -> Kept {
    let SavedAddress { id, address, .. } = saved;
    let country = countries::name(&address.country);
    let second = address.line2.map(|line| format!("{line}, ")).unwrap_or_default();
    Kept {
        id,
        line: format!(
            "{}, {second}{} {}, {country}",
            address.line1, address.postal_code, address.city
        ),
        served: serves(terms, &address.country),
        chosen: form.address_id == id.to_string(),
        name: address.name,
    }
}

/// What the cart costs with each way of shipping to `country`; none until that is known.
async fn offers(shop: &Shop, visitor: &Visitor, country: &str, faults: &mut Faults) -> Vec<Offer> {
    if country.len() != 2 {
        return Vec::new();
    }
    let quote = QuoteCart { of: visitor.cart.clone(), country: country.to_owned() };
    match shop.ask(visitor, quote).await {
        Ok(offers) => offers,
        Err(CallError::Refused(QuoteRefused::NotDelivered { .. })) => {
            faults.add("country", "is none that we deliver to");
            Vec::new()
        }
        Err(error) => {
            tracing::warn!(%error, "a cart was not quoted");
            Vec::new()
        }
    }
}

/// The ways of shipping that are offered; one is always chosen.
fn shipping(offers: Vec<Offer>, form: &CheckoutForm) -> Vec<Choice> {
    let is_offered = offers.iter().any(|offer| name_of(offer.method) == form.shipping_method);
    let choice = |(at, offer): (usize, Offer)| {
        let known = SHIPPING.iter().find(|(method, ..)| *method == offer.method)?;
        let (_, value, name, hint) = *known;
        let chosen = if is_offered { value == form.shipping_method } else { at == 0 };
        let (price, free) = (Price(offer.shipping), offer.shipping.is_zero());
        Some(Choice { value, name, hint, price, free, chosen, offer })
    };
    offers.into_iter().enumerate().filter_map(choice).collect()
}

fn any_chosen(saved: &[Kept]) -> bool {
    saved.iter().any(|kept| kept.chosen)
}
