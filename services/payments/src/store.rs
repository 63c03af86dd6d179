//! The SQL of this service. Use cases decide on a [`Sheet`]: they load the rows that they decide
//! on (locked, in key order), change them in memory, and save what changed as sets.
//!
//! Locks are always taken in this order: bills, payments, top-ups, refunds, attempts, wallets,
//! the counter of receipts.
pub mod confirmations;
pub mod log;
pub mod reads;
mod receipts;
pub mod rows;
pub mod sandbox_book;
pub mod webhooks;

use crate::attempt::{Attempt, State};
use crate::ledger::{Book, Movement};
use crate::payment::{Bill, Payment};
use crate::wallet::{Filling, Wallet};
use confirmations::Confirmation;
use contracts::payments::{PaymentCaptured, RefundStatus};
use contracts::{AccountId, EntryId, Money, OrderId, PaymentId, RefundId, Timestamp, TopUpId};
use kit::Unexpected;
use kit::db::{Among, Rows as _, insert_all};
use kit::wave::Wave;
use rows::{attempt, bill, entry, payment, refund, top_up, wallet};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect, Set};
use std::collections::{BTreeMap, BTreeSet};

/// A refund, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRow {
    /// The refund.
    pub id: RefundId,
    /// Of which payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Money,
    /// Why.
    pub reason: String,
    /// Whether the goods are on the shelf again.
    pub restock: bool,
    /// Which staff asked for it; none where the store did by itself.
    pub by: Option<AccountId>,
    /// Where it stands.
    pub status: RefundStatus,
    /// Why the provider declined it, the last time.
    pub failure_code: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Rows by key, each as it is now and as it was loaded (none: it is new).
#[derive(Debug)]
pub struct Rows<K, T>(BTreeMap<K, (T, Option<T>)>);

impl<K, T> Default for Rows<K, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Copy, T: Clone + PartialEq> Rows<K, T> {
    /// The row as it is now.
    pub fn get(&self, key: K) -> Option<&T> {
        self.0.get(&key).map(|(row, _)| row)
    }
    /// The row, to be changed.
    pub fn get_mut(&mut self, key: K) -> Option<&mut T> {
        self.0.get_mut(&key).map(|(row, _)| row)
    }
    /// The row, made if it is not there.
    pub fn get_or(&mut self, key: K, new: impl FnOnce() -> T) -> &mut T {
        &mut self.0.entry(key).or_insert_with(|| (new(), None)).0
    }
    /// A new row.
    pub fn add(&mut self, key: K, row: T) {
        self.0.insert(key, (row, None));
    }
    /// All rows, by key.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.values().map(|(row, _)| row)
    }
    fn loaded(&mut self, key: K, row: T) {
        self.0.entry(key).or_insert_with(|| (row.clone(), Some(row)));
    }
    fn fresh(&self) -> impl Iterator<Item = &T> {
        self.0.values().filter(|(_, was)| was.is_none()).map(|(row, _)| row)
    }
    /// What changed: as it is, and as it was.
    fn changed(&self) -> impl Iterator<Item = (&T, &T)> {
        self.0
            .values()
            .filter_map(|(row, was)| was.as_ref().filter(|was| *was != row).map(|was| (row, was)))
    }
}

/// What a wave has loaded and decided.
#[derive(Default, Debug)]
pub struct Sheet {
    /// Bills by order.
    pub bills: Rows<OrderId, Bill>,
    /// Payments.
    pub payments: Rows<PaymentId, Payment>,
    /// Top-ups.
    pub top_ups: Rows<TopUpId, Filling>,
    /// Refunds.
    pub refunds: Rows<RefundId, RefundRow>,
    /// Attempts by the provider's key.
    pub attempts: Rows<Uuid, Attempt>,
    /// Wallets by account.
    pub wallets: Rows<AccountId, Wallet>,
    posted: Vec<(Movement, [i64; 2])>,
    confirmed: Vec<Confirmation>,
    captured: Vec<(PaymentId, i64)>,
}

