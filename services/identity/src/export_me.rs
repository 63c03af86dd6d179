//! All that the store keeps about a person, from every service that keeps something.
use crate::who::known;
use crate::{Identity, not_done, store};
use contracts::cart::{CartToken, GetCart};
use contracts::catalog::ReviewsBy;
use contracts::identity::{ExportMe, MeRefused};
use contracts::notifications::ListNotifications;
use contracts::orders::ListOrders;
use contracts::payments::WalletEntries;
use contracts::{Call, CallError, Caller};
use kit::calls::Answer;
use serde::Serialize;
use serde_json::{Value, json};
use std::future::Future;

/// How much is asked for at once.
const PAGE: u32 = 100;
/// How many pages one service may answer before we think that it will never end.
const MOST_PAGES: usize = 10_000;

type Exported = Result<Value, CallError<MeRefused>>;

/// The whole export, or nothing: with a service that does not answer it would only look whole.
/// # Errors
/// [`MeRefused::NotLoggedIn`]; not done when a service does not answer.
pub async fn export_me(service: &Identity, caller: &Caller) -> Answer<ExportMe> {
    let who = known(service, caller).await?;
    let (reader, account) = (service.db.reader(), who.account.id);
    let addresses = store::addresses_of(reader, account).await.map_err(not_done)?;
    let sessions = store::sessions_of(reader, account, service.sources.now()).await;
    let sessions = sessions.map_err(not_done)?;
    let sessions: Vec<_> = sessions.iter().map(|one| one.shown(who.session.id)).collect();
    let orders = pages(|cursor| async {
        let page = service.calls.call(caller, orders_from(cursor)).await;
        page.map_err(unanswered::<ListOrders>).map(|page| (page.items, page.next_cursor))
    });
    let orders = orders.await?;
    let entries = pages(|cursor| async {
        let page = service.calls.call(caller, WalletEntries { limit: PAGE, cursor }).await;
        page.map_err(unanswered::<WalletEntries>).map(|page| (page.items, page.next_cursor))
    });
    let entries = entries.await?;
    let told = pages(|cursor| async {
        let page = service.calls.call(caller, ListNotifications { limit: PAGE, cursor }).await;
        page.map_err(unanswered::<ListNotifications>).map(|page| (page.items, page.next_cursor))
    });
    let told = told.await?;
    let cart = service.calls.call(caller, GetCart { of: CartToken::default() }).await;
    let cart = cart.map_err(unanswered::<GetCart>)?.cart;
    let reviews = service.calls.call(caller, ReviewsBy { account }).await;
    let reviews = reviews.map_err(unanswered::<ReviewsBy>)?;
    Ok(json!({
        "identity": { "account": who.account.me(), "addresses": addresses, "sessions": sessions },
        "orders": { "orders": orders },
        "payments": { "wallet_entries": entries },
        "notifications": { "notifications": told },
        "cart": { "cart": cart },
        "catalog": { "reviews": reviews },
    }))
}

fn orders_from(cursor: Option<String>) -> ListOrders {
    ListOrders {
        limit: PAGE,
        cursor,
        status: None,
        everybody: false,
        q: None,
        from: None,
        to: None,
        method: None,
    }
}

/// A neighbour's answer that is none: whatever it was, the export is not done.
fn unanswered<C: Call>(error: CallError<C::Error>) -> CallError<MeRefused> {
    let why = match error {
        CallError::Refused(refused) => format!("{} was refused: {refused:?}", C::NAME),
        CallError::NotDone(why) | CallError::Unknown(why) => format!("{}: {why}", C::NAME),
    };
    CallError::NotDone(why)
}

/// All items of a list, page by page.
async fn pages<T, P>(page: impl Fn(Option<String>) -> P) -> Exported
where
    T: Serialize,
    P: Future<Output = Result<(Vec<T>, Option<String>), CallError<MeRefused>>>,
{
    let (mut all, mut cursor) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let (items, next) = page(cursor).await?;
        for item in items {
            all.push(serde_json::to_value(item).map_err(not_done)?);
        }
        match next {
            None => return Ok(Value::Array(all)),
            next => cursor = next,
        }
    }
    Err(CallError::NotDone("a list of this account does not end".to_owned()))
}
