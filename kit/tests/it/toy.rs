//! Two toy services: `tally` counts and tells; `echo` hears and counts what it heard.
use contracts::{Call, CallError, Event, NoRefusal};
use futures_util::future::BoxFuture;
use kit::Unexpected;
use kit::bus::Heard;
use kit::db::{Change, Kind, SetUpdate, insert_all};
use kit::migrate::Migration;
use kit::plug::{Parts, Plug, Service};
use kit::wave::{Batched, NotRun, Wave};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect, Set};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub mod count {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "counts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub total: i64,
        pub version: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

const TABLE: Migration = Migration {
    name: "0001_counts",
    sql: "CREATE TABLE counts (\n  name {key} NOT NULL PRIMARY KEY,\n  total {int} NOT NULL \
          CHECK (total >= 0),\n  version {int} NOT NULL\n);\n",
};

/// Counts `by` more of `name`; told each time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Count {
    pub name: String,
    pub by: i64,
}
impl Call for Count {
    const NAME: &'static str = "tally.count.v1";
    type Reply = i64;
    type Error = NoRefusal;
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    pub name: String,
    pub by: i64,
    pub total: i64,
}
impl Event for Counted {
    const NAME: &'static str = "tally.counted.v1";
    fn subject(&self) -> String {
        self.name.clone()
    }
}

/// What `echo` has heard of `name`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HeardOf(pub String);
impl Call for HeardOf {
    const NAME: &'static str = "echo.heard_of.v1";
    type Reply = i64;
    type Error = NoRefusal;
}

pub struct Tally {
    count: Batched<Count, i64>,
}

/// Many counts, a select, an insert and an update.
pub async fn count(wave: &mut Wave, commands: &[Count]) -> Result<Vec<i64>, Unexpected> {
    let names: Vec<&str> = commands.iter().map(|c| c.name.as_str()).collect();
    let rows = count::Entity::find()
        .filter(count::Column::Name.is_in(names))
        .order_by_asc(count::Column::Name)
        .lock_exclusive()
        .all(wave.tx())
        .await?;
    let before: BTreeMap<String, count::Model> =
        rows.into_iter().map(|row| (row.name.clone(), row)).collect();
    let mut now: BTreeMap<String, (i64, i64)> =
        before.values().map(|row| (row.name.clone(), (row.total, row.version))).collect();
    let mut totals = Vec::new();
    for command in commands {
        let (total, version) = now.entry(command.name.clone()).or_default();
        (*total, *version) = (*total + command.by, *version + 1);
        totals.push(*total);
        let (name, by) = (command.name.clone(), command.by);
        wave.tell(*version, Counted { name, by, total: *total })?;
    }
    let (old, new): (Vec<_>, Vec<_>) =
        now.into_iter().partition(|(name, _)| before.contains_key(name));
    let change = |(name, (total, version)): (String, (i64, i64))| {
        let row = &before[&name];
        vec![name.into(), (total - row.total).into(), (version - row.version).into()]
    };
    SetUpdate::of("counts")
        .key("name", Kind::Text)
        .change(Change::Add("total"), Kind::Int)
        .change(Change::Add("version"), Kind::Int)
        .run(wave.tx(), old.into_iter().map(change).collect())
        .await?;
    let row = |(name, (total, version))| count::ActiveModel {
        name: Set(name),
        total: Set(total),
        version: Set(version),
    };
    insert_all(wave.tx(), new.into_iter().map(row).collect()).await?;
    Ok(totals)
}

fn build_tally(parts: Parts) -> Result<Tally, Unexpected> {
    let count = parts
        .waves
        .batched("count", 100, |wave, commands: &[Count]| Box::pin(count(wave, commands)));
    Ok(Tally { count })
}

fn answer<A>(ran: Result<A, NotRun>) -> Result<A, CallError<NoRefusal>> {
    ran.map_err(CallError::from)
}

pub fn tally() -> Plug<Tally> {
    Plug::new("tally", vec![TABLE], build_tally).tells::<Counted>().answers::<Count>(
        |tally, _, call| Box::pin(async move { answer(tally.count.run(call).await) }),
    )
}

pub struct Echo {
    db: kit::db::Db,
}

/// While set, `echo` fails to hear anything of `stubborn`.
pub static STUBBORN: AtomicBool = AtomicBool::new(false);

fn hear<'a>(
    _: &'a Echo,
    wave: &'a mut Wave,
    heard: &'a [Heard<Counted>],
) -> BoxFuture<'a, Result<(), Unexpected>> {
    Box::pin(async move {
        for message in heard {
            let event = &message.event;
            if event.name.starts_with("stubborn") && STUBBORN.load(Ordering::Acquire) {
                return Err(Unexpected::new("stubborn as ever"));
            }
            let found = count::Entity::find_by_id(&event.name).one(wave.tx()).await?;
            let last = found.as_ref().map_or(0, |row| row.version);
            if message.version != last + 1 {
                let (is, was) = (message.version, last);
                return Err(Unexpected::new(format!("{}: {is} came after {was}", event.name)));
            }
            if found.is_some() {
                let values = vec![event.name.clone().into(), event.by.into(), 1_i64.into()];
                SetUpdate::of("counts")
                    .key("name", Kind::Text)
                    .change(Change::Add("total"), Kind::Int)
                    .change(Change::Add("version"), Kind::Int)
                    .run(wave.tx(), vec![values])
                    .await?;
            } else {
                let row = count::ActiveModel {
                    name: Set(event.name.clone()),
                    total: Set(event.by),
                    version: Set(1),
                };
                insert_all(wave.tx(), vec![row]).await?;
            }
        }
        Ok(())
    })
}

pub fn echo() -> Plug<Echo> {
    Plug::new("echo", vec![TABLE], |parts| Ok(Echo { db: parts.db }))
        .hears::<Counted>(|echo, wave, heard| hear(echo, wave, heard))
        .answers::<HeardOf>(|echo, _, HeardOf(name)| {
            Box::pin(async move {
                let row = count::Entity::find_by_id(name).one(echo.db.reader()).await;
                row.map(|row| row.map_or(0, |row| row.total))
                    .map_err(|error| CallError::NotDone(error.to_string()))
            })
        })
}

/// How much of `much…` was shown to `onlooker`.
pub static SHOWN: AtomicU64 = AtomicU64::new(0);

pub fn onlooker() -> Plug<()> {
    Plug::new("onlooker", vec![], |_| Ok(())).watches::<Counted>(|(), counted| {
        let counts = counted.name.starts_with("much");
        SHOWN.fetch_add(u64::from(counts), Ordering::AcqRel);
    })
}

pub fn toys() -> Vec<Box<dyn Service>> {
    vec![Box::new(tally()), Box::new(echo())]
}
