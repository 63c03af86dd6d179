//! From a cart to an order, across cart, catalog and inventory: each step beside its undo.
//!
//! The key is committed first, with the id that every later step uses. Whoever ends the key
//! without an order makes sure by that that none is ever placed under its id, and only then
//! lets the stock go: a try that was thought dead, or one that took it over, never loses the
//! stock of an order that is placed after all.
use crate::order::stock_lines;
use crate::place_orders::{PlaceOrder, PlaceOrderError};
use crate::quote::{Line, QuoteError, Way, quote};
use crate::{Orders, again, kept, methods, shop, terms};
use contracts::cart::{CartContents, CartLine, Contents, ContentsLine};
use contracts::catalog::{Priced, PricesOf};
use contracts::inventory::{ReleaseStock, ReserveRefused, ReserveStock, ShortOf, StockLine};
use contracts::orders::{CheckedOut, Checkout, CheckoutRefused, Order, PriceChange};
use contracts::{CallError, Caller, CartId, NoRefusal, OrderId, Sku};
use email_address::{EmailAddress, Options};
use kit::calls::Answer;
use kit::idempotency::{self, Known, Request};
use kit::wave::{NotRun, Wave};
use kit::{Unexpected, auth::token_hash};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// What a key keeps; a guest's token is not in it, for it follows from the order's id.
pub type CheckoutAnswer = Result<CheckedOut, CheckoutRefused>;

/// Orders what is in the caller's cart.
pub async fn checkout(orders: &Orders, caller: &Caller, command: Checkout) -> Answer<Checkout> {
    if let Some((field, reason)) = faults(orders, caller, &command).into_iter().next() {
        return Err(CallError::Refused(CheckoutRefused::Invalid { field, reason }));
    }
    let Some(request) = request(orders, caller, &command) else {
        // Nobody, with no cart: there is nothing that a key could be kept for.
        return Err(CallError::Refused(CheckoutRefused::CartEmpty));
    };
    let Ok(_turn) = orders.deciding.acquire().await else {
        return Err(CallError::NotDone("orders is stopping".to_owned()));
    };
    let (answer, contents) = look(orders, caller, &command).await;
    let begin = BeginCheckout { request, answer };
    let order = match again(|| orders.begin.run(begin.clone())).await? {
        Known::Answered(answer) => answer.map_err(CallError::Refused)?.order,
        Known::Reused => return Err(CallError::Refused(CheckoutRefused::KeyReused)),
        Known::Running => return Err(CallError::Refused(CheckoutRefused::InProgress)),
        Known::Go { resource, taken_over } => {
            let id = OrderId(resource);
            let attempt = Attempt { orders, caller, command: &command, id, taken_over };
            // Those who wait for their turn need no room for it.
            Box::pin(attempt.run(contents)).await?
        }
    };
    let order_token = match caller.account() {
        Some(_) => None,
        None => Some(orders.tokens()?.of(order.id)),
    };
    Ok(CheckedOut { order, order_token })
}

/// The key, unique for whoever asks; none for a guest without a cart.
fn request(orders: &Orders, caller: &Caller, command: &Checkout) -> Option<Request> {
    let scope = match (caller.account(), &command.of.token) {
        (Some(account), _) => format!("checkout account:{account}"),
        (None, Some(token)) => format!("checkout cart:{:x?}", token_hash(token)),
        (None, None) => return None,
    };
    let Checkout { idempotency, .. } = command;
    let (key, body) = (idempotency.key.clone(), idempotency.body);
    Some(Request { scope, key, body, resource: orders.sources.id() })
}

async fn contents(
    orders: &Orders,
    caller: &Caller,
    command: &Checkout,
    lately: bool,
) -> Result<Contents, CallError<NoRefusal>> {
    orders.calls.call(caller, CartContents { of: command.of.clone(), lately }).await
}

/// What is in the cart, and what a new key keeps where that is known to be sold out. To find that
/// out, what was in the cart lately will do.
async fn look(
    orders: &Orders,
    caller: &Caller,
    command: &Checkout,
) -> (Option<String>, Option<Contents>) {
    let Ok(found) = contents(orders, caller, command, true).await else { return (None, None) };
    match sold_out(orders, command, &found).await {
        Some(answer) => (Some(answer), None),
        None if found.lately => (None, contents(orders, caller, command, false).await.ok()),
        None => (None, Some(found)),
    }
}

