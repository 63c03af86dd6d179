//! Writes the letters that are due: claims a set, asks orders and identity about all of it with
//! no transaction open, and commits mails and notifications in one wave.
//!
//! Beside another worker, or after one that died: a claim ends by the clock, and what is written
//! under a claim that another took over (or whose letter was written, erased or given a link
//! meanwhile) is left out. A letter's mail has the letter's id, so that there is never a second one.
use crate::letter::{Letter, Outcome, Unwritten};
use crate::mail::{self, Addressee, NotWritten, Shop};
use crate::store;
use crate::words::Letterhead;
use crate::{DELIVER_MAILS, Notifications};
use contracts::identity::{Contact, ContactsOf, LinksFor, SecretLink};
use contracts::orders::{GetShop, OrderForLetter, OrdersForLetters};
use contracts::{AccountId, Call, CallError, Caller, LinkId, NotificationId, OrderId};
use kit::problem::Unexpected;
use kit::wave::Wave;
use kit::worker::Worked;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use store::letters::Claimed;

/// The most letters of one turn: orders and identity answer for up to 1,000 at once.
const MOST: usize = 500;

/// One turn of the worker.
/// # Errors
/// When the database fails.
pub async fn write_letters(service: &Notifications) -> Result<Worked, Unexpected> {
    let claimed = service.claims.take(service, MOST).await?;
    if claimed.is_empty() {
        return Ok(Worked::Idle);
    }
    let worked = if claimed.len() == MOST { Worked::More } else { Worked::Idle };
    let ids: Vec<NotificationId> = claimed.iter().map(|one| one.letter.id).collect();
    let known = Known::ask(service, &claimed).await;
    let outcomes: Vec<(Claimed, Outcome)> = claimed
        .into_iter()
        .map(|claimed| {
            let outcome = known.write(&service.shop, &claimed.letter);
            (claimed, outcome)
        })
        .collect();
    let posted = service.post.is_some();
    let saved = service
        .waves
        .write(outcomes, move |wave, outcomes: &Vec<_>| Box::pin(save(wave, outcomes, posted)));
    saved.await.map_err(Unexpected::from_error)?;
    service.claims.end(&ids).await;
    service.live.look();
    Ok(worked)
}

async fn save(
    wave: &mut Wave,
    outcomes: &[(Claimed, Outcome)],
    posted: bool,
) -> Result<(), Unexpected> {
    let ids: Vec<_> = outcomes.iter().map(|(claimed, _)| claimed.letter.id.0).collect();
    let due = store::letters::still_due(wave.tx(), &ids).await?;
    let ours: Vec<_> = outcomes
        .iter()
        .filter(|(claimed, _)| due.get(&claimed.letter.id.0) == Some(&claimed.next_at))
        .map(|(claimed, outcome)| (&claimed.letter, outcome))
        .collect();
    if !ours.is_empty() {
        store::save_outcomes(wave.tx(), &ours, posted, wave.now()).await?;
        if posted {
            wave.wake(DELIVER_MAILS);
        }
    }
    Ok(())
}

/// What the neighbours said about a set of letters; nothing where one did not answer.
struct Known {
    head: Option<Letterhead>,
    orders: Option<BTreeMap<OrderId, OrderForLetter>>,
    contacts: Option<BTreeMap<AccountId, Contact>>,
    links: Option<BTreeMap<LinkId, SecretLink>>,
}

