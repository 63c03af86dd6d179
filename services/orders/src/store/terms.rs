//! The SQL of the shop's terms: one row a version.
use contracts::orders::ShopTerms;
use contracts::{AccountId, Timestamp};
use kit::Unexpected;
use kit::db::insert_all;
use kit::problem::Context as _;
use kit::wave::Wave;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, QuerySelect as _, Set};

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "shop_terms")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i64,
        pub terms: String,
        pub changed_at: i64,
        pub changed_by: Option<Uuid>,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// One version of the shop's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Which one, from 0.
    pub number: i64,
    /// What they were.
    pub terms: ShopTerms,
    /// From when on; version 0 holds from the beginning of time.
    pub from: Timestamp,
}

fn to_version(row: &row::Model) -> Result<Version, Unexpected> {
    let terms = serde_json::from_str(&row.terms).map_err(Unexpected::from).context("shop terms")?;
    Ok(Version { number: row.version, terms, from: Timestamp::from_micros(row.changed_at) })
}

/// The number of the newest version; none until staff has changed anything.
pub async fn newest_number(db: &impl ConnectionTrait) -> Result<Option<i64>, Unexpected> {
    let newest = row::Entity::find()
        .select_only()
        .column(row::Column::Version)
        .order_by_desc(row::Column::Version)
        .limit(1);
    Ok(newest.into_tuple().one(db).await?)
}

/// The newest version; none until staff has changed anything.
pub async fn newest(db: &impl ConnectionTrait) -> Result<Option<Version>, Unexpected> {
    let newest = row::Entity::find().order_by_desc(row::Column::Version).limit(1);
    newest.one(db).await?.as_ref().map(to_version).transpose()
}

/// The version that held at `time`; none if staff has never changed anything.
pub async fn at(db: &impl ConnectionTrait, time: Timestamp) -> Result<Option<Version>, Unexpected> {
    let held = row::Entity::find()
        .filter(row::Column::ChangedAt.lte(time.micros()))
        .order_by_desc(row::Column::Version)
        .limit(1);
    held.one(db).await?.as_ref().map(to_version).transpose()
}

/// Keeps new versions. A version that is there already is another's, who was faster: then the
/// unique key refuses it.
pub async fn insert(
    wave: &Wave,
    versions: &[&Version],
    by: Option<AccountId>,
) -> Result<(), Unexpected> {
    let row = |version: &&Version| {
        Ok::<_, Unexpected>(row::ActiveModel {
            version: Set(version.number),
            terms: Set(serde_json::to_string(&version.terms)?),
            changed_at: Set(version.from.micros()),
            changed_by: Set(by.map(Uuid::from)),
        })
    };
    let rows: Result<Vec<_>, _> = versions.iter().map(row).collect();
    insert_all(wave.tx(), rows?).await.context("insert shop terms")
}