/// What a new key keeps where the cart is known to hold what is sold out. Whether it does is
/// decided by the hold; this only spares those who come too late the way there.
async fn sold_out(orders: &Orders, command: &Checkout, contents: &Contents) -> Option<String> {
    if command.cart_version.is_some_and(|seen| seen != contents.version) {
        return None;
    }
    let line = |line: &ContentsLine| StockLine { sku: line.sku.clone(), quantity: line.quantity };
    let lines = contents.lines.iter().map(line).collect();
    let short = orders.calls.call(&Caller::Store, ShortOf { lines }).await.ok()?;
    if short.is_empty() {
        return None;
    }
    let answer: CheckoutAnswer = Err(CheckoutRefused::OutOfStock { short });
    serde_json::to_string(&answer).ok()
}

/// The fields that do not hold what they should, each with a reason.
pub fn faults(orders: &Orders, caller: &Caller, command: &Checkout) -> Vec<(String, String)> {
    let address = command.shipping_address.faults().into_iter();
    let mut faults: Vec<(String, String)> =
        address.map(|(field, reason)| (format!("shipping_address.{field}"), reason)).collect();
    let has_account = caller.account().is_some();
    faults.extend(methods::pay_with_fault(&orders.config, has_account, &command.payment));
    let email = match command.email.as_deref() {
        None if !has_account => Some("is required, as nobody is logged in"),
        Some(email) if !is_email(email) => Some("must be an e-mail address"),
        None | Some(_) => None,
    };
    faults.extend(email.map(|reason| ("email".to_owned(), reason.to_owned())));
    if command.cart_version.is_some_and(i64::is_negative) {
        faults.push(("cart_version".to_owned(), "must not be negative".to_owned()));
    }
    faults
}

pub(crate) fn is_email(text: &str) -> bool {
    let strict =
        Options::default().with_required_tld().without_display_text().without_domain_literal();
    text.len() <= 254
        && !text.chars().any(|letter| letter.is_control() || letter.is_whitespace())
        && EmailAddress::parse_with_options(text, strict).is_ok()
}

/// Why an attempt ends without an order.
enum Ended {
    /// The domain said no: kept and replayed.
    Refused(CheckoutRefused),
    /// A step was not done: the same key may try again, with a new id.
    NotDone(String),
}

impl From<CheckoutRefused> for Ended {
    fn from(refused: CheckoutRefused) -> Self {
        Self::Refused(refused)
    }
}

/// One try of a checkout, under the id that its key has committed.
struct Attempt<'a> {
    orders: &'a Orders,
    caller: &'a Caller,
    command: &'a Checkout,
    id: OrderId,
    taken_over: bool,
}

