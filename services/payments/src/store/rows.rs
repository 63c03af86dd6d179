//! The tables, and how their rows become aggregates and back.
use crate::attempt::{Attempt, Purpose, State, Step};
use crate::ledger::Book;
use crate::payment::{Bill, Payment, status_name, status_named};
use crate::store::RefundRow;
use crate::wallet::{Filling, Wallet};
use contracts::payments::{PaymentMethod, PaymentStatus, RefundStatus};
use contracts::{AccountId, Currency, Money, OrderId, PaymentId, RefundId, Timestamp, TopUpId};
use kit::Unexpected;
use kit::db::{Change, Kind, SetUpdate, Tx};
use sea_orm::{DbErr, Set, Value};

/// A text in a row that nobody here wrote.
fn unknown(what: &str, text: &str) -> Unexpected {
    Unexpected::new(format!("{text:?} is no {what}"))
}
/// The money in a row.
pub(super) fn money(minor: i64, currency: &str) -> Result<Money, Unexpected> {
    let code: Currency = currency.parse().map_err(|_| unknown("currency", currency))?;
    Ok(Money::new(minor, code))
}
fn method(name: &str) -> Result<PaymentMethod, Unexpected> {
    let known = [
        PaymentMethod::Wallet,
        PaymentMethod::Card,
        PaymentMethod::BankTransfer,
        PaymentMethod::CashOnDelivery,
    ];
    let found = known.into_iter().find(|method| method.as_str() == name);
    found.ok_or_else(|| unknown("method", name))
}
fn status(name: &str) -> Result<PaymentStatus, Unexpected> {
    status_named(name).ok_or_else(|| unknown("status", name))
}

/// `bills`.
pub mod bill {
    use super::*;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bills")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        pub present: Option<Uuid>,
        pub placed: bool,
        pub closed: bool,
        pub kept: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    kit::by_place!(Model: order_id, present, placed, closed, kept);

    pub(in crate::store) fn open(row: Model) -> Bill {
        Bill {
            order: OrderId(row.order_id),
            present: row.present.map(PaymentId),
            placed: row.placed,
            closed: row.closed,
            kept: row.kept,
        }
    }
    pub(in crate::store) fn close(bill: &Bill) -> ActiveModel {
        ActiveModel {
            order_id: Set(bill.order.0),
            present: Set(bill.present.map(Uuid::from)),
            placed: Set(bill.placed),
            closed: Set(bill.closed),
            kept: Set(bill.kept),
        }
    }
    pub(in crate::store) async fn update(
        tx: &Tx,
        changed: impl Iterator<Item = (&Bill, &Bill)>,
    ) -> Result<(), DbErr> {
        let row = |(bill, _): (&Bill, &Bill)| -> Vec<Value> {
            vec![
                bill.order.0.into(),
                bill.present.map(Uuid::from).into(),
                bill.placed.into(),
                bill.closed.into(),
                bill.kept.into(),
            ]
        };
        SetUpdate::of("bills")
            .key("order_id", Kind::Id)
            .change(Change::To("present"), Kind::Id)
            .change(Change::To("placed"), Kind::Bool)
            .change(Change::To("closed"), Kind::Bool)
            .change(Change::To("kept"), Kind::Int)
            .run(tx, changed.map(row).collect())
            .await
    }
}

/// `payments`.
pub mod payment {
    use super::*;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "payments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub order_id: Uuid,
        pub account_id: Option<Uuid>,
        pub method: String,
        pub amount: i64,
        pub currency: String,
        pub status: String,
        pub failure_code: Option<String>,
        pub captured: i64,
        pub promised: i64,
        pub refunded: i64,
        pub charge: Option<Uuid>,
        pub continued: bool,
        pub receipt: Option<i64>,
        pub version: i64,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    kit::by_place!(Model:
        id, order_id, account_id, method, amount, currency, status, failure_code, captured,
        promised, refunded, charge, continued, receipt, version, created_at
    );

