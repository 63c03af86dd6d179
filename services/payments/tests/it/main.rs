//! Payments under test, with orders and identity played by the test. Every test ends with a
//! check of the whole ledger.
#![allow(clippy::unwrap_used, clippy::panic)]
mod closing;
mod continuing;
mod crashes;
mod failing_steps;
mod http_routes;
mod paying_later;
mod receipts;
mod refunds;
mod starting;
mod stories;
mod top_ups;
mod transactions;
mod wallets;
mod webhooks;

use contracts::identity::UserRegistered;
use contracts::orders::{
    CancelReason, Idempotency, OrderCancelled, OrderDelivered, OrderPlaced, PayWith,
};
use contracts::payments::*;
use contracts::{AccountId, Call, CallError, Caller, CartId, Currency, Event, Money, PaymentId};
use kit::config::Config;
use kit::db::Db;
use kit::plug::{Node, Service};
use kit::testing::{Rig, shopper};
use parking_lot::Mutex;
use payments::payment::Payment;
use payments::store::{reads, sandbox_book};
use std::sync::Arc;
use std::time::Duration;

type Told<E> = Arc<Mutex<Vec<E>>>;

/// A store that only has payments.
struct Shop {
    rig: Rig,
    captured: Told<PaymentCaptured>,
    failed: Told<PaymentFailed>,
    asks: Told<PaymentActionRequired>,
    refunded: Told<PaymentRefunded>,
    topped_up: Told<WalletToppedUp>,
}

fn services() -> Vec<Box<dyn Service>> {
    vec![Box::new(payments::plug())]
}
fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}
fn card(token: &str) -> PayWith {
    PayWith { method: PaymentMethod::Card, token: Some(token.to_owned()) }
}
fn wallet() -> PayWith {
    PayWith { method: PaymentMethod::Wallet, token: None }
}
fn bank() -> PayWith {
    PayWith { method: PaymentMethod::BankTransfer, token: None }
}
fn cash() -> PayWith {
    PayWith { method: PaymentMethod::CashOnDelivery, token: None }
}
fn key(name: &str) -> Idempotency {
    Idempotency { key: name.to_owned(), body: [7; 32] }
}
fn no<T: std::fmt::Debug, E: std::fmt::Debug>(answer: Result<T, CallError<E>>) -> E {
    match answer {
        Err(CallError::Refused(refused)) => refused,
        other => panic!("it must be refused: {other:?}"),
    }
}