impl Attempt<'_> {
    /// `contents`: of the cart, if they were read before.
    async fn run(&self, contents: Option<Contents>) -> Result<Order, CallError<CheckoutRefused>> {
        let place = match self.prepare(contents).await {
            Ok(place) => Arc::new(place),
            // Nothing is held, unless by the try that this one took over.
            Err(ended) => return self.end(ended, self.taken_over).await,
        };
        if let Err((ended, held)) = self.reserve(&place).await {
            return self.end(ended, held).await;
        }
        match again(|| self.orders.place.run(Arc::clone(&place))).await {
            Ok(Ok(order)) => Ok(order),
            Ok(Err(PlaceOrderError::CartAlreadyOrdered(order))) => {
                self.release().await;
                Err(CallError::Refused(CheckoutRefused::CartAlreadyOrdered { order }))
            }
            Ok(Err(PlaceOrderError::GivenUp)) => {
                self.release().await;
                Err(CallError::NotDone(PlaceOrderError::GivenUp.to_string()))
            }
            // It may be placed. The key stays leased, and whoever repeats it goes on with this
            // id; if nobody does, inventory asks what became of it.
            Err(NotRun::Unknown(why)) => Err(CallError::Unknown(why)),
            Err(why) => self.end(Ended::NotDone(why.to_string()), true).await,
        }
    }

    /// Steps that change nothing: what is in the cart, and what it costs now.
    async fn prepare(&self, contents: Option<Contents>) -> Result<PlaceOrder, Ended> {
        let (cart, contents) = self.contents(contents).await?;
        let lines = merged(&contents.lines).map_err(total)?;
        let shop = shop::current(self.orders).await.map_err(|error| our_end(&error))?;
        let priced = self.prices(&lines, terms::names_categories(&shop.terms)).await?;
        let items = items(&lines, &priced)?;
        let (config, command) = (&self.orders.config, self.command);
        let country = &command.shipping_address.country;
        let way = Way { country, method: command.shipping_method };
        let quote = quote(&shop.terms, way, &lines_of(&lines, &priced), config.currency);
        let quote = quote.map_err(|error| match error {
            QuoteError::NotDelivered => {
                Ended::from(CheckoutRefused::NotDelivered { country: country.clone() })
            }
            error => total(error),
        })?;
        let account = self.caller.account();
        Ok(PlaceOrder {
            order: self.id,
            account,
            email: command.email.clone().filter(|_| account.is_none()),
            cart,
            cart_version: contents.version,
            items,
            quote,
            shipping_method: command.shipping_method,
            shipping_address: command.shipping_address.clone(),
            with: command.payment.clone(),
            waits: methods::waits(config, command.payment.method),
            bank_account: methods::bank_account(config, command.payment.method),
        })
    }
    async fn contents(&self, known: Option<Contents>) -> Result<(CartId, Contents), Ended> {
        let contents = match known {
            Some(known) => Ok(known),
            None => contents(self.orders, self.caller, self.command, false).await,
        };
        let contents = contents.map_err(|error| not_done("the cart", &error.never_refused()))?;
        match contents.cart {
            Some(cart) if !contents.lines.is_empty() => {
                if self.command.cart_version.is_some_and(|seen| seen != contents.version) {
                    return Err(CheckoutRefused::CartChanged { version: contents.version }.into());
                }
                Ok((cart, contents))
            }
            _ => Err(CheckoutRefused::CartEmpty.into()),
        }
    }
    async fn prices(
        &self,
        lines: &[ContentsLine],
        categories: bool,
    ) -> Result<BTreeMap<Sku, Priced>, Ended> {
        let priced = prices_of(self.orders, lines, categories).await;
        priced.map_err(|error| not_done("the prices", &error.never_refused()))
    }

    /// Holds the stock; its undo is [`Self::release`]. A failure says whether it may be held.
    async fn reserve(&self, place: &PlaceOrder) -> Result<(), (Ended, bool)> {
        let reserve = ReserveStock { order: self.id, lines: stock_lines(&place.items) };
        match self.orders.calls.call(&Caller::Store, reserve).await {
            Ok(_) => Ok(()),
            Err(CallError::Refused(ReserveRefused::OutOfStock { short })) => {
                Err((CheckoutRefused::OutOfStock { short }.into(), false))
            }
            // The id was given up before: the next try has a new one.
            Err(CallError::Refused(ReserveRefused::Released)) => {
                Err((Ended::NotDone(ReserveRefused::Released.to_string()), false))
            }
            // An earlier try under this id had another cart.
            Err(CallError::Refused(ReserveRefused::OtherLines)) => {
                Err((Ended::NotDone(ReserveRefused::OtherLines.to_string()), true))
            }
            Err(CallError::NotDone(why) | CallError::Unknown(why)) => {
                Err((Ended::NotDone(format!("the stock: {why}")), true))
            }
        }
    }
    /// Lets the stock go. At best: where it fails, inventory asks what became of the order.
    async fn release(&self) {
        let release = ReleaseStock { order: self.id };
        if let Err(error) = self.orders.calls.call(&Caller::Store, release).await {
            tracing::warn!(order = %self.id, %error, "stock was not let go; inventory will ask");
        }
    }

    /// Ends the key, so that nothing is ever placed under its id, and then lets the stock go.
    async fn end(&self, ended: Ended, held: bool) -> Result<Order, CallError<CheckoutRefused>> {
        let (kept, error) = match ended {
            Ended::Refused(refused) => {
                let answer: CheckoutAnswer = Err(refused.clone());
                let kept = serde_json::to_string(&answer).map_err(our_fault)?;
                (Some(kept), CallError::Refused(refused))
            }
            Ended::NotDone(why) => (None, CallError::NotDone(why)),
        };
        let end = EndCheckout { order: self.id, answer: kept };
        if !self.orders.end.run(end).await? {
            // Another try went on with this id and decided: its answer is the answer, and the
            // stock may be its order's.
            let twin = "another try of the same request went on";
            return Err(CallError::NotDone(twin.to_owned()));
        }
        if held {
            self.release().await;
        }
        Err(error)
    }
}

fn our_fault<E>(error: serde_json::Error) -> CallError<E> {
    let error = Unexpected::from(error);
    error.log();
    CallError::NotDone(error.to_string())
}
fn not_done(what: &str, error: &CallError<()>) -> Ended {
    Ended::NotDone(format!("{what}: {error}"))
}
fn our_end(error: &Unexpected) -> Ended {
    error.log();
    Ended::NotDone(error.to_string())
}
fn total(error: impl std::fmt::Display) -> Ended {
    CheckoutRefused::Total { reason: error.to_string() }.into()
}

/// One line a SKU, in the order in which they were added.
/// # Errors
/// When there are more pieces of a SKU than a line can hold.
pub(crate) fn merged(lines: &[ContentsLine]) -> Result<Vec<ContentsLine>, String> {
    let (mut merged, mut places) = (Vec::<ContentsLine>::new(), BTreeMap::new());
    for line in lines {
        let place = *places.entry(&line.sku).or_insert(merged.len());
        match merged.get_mut(place) {
            None => merged.push(line.clone()),
            Some(known) => {
                let sum = known.quantity.plus(line.quantity);
                known.quantity = sum.map_err(|error| format!("{}: {error}", line.sku))?;
            }
        }
    }
    Ok(merged)
}

