//! Reads, and who may make them.
use crate::order::{Order, number_start};
use crate::store::{self, Listing};
use crate::{Orders, receipts};
use contracts::caller::Permission;
use contracts::orders::{
    GetOrder, GetTracking, HasBought, ListOrders, ListOrdersRefused, OrderForLetter, OrderPage,
    OrderRef, OrderRefused, OrdersForLetters, Tracking,
};
use contracts::{CallError, Caller, OrderId};
use kit::Unexpected;
use kit::calls::Answer;
use kit::pages::{CursorQuery, encode_cursor};
use std::collections::BTreeSet;

/// The most orders that are asked for at once for letters.
const MOST_LETTERS: usize = 1_000;
/// The most SKUs that are asked about at once.
const MOST_SKUS: usize = 100;

/// The order, for its owner, for whoever holds a guest's token for it, and for staff. To all
/// others it is not there; somebody who shows nothing is asked who they are.
pub async fn open(
    orders: &Orders,
    caller: &Caller,
    of: &OrderRef,
) -> Result<Order, CallError<OrderRefused>> {
    shows_something(caller, of).map_err(CallError::Refused)?;
    let found = store::find(orders.db.reader(), of.order).await.map_err(fault)?;
    let not_found = || CallError::Refused(OrderRefused::NotFound);
    let order = found.ok_or_else(not_found)?;
    let opens = caller.may(Permission::ManageOrders) || owns(orders, caller, of, &order)?;
    if opens { Ok(order) } else { Err(not_found()) }
}

/// Whether the caller shows anything by which an order could be theirs.
pub fn shows_something(caller: &Caller, of: &OrderRef) -> Result<(), OrderRefused> {
    if *caller == Caller::Guest && of.token.is_none() {
        return Err(OrderRefused::NotLoggedIn);
    }
    Ok(())
}

/// Whether the order is the caller's: by the account, or by the token that a guest was given for
/// it, which stays good when the order has joined an account.
pub fn owns<E>(
    orders: &Orders,
    caller: &Caller,
    of: &OrderRef,
    order: &Order,
) -> Result<bool, CallError<E>> {
    if order.account.is_some() && caller.account() == order.account {
        return Ok(true);
    }
    match &of.token {
        Some(token) if order.was_guests() => Ok(orders.tokens()?.opens(token, order.id)),
        Some(_) | None => Ok(false),
    }
}

pub(crate) fn fault<E>(error: Unexpected) -> CallError<E> {
    error.log();
    CallError::NotDone(error.to_string())
}

/// One order.
pub async fn get_order(orders: &Orders, caller: &Caller, call: GetOrder) -> Answer<GetOrder> {
    Ok(open(orders, caller, &call.of).await?.view())
}

/// The caller's orders, or for staff everybody's; newest first.
pub async fn list_orders(orders: &Orders, caller: &Caller, call: ListOrders) -> Answer<ListOrders> {
    let account = match (call.everybody, caller.account()) {
        (true, _) if caller.may(Permission::ManageOrders) => None,
        (true, _) if *caller != Caller::Guest => {
            return Err(CallError::Refused(ListOrdersRefused::NotAllowed));
        }
        (false, Some(account)) => Some(account),
        (true, _) | (false, None) => {
            return Err(CallError::Refused(ListOrdersRefused::NotLoggedIn));
        }
    };
    let cursor = CursorQuery { cursor: call.cursor, ..CursorQuery::default() };
    let after: Option<OrderId> =
        cursor.after().map_err(|_| CallError::Refused(ListOrdersRefused::Cursor))?;
    let limit = call.limit.clamp(1, 100) as usize;
    let Some(searched) = searched(call.q.as_deref(), call.everybody) else {
        return Ok(OrderPage { items: Vec::new(), next_cursor: None });
    };
    let wanted = Listing {
        account,
        status: call.status,
        from: call.from,
        to: call.to,
        method: call.method,
        after,
        // One more tells whether there is another page.
        most: limit as u64 + 1,
        ..searched
    };
    let mut found = store::list(orders.db.reader(), &wanted).await.map_err(fault)?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|last| encode_cursor(&last.id));
    Ok(OrderPage { items: found.iter().map(Order::view).collect(), next_cursor })
}

/// What `q` looks for: the beginning of a number, in any spelling, or for staff a guest's
/// address. None where nothing can match.
fn searched(q: Option<&str>, staff: bool) -> Option<Listing> {
    let Some(q) = q.map(str::trim).filter(|q| !q.is_empty()) else {
        return Some(Listing::default());
    };
    if q.contains('@') {
        let sound = staff && q.len() <= 254 && !q.contains(char::is_control);
        let email = Some(store::joins::email_key(q));
        return sound.then(|| Listing { email, ..Listing::default() });
    }
    let number = Some(number_start(q)?);
    Some(Listing { number, ..Listing::default() })
}

/// Whether an account has bought something, for the store itself only.
pub async fn has_bought(orders: &Orders, caller: &Caller, call: HasBought) -> Answer<HasBought> {
    if *caller != Caller::Store {
        let why = "what others bought is the store's own business";
        return Err(CallError::NotDone(why.to_owned()));
    }
    if call.skus.len() > MOST_SKUS {
        return Err(CallError::NotDone(format!("at most {MOST_SKUS} SKUs at once")));
    }
    if call.skus.is_empty() {
        return Ok(false);
    }
    let db = orders.db.reader();
    store::accounts::has_bought(db, call.account, &call.skus).await.map_err(fault)
}

/// The timeline of an order.
pub async fn get_tracking(
    orders: &Orders,
    caller: &Caller,
    call: GetTracking,
) -> Answer<GetTracking> {
    let order = open(orders, caller, &call.of).await?;
    Ok(Tracking {
        status: order.status,
        tracking: order.tracking,
        shipments: order.shipments,
        timeline: order.steps,
    })
}

/// What letters say, for the store itself only: it tells addresses.
pub async fn orders_for_letters(
    orders: &Orders,
    caller: &Caller,
    call: OrdersForLetters,
) -> Answer<OrdersForLetters> {
    if *caller != Caller::Store {
        return Err(CallError::NotDone("letters are the store's own business".to_owned()));
    }
    if call.orders.len() > MOST_LETTERS {
        return Err(CallError::NotDone(format!("at most {MOST_LETTERS} orders at once")));
    }
    let now = orders.sources.now();
    let (mut found, mut others) = (Vec::with_capacity(call.orders.len()), Vec::new());
    for id in call.orders.into_iter().collect::<BTreeSet<OrderId>>() {
        match orders.recent.get(id, now) {
            Some(order) => found.push(for_letter(&order)),
            None => others.push(id),
        }
    }
    if !others.is_empty() {
        let others = store::find_all(orders.db.reader(), &others).await.map_err(fault)?;
        found.extend(others.iter().map(for_letter));
    }
    Ok(found)
}

fn for_letter(order: &Order) -> OrderForLetter {
    OrderForLetter {
        account: order.account,
        email: order.email.clone().filter(|_| order.account.is_none()),
        receipt: receipts::for_letter(order),
        order: order.view(),
    }
}
