//! The tables of what staff is still to be told of, and of when it was told last.
use crate::letter::{Kind, Low};
use contracts::Timestamp;
use contracts::inventory::LowStock;
use kit::bus::Heard;
use kit::db::{self, Among, Change, SetUpdate, Tx, insert_all};
use kit::problem::Unexpected;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, Set};
use std::collections::{BTreeMap, BTreeSet};

/// A SKU that staff is to be told of.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "low_stock")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub sku: String,
    pub available: i64,
    pub threshold: i64,
    pub told_at: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

mod digests {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "digests")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        pub last_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Notes SKUs; of one that is noted already, what was told last stays.
pub async fn note(tx: &Tx, heard: &[Heard<LowStock>]) -> Result<(), DbErr> {
    let mut told: BTreeMap<String, (&LowStock, i64)> = BTreeMap::new();
    for heard in heard {
        told.insert(heard.event.sku.to_string(), (&heard.event, heard.time.micros()));
    }
    let known = Entity::find()
        .filter(Column::Sku.among(told.keys().cloned()))
        .order_by_asc(Column::Sku)
        .lock_exclusive()
        .all(tx)
        .await?;
    let known: BTreeMap<String, i64> =
        known.into_iter().map(|row| (row.sku, row.told_at)).collect();
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (sku, (low, told_at)) in told {
        let (available, threshold) = (low.available, low.threshold);
        match known.get(&sku) {
            None => new.push(ActiveModel {
                sku: Set(sku),
                available: Set(available),
                threshold: Set(threshold),
                told_at: Set(told_at),
            }),
            Some(known) if *known > told_at => {}
            Some(_) => {
                changed.push(vec![sku.into(), available.into(), threshold.into(), told_at.into()])
            }
        }
    }
    insert_all(tx, new).await?;
    if changed.is_empty() {
        return Ok(());
    }
    SetUpdate::of("low_stock")
        .key("sku", db::Kind::Text)
        .change(Change::To("available"), db::Kind::Int)
        .change(Change::To("threshold"), db::Kind::Int)
        .change(Change::To("told_at"), db::Kind::Int)
        .run(tx, changed)
        .await
}

/// Whether there is something to tell, and the last digest was written at `before` or earlier.
pub async fn is_due(db: &impl ConnectionTrait, before: Timestamp) -> Result<bool, DbErr> {
    let noted = Entity::find().select_only().column(Column::Sku).limit(1);
    if noted.into_tuple::<String>().one(db).await?.is_none() {
        return Ok(false);
    }
    let last = digests::Entity::find_by_id(Kind::LowStock.as_str()).one(db).await?;
    Ok(last.is_none_or(|last| last.last_at <= before.micros()))
}

/// Takes at most `most` noted SKUs, if the last digest was written at `before` or earlier: the
/// next may be written after this one only. Also when the last of them was told.
pub async fn take(
    tx: &Tx,
    before: Timestamp,
    now: Timestamp,
    most: u64,
) -> Result<(Vec<Low>, Timestamp), Unexpected> {
    use digests::Column as Digest;
    let kind = Kind::LowStock.as_str();
    let last = digests::Entity::find_by_id(kind).lock_exclusive().one(tx).await?;
    if last.is_none_or(|last| last.last_at > before.micros()) {
        return Ok((Vec::new(), now));
    }
    let rows =
        Entity::find().order_by_asc(Column::Sku).limit(most).lock_exclusive().all(tx).await?;
    if rows.is_empty() {
        return Ok((Vec::new(), now));
    }
    let skus: BTreeSet<String> = rows.iter().map(|row| row.sku.clone()).collect();
    Entity::delete_many().filter(Column::Sku.among(skus)).exec(tx).await?;
    digests::Entity::update_many()
        .col_expr(Digest::LastAt, Expr::value(now.micros()))
        .filter(Digest::Kind.eq(kind))
        .exec(tx)
        .await?;
    let told_at = rows.iter().map(|row| row.told_at).max().unwrap_or_default();
    let low = |row: Model| -> Result<Low, Unexpected> {
        let sku = row.sku.parse().map_err(|_| Unexpected::new("a noted SKU is none"))?;
        Ok(Low { sku, available: row.available, threshold: row.threshold })
    };
    let low = rows.into_iter().map(low).collect::<Result<_, _>>()?;
    Ok((low, Timestamp::from_micros(told_at)))
}
