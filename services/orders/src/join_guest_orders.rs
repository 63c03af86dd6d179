//! A guest's orders join the account whose address was shown to be the same.
//!
//! The fact is written down when it is heard; the address is asked of identity outside of any
//! transaction, and then the orders are joined in one. An order joins once: from then on it has an
//! account. Orders that a guest places later under the same address wait for the next proof.
use crate::Orders;
use crate::store::joins;
use contracts::identity::{ContactsOf, EmailVerified};
use contracts::{AccountId, Caller};
use kit::Unexpected;
use kit::bus::Heard;
use kit::wave::Wave;
use kit::worker::Worked;
use std::collections::{BTreeMap, BTreeSet};

/// The worker's name.
pub const WORKER: &str = "join_guest_orders";
/// How many accounts are looked after at a time.
const AT_A_TIME: usize = 100;
/// How many orders join in one transaction.
const MOST_ORDERS: u64 = 500;

/// Writes down whose guest orders are to join. Heard twice, it is written down once; and once it
/// was done, a repetition finds no guest orders.
pub async fn email_verified(
    wave: &mut Wave,
    heard: &[Heard<EmailVerified>],
) -> Result<(), Unexpected> {
    let accounts: BTreeSet<AccountId> = heard.iter().map(|heard| heard.event.account).collect();
    joins::ask(wave, &accounts).await?;
    wave.wake(WORKER);
    Ok(())
}

/// One turn of the worker. Correct beside another replica's: whoever joins locks what was written
/// down, and an account that is not there any more was looked after by the other, or erased.
pub async fn join_guest_orders(orders: &Orders) -> Result<Worked, Unexpected> {
    let asked = joins::asked(orders.db.reader(), AT_A_TIME as u64).await?;
    if asked.is_empty() {
        return Ok(Worked::Idle);
    }
    let accounts = asked.iter().copied().collect();
    let contacts = match orders.calls.call(&Caller::Store, ContactsOf { accounts }).await {
        Ok(contacts) => contacts,
        Err(error) => {
            let error = error.never_refused::<()>();
            tracing::warn!(%error, "guest orders have not joined their accounts; tried again");
            return Ok(Worked::Idle);
        }
    };
    let owner =
        |contact: contracts::identity::Contact| (joins::email_key(&contact.email), contact.account);
    let joining = Joining { owners: contacts.into_iter().map(owner).collect(), asked };
    let full = joining.asked.len() == AT_A_TIME;
    let joined = orders.waves.write(joining, |wave, joining| Box::pin(join(wave, joining)));
    let more = joined.await.map_err(Unexpected::from_error)?;
    Ok(if more || full { Worked::More } else { Worked::Idle })
}

struct Joining {
    /// Those that were written down.
    asked: BTreeSet<AccountId>,
    /// By address, those of them that identity knows.
    owners: BTreeMap<String, AccountId>,
}

/// Joins, and answers whether there may be more orders; else the accounts are done with.
async fn join(wave: &mut Wave, joining: &Joining) -> Result<bool, Unexpected> {
    let asked = joins::locked(wave, &joining.asked).await?;
    let mut owners = joining.owners.clone();
    owners.retain(|_, account| asked.contains(account));
    let more = joins::join(wave, &owners, MOST_ORDERS).await? == MOST_ORDERS;
    if !more {
        joins::forget(wave, &asked).await?;
    }
    Ok(more)
}
