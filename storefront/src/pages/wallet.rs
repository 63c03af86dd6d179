//! `/wallet`: what is in it, what went in and out, and a form to top it up.
use super::orders::From;
use crate::Shop;
use crate::form::{CARDS, Faults, Sent};
use crate::frame::{Frame, private};
use crate::stop::{OrStop as _, Shown, Stop};
use crate::visitor::Visitor;
use crate::words::{self, Day, Movement, Price, sentence};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use contracts::orders::PayWith;
use contracts::payments::{
    GetWallet, PaymentMethod, PaymentStatus, TopUp, TopUpRefused, WalletEntries,
    WalletEntriesRefused, WalletEntry,
};
use contracts::{Currency, OrderId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const LIMIT: u32 = 25;
const HERE: &str = "/wallet";

/// How much, and by which card.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct TopUpForm {
    #[serde(skip_serializing)]
    idempotency_key: String,
    amount: String,
    card_token: String,
}

struct Entry {
    day: Day,
    words: String,
    order: Option<OrderId>,
    amount: Movement,
}

#[derive(Template)]
#[template(path = "wallet.html")]
struct WalletPage {
    frame: Frame,
    balance: Price,
    entries: Vec<Entry>,
    next: Option<String>,
    currency: Currency,
    form: TopUpForm,
    faults: Faults,
}

/// The wallet.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Query(from): Query<From>,
) -> Shown {
    let form = TopUpForm { idempotency_key: shop.key(), ..TopUpForm::default() };
    page(&shop, &visitor, from.cursor(), form, Faults::default(), StatusCode::OK).await
}

/// Puts money into the wallet.
pub async fn top_up(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Sent(form): Sent<TopUpForm>,
) -> Shown {
    if !visitor.is_known() {
        return Err(Stop::LogIn(HERE.to_owned()));
    }
    let amount = match words::parse_money(&form.amount, shop.config.currency) {
        Ok(amount) => amount,
        Err(reason) => return again(&shop, &visitor, form, Faults::one("amount", reason)).await,
    };
    if form.card_token.is_empty() {
        return again(&shop, &visitor, form, Faults::one("card_token", "must be chosen")).await;
    }
    let top_up = TopUp {
        amount,
        with: PayWith { method: PaymentMethod::Card, token: Some(form.card_token.clone()) },
        idempotency: shop.attempt(&form.idempotency_key, &form),
    };
    let fault = match shop.ask(&visitor, top_up).await.refusal()? {
        Ok(done) => match (done.status, done.failure_code) {
            (PaymentStatus::Captured, _) => {
                return Ok(Redirect::to("/wallet?notice=topped_up").into_response());
            }
            (PaymentStatus::Failed, code) => {
                Faults::one("card_token", words::failure(&code.unwrap_or_default()))
            }
            _ => return Ok(Redirect::to("/wallet?notice=topping_up").into_response()),
        },
        Err(TopUpRefused::NotLoggedIn) => return Err(Stop::LogIn(HERE.to_owned())),
        Err(TopUpRefused::Declined { failure_code }) => {
            Faults::one("card_token", words::failure(&failure_code))
        }
        Err(TopUpRefused::Invalid { field, reason }) if field.starts_with("amount") => {
            Faults::one("amount", reason)
        }
        Err(TopUpRefused::Invalid { reason, .. }) => Faults::one("card_token", reason),
        Err(TopUpRefused::KeyReused) => {
            let why = "was sent before with another amount: look at your balance first";
            Faults::one("amount", why)
        }
        Err(TopUpRefused::NotFound | TopUpRefused::WrongState) => return Err(Stop::NotFound),
        Err(TopUpRefused::InProgress) => {
            return Ok(Redirect::to("/wallet?notice=topping_up").into_response());
        }
    };
    again(&shop, &visitor, form, fault).await
}

async fn again(shop: &Shop, visitor: &Visitor, form: TopUpForm, faults: Faults) -> Shown {
    let amount = form.amount.chars().take(30).collect();
    let form = TopUpForm { idempotency_key: shop.key(), amount, ..form };
    page(shop, visitor, None, form, faults, StatusCode::UNPROCESSABLE_ENTITY).await
}

async fn page(
    shop: &Shop,
    visitor: &Visitor,
    cursor: Option<String>,
    form: TopUpForm,
    faults: Faults,
    status: StatusCode,
) -> Shown {
    if !visitor.is_known() {
        return Err(Stop::LogIn(HERE.to_owned()));
    }
    let entries = WalletEntries { limit: LIMIT, cursor };
    let (frame, wallet, entries) = tokio::join!(
        Frame::at_place(shop, visitor, "wallet"),
        shop.ask(visitor, GetWallet),
        shop.ask(visitor, entries)
    );
    let wallet = wallet.or_stop(|_| Stop::LogIn(HERE.to_owned()))?;
    let entries = entries.or_stop(|refused| match refused {
        WalletEntriesRefused::NotLoggedIn => Stop::LogIn(HERE.to_owned()),
        WalletEntriesRefused::Cursor => Stop::bad("The list does not go on from there."),
    })?;
    let page = WalletPage {
        frame,
        balance: Price(wallet.balance),
        entries: entries.items.into_iter().map(entry).collect(),
        next: entries.next_cursor,
        currency: shop.config.currency,
        form,
        faults,
    };
    private(status, &page)
}

fn entry(entry: WalletEntry) -> Entry {
    let words = match entry.kind.as_str() {
        "top_up" => "Top-up by card".to_owned(),
        "purchase" => "Order".to_owned(),
        "refund" => "Money back for an order".to_owned(),
        other => sentence(other, ""),
    };
    Entry { day: Day(entry.at), words, order: entry.order, amount: Movement(entry.amount) }
}
