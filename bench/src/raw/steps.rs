//! What each service writes for a set of purchases by card, wave by wave.
use super::{Purchase, Writing};
use crate::sql::{delete, text};
use kit::Unexpected;
use kit::db::{Change, Kind, SetUpdate, Tx, insert_rows};
use kit::wave::Wave;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{ConnectionTrait as _, DbErr, Value};
use uuid::Uuid;

const SKUS: i64 = 10_000;
/// How large the texts are that a purchase leaves, as measured in a store.
const ITEMS: usize = 230;
const ADDRESS: usize = 135;
const ANSWER: usize = 1_080;
const EVENT: usize = 330;
const WORDS: usize = 900;

fn filler(length: usize) -> Value {
    text(&"x".repeat(length))
}
fn sku(purchase: &Purchase) -> String {
    format!("RAW-{:05}", purchase.number % SKUS)
}

pub(super) async fn stock_up(wave: &mut Wave) -> Result<(), Unexpected> {
    let row = |number| -> Vec<Value> {
        vec![
            text(&format!("RAW-{number:05}")),
            1_000_000_000_i64.into(),
            0_i64.into(),
            1_i64.into(),
        ]
    };
    let columns = ["sku", "on_hand", "reserved", "version"];
    Ok(insert_rows(wave.tx(), "stock", &columns, (0..SKUS).map(row).collect()).await?)
}

/// One row for each purchase.
fn rows(set: &[Purchase], row: impl Fn(&Purchase) -> Vec<Value>) -> Vec<Vec<Value>> {
    set.iter().map(row).collect()
}

/// The messages of one number were heard.
async fn hear(tx: &Tx, set: &[Purchase], news: usize) -> Result<(), DbErr> {
    let heard = rows(set, |p| vec![p.news[news].into(), 1_i64.into()]);
    insert_rows(tx, "inbox", &["id", "heard_at"], heard).await
}

async fn tell(tx: &Tx, set: &[Purchase], news: usize) -> Result<(), DbErr> {
    let columns = ["id", "name", "subject", "version", "part", "body", "created_at"];
    let told = rows(set, |p| {
        vec![
            p.news[news].into(),
            text("orders.order_placed.v1"),
            text(&p.order.to_string()),
            1_i64.into(),
            p.number.into(),
            filler(EVENT),
            1_i64.into(),
        ]
    });
    insert_rows(tx, "outbox", &columns, told).await
}

async fn forget(tx: &Tx, set: &[Purchase], news: usize) -> Result<(), DbErr> {
    delete(tx, "outbox", "id", set.iter().map(|p| p.news[news].into()).collect()).await
}

pub(super) fn fill_carts<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        let carts =
            rows(set, |p| vec![p.cart.into(), p.account.into(), 1_i64.into(), 1_i64.into()]);
        insert_rows(tx, "carts", &["id", "account_id", "version", "updated_at"], carts).await?;
        let lines = rows(set, |p| {
            let shown: [Value; 2] = [1_999_i64.into(), text("USD")];
            [vec![p.cart.into(), text(&sku(p)), 2_i64.into(), 1_i64.into()], shown.into()].concat()
        });
        let columns = ["cart_id", "sku", "quantity", "position", "shown_price", "shown_currency"];
        insert_rows(tx, "cart_lines", &columns, lines).await
    })
}

pub(super) fn clear_carts<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        hear(tx, set, 2).await?;
        let carts = rows(set, |p| vec![p.cart.into(), 2_i64.into()]);
        SetUpdate::of("carts")
            .key("id", Kind::Id)
            .change(Change::To("version"), Kind::Int)
            .run(tx, carts)
            .await?;
        delete(tx, "cart_lines", "cart_id", set.iter().map(|p| p.cart.into()).collect()).await
    })
}

pub(super) fn begin<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        let keys = rows(set, |p| {
            let name: Vec<u8> = [p.order.as_bytes().as_slice(), p.cart.as_bytes()].concat();
            vec![name.clone().into(), name.into(), p.order.into(), 1_i64.into(), 1_i64.into()]
        });
        let columns = ["request", "body_hash", "resource", "leased_until", "created_at"];
        insert_rows(tx, "idempotency", &columns, keys).await
    })
}

