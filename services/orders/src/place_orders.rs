//! Places orders: the step of a checkout that makes it true. HOT.
use crate::checkout::CheckoutAnswer;
use crate::order::{Order, Placing, number};
use crate::quote::Quote;
use crate::recent::Changed;
use crate::store;
use contracts::cart::CartLine;
use contracts::orders::{CheckedOut, CheckoutRefused, OrderPlaced, PayWith, ShippingMethod};
use contracts::{AccountId, Address, CartId, OrderId};
use kit::{Unexpected, idempotency, wave::Wave};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Place an order, for which stock is held under its id.
#[derive(Clone, Debug)]
pub struct PlaceOrder {
    /// The id that the checkout's key has committed.
    pub order: OrderId,
    /// Whose; none for a guest.
    pub account: Option<AccountId>,
    /// Where to write to a guest.
    pub email: Option<String>,
    /// From which cart.
    pub cart: CartId,
    /// From which version of it.
    pub cart_version: i64,
    /// What is ordered: one line a SKU.
    pub items: Vec<CartLine>,
    /// What it costs.
    pub quote: Quote,
    /// How it travels.
    pub shipping_method: ShippingMethod,
    /// Where it goes.
    pub shipping_address: Address,
    /// How it is paid.
    pub with: PayWith,
    /// How long it waits for its payment; none for as long as it takes.
    pub waits: Option<Duration>,
    /// The account to transfer to, where it is paid so.
    pub bank_account: Option<String>,
}

/// Why an order was not placed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceOrderError {
    /// This version of the cart has a live order; the key keeps that answer.
    #[error("this cart was ordered already")]
    CartAlreadyOrdered(OrderId),
    /// The key does not run with this id any more, so that nothing is ever placed under it.
    #[error("the checkout was given up meanwhile")]
    GivenUp,
}

/// Places those orders whose keys still run with their ids, and answers the keys. An order that
/// is there already (its checkout was taken over by another) is answered as it stands.
pub async fn place_orders(
    wave: &mut Wave,
    commands: &[Arc<PlaceOrder>],
) -> Result<Vec<Result<contracts::orders::Order, PlaceOrderError>>, Unexpected> {
    let ids: Vec<Uuid> = commands.iter().map(|command| command.order.0).collect();
    let running = idempotency::running(wave, &ids).await?;
    let before = placed_before(wave, commands, &running).await?;
    let carts: Vec<CartId> = commands.iter().map(|command| command.cart).collect();
    let mut live = store::ordered_carts(wave, &carts).await?;

    let mut placed: BTreeMap<OrderId, (Order, OrderPlaced)> = BTreeMap::new();
    let (mut kept, mut answers) = (Vec::new(), Vec::with_capacity(commands.len()));
    for command in commands {
        let id = command.order;
        let answer = if let Some((order, _)) = placed.get(&id) {
            Ok(order.view())
        } else if !running.contains(&id.0) {
            before.get(&id).map(Order::view).ok_or(PlaceOrderError::GivenUp)
        } else if let Some(order) = live.get(&(command.cart, command.cart_version)) {
            let refused: CheckoutAnswer =
                Err(CheckoutRefused::CartAlreadyOrdered { order: *order });
            kept.push((id.0, Some(serde_json::to_string(&refused)?)));
            Err(PlaceOrderError::CartAlreadyOrdered(*order))
        } else {
            let (order, news) = Order::place(placing(wave, command));
            live.insert((command.cart, command.cart_version), id);
            let order_view = order.view();
            let answer: CheckoutAnswer =
                Ok(CheckedOut { order: order_view.clone(), order_token: None });
            kept.push((id.0, Some(serde_json::to_string(&answer)?)));
            placed.insert(id, (order, news));
            Ok(order_view)
        };
        answers.push(answer);
    }
    idempotency::finish(wave, &kept).await?;
    store::insert(wave, placed.values().map(|(order, _)| order).collect()).await?;
    let mut orders = Vec::with_capacity(placed.len());
    for (_, (order, news)) in placed {
        wave.tell(order.version, news)?;
        orders.push(order);
    }
    wave.note(Changed::Written { orders, at: wave.now() });
    Ok(answers)
}

/// The orders of those commands whose keys do not run any more.
async fn placed_before(
    wave: &Wave,
    commands: &[Arc<PlaceOrder>],
    running: &HashSet<Uuid>,
) -> Result<BTreeMap<OrderId, Order>, Unexpected> {
    let ended = commands.iter().map(|c| c.order).filter(|id| !running.contains(&id.0));
    let ended: Vec<OrderId> = ended.collect();
    if ended.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = store::find_all(wave.tx(), &ended).await?;
    Ok(found.into_iter().map(|order| (order.id, order)).collect())
}

fn placing(wave: &Wave, command: &PlaceOrder) -> Placing {
    // 50 bits: should two orders ever draw the same number, the unique index refuses the
    // second, which is run again and draws another.
    let mut chance = [0; 7];
    wave.sources().fill(&mut chance);
    Placing {
        id: command.order,
        number: number(chance),
        account: command.account,
        email: command.email.clone(),
        cart: command.cart,
        cart_version: command.cart_version,
        items: command.items.clone(),
        quote: command.quote.clone(),
        shipping_method: command.shipping_method,
        shipping_address: command.shipping_address.clone(),
        payment: wave.id(),
        with: command.with.clone(),
        bank_account: command.bank_account.clone(),
        expires_at: command.waits.map(|waits| wave.now().after(waits)),
        now: wave.now(),
    }
}