/// What the lines cost now, by SKU; with the `categories` that they stand in, if they matter.
pub(crate) async fn prices_of(
    orders: &Orders,
    lines: &[ContentsLine],
    categories: bool,
) -> Result<BTreeMap<Sku, Priced>, CallError<NoRefusal>> {
    let skus: Vec<Sku> = lines.iter().map(|line| line.sku.clone()).collect();
    let priced = orders.calls.call(&Caller::Store, PricesOf { skus, categories }).await?;
    Ok(priced.into_iter().map(|priced| (priced.sku.clone(), priced)).collect())
}

/// The lines as they are reckoned; those without a price are left out.
pub(crate) fn lines_of<'a>(
    lines: &[ContentsLine],
    priced: &'a BTreeMap<Sku, Priced>,
) -> Vec<Line<'a>> {
    let of = |line: &ContentsLine| {
        let priced = priced.get(&line.sku)?;
        let (unit_price, categories) = (priced.price, priced.categories.as_slice());
        Some(Line { unit_price, quantity: line.quantity, categories })
    };
    lines.iter().filter_map(of).collect()
}

/// The lines with the prices of now; refused where that is not what the shopper saw.
fn items(lines: &[ContentsLine], priced: &BTreeMap<Sku, Priced>) -> Result<Vec<CartLine>, Ended> {
    let missing = lines.iter().filter(|line| !priced.contains_key(&line.sku));
    let skus: Vec<Sku> = missing.map(|line| line.sku.clone()).collect();
    if !skus.is_empty() {
        return Err(CheckoutRefused::NotSold { skus }.into());
    }
    let now = |line: &ContentsLine| priced.get(&line.sku).map(|priced| priced.price);
    let changes: Vec<PriceChange> = lines
        .iter()
        .filter_map(|line| line.shown_price.zip(now(line)).map(|prices| (line, prices)))
        .filter(|(_, (shown, now))| shown != now)
        .map(|(line, (shown, now))| PriceChange { sku: line.sku.clone(), shown, now })
        .collect();
    if !changes.is_empty() {
        return Err(CheckoutRefused::PriceChanged { changes }.into());
    }
    let item = |(line, priced): (&ContentsLine, &Priced)| {
        Ok(CartLine {
            sku: line.sku.clone(),
            title: priced.title.clone(),
            slug: priced.slug.clone(),
            image: priced.image.clone(),
            quantity: line.quantity,
            unit_price: priced.price,
            line_total: priced.price.times(line.quantity.get()).map_err(total)?,
        })
    };
    lines.iter().filter_map(|line| Some((line, priced.get(&line.sku)?))).map(item).collect()
}

/// Begin a checkout.
#[derive(Clone, Debug)]
pub struct BeginCheckout {
    /// Its key.
    pub request: Request,
    /// What the key keeps, where that is known before.
    pub answer: Option<String>,
}

/// Commits the keys of checkouts that begin. HOT.
pub async fn begin_checkouts(
    wave: &mut Wave,
    begun: &[BeginCheckout],
) -> Result<Vec<Known<CheckoutAnswer>>, Unexpected> {
    let requests: Vec<_> =
        begun.iter().map(|begin| (&begin.request, begin.answer.as_deref())).collect();
    let known = idempotency::begin_or_keep(wave, &requests).await?;
    Ok(known.into_iter().map(kept::opened).collect())
}

/// End the key of a checkout that places no order.
#[derive(Clone, Debug)]
pub struct EndCheckout {
    /// The id that the key has committed.
    pub order: OrderId,
    /// What the key keeps; none lets the same key try again.
    pub answer: Option<String>,
}

/// Ends the keys of checkouts that place no order; false where another try went on and decided,
/// so that this one has no say any more. HOT.
pub async fn end_checkouts(
    wave: &mut Wave,
    commands: &[EndCheckout],
) -> Result<Vec<bool>, Unexpected> {
    let ids: Vec<Uuid> = commands.iter().map(|command| command.order.0).collect();
    let running = idempotency::running(wave, &ids).await?;
    let mut seen = BTreeSet::new();
    let (mut ended, mut answers) = (Vec::new(), Vec::with_capacity(commands.len()));
    for command in commands {
        let id = command.order.0;
        let first = running.contains(&id) && seen.insert(id);
        if first {
            ended.push((id, command.answer.clone()));
        }
        answers.push(first);
    }
    idempotency::finish(wave, &ended).await?;
    Ok(answers)
}