    /// The payment in a row.
    /// # Errors
    /// When the row holds a name that is not known.
    pub fn open(row: Model) -> Result<Payment, Unexpected> {
        let method = method(&row.method)?;
        Ok(Payment {
            id: PaymentId(row.id),
            order: OrderId(row.order_id),
            account: row.account_id.map(AccountId),
            method,
            amount: money(row.amount, &row.currency)?,
            status: status(&row.status)?,
            failure_code: row.failure_code,
            captured: money(row.captured, &row.currency)?,
            promised: money(row.promised, &row.currency)?,
            refunded: money(row.refunded, &row.currency)?,
            charge: row.charge,
            continued: row.continued,
            receipt: row.receipt,
            version: row.version,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
    pub(in crate::store) fn close(payment: &Payment) -> ActiveModel {
        ActiveModel {
            id: Set(payment.id.0),
            order_id: Set(payment.order.0),
            account_id: Set(payment.account.map(Uuid::from)),
            method: Set(payment.method.as_str().to_owned()),
            amount: Set(payment.amount.minor),
            currency: Set(payment.amount.currency.code().to_owned()),
            status: Set(status_name(payment.status).to_owned()),
            failure_code: Set(payment.failure_code.clone()),
            captured: Set(payment.captured.minor),
            promised: Set(payment.promised.minor),
            refunded: Set(payment.refunded.minor),
            charge: Set(payment.charge),
            continued: Set(payment.continued),
            receipt: Set(payment.receipt),
            version: Set(payment.version),
            created_at: Set(payment.created_at.micros()),
        }
    }
    pub(in crate::store) async fn update(
        tx: &Tx,
        changed: impl Iterator<Item = (&Payment, &Payment)>,
    ) -> Result<(), DbErr> {
        let row = |(payment, _): (&Payment, &Payment)| -> Vec<Value> {
            vec![
                payment.id.0.into(),
                status_name(payment.status).into(),
                payment.failure_code.clone().into(),
                payment.captured.minor.into(),
                payment.promised.minor.into(),
                payment.refunded.minor.into(),
                payment.continued.into(),
                payment.receipt.into(),
                payment.version.into(),
            ]
        };
        SetUpdate::of("payments")
            .key("id", Kind::Id)
            .change(Change::To("status"), Kind::Text)
            .change(Change::To("failure_code"), Kind::Text)
            .change(Change::To("captured"), Kind::Int)
            .change(Change::To("promised"), Kind::Int)
            .change(Change::To("refunded"), Kind::Int)
            .change(Change::To("continued"), Kind::Bool)
            .change(Change::To("receipt"), Kind::Int)
            .change(Change::To("version"), Kind::Int)
            .run(tx, changed.map(row).collect())
            .await
    }
}

/// `refunds`.
pub mod refund {
    use super::*;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "refunds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub payment_id: Uuid,
        pub amount: i64,
        pub currency: String,
        pub reason: String,
        pub restock: bool,
        pub staff_id: Option<Uuid>,
        pub status: String,
        pub failure_code: Option<String>,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    kit::by_place!(Model:
        id, payment_id, amount, currency, reason, restock, staff_id, status, failure_code,
        created_at
    );

    const fn name(status: RefundStatus) -> &'static str {
        match status {
            RefundStatus::Pending => "pending",
            RefundStatus::Done => "done",
            RefundStatus::Failed => "failed",
        }
    }
    /// The refund in a row.
    /// # Errors
    /// When the row holds a name that is not known.
    pub fn open(row: Model) -> Result<RefundRow, Unexpected> {
        let status = [RefundStatus::Pending, RefundStatus::Done, RefundStatus::Failed]
            .into_iter()
            .find(|status| name(*status) == row.status)
            .ok_or_else(|| unknown("refund's status", &row.status))?;
        Ok(RefundRow {
            id: RefundId(row.id),
            payment: PaymentId(row.payment_id),
            amount: money(row.amount, &row.currency)?,
            reason: row.reason,
            restock: row.restock,
            by: row.staff_id.map(AccountId),
            status,
            failure_code: row.failure_code,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
    pub(in crate::store) fn close(refund: &RefundRow) -> ActiveModel {
        ActiveModel {
            id: Set(refund.id.0),
            payment_id: Set(refund.payment.0),
            amount: Set(refund.amount.minor),
            currency: Set(refund.amount.currency.code().to_owned()),
            reason: Set(refund.reason.clone()),
            restock: Set(refund.restock),
            staff_id: Set(refund.by.map(Uuid::from)),
            status: Set(name(refund.status).to_owned()),
            failure_code: Set(refund.failure_code.clone()),
            created_at: Set(refund.created_at.micros()),
        }
    }
    pub(in crate::store) async fn update(
        tx: &Tx,
        changed: impl Iterator<Item = (&RefundRow, &RefundRow)>,
    ) -> Result<(), DbErr> {
        let row = |(refund, _): (&RefundRow, &RefundRow)| -> Vec<Value> {
            vec![refund.id.0.into(), name(refund.status).into(), refund.failure_code.clone().into()]
        };
        SetUpdate::of("refunds")
            .key("id", Kind::Id)
            .change(Change::To("status"), Kind::Text)
            .change(Change::To("failure_code"), Kind::Text)
            .run(tx, changed.map(row).collect())
            .await
    }
}

/// `top_ups`.
pub mod top_up {
    use super::*;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "top_ups")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub account_id: Uuid,
        pub amount: i64,
        pub currency: String,
        pub status: String,
        pub failure_code: Option<String>,
        pub version: i64,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    kit::by_place!(Model:
        id, account_id, amount, currency, status, failure_code, version, created_at
    );

    /// The top-up in a row.
    /// # Errors
    /// When the row holds a name that is not known.
    pub fn open(row: Model) -> Result<Filling, Unexpected> {
        Ok(Filling {
            id: TopUpId(row.id),
            account: AccountId(row.account_id),
            amount: money(row.amount, &row.currency)?,
            status: status(&row.status)?,
            failure_code: row.failure_code,
            version: row.version,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
    pub(in crate::store) fn close(filling: &Filling) -> ActiveModel {
        ActiveModel {
            id: Set(filling.id.0),
            account_id: Set(filling.account.0),
            amount: Set(filling.amount.minor),
            currency: Set(filling.amount.currency.code().to_owned()),
            status: Set(status_name(filling.status).to_owned()),
            failure_code: Set(filling.failure_code.clone()),
            version: Set(filling.version),
            created_at: Set(filling.created_at.micros()),
        }
    }
    pub(in crate::store) async fn update(
        tx: &Tx,
        changed: impl Iterator<Item = (&Filling, &Filling)>,
    ) -> Result<(), DbErr> {
        let row = |(filling, _): (&Filling, &Filling)| -> Vec<Value> {
            vec![
                filling.id.0.into(),
                status_name(filling.status).into(),
                filling.failure_code.clone().into(),
                filling.version.into(),
            ]
        };
        SetUpdate::of("top_ups")
            .key("id", Kind::Id)
            .change(Change::To("status"), Kind::Text)
            .change(Change::To("failure_code"), Kind::Text)
            .change(Change::To("version"), Kind::Int)
            .run(tx, changed.map(row).collect())
            .await
    }
}

/// `attempts`.
pub mod attempt {
    use super::*;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "attempts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub step: String,
        pub state: String,
        pub payment_id: Option<Uuid>,
        pub top_up_id: Option<Uuid>,
        pub refund_id: Option<Uuid>,
        pub charge: Option<Uuid>,
        pub amount: i64,
        pub currency: String,
        pub token: Option<String>,
        pub tries: i64,
        pub leased_until: i64,
        pub next_at: i64,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    kit::by_place!(Model:
        id, step, state, payment_id, top_up_id, refund_id, charge, amount, currency, token, tries,
        leased_until, next_at, created_at
    );

    /// The attempt in a row.
    /// # Errors
    /// When the row holds a name that is not known.
    pub fn open(row: Model) -> Result<Attempt, Unexpected> {
        let purpose = match (row.payment_id, row.top_up_id, row.refund_id, row.charge) {
            (Some(payment), None, Some(refund), Some(charge)) => {
                let (payment, refund) = (PaymentId(payment), RefundId(refund));
                Purpose::Refund { payment, refund, charge }
            }
            (Some(payment), None, None, None) => Purpose::Payment(PaymentId(payment)),
            (None, Some(top_up), None, None) => Purpose::TopUp(TopUpId(top_up)),
            _ => return Err(Unexpected::new(format!("attempt {} has no purpose", row.id))),
        };
        Ok(Attempt {
            id: row.id,
            step: Step::named(&row.step).ok_or_else(|| unknown("step", &row.step))?,
            state: State::named(&row.state).ok_or_else(|| unknown("state", &row.state))?,
            purpose,
            amount: money(row.amount, &row.currency)?,
            token: row.token,
            tries: row.tries,
            leased_until: Timestamp::from_micros(row.leased_until),
            next_at: Timestamp::from_micros(row.next_at),
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
    pub(in crate::store) fn close(attempt: &Attempt) -> ActiveModel {
        let (payment, top_up, refund, charge) = match attempt.purpose {
            Purpose::Payment(payment) => (Some(payment.0), None, None, None),
            Purpose::TopUp(top_up) => (None, Some(top_up.0), None, None),
            Purpose::Refund { payment, refund, charge } => {
                (Some(payment.0), None, Some(refund.0), Some(charge))
            }
        };
        ActiveModel {
            id: Set(attempt.id),
            step: Set(attempt.step.as_str().to_owned()),
            state: Set(attempt.state.as_str().to_owned()),
            payment_id: Set(payment),
            top_up_id: Set(top_up),
            refund_id: Set(refund),
            charge: Set(charge),
            amount: Set(attempt.amount.minor),
            currency: Set(attempt.amount.currency.code().to_owned()),
            token: Set(attempt.token.clone()),
            tries: Set(attempt.tries),
            leased_until: Set(attempt.leased_until.micros()),
            next_at: Set(attempt.next_at.micros()),
            created_at: Set(attempt.created_at.micros()),
        }
    }
    pub(in crate::store) async fn update(
        tx: &Tx,
        changed: impl Iterator<Item = (&Attempt, &Attempt)>,
    ) -> Result<(), DbErr> {
        let lease = |(attempt, _): (&Attempt, &Attempt)| -> Vec<Value> {
            vec![attempt.id.into(), attempt.tries.into(), attempt.leased_until.micros().into()]
        };
        let row = |(attempt, _): (&Attempt, &Attempt)| -> Vec<Value> {
            vec![
                attempt.id.into(),
                attempt.step.as_str().into(),
                attempt.state.as_str().into(),
                attempt.tries.into(),
                attempt.leased_until.micros().into(),
                attempt.next_at.micros().into(),
            ]
        };
        // An index is rewritten for what is set, changed or not.
        let is_leased = |(attempt, was): &(&Attempt, &Attempt)| {
            (attempt.step, attempt.state, attempt.next_at) == (was.step, was.state, was.next_at)
        };
        let (leased, moved): (Vec<_>, Vec<_>) = changed.partition(is_leased);
        SetUpdate::of("attempts")
            .key("id", Kind::Id)
            .change(Change::To("tries"), Kind::Int)
            .change(Change::To("leased_until"), Kind::Int)
            .run(tx, leased.into_iter().map(lease).collect())
            .await?;
        SetUpdate::of("attempts")
            .key("id", Kind::Id)
            .change(Change::To("step"), Kind::Text)
            .change(Change::To("state"), Kind::Text)
            .change(Change::To("tries"), Kind::Int)
            .change(Change::To("leased_until"), Kind::Int)
            .change(Change::To("next_at"), Kind::Int)
            .run(tx, moved.into_iter().map(row).collect())
            .await
    }
}

/// `wallets`.
pub mod wallet {
    use super::*;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "wallets")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: Uuid,
        pub book: String,
        pub balance: i64,
        pub currency: String,
        pub version: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    kit::by_place!(Model: account_id, book, balance, currency, version);

    pub(in crate::store) fn open(row: Model) -> Result<Wallet, Unexpected> {
        let balance = money(row.balance, &row.currency)?;
        Ok(Wallet { account: AccountId(row.account_id), balance, version: row.version })
    }
    pub(in crate::store) fn close(wallet: &Wallet) -> ActiveModel {
        ActiveModel {
            account_id: Set(wallet.account.0),
            book: Set(Book::Wallet(wallet.account).key()),
            balance: Set(wallet.balance.minor),
            currency: Set(wallet.balance.currency.code().to_owned()),
            version: Set(wallet.version),
        }
    }
    pub(in crate::store) async fn update(
        tx: &Tx,
        changed: impl Iterator<Item = (&Wallet, &Wallet)>,
    ) -> Result<(), DbErr> {
        let row = |(wallet, was): (&Wallet, &Wallet)| -> Vec<Value> {
            vec![
                wallet.account.0.into(),
                (wallet.balance.minor - was.balance.minor).into(),
                (wallet.version - was.version).into(),
            ]
        };
        SetUpdate::of("wallets")
            .key("account_id", Kind::Id)
            .change(Change::Add("balance"), Kind::Int)
            .change(Change::Add("version"), Kind::Int)
            .run(tx, changed.map(row).collect())
            .await
    }
}

/// `ledger_entries`.
pub mod entry {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ledger_entries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub movement: Uuid,
        pub account: String,
        pub place: i64,
        pub amount: i64,
        pub currency: String,
        pub kind: String,
        pub order_id: Option<Uuid>,
        pub at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}