impl Shop {
    async fn open() -> Self {
        Self::with(Config::default()).await
    }
    async fn with(config: Config) -> Self {
        Self::around(Rig::start(&services(), config).await)
    }
    fn around(rig: Rig) -> Self {
        Self {
            captured: rig.listen(),
            failed: rig.listen(),
            asks: rig.listen(),
            refunded: rig.listen(),
            topped_up: rig.listen(),
            rig,
        }
    }
    fn node(&self) -> &Node {
        &self.rig.nodes[0]
    }
    fn db(&self) -> &Db {
        &self.node().service("payments").unwrap().db
    }
    /// A shopper who has `minor` in the wallet.
    async fn shopper_with(&self, minor: i64) -> Caller {
        let caller = shopper();
        self.rig.tell(UserRegistered { account: caller.account().unwrap() }).await;
        if minor > 0 {
            let name = format!("start {minor}");
            assert_eq!(
                self.top_up(&caller, minor, "tok_visa", &name).await.unwrap().amount,
                usd(minor)
            );
        }
        caller
    }
    async fn top_up(
        &self,
        caller: &Caller,
        minor: i64,
        token: &str,
        name: &str,
    ) -> Result<ToppedUp, CallError<TopUpRefused>> {
        let top_up = TopUp { amount: usd(minor), with: card(token), idempotency: key(name) };
        self.rig.call(caller, top_up).await
    }
    fn order(&self, account: Option<AccountId>, with: PayWith, minor: i64) -> OrderPlaced {
        OrderPlaced {
            order: self.rig.id(),
            account,
            cart: self.rig.id::<CartId>(),
            lines: Vec::new(),
            total: usd(minor),
            payment: self.rig.id(),
            method: with.method,
            token: with.token,
            expires_at: None,
        }
    }
    /// Places an order and waits until its payment stands at `status`.
    async fn placed(
        &self,
        account: Option<AccountId>,
        with: PayWith,
        minor: i64,
        status: PaymentStatus,
    ) -> OrderPlaced {
        let order = self.order(account, with, minor);
        self.rig.tell(order.clone()).await;
        self.until(order.payment, status).await;
        order
    }
    /// Says that a transfer arrived.
    async fn confirm(
        &self,
        staff: &Caller,
        order: &OrderPlaced,
        minor: Option<i64>,
        name: &str,
    ) -> Result<PaymentForStaff, CallError<ConfirmRefused>> {
        let (payment, amount) = (order.payment, minor.map(usd));
        self.rig.call(staff, ConfirmTransfer { payment, amount, idempotency: key(name) }).await
    }
    /// Has an order arrive.
    async fn deliver(&self, order: &OrderPlaced) {
        self.rig.tell(delivered(order)).await;
    }
    /// A payment as staff see it.
    async fn shown(&self, id: PaymentId) -> PaymentForStaff {
        self.rig.call(&Caller::Store, GetPayment { payment: id }).await.unwrap()
    }
    async fn cancel(&self, order: &OrderPlaced) {
        self.rig.tell(cancelled(order)).await;
    }
    async fn close(&self, order: &OrderPlaced) -> Closing {
        let close = ClosePayment { order: order.order, payment: order.payment };
        self.rig.call(&Caller::Store, close).await.unwrap()
    }
    async fn payment(&self, id: PaymentId) -> Option<Payment> {
        reads::payment(self.db().reader(), id).await.unwrap()
    }
    async fn status(&self, id: PaymentId) -> Option<PaymentStatus> {
        self.payment(id).await.map(|payment| payment.status)
    }
    async fn balance(&self, caller: &Caller) -> i64 {
        self.rig.call(caller, GetWallet).await.unwrap().balance.minor
    }
    /// What the provider's book says, but for refunds: token or none, amount, refunded, state.
    async fn charges(&self) -> Vec<(Option<String>, i64, i64, String)> {
        let book = sandbox_book::all(self.db().reader()).await.unwrap();
        let charges = book.into_iter().filter(|row| row.kind == "charge");
        charges.map(|row| (row.token, row.amount, row.refunded, row.state)).collect()
    }
    /// Lets the provider's worker do what is due.
    async fn work(&self) {
        self.rig.work("payments", "provider").await;
    }
    async fn until(&self, id: PaymentId, status: PaymentStatus) {
        let started = std::time::Instant::now();
        while self.status(id).await != Some(status) {
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "{id} does not become {status:?}: {:?}",
                self.payment(id).await
            );
            self.work().await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // The row is there a moment before its news.
        self.rig.settled().await;
    }
    /// Waits until nobody asks the provider, and nothing is due.
    async fn quiet(&self) {
        use payments::store::rows::attempt::{Column, Entity};
        use sea_orm::entity::prelude::*;
        let started = std::time::Instant::now();
        loop {
            self.work().await;
            let now = kit::clock::Clock::now(&self.rig.clock).micros();
            let busy = sea_orm::ExprTrait::or(Column::NextAt.lte(now), Column::LeasedUntil.gt(now));
            let busy = Entity::find().filter(Column::State.eq("due")).filter(busy);
            let busy = busy.all(self.db().reader()).await.unwrap();
            if busy.is_empty() {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "still busy: {busy:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    /// Lets time pass in steps of a second, with all that is due done in each.
    async fn pass(&self, seconds: u64) {
        self.quiet().await;
        for _ in 0..seconds {
            self.rig.clock.forward(Duration::from_secs(1));
            self.quiet().await;
        }
    }
    /// Checks the ledger, and stops.
    async fn end(self) {
        self.rig.settled().await;
        assert_ledger(self.db()).await;
        self.rig.stop().await;
    }
}

async fn assert_ledger(db: &Db) {
    let check = payments::queries::check_ledger(db.reader()).await.unwrap();
    assert!(check.holds(), "{check:?}");
    // The provider has exactly what our ledger says it has.
    let book = sandbox_book::all(db.reader()).await.unwrap();
    let taken = book.iter().filter(|row| row.kind == "charge" && row.state == "captured");
    let outside: i64 = taken.map(|row| row.amount - row.refunded).sum();
    assert_eq!(-book_sum(db, "card").await, outside, "{book:#?}");
    assert_receipts(db).await;
}

/// Every number from 1 to the last one was given once, and only to what was captured and told.
async fn assert_receipts(db: &Db) -> i64 {
    use payments::store::rows::payment::{Column, Entity};
    use sea_orm::entity::prelude::*;
    let rows = Entity::find().filter(Column::Receipt.is_not_null()).all(db.reader()).await.unwrap();
    assert!(rows.iter().all(|row| row.captured == row.amount), "{rows:#?}");
    let mut numbers: Vec<i64> = rows.iter().filter_map(|row| row.receipt).collect();
    numbers.sort_unstable();
    let last = i64::try_from(numbers.len()).unwrap();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    last
}

/// The sum of a book of the ledger.
async fn book_sum(db: &Db, account: &str) -> i64 {
    use payments::store::rows::entry;
    use sea_orm::entity::prelude::*;
    let rows = entry::Entity::find().filter(entry::Column::Account.eq(account));
    rows.all(db.reader()).await.unwrap().iter().map(|row| row.amount).sum()
}

fn cancelled(order: &OrderPlaced) -> OrderCancelled {
    OrderCancelled {
        order: order.order,
        account: order.account,
        lines: Vec::new(),
        was_paid: false,
        payment: order.payment,
        reason: CancelReason::ByShopper,
    }
}

fn delivered(order: &OrderPlaced) -> OrderDelivered {
    OrderDelivered {
        order: order.order,
        account: order.account,
        payment: order.payment,
        method: order.method,
        total: order.total,
    }
}

#[test]
fn the_plug_says_what_the_contracts_say() {
    let declared = payments::plug().declared();
    let mut answers = declared.answers.clone();
    answers.sort_unstable();
    let mut expected = [
        ClosePayment::NAME,
        ContinuePayment::NAME,
        RefundPayment::NAME,
        ConfirmTransfer::NAME,
        ConfirmRefund::NAME,
        GetPayment::NAME,
        ListTransactions::NAME,
        PaymentMethods::NAME,
        GetWallet::NAME,
        WalletEntries::NAME,
        TopUp::NAME,
        ConfirmTopUp::NAME,
    ];
    expected.sort_unstable();
    assert_eq!(answers, expected);
    let tells = [
        PaymentActionRequired::NAME,
        PaymentCaptured::NAME,
        PaymentFailed::NAME,
        PaymentRefunded::NAME,
        WalletToppedUp::NAME,
    ];
    assert_eq!(declared.tells, tells);
    let hears =
        [UserRegistered::NAME, OrderPlaced::NAME, OrderCancelled::NAME, OrderDelivered::NAME];
    assert_eq!(declared.hears, hears);
    assert!(declared.calls.is_empty());
}
