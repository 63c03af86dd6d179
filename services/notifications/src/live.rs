//! Who looks on live, and how each is told of what was just written for them.
//!
//! A replica knows that there may be something new because it wrote it, or because it saw an
//! event of which a letter comes; and it looks every few seconds anyway, as another replica may
//! have written it. One query serves all who look on; when nobody does, nobody asks.
//!
//! What a stream is told comes from the database alone, so that a stream that was cut goes on
//! where it was. Time here is the wall's: it only says when to look, never what is true.
use crate::{Notifications, store};
use contracts::identity::SessionEnded;
use contracts::notifications::Notification;
use contracts::{AccountId, NotificationId, SessionId};
use kit::problem::Unexpected;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::notifications::Model;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a replica looks for what others wrote, while somebody looks on.
const LOOK: Duration = Duration::from_secs(2);
/// How long after an event its letter may have been written by another replica.
const SOON: Duration = Duration::from_millis(250);
/// How far back a look goes behind the last one: clocks of replicas differ, and transactions take
/// their time.
const OVERLAP: Duration = Duration::from_secs(30);
/// How far back a stream that goes on looks behind the last notification that it has.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a stream lasts. The end of a session may be missed (it is watched, not heard): after
/// this the client has to come back with a token that is still good.
pub const LASTS: Duration = Duration::from_secs(15 * 60);
/// How many may look on at one replica, and with one account.
const MOST: usize = 2_000;
const MOST_OF_ONE: usize = 10;
/// How many notifications wait for a client that is slow; one more, and it has to come back.
const WAITING: usize = 256;
/// How many notifications are read at once.
const AT_ONCE: u64 = 500;

/// Why nobody more may look on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The replica has enough.
    Replica,
    /// The account has enough.
    Account,
}

/// All who look on at this replica.
pub struct Live {
    lookers: Mutex<Lookers>,
    /// Something may have been written here.
    written: Notify,
    /// Something may be written soon, here or elsewhere.
    expected: Notify,
    closing: CancellationToken,
}

#[derive(Default)]
struct Lookers {
    next: u64,
    by_number: BTreeMap<u64, Looker>,
    /// Whether a task looks for them.
    watched: bool,
}

struct Looker {
    account: AccountId,
    session: SessionId,
    tell: mpsc::Sender<Notification>,
    ended: CancellationToken,
    /// What it was told, or knew, and when that was written: not to be told again.
    seen: BTreeMap<Uuid, i64>,
}

impl Live {
    /// Nobody looks on yet; all have to go when `closing` is cancelled.
    pub fn new(closing: CancellationToken) -> Self {
        let (written, expected) = (Notify::new(), Notify::new());
        Self { lookers: Mutex::default(), written, expected, closing }
    }
    /// Something was written: a look is due now.
    pub fn look(&self) {
        if !self.lookers.lock().by_number.is_empty() {
            self.written.notify_one();
        }
    }
    /// Something may be written soon for `account` (or for somebody, if it is not known).
    pub fn expect(&self, account: Option<AccountId>) {
        let lookers = self.lookers.lock();
        let concerned = match account {
            Some(account) => lookers.by_number.values().any(|one| one.account == account),
            None => !lookers.by_number.is_empty(),
        };
        if concerned {
            self.expected.notify_one();
        }
    }
    /// A session ended: so do its streams.
    pub fn end(&self, event: &SessionEnded) {
        for looker in self.lookers.lock().by_number.values() {
            if looker.session == event.session {
                looker.ended.cancel();
            }
        }
    }
    fn accounts(&self) -> BTreeSet<AccountId> {
        self.lookers.lock().by_number.values().map(|looker| looker.account).collect()
    }
    fn tell(&self, rows: &[Model], since: i64) {
        let mut lookers = self.lookers.lock();
        for looker in lookers.by_number.values_mut() {
            looker.seen.retain(|_, written_at| *written_at >= since);
            for row in rows.iter().filter(|row| row.account == looker.account.0) {
                let written_at = row.written_at.unwrap_or_default();
                if looker.seen.insert(row.id, written_at).is_none()
                    && looker.tell.try_send(row.clone().into()).is_err()
                {
                    // Too slow (or gone): it comes back, and goes on where it was.
                    looker.ended.cancel();
                    break;
                }
            }
        }
    }
}

/// One who looks on; dropped, it does no more.
pub struct Looking {
    service: Arc<Notifications>,
    number: u64,
    /// What was written before it looked on, oldest first.
    backlog: std::vec::IntoIter<Notification>,
    told: mpsc::Receiver<Notification>,
    ended: CancellationToken,
    until: tokio::time::Instant,
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.service.live.lookers.lock().by_number.remove(&self.number);
        // The task that looked for it may have nobody left.
        self.service.live.written.notify_one();
    }
}

impl Looking {
    /// The next notification; none once the stream is to end.
    pub async fn next(&mut self) -> Option<Notification> {
        // What ends a stream comes before what it could still say.
        if self.ended.is_cancelled() || self.service.live.closing.is_cancelled() {
            return None;
        }
        if let Some(before) = self.backlog.next() {
            return Some(before);
        }
        tokio::select! {
            biased;
            () = self.ended.cancelled() => None,
            () = self.service.live.closing.cancelled() => None,
            () = tokio::time::sleep_until(self.until) => None,
            told = self.told.recv() => told,
        }
    }
}

