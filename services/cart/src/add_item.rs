//! Put more of a SKU into a cart.
use crate::cart::Change;
use crate::{Carts, queries};
use contracts::cart::{AddItem, CartAnswer, CartRefused};
use contracts::{CallError, Caller, NoRefusal};

/// A cart with more in it.
pub struct Added {
    /// The cart, and the token of a guest's new one.
    pub answer: CartAnswer,
    /// Whether the SKU has a line that it had not before.
    pub new_line: bool,
}

/// Adds to the caller's cart what the catalogue sells. It is asked first, as nothing is awaited
/// while the cart is locked.
/// # Errors
/// [`CartRefused`]; `NotDone` when the catalogue does not answer.
pub async fn add_item(
    carts: &Carts,
    caller: &Caller,
    call: AddItem,
) -> Result<Added, CallError<CartRefused>> {
    let priced = queries::prices(carts, vec![call.sku.clone()]).await;
    let priced = priced.map_err(|error: CallError<NoRefusal>| match error {
        CallError::Refused(never) => match never {},
        // Only a question was asked: nothing has happened.
        CallError::NotDone(why) | CallError::Unknown(why) => CallError::NotDone(why),
    })?;
    let Some(found) = priced.get(&call.sku) else {
        return Err(CallError::Refused(CartRefused::NotSold { sku: call.sku }));
    };
    let change = Change::Add(call.sku, call.quantity, found.price);
    let changed = carts.run(caller.account(), queries::hashed(&call.of), change).await?;
    let changed = changed.map_err(CallError::Refused)?;
    let new_line = changed.new_line;
    let answer = queries::show_changed(carts, changed, priced).await?;
    Ok(Added { answer, new_line })
}