const ORDER: [&str; 24] = [
    "id",
    "number",
    "account",
    "cart_id",
    "cart_version",
    "status",
    "payment",
    "payment_status",
    "method",
    "currency",
    "subtotal",
    "shipping",
    "tax",
    "discount",
    "total",
    "refunded",
    "items",
    "shipping_method",
    "shipping_address",
    "expires_at",
    "steps",
    "created_at",
    "version",
    "placed_with",
];

pub(super) fn place<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        let answers = rows(set, |p| vec![p.order.into(), filler(ANSWER)]);
        SetUpdate::of("idempotency")
            .key("resource", Kind::Id)
            .change(Change::To("answer"), Kind::Text)
            .run(tx, answers)
            .await?;
        let int = |number: i64| Value::from(number);
        let orders = rows(set, |p| {
            vec![
                p.order.into(),
                text(&p.order.simple().to_string()),
                p.account.into(),
                p.cart.into(),
                int(1),
                text("pending"),
                p.payment.into(),
                text("pending"),
                text("card"),
                text("USD"),
                int(3_998),
                int(499),
                int(0),
                int(0),
                int(4_497),
                int(0),
                filler(ITEMS),
                text("standard"),
                filler(ADDRESS),
                int(1),
                filler(60),
                int(1),
                int(1),
                text("card"),
            ]
        });
        insert_rows(tx, "orders", &ORDER, orders).await?;
        let carts = rows(set, |p| vec![p.cart.into(), 1_i64.into(), p.order.into()]);
        let columns = ["cart_id", "cart_version", "order_id"];
        insert_rows(tx, "ordered_carts", &columns, carts).await?;
        tell(tx, set, 0).await
    })
}

pub(super) fn pay<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        hear(tx, set, 1).await?;
        let null = Value::BigInt(None);
        let paid = rows(set, |p| {
            let (steps, at) = (filler(120), 1_i64.into());
            let number = p.number.into();
            let states = [text("paid"), text("captured")];
            [
                vec![p.order.into()],
                states.into(),
                vec![null.clone(), steps, at, number, 2_i64.into()],
            ]
            .concat()
        });
        SetUpdate::of("orders")
            .key("id", Kind::Id)
            .change(Change::To("status"), Kind::Text)
            .change(Change::To("payment_status"), Kind::Text)
            .change(Change::To("expires_at"), Kind::Int)
            .change(Change::To("steps"), Kind::Text)
            .change(Change::To("paid_at"), Kind::Int)
            .change(Change::To("receipt"), Kind::Int)
            .change(Change::To("version"), Kind::Int)
            .run(tx, paid)
            .await?;
        tell(tx, set, 2).await?;
        // What was sent is forgotten with whatever is written next.
        forget(tx, set, 0).await?;
        forget(tx, set, 2).await
    })
}

async fn change_stock(tx: &Tx, set: &[Purchase], column: &'static str) -> Result<(), DbErr> {
    // A set changes each SKU once.
    let mut of = std::collections::BTreeMap::new();
    for p in set {
        *of.entry(sku(p)).or_insert(0_i64) += if column == "reserved" { 2 } else { -2 };
    }
    let rows = of.into_iter().map(|(sku, delta)| vec![text(&sku), delta.into(), 1_i64.into()]);
    SetUpdate::of("stock")
        .key("sku", Kind::Text)
        .change(Change::Add(column), Kind::Int)
        .change(Change::Add("version"), Kind::Int)
        .run(tx, rows.collect())
        .await
}

pub(super) fn reserve<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        let holds = rows(set, |p| {
            vec![p.order.into(), text("held"), filler(20), 1_i64.into(), 1_i64.into()]
        });
        let columns = ["order_id", "state", "lines", "ask_at", "created_at"];
        insert_rows(tx, "holds", &columns, holds).await?;
        change_stock(tx, set, "reserved").await
    })
}