/// Looks on as `account`: what is written from now on, and what was written behind `after`.
/// # Errors
/// `Ok(Err(_))` when too many look on already; ours when the database fails.
pub async fn look_on(
    service: &Arc<Notifications>,
    account: AccountId,
    session: SessionId,
    after: Option<NotificationId>,
) -> Result<Result<Looking, Full>, Unexpected> {
    if let Err(full) = room(&service.live, account) {
        return Ok(Err(full));
    }
    let (backlog, seen) = behind(service, account, after).await?;
    let (tell, told) = mpsc::channel(WAITING);
    let ended = CancellationToken::new();
    let live = &service.live;
    let mut lookers = live.lookers.lock();
    let number = lookers.next;
    lookers.next += 1;
    let looker = Looker { account, session, tell, ended: ended.clone(), seen };
    lookers.by_number.insert(number, looker);
    if !lookers.watched {
        lookers.watched = true;
        tokio::spawn(look_for_all(Arc::clone(service)));
    }
    drop(lookers);
    let until = tokio::time::Instant::now() + LASTS;
    let backlog = backlog.into_iter();
    Ok(Ok(Looking { service: Arc::clone(service), number, backlog, told, ended, until }))
}

fn room(live: &Live, account: AccountId) -> Result<(), Full> {
    let lookers = live.lookers.lock();
    if lookers.by_number.len() >= MOST {
        return Err(Full::Replica);
    }
    let of_one = lookers.by_number.values().filter(|looker| looker.account == account).count();
    if of_one >= MOST_OF_ONE { Err(Full::Account) } else { Ok(()) }
}

type Known = (Vec<Notification>, BTreeMap<Uuid, i64>);

/// What was written behind `after`, to be told first; and what need not be told again: the list
/// of the account shows it.
async fn behind(
    service: &Notifications,
    account: AccountId,
    after: Option<NotificationId>,
) -> Result<Known, Unexpected> {
    let reader = service.db.reader();
    let back = |overlap: Duration| i64::try_from(overlap.as_micros()).unwrap_or(0);
    let mut since = service.sources.now().micros() - back(OVERLAP);
    let mut told_from = None;
    if let Some(after) = after
        && let Some(written_at) = store::notifications::written_at(reader, account, after.0).await?
    {
        // Rows of one instant commit in any order.
        let from = written_at - back(AGAIN);
        told_from = Some(from);
        since = since.min(from);
    }
    let (mut backlog, mut seen) = (Vec::new(), BTreeMap::new());
    let mut place = (since, Uuid::nil());
    loop {
        let rows = store::notifications::written_since(reader, [account], place, AT_ONCE).await?;
        let more = rows.len() as u64 == AT_ONCE;
        for row in rows {
            let written_at = row.written_at.unwrap_or_default();
            place = (written_at, row.id);
            seen.insert(row.id, written_at);
            let is_last = after.is_some_and(|after| after.0 == row.id);
            if told_from.is_some_and(|from| written_at >= from) && !is_last {
                backlog.push(row.into());
            }
        }
        if !more {
            return Ok((backlog, seen));
        }
    }
}

/// Looks for all who look on, until nobody does.
async fn look_for_all(service: Arc<Notifications>) {
    let live = &service.live;
    let overlap = i64::try_from(OVERLAP.as_micros()).unwrap_or(0);
    let mut looked_at = service.sources.now().micros();
    loop {
        tokio::select! {
            () = live.closing.cancelled() => {}
            () = live.written.notified() => {}
            () = async { live.expected.notified().await; tokio::time::sleep(SOON).await } => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        if nobody_left(live) {
            return;
        }
        let now = service.sources.now().micros();
        // From the last look on, should the clock have jumped.
        let since = looked_at.min(now) - overlap;
        match look(&service, since).await {
            Ok(()) => looked_at = now,
            Err(error) => error.log(),
        }
    }
}

/// Whether the task has nothing more to do; then the next who looks on starts another.
fn nobody_left(live: &Live) -> bool {
    let mut lookers = live.lookers.lock();
    let nobody = lookers.by_number.is_empty() || live.closing.is_cancelled();
    if nobody {
        lookers.watched = false;
    }
    nobody
}

async fn look(service: &Notifications, since: i64) -> Result<(), Unexpected> {
    let accounts: Vec<AccountId> = service.live.accounts().into_iter().collect();
    let mut place = (since, Uuid::nil());
    loop {
        let (reader, of) = (service.db.reader(), accounts.iter().copied());
        let rows = store::notifications::written_since(reader, of, place, AT_ONCE).await?;
        service.live.tell(&rows, since);
        match rows.last() {
            Some(last) if rows.len() as u64 == AT_ONCE => {
                place = (last.written_at.unwrap_or_default(), last.id);
            }
            _ => return Ok(()),
        }
    }
}
