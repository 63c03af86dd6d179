//! Reads: outside a wave, and the conditions that waves share with them.
use super::rows::{attempt, entry, money, payment, wallet};
use crate::attempt::State;
use crate::ledger::Book;
use crate::payment::Payment;
use contracts::payments::WalletEntry;
use contracts::{AccountId, EntryId, Money, OrderId, PaymentId, Timestamp};
use kit::Unexpected;
use kit::db::Rows;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ExprTrait, Func, SimpleExpr};
use sea_orm::{Condition, JoinType, QueryOrder, QuerySelect, RelationDef, Select};

/// Attempts that are due and that nobody has.
pub(super) fn due(now: Timestamp) -> Select<attempt::Entity> {
    attempt::Entity::find()
        .filter(attempt::Column::State.eq(State::Due.as_str()))
        .filter(attempt::Column::NextAt.lte(now.micros()))
        .filter(attempt::Column::LeasedUntil.lte(now.micros()))
}

/// Whether an attempt is due.
/// # Errors
/// When the database fails.
pub async fn is_any_due(db: &impl Rows, now: Timestamp) -> Result<bool, Unexpected> {
    let first = due(now).select_only().column(attempt::Column::Id).limit(1);
    Ok(!db.tuples::<(Uuid,)>(first).await?.is_empty())
}

/// Attempts to fill a wallet that wait for their owner since `before`.
pub(super) fn abandoned(before: Timestamp) -> Select<attempt::Entity> {
    attempt::Entity::find()
        .filter(attempt::Column::State.eq(State::Waiting.as_str()))
        .filter(attempt::Column::TopUpId.is_not_null())
        .filter(attempt::Column::CreatedAt.lte(before.micros()))
}

/// Whether a top-up waits for its owner since `before`.
/// # Errors
/// When the database fails.
pub async fn is_any_abandoned(
    db: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<bool, Unexpected> {
    let first = abandoned(before).select_only().column(attempt::Column::Id).limit(1);
    Ok(first.into_tuple::<Uuid>().one(db).await?.is_some())
}

/// A payment.
/// # Errors
/// When the database fails.
pub async fn payment(
    db: &impl ConnectionTrait,
    id: PaymentId,
) -> Result<Option<Payment>, Unexpected> {
    payment::Entity::find_by_id(id.0).one(db).await?.map(payment::open).transpose()
}

/// What an account has; none before its wallet is made.
/// # Errors
/// When the database fails.
pub async fn balance(
    db: &impl ConnectionTrait,
    account: AccountId,
) -> Result<Option<Money>, Unexpected> {
    let found = wallet::Entity::find_by_id(account.0).one(db).await?;
    found.map(|row| money(row.balance, &row.currency)).transpose()
}

/// Entries of an account's wallet with their places, newest first, before the place `before`.
/// # Errors
/// When the database fails.
pub async fn wallet_entries(
    db: &impl ConnectionTrait,
    account: AccountId,
    before: Option<i64>,
    most: u64,
) -> Result<Vec<(i64, WalletEntry)>, Unexpected> {
    let older = before.map(|before| entry::Column::Place.lt(before));
    let rows = entry::Entity::find()
        .filter(entry::Column::Account.eq(Book::Wallet(account).key()))
        .filter(Condition::all().add_option(older))
        .order_by_desc(entry::Column::Place)
        .limit(most)
        .all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let shown = WalletEntry {
                id: EntryId(row.id),
                amount: money(row.amount, &row.currency)?,
                kind: row.kind,
                order: row.order_id.map(OrderId),
                at: Timestamp::from_micros(row.at),
            };
            Ok((row.place, shown))
        })
        .collect()
}

fn amounts() -> SimpleExpr {
    Func::sum(Expr::col((entry::Entity, entry::Column::Amount))).into()
}

/// Currencies in which the ledger does not sum to zero.
/// # Errors
/// When the database fails.
pub async fn unbalanced_currencies(db: &impl ConnectionTrait) -> Result<Vec<String>, Unexpected> {
    let off = entry::Entity::find()
        .select_only()
        .column(entry::Column::Currency)
        .group_by(entry::Column::Currency)
        .having(ExprTrait::ne(amounts(), 0));
    Ok(off.into_tuple().all(db).await?)
}

/// Movements that do not have two sides which sum to zero.
/// # Errors
/// When the database fails.
pub async fn one_sided_movements(db: &impl ConnectionTrait) -> Result<Vec<Uuid>, Unexpected> {
    let sides = Func::count(Expr::col((entry::Entity, entry::Column::Id)));
    let off = entry::Entity::find()
        .select_only()
        .column(entry::Column::Movement)
        .group_by(entry::Column::Movement)
        .having(Condition::any().add(ExprTrait::ne(amounts(), 0)).add(ExprTrait::ne(sides, 2)));
    Ok(off.into_tuple().all(db).await?)
}

/// Accounts whose balance is not the sum of their wallet's entries.
/// # Errors
/// When the database fails.
pub async fn wallets_off(db: &impl ConnectionTrait) -> Result<Vec<AccountId>, Unexpected> {
    let entries: RelationDef = wallet::Entity::belongs_to(entry::Entity)
        .from(wallet::Column::Book)
        .to(entry::Column::Account)
        .into();
    let sum = Func::coalesce([amounts(), Expr::val(0)]);
    let off = wallet::Entity::find()
        .select_only()
        .column(wallet::Column::AccountId)
        .join(JoinType::LeftJoin, entries)
        .group_by(wallet::Column::AccountId)
        .group_by(wallet::Column::Balance)
        .having(ExprTrait::ne(sum, Expr::col((wallet::Entity, wallet::Column::Balance))));
    Ok(off.into_tuple::<Uuid>().all(db).await?.into_iter().map(AccountId).collect())
}