pub(super) fn take<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        hear(tx, set, 2).await?;
        let holds = rows(set, |p| vec![p.order.into(), text("taken"), Value::BigInt(None)]);
        SetUpdate::of("holds")
            .key("order_id", Kind::Id)
            .change(Change::To("state"), Kind::Text)
            .change(Change::To("ask_at"), Kind::Int)
            .run(tx, holds)
            .await?;
        let history = rows(set, |p| {
            vec![
                p.others[0].into(),
                text(&sku(p)),
                p.number.into(),
                (-2_i64).into(),
                text("sold"),
                p.order.into(),
                1_i64.into(),
            ]
        });
        let columns = ["id", "sku", "version", "delta", "reason", "order_id", "at"];
        insert_rows(tx, "adjustments", &columns, history).await?;
        change_stock(tx, set, "on_hand").await
    })
}

pub(super) fn start<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        hear(tx, set, 0).await?;
        let yes: Value = true.into();
        let no: Value = false.into();
        let bills = rows(set, |p| {
            vec![p.order.into(), p.payment.into(), yes.clone(), no.clone(), 0_i64.into()]
        });
        insert_rows(tx, "bills", &["order_id", "present", "placed", "closed", "kept"], bills)
            .await?;
        let zero: Value = 0_i64.into();
        let payments = rows(set, |p| {
            let ids = [p.payment, p.order, p.account].map(Value::from);
            let what = [text("card"), 4_497_i64.into(), text("USD"), text("pending")];
            let sums = [zero.clone(), zero.clone(), zero.clone()];
            let rest = [p.attempt.into(), no.clone(), 1_i64.into(), 1_i64.into()];
            [&ids[..], &what[..], &sums[..], &rest[..]].concat()
        });
        let columns = [
            "id",
            "order_id",
            "account_id",
            "method",
            "amount",
            "currency",
            "status",
            "captured",
            "promised",
            "refunded",
            "charge",
            "continued",
            "version",
            "created_at",
        ];
        insert_rows(tx, "payments", &columns, payments).await?;
        let attempts = rows(set, |p| {
            let what = [p.attempt.into(), text("charge"), text("due"), p.payment.into()];
            let money = [4_497_i64.into(), text("USD"), text("tok_visa")];
            let rest = [zero.clone(), zero.clone(), zero.clone(), zero.clone()];
            [&what[..], &money[..], &rest[..]].concat()
        });
        let columns = [
            "id",
            "step",
            "state",
            "payment_id",
            "amount",
            "currency",
            "token",
            "tries",
            "leased_until",
            "next_at",
            "created_at",
        ];
        insert_rows(tx, "attempts", &columns, attempts).await
    })
}

async fn change_attempts(tx: &Tx, set: &[Purchase], state: &str) -> Result<(), DbErr> {
    let attempts = rows(set, |p| vec![p.attempt.into(), text(state), 1_i64.into(), 2_i64.into()]);
    SetUpdate::of("attempts")
        .key("id", Kind::Id)
        .change(Change::To("state"), Kind::Text)
        .change(Change::To("tries"), Kind::Int)
        .change(Change::To("leased_until"), Kind::Int)
        .run(tx, attempts)
        .await
}

pub(super) fn claim<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(change_attempts(tx, set, "due"))
}

/// The sandbox provider keeps its book in the same database.
pub(super) fn charge<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        let zero: Value = 0_i64.into();
        let charges = rows(set, |p| {
            let what = [p.attempt.into(), text("charge"), 4_497_i64.into(), zero.clone()];
            let rest =
                [text("USD"), text("tok_visa"), text("captured"), zero.clone(), zero.clone()];
            [&what[..], &rest[..]].concat()
        });
        let columns =
            ["id", "kind", "amount", "refunded", "currency", "token", "state", "settles_at", "at"];
        insert_rows(tx, "sandbox_charges", &columns, charges).await
    })
}

pub(super) fn settle<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        change_attempts(tx, set, "done").await?;
        let payments = rows(set, |p| {
            let receipt = p.number.into();
            vec![p.payment.into(), text("captured"), 4_497_i64.into(), receipt, 2_i64.into()]
        });
        SetUpdate::of("payments")
            .key("id", Kind::Id)
            .change(Change::To("status"), Kind::Text)
            .change(Change::To("captured"), Kind::Int)
            .change(Change::To("receipt"), Kind::Int)
            .change(Change::To("version"), Kind::Int)
            .run(tx, payments)
            .await?;
        let side = |p: &Purchase, which: usize, book: &str, amount: i64| -> Vec<Value> {
            vec![
                p.others[which].into(),
                p.others[3].into(),
                text(book),
                0_i64.into(),
                amount.into(),
                text("USD"),
                text("purchase"),
                p.order.into(),
                1_i64.into(),
            ]
        };
        let entries =
            set.iter().flat_map(|p| [side(p, 1, "card", -4_497), side(p, 2, "sales", 4_497)]);
        let columns =
            ["id", "movement", "account", "place", "amount", "currency", "kind", "order_id", "at"];
        insert_rows(tx, "ledger_entries", &columns, entries.collect()).await?;
        tell(tx, set, 1).await?;
        forget(tx, set, 1).await
    })
}