impl Known {
    /// Each neighbour is asked once, and not at all where no letter needs it.
    async fn ask(service: &Notifications, claimed: &[Claimed]) -> Self {
        let letters = || claimed.iter().map(|one| &one.letter);
        let shop = answered(service.calls.call(&Caller::Store, GetShop).await, GetShop::NAME);
        let orders: BTreeSet<OrderId> = letters().filter_map(|letter| letter.order).collect();
        let asked = OrdersForLetters { orders: orders.into_iter().collect() };
        let orders = ask(service, asked.orders.is_empty(), asked).await;
        // Whose an order is may be known to the order only.
        let owners = orders.iter().flatten().filter_map(|known| known.account);
        let accounts: BTreeSet<AccountId> =
            letters().filter_map(|letter| letter.account).chain(owners).collect();
        let asked = ContactsOf { accounts: accounts.into_iter().collect() };
        let contacts = ask(service, asked.accounts.is_empty(), asked).await;
        let links: BTreeSet<LinkId> = letters().filter_map(|letter| letter.facts.link).collect();
        let asked = LinksFor { links: links.into_iter().collect() };
        let links = ask(service, asked.links.is_empty(), asked).await;
        Self {
            head: shop.map(|shop| service.shop.letterhead(&shop.terms)),
            orders: orders.map(|all| all.into_iter().map(|one| (one.order.id, one)).collect()),
            contacts: contacts.map(|all| all.into_iter().map(|one| (one.account, one)).collect()),
            links: links.map(|all| all.into_iter().map(|one| (one.link, one)).collect()),
        }
    }

    fn write(&self, shop: &Shop, letter: &Letter) -> Outcome {
        let head = self.head.as_ref().ok_or(Unwritten::Later)?;
        let order = match letter.order {
            Some(order) => {
                Some(found(self.orders.as_ref(), &order, "the order is not known any more")?)
            }
            None => None,
        };
        let to = self.addressee(letter, order)?;
        let link = match letter.facts.link {
            Some(link) => match found(self.links.as_ref(), &link, "the link is gone") {
                // It says something without it, too.
                Err(Unwritten::Dropped(_)) if !letter.kind.is_a_link() => None,
                other => Some(other?),
            },
            None => None,
        };
        mail::write((shop, head), letter, to, order, link).map_err(|why| match why {
            NotWritten::Address => Unwritten::Dropped("mail cannot be sent to the address"),
            NotWritten::Words(error) => {
                // Ours to mend: the letter waits for a release that can write it.
                tracing::error!(letter = %letter.id, %error, "a letter cannot be written");
                Unwritten::Later
            }
        })
    }

    fn addressee<'a>(
        &'a self,
        letter: &Letter,
        order: Option<&'a OrderForLetter>,
    ) -> Result<Addressee<'a>, Unwritten> {
        let account = letter.account.or_else(|| order.and_then(|known| known.account));
        match (account, order) {
            (Some(account), _) => {
                let contact =
                    found(self.contacts.as_ref(), &account, "the account is not known any more")?;
                let (email, name) = (&contact.email, &contact.name);
                Ok(Addressee { account: Some(account), email, name })
            }
            (None, Some(OrderForLetter { email: Some(email), order, .. })) => {
                Ok(Addressee { account: None, email, name: &order.shipping_address.name })
            }
            (None, _) => Err(Unwritten::Dropped("there is no address to write to")),
        }
    }
}

/// Asks a neighbour, if there is anything to ask; nothing where it did not answer.
async fn ask<C, T>(service: &Notifications, nothing: bool, call: C) -> Option<Vec<T>>
where
    C: Call<Reply = Vec<T>>,
{
    match nothing {
        true => Some(Vec::new()),
        false => answered(service.calls.call(&Caller::Store, call).await, C::NAME),
    }
}

/// What a neighbour said about `key`: a letter waits for one that did not answer, and is dropped
/// where it no longer knows.
fn found<'a, K: Ord, V>(
    known: Option<&'a BTreeMap<K, V>>,
    key: &K,
    unknown: &'static str,
) -> Result<&'a V, Unwritten> {
    known.ok_or(Unwritten::Later)?.get(key).ok_or(Unwritten::Dropped(unknown))
}

fn answered<T, E: Debug>(answer: Result<T, CallError<E>>, call: &'static str) -> Option<T> {
    match answer {
        Ok(reply) => Some(reply),
        Err(error) => {
            tracing::warn!(call, ?error, "letters wait for a neighbour");
            None
        }
    }
}