impl Sheet {
    /// Loads bills.
    /// # Errors
    /// When the database fails.
    pub async fn load_bills(
        &mut self,
        wave: &Wave,
        orders: impl IntoIterator<Item = OrderId>,
    ) -> Result<(), Unexpected> {
        let orders: BTreeSet<Uuid> = orders.into_iter().map(Uuid::from).collect();
        if orders.is_empty() {
            return Ok(());
        }
        let found = bill::Entity::find()
            .filter(bill::Column::OrderId.among(orders))
            .order_by_asc(bill::Column::OrderId)
            .lock_exclusive();
        for row in wave.tx().all(found).await? {
            let bill = bill::open(row);
            self.bills.loaded(bill.order, bill);
        }
        Ok(())
    }
    /// Loads all payments of orders.
    /// # Errors
    /// When the database fails.
    pub async fn load_payments_of(
        &mut self,
        wave: &Wave,
        orders: impl IntoIterator<Item = OrderId>,
    ) -> Result<(), Unexpected> {
        let orders: BTreeSet<Uuid> = orders.into_iter().map(Uuid::from).collect();
        self.load_payments_where(wave, payment::Column::OrderId, orders).await
    }
    /// Loads payments.
    /// # Errors
    /// When the database fails.
    pub async fn load_payments(
        &mut self,
        wave: &Wave,
        ids: impl IntoIterator<Item = PaymentId>,
    ) -> Result<(), Unexpected> {
        let ids: BTreeSet<Uuid> = ids.into_iter().map(Uuid::from).collect();
        self.load_payments_where(wave, payment::Column::Id, ids).await
    }
    async fn load_payments_where(
        &mut self,
        wave: &Wave,
        column: payment::Column,
        are: BTreeSet<Uuid>,
    ) -> Result<(), Unexpected> {
        if are.is_empty() {
            return Ok(());
        }
        let found = payment::Entity::find()
            .filter(column.among(are))
            .order_by_asc(payment::Column::Id)
            .lock_exclusive();
        for row in wave.tx().all(found).await? {
            let payment = payment::open(row)?;
            self.payments.loaded(payment.id, payment);
        }
        Ok(())
    }
    /// Loads top-ups.
    /// # Errors
    /// When the database fails.
    pub async fn load_top_ups(
        &mut self,
        wave: &Wave,
        ids: impl IntoIterator<Item = TopUpId>,
    ) -> Result<(), Unexpected> {
        let ids: BTreeSet<Uuid> = ids.into_iter().map(Uuid::from).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let found = top_up::Entity::find()
            .filter(top_up::Column::Id.among(ids))
            .order_by_asc(top_up::Column::Id)
            .lock_exclusive();
        for row in wave.tx().all(found).await? {
            let top_up = top_up::open(row)?;
            self.top_ups.loaded(top_up.id, top_up);
        }
        Ok(())
    }
    /// Loads refunds.
    /// # Errors
    /// When the database fails.
    pub async fn load_refunds(
        &mut self,
        wave: &Wave,
        ids: impl IntoIterator<Item = RefundId>,
    ) -> Result<(), Unexpected> {
        let ids: BTreeSet<Uuid> = ids.into_iter().map(Uuid::from).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let found = refund::Entity::find()
            .filter(refund::Column::Id.among(ids))
            .order_by_asc(refund::Column::Id)
            .lock_exclusive();
        for row in wave.tx().all(found).await? {
            let refund = refund::open(row)?;
            self.refunds.loaded(refund.id, refund);
        }
        Ok(())
    }
    /// Loads attempts.
    /// # Errors
    /// When the database fails.
    pub async fn load_attempts(
        &mut self,
        wave: &Wave,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<(), Unexpected> {
        let ids: BTreeSet<Uuid> = ids.into_iter().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let found = attempt::Entity::find()
            .filter(attempt::Column::Id.among(ids))
            .order_by_asc(attempt::Column::Id)
            .lock_exclusive();
        for row in wave.tx().all(found).await? {
            let attempt = attempt::open(row)?;
            self.attempts.loaded(attempt.id, attempt);
        }
        Ok(())
    }
    /// Loads at most `most` attempts that are due and that nobody has.
    /// # Errors
    /// When the database fails.
    pub async fn load_due_attempts(&mut self, wave: &Wave, most: u64) -> Result<(), Unexpected> {
        let due = reads::due(wave.now()).order_by_asc(attempt::Column::Id).limit(most);
        for row in wave.tx().all(due.lock_exclusive()).await? {
            let attempt = attempt::open(row)?;
            self.attempts.loaded(attempt.id, attempt);
        }
        Ok(())
    }
    /// Loads the attempts that somebody has.
    /// # Errors
    /// When the database fails.
    pub async fn load_leased_attempts(&mut self, wave: &Wave) -> Result<(), Unexpected> {
        let leased = attempt::Entity::find()
            .filter(attempt::Column::State.eq(State::Due.as_str()))
            .filter(attempt::Column::LeasedUntil.gt(wave.now().micros()));
        let leased = leased.order_by_asc(attempt::Column::Id).lock_exclusive();
        for row in wave.tx().all(leased).await? {
            let attempt = attempt::open(row)?;
            self.attempts.loaded(attempt.id, attempt);
        }
        Ok(())
    }
    /// Loads at most `most` attempts to fill a wallet that wait for their owner since `before`.
    /// # Errors
    /// When the database fails.
    pub async fn load_abandoned_attempts(
        &mut self,
        wave: &Wave,
        before: Timestamp,
        most: u64,
    ) -> Result<(), Unexpected> {
        let found = reads::abandoned(before).order_by_asc(attempt::Column::Id).limit(most);
        for row in wave.tx().all(found.lock_exclusive()).await? {
            let attempt = attempt::open(row)?;
            self.attempts.loaded(attempt.id, attempt);
        }
        Ok(())
    }
    /// Loads the attempts that charge payments which are open.
    /// # Errors
    /// When the database fails.
    pub async fn load_open_charges(&mut self, wave: &Wave) -> Result<(), Unexpected> {
        let open = self.payments.iter().filter(|payment| payment.is_open());
        let charges: Vec<Uuid> = open.filter_map(|payment| payment.charge).collect();
        self.load_attempts(wave, charges).await
    }
    /// Loads wallets.
    /// # Errors
    /// When the database fails.
    pub async fn load_wallets(
        &mut self,
        wave: &Wave,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Result<(), Unexpected> {
        let accounts: BTreeSet<Uuid> = accounts.into_iter().map(Uuid::from).collect();
        if accounts.is_empty() {
            return Ok(());
        }
        let found = wallet::Entity::find()
            .filter(wallet::Column::AccountId.among(accounts))
            .order_by_asc(wallet::Column::AccountId)
            .lock_exclusive();
        for row in wave.tx().all(found).await? {
            let wallet = wallet::open(row)?;
            self.wallets.loaded(wallet.account, wallet);
        }
        Ok(())
    }

    /// Books a movement, on both sides; the wallets that it touches must be loaded.
    /// # Errors
    /// When a wallet is not there or does not hold enough: whoever posts has asked it before.
    pub fn post(&mut self, movement: Movement) -> Result<(), Unexpected> {
        let mut places = [0; 2];
        for (side, place) in movement.sides().into_iter().zip(&mut places) {
            let Book::Wallet(account) = side.book else { continue };
            let wallet = self.wallets.get_mut(account);
            let moved =
                wallet.and_then(|wallet| wallet.moves(side.amount).then_some(wallet.version));
            *place = moved.ok_or_else(|| {
                Unexpected::new(format!("the wallet of {account} cannot move {}", side.amount))
            })?;
        }
        self.posted.push((movement, places));
        Ok(())
    }

    /// Something was done by hand, and is recorded.
    pub fn confirm(&mut self, confirmation: Confirmation) {
        self.confirmed.push(confirmation);
    }
    /// The money of a payment was captured, and stays: with the save it gets the number of its
    /// receipt, and is told.
    pub fn captured(&mut self, payment: PaymentId, version: i64) {
        self.captured.push((payment, version));
    }

    /// Writes what changed, with a handful of statements, and tells what was captured.
    /// # Errors
    /// When a row breaks a constraint.
    pub async fn save(mut self, wave: &mut Wave) -> Result<(), Unexpected> {
        let tx = wave.tx();
        insert_all(tx, self.bills.fresh().map(bill::close).collect()).await?;
        bill::update(tx, self.bills.changed()).await?;
        insert_all(tx, self.top_ups.fresh().map(top_up::close).collect()).await?;
        top_up::update(tx, self.top_ups.changed()).await?;
        insert_all(tx, self.refunds.fresh().map(refund::close).collect()).await?;
        refund::update(tx, self.refunds.changed()).await?;
        insert_all(tx, self.attempts.fresh().map(attempt::close).collect()).await?;
        attempt::update(tx, self.attempts.changed()).await?;
        insert_all(tx, self.entries(wave)).await?;
        insert_all(tx, self.confirmed.iter().map(confirmations::close).collect()).await?;
        // The rows that others wait for come last, and the one that all wait for at the end:
        // only the payments that it numbers follow, and they were locked before.
        insert_all(tx, self.wallets.fresh().map(wallet::close).collect()).await?;
        wallet::update(tx, self.wallets.changed()).await?;
        let captured = self.number_receipts(wave).await?;
        let tx = wave.tx();
        insert_all(tx, self.payments.fresh().map(payment::close).collect()).await?;
        payment::update(tx, self.payments.changed()).await?;
        for (version, event) in captured {
            wave.tell(version, event)?;
        }
        Ok(())
    }
    /// Gives each payment that was captured its number; answers the news with their versions.
    async fn number_receipts(
        &mut self,
        wave: &Wave,
    ) -> Result<Vec<(i64, PaymentCaptured)>, Unexpected> {
        let numbers = receipts::next(wave, self.captured.len()).await?;
        let mut news = Vec::with_capacity(self.captured.len());
        for ((id, version), number) in self.captured.iter().zip(numbers) {
            let lost = || Unexpected::new(format!("payment {id} was captured and is not there"));
            let payment = self.payments.get_mut(*id).ok_or_else(lost)?;
            payment.receipt = Some(number);
            let (order, amount) = (payment.order, payment.amount);
            let receipt = Some(number);
            news.push((*version, PaymentCaptured { payment: *id, order, amount, receipt }));
        }
        Ok(news)
    }
    fn entries(&self, wave: &Wave) -> Vec<entry::ActiveModel> {
        let mut entries = Vec::with_capacity(2 * self.posted.len());
        for (movement, places) in &self.posted {
            let id: Uuid = wave.id();
            for (side, place) in movement.sides().into_iter().zip(places) {
                entries.push(entry::ActiveModel {
                    id: Set(wave.id::<EntryId>().0),
                    movement: Set(id),
                    account: Set(side.book.key()),
                    place: Set(*place),
                    amount: Set(side.amount.minor),
                    currency: Set(side.amount.currency.code().to_owned()),
                    kind: Set(movement.kind().as_str().to_owned()),
                    order_id: Set(movement.order().map(Uuid::from)),
                    at: Set(wave.now().micros()),
                });
            }
        }
        entries
    }
}