pub(super) fn score<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        hear(tx, set, 2).await?;
        let counted = rows(set, |p| vec![p.order.into(), true.into()]);
        insert_rows(tx, "counted_orders", &["order_id", "counted"], counted).await?;
        // New rows: an index that is written costs what one that is changed does.
        let scores = rows(set, |p| vec![p.order.into(), 2_i64.into(), true.into()]);
        insert_rows(tx, "scores", &["product_id", "score", "stale"], scores).await
    })
}

async fn intend(
    tx: &Tx,
    set: &[Purchase],
    (news, which): (usize, usize),
    kind: &str,
) -> Result<(), DbErr> {
    hear(tx, set, news).await?;
    let letters = rows(set, |p| {
        vec![
            p.others[which].into(),
            text(kind),
            p.order.into(),
            p.order.into(),
            p.account.into(),
            false.into(),
            1_i64.into(),
            text("due"),
            1_i64.into(),
            0_i64.into(),
        ]
    });
    let columns = [
        "id", "kind", "about", "order_id", "account", "was_paid", "told_at", "state", "next_at",
        "tries",
    ];
    insert_rows(tx, "letters", &columns, letters).await
}

pub(super) fn confirm<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(intend(tx, set, (0, 4), "order_confirmation"))
}
pub(super) fn receipt<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(intend(tx, set, (2, 5), "receipt"))
}

/// The letters of a set: a confirmation and a receipt each.
fn letters(set: &[Purchase], row: impl Fn(&Purchase, Uuid) -> Vec<Value>) -> Vec<Vec<Value>> {
    set.iter().flat_map(|p| [row(p, p.others[4]), row(p, p.others[5])]).collect()
}

/// The letters are written.
async fn finish(tx: &Tx, letters: Vec<Value>) -> Result<(), DbErr> {
    let mut update = Query::update();
    update
        .table(Alias::new("letters"))
        .value(Alias::new("state"), "written")
        .value(Alias::new("next_at"), Value::BigInt(None))
        .and_where(Expr::col(Alias::new("id")).is_in(letters));
    tx.execute(&update).await.map(drop)
}

pub(super) fn post<'a>(tx: &'a Tx, set: &'a [Purchase]) -> Writing<'a> {
    Box::pin(async move {
        let mails = letters(set, |p, id| {
            let ids = [id.into(), text("receipt"), p.order.into(), p.account.into()];
            let to = format!("shopper-{}@example.com", p.number);
            let head = [text(&id.to_string()), text(&to), filler(40)];
            let rest = [text(""), text(""), filler(WORDS), text("outbox"), 1_i64.into(), text(&to)];
            [&ids[..], &head[..], &rest[..]].concat()
        });
        let columns = [
            "id",
            "kind",
            "order_id",
            "account",
            "message_id",
            "recipient",
            "subject",
            "plain",
            "html",
            "words",
            "state",
            "created_at",
            "address",
        ];
        insert_rows(tx, "mails", &columns, mails).await?;
        let shown = letters(set, |p, id| {
            let what = [id.into(), p.account.into(), text("receipt"), filler(40), filler(120)];
            let rest = [p.order.into(), 1_i64.into(), 1_i64.into()];
            [&what[..], &rest[..]].concat()
        });
        let columns =
            ["id", "account", "kind", "title", "body", "order_id", "told_at", "written_at"];
        insert_rows(tx, "notifications", &columns, shown).await?;
        let done: Vec<Value> =
            set.iter().flat_map(|p| [p.others[4].into(), p.others[5].into()]).collect();
        finish(tx, done).await
    })
}
