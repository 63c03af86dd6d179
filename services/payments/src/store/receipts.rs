//! The numbers of receipts: one row that holds the last one. It is changed once a batch, in the
//! very transaction that captures, so that a rollback gives its numbers back.
use kit::Unexpected;
use kit::db::{Change, Kind, SetUpdate};
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "counters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub last: i64,
}
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}
impl ActiveModelBehavior for ActiveModel {}

const RECEIPTS: &str = "receipts";

/// The next `count` numbers. The change locks the row until the wave ends; the read after it
/// sees what was written.
pub(super) async fn next(wave: &Wave, count: usize) -> Result<Range<i64>, Unexpected> {
    if count == 0 {
        return Ok(0..0);
    }
    let count = i64::try_from(count).map_err(Unexpected::from_error)?;
    SetUpdate::of("counters")
        .key("name", Kind::Text)
        .change(Change::Add("last"), Kind::Int)
        .run(wave.tx(), vec![vec![RECEIPTS.into(), count.into()]])
        .await?;
    let row = Entity::find_by_id(RECEIPTS.to_owned()).one(wave.tx()).await?;
    let last = row.ok_or_else(|| Unexpected::new("the counter of receipts is gone"))?.last;
    Ok(last - count + 1..last + 1)
}
