//! What the services say to staff, where a test wants nothing else.
use crate::town::{HOSTILE, Town, now, order_id, product, review, sku, usd};
use contracts::catalog::{ListShelf, ReviewPage, ReviewStatus, ReviewsToModerate, ShelfPage};
use contracts::identity::{AccountForStaff, AccountPage, ListAccounts, Me};
use contracts::inventory::{
    Adjustment, ListStock, StockHistory, StockHistoryPage, StockLevel, StockOf, StockPage,
};
use contracts::notifications::{GetMail, ListMails, Mail, MailPage, MailStatus, WholeMail};
use contracts::payments::{
    GetPayment, ListTransactions, PaymentForStaff, PaymentMethod, PaymentStatus, Refund,
    RefundStatus, Transaction, TransactionPage,
};
use contracts::{AccountId, Call, Caller, Role, Sku};
use kit::calls::Answer;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// The calls of a kind that a service got.
pub type Heard<C> = Arc<Mutex<Vec<C>>>;

pub fn level(sku: Sku, on_hand: i64) -> StockLevel {
    StockLevel { sku, on_hand, reserved: 3, available: on_hand - 3, low_stock_at: None }
}

pub fn transaction(kind: &str, outcome: &str) -> Transaction {
    Transaction {
        payment: Uuid::from_u128(5),
        kind: kind.to_owned(),
        amount: usd(2497),
        outcome: outcome.to_owned(),
        provider_ref: Some("ch_1".to_owned()),
        failure_code: (outcome == "declined").then(|| "card_declined".to_owned()),
        by: None,
        at: now(),
    }
}

/// The payment of the usual order.
pub fn payment(method: PaymentMethod, status: PaymentStatus) -> PaymentForStaff {
    PaymentForStaff {
        id: Uuid::from_u128(5).into(),
        order: Some(order_id()),
        method,
        status,
        amount: usd(2497),
        refunded: usd(0),
        receipt: Some(42),
        refunds: Vec::new(),
        transactions: vec![transaction("authorise", "done"), transaction("capture", "done")],
    }
}

pub fn refund(status: RefundStatus) -> Refund {
    Refund {
        id: Uuid::from_u128(6).into(),
        payment: Uuid::from_u128(5).into(),
        amount: usd(500),
        status,
        created_at: now(),
    }
}

pub fn mail(subject: &str, status: MailStatus) -> Mail {
    Mail {
        id: Uuid::from_u128(8).into(),
        to: "ada@example.com".to_owned(),
        subject: subject.to_owned(),
        kind: "receipt".to_owned(),
        order: Some(order_id()),
        account: None,
        status,
        attempts: 2,
        error: (status == MailStatus::Failed).then(|| "550 no such box".to_owned()),
        at: now(),
    }
}

pub fn account(at: u128, email: &str, role: Role) -> AccountForStaff {
    let me = Me {
        id: AccountId(Uuid::from_u128(at)),
        email: email.to_owned(),
        name: "Somebody".to_owned(),
        email_verified: true,
        role,
        created_at: now(),
    };
    AccountForStaff { me, disabled: false }
}

impl Town {
    /// Answers `C`, and remembers what was asked.
    pub fn hear<C: Call>(
        self,
        heard: &Heard<C>,
        say: impl Fn(&C) -> Answer<C> + Send + Sync + 'static,
    ) -> Self {
        let heard = Arc::clone(heard);
        self.play::<C>(move |_: Caller, call| {
            let answer = say(&call);
            heard.lock().unwrap().push(call);
            answer
        })
    }
    /// What staff is told in most tests.
    pub fn usual_counter(self) -> Self {
        self.play::<ListStock>(|_, _| {
            let items = vec![level(sku("FR-HC"), 10), level(sku("GONE-1"), 4)];
            Ok(StockPage { items, next_cursor: Some("stock cursor".to_owned()) })
        })
        .play::<StockOf>(|_, of| Ok(of.skus.into_iter().map(|sku| level(sku, 10)).collect()))
        .play::<StockHistory>(|_, asked| {
            let change = |delta, reason: &str| Adjustment {
                id: Uuid::nil().into(),
                sku: asked.sku.clone(),
                delta,
                reason: reason.to_owned(),
                order: (delta < 0).then(order_id),
                by: None,
                at: now(),
            };
            let items = vec![change(-2, "sold"), change(12, HOSTILE)];
            Ok(StockHistoryPage { items, next_cursor: None })
        })
        .play::<GetPayment>(|_, _| Ok(payment(PaymentMethod::Card, PaymentStatus::Captured)))
        .play::<ListTransactions>(|_, _| {
            let items = vec![transaction("capture", "done"), transaction("refund", "declined")];
            Ok(TransactionPage { items, next_cursor: Some("money cursor".to_owned()) })
        })
        .play::<ReviewsToModerate>(|_, asked| {
            let mut said = review("A monster", "Of a book.");
            said.status = asked.status;
            said.product = product().id;
            let items =
                if asked.status == ReviewStatus::Rejected { Vec::new() } else { vec![said] };
            Ok(ReviewPage { items, next_cursor: None })
        })
        .play::<ListMails>(|_, _| {
            let items =
                vec![mail("Your receipt", MailStatus::Failed), mail(HOSTILE, MailStatus::Sent)];
            Ok(MailPage { items, next_cursor: None })
        })
        .play::<GetMail>(|_, _| {
            Ok(WholeMail {
                mail: mail("Your receipt", MailStatus::Failed),
                message_id: "a@b".to_owned(),
                text: "We received 24.97 USD.".to_owned(),
                html: "<!doctype html><p style=\"color:red\">We received</p>".to_owned(),
            })
        })
        .play::<ListAccounts>(|_, _| {
            let items = vec![
                account(1, "boss@example.com", Role::Admin),
                account(9, "ada@example.com", Role::Customer),
            ];
            Ok(AccountPage { items, next_cursor: None })
        })
        .play::<ListShelf>(|_, list| {
            let items = vec![crate::town::entry(5, "mary-shelley", "Mary Shelley")];
            Ok(ShelfPage { items, page: list.page, per_page: list.per_page, total: 60 })
        })
    }
}
