//! The inbox: a message may come twice, late, or beside its twin; its effect happens once.
//!
//! Effect, inbox row and own news commit together. A message that cannot be handled is parked
//! under its own inbox row with its error, and those behind it for the same aggregate are
//! parked with it, in order; no other aggregate is held up. Staff replay them.
use crate::bus::{Envelope, Hearer, Message};
use crate::clock::first_id_at;
use crate::db::{Among, Rows, Tx, insert_all};
use crate::problem::Unexpected;
use crate::wave::{Batched, NotRun, Wave, Waves};
use contracts::{EventId, Timestamp};
use futures_util::future::BoxFuture;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect, Set};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

mod heard {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "inbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub heard_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    crate::by_place!(Model: id, heard_at);
}

mod parked {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "parked")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub source: String,
        pub subject: String,
        pub version: i64,
        pub part: i64,
        pub body: String,
        pub traceparent: Option<String>,
        pub created_at: i64,
        pub parked_at: i64,
        pub error: String,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// Handles messages of one type inside a wave: at most one of each aggregate.
pub(crate) type Handler = Arc<
    dyn for<'a> Fn(&'a mut Wave, &'a [Message]) -> BoxFuture<'a, Result<(), Unexpected>>
        + Send
        + Sync,
>;

/// The handlers of a service, by event.
pub(crate) type Handlers = Arc<BTreeMap<&'static str, Handler>>;

/// Whether a message has an effect.
pub(crate) type Wanted = Arc<dyn Fn(&Message) -> bool + Send + Sync>;

/// The most messages that one wave handles.
const MOST_HEARD: usize = 256;

/// The inbox of one replica of a service.
#[derive(Clone)]
pub struct Inbox {
    waves: Waves,
    hear: Arc<BTreeMap<&'static str, Batched<Message, ()>>>,
    handlers: Handlers,
    wanted: Arc<BTreeMap<&'static str, Wanted>>,
}

/// A message that could not be handled, as staff see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ParkedMessage {
    /// The message.
    #[schema(value_type = Uuid)]
    pub id: EventId,
    /// Its type.
    #[serde(rename = "type")]
    pub name: String,
    /// Which service told it.
    pub source: String,
    /// The aggregate that waits.
    pub subject: String,
    /// The aggregate's version.
    pub version: i64,
    /// Since when it is parked.
    #[schema(value_type = String)]
    pub parked_at: Timestamp,
    /// Why.
    pub error: String,
}

impl Inbox {
    pub(crate) fn new(
        waves: &Waves,
        handlers: Handlers,
        wanted: BTreeMap<&'static str, Wanted>,
    ) -> Self {
        // Each event is a kind of its own: on a server a wave takes one kind, and so never locks
        // rows for one handler, and then more for the next, in a ring with another wave.
        let queue = |event: &&'static str| {
            let by_set = Arc::clone(&handlers);
            let hear = waves.batched(event, MOST_HEARD, move |wave, messages: &[Message]| {
                let handlers = Arc::clone(&by_set);
                Box::pin(async move { handle(wave, messages, &handlers).await })
            });
            (*event, hear)
        };
        let hear = Arc::new(handlers.keys().map(queue).collect());
        Self { waves: waves.clone(), hear, handlers, wanted: Arc::new(wanted) }
    }
    /// What is parked, oldest first, at most `most`.
    /// # Errors
    /// When the database cannot be read.
    pub async fn parked(
        &self,
        db: &impl ConnectionTrait,
        most: u64,
    ) -> Result<Vec<ParkedMessage>, Unexpected> {
        let rows = parked::Entity::find().order_by_asc(parked::Column::ParkedAt);
        let rows = rows.order_by_asc(parked::Column::Version).limit(most).all(db).await?;
        let show = |row: parked::Model| ParkedMessage {
            id: EventId(row.id),
            name: row.name,
            source: row.source,
            subject: row.subject,
            version: row.version,
            parked_at: Timestamp::from_micros(row.parked_at),
            error: row.error,
        };
        Ok(rows.into_iter().map(show).collect())
    }
    /// Handles what is parked for `subject`, in order; answers how many messages.
    /// # Errors
    /// The first that fails again stays parked with all behind it.
    pub async fn replay(&self, subject: String) -> Result<usize, NotRun> {
        let mut count = 0;
        loop {
            let handlers = Arc::clone(&self.handlers);
            let replayed = self
                .waves
                .write(subject.clone(), move |wave, subject| {
                    let handlers = Arc::clone(&handlers);
                    Box::pin(async move { replay_next(wave, subject, &handlers).await })
                })
                .await?;
            if !replayed {
                return Ok(count);
            }
            count += 1;
        }
    }
}

impl Hearer for Inbox {
    fn hear(&self, message: Message) -> BoxFuture<'static, Result<(), NotRun>> {
        let hear = self.hear.get(&*message.name).cloned();
        let wanted = self.wanted.get(&*message.name).is_none_or(|wanted| wanted(&message));
        Box::pin(async move {
            if !wanted {
                return Ok(());
            }
            match hear {
                Some(hear) => hear.run(message).await,
                None => Err(NotRun::Failed(unheard(&message.name).to_string())),
            }
        })
    }
    fn park(&self, message: Message, error: String) -> BoxFuture<'static, Result<(), NotRun>> {
        let waves = self.waves.clone();
        Box::pin(async move {
            let command = (message, error);
            waves
                .write(command, |wave, (message, error): &(Message, String)| {
                    Box::pin(async move {
                        let messages = std::slice::from_ref(message);
                        if known(wave.tx(), messages).await?.is_empty() {
                            keep_parked(wave, messages, error).await?;
                            remember(wave, messages).await?;
                        }
                        Ok(())
                    })
                })
                .await
        })
    }
}

async fn handle(
    wave: &mut Wave,
    messages: &[Message],
    handlers: &Handlers,
) -> Result<Vec<()>, Unexpected> {
    let known = known(wave.tx(), messages).await?;
    let mut twins = HashSet::new();
    let fresh: Vec<Message> = messages
        .iter()
        .filter(|message| !known.contains(&message.id) && twins.insert(message.id))
        .cloned()
        .collect();
    if !fresh.is_empty() {
        let waiting = parked_subjects(wave.tx(), &fresh).await?;
        let (behind, free): (Vec<Message>, Vec<Message>) =
            fresh.iter().cloned().partition(|message| waiting.contains(&message.subject));
        if !behind.is_empty() {
            keep_parked(wave, &behind, "waits behind a parked message of its aggregate").await?;
        }
        let mut by_event: BTreeMap<&str, Vec<Message>> = BTreeMap::new();
        for message in &free {
            by_event.entry(&message.name).or_default().push(Arc::clone(message));
        }
        for (event, messages) in by_event {
            let handler = handlers.get(event).ok_or_else(|| unheard(event))?;
            handler(wave, &messages).await?;
        }
        remember(wave, &fresh).await?;
    }
    Ok(vec![(); messages.len()])
}

fn unheard(event: &str) -> Unexpected {
    Unexpected::new(format!("nobody here hears {event}"))
}

async fn known(tx: &Tx, messages: &[Message]) -> Result<HashSet<EventId>, DbErr> {
    let ids = messages.iter().map(|message| message.id.0);
    let rows = tx.all(heard::Entity::find().filter(heard::Column::Id.among(ids))).await?;
    Ok(rows.into_iter().map(|row| EventId(row.id)).collect())
}

async fn parked_subjects(tx: &Tx, messages: &[Message]) -> Result<HashSet<String>, DbErr> {
    let subjects = messages.iter().map(|message| message.subject.as_str());
    let rows = parked::Entity::find()
        .select_only()
        .column(parked::Column::Subject)
        .filter(parked::Column::Subject.among(subjects));
    Ok(tx.tuples::<(String,)>(rows).await?.into_iter().map(|(subject,)| subject).collect())
}

async fn remember(wave: &Wave, messages: &[Message]) -> Result<(), DbErr> {
    let heard_at = Set(wave.now().micros());
    let row = |message: &Message| heard::ActiveModel {
        id: Set(message.id.0),
        heard_at: heard_at.clone(),
    };
    insert_all(wave.tx(), messages.iter().map(row).collect()).await
}

async fn keep_parked(wave: &Wave, messages: &[Message], error: &str) -> Result<(), DbErr> {
    let row = |message: &Message| parked::ActiveModel {
        id: Set(message.id.0),
        name: Set(message.name.to_string()),
        source: Set(message.source.to_string()),
        subject: Set(message.subject.clone()),
        version: Set(message.version),
        part: Set(message.part),
        body: Set(message.body.to_string()),
        traceparent: Set(message.traceparent.clone()),
        created_at: Set(message.time.micros()),
        parked_at: Set(wave.now().micros()),
        error: Set(error.to_owned()),
    };
    insert_all(wave.tx(), messages.iter().map(row).collect()).await
}

async fn replay_next(
    wave: &mut Wave,
    subject: &str,
    handlers: &Handlers,
) -> Result<bool, Unexpected> {
    let next = parked::Entity::find()
        .filter(parked::Column::Subject.eq(subject))
        .order_by_asc(parked::Column::Version)
        .order_by_asc(parked::Column::Part)
        .lock_exclusive()
        .one(wave.tx())
        .await?;
    let Some(row) = next else { return Ok(false) };
    parked::Entity::delete_by_id(row.id).exec(wave.tx()).await?;
    let message = Arc::new(Envelope {
        id: EventId(row.id),
        name: row.name.into(),
        source: row.source.into(),
        subject: row.subject,
        version: row.version,
        part: row.part,
        time: Timestamp::from_micros(row.created_at),
        traceparent: row.traceparent,
        body: row.body.into(),
        typed: None,
    });
    let handler = handlers.get(&*message.name).ok_or_else(|| unheard(&message.name))?;
    handler(wave, &[message]).await?;
    Ok(true)
}

/// Forgets messages heard before `before`. They must be older than anything still on its way. What
/// was heard by then was told by then, and ids say when: so they are found without an index.
pub(crate) async fn forget(wave: &mut Wave, before: Timestamp) -> Result<(), Unexpected> {
    let told = heard::Column::Id.lt(first_id_at(before));
    let heard = heard::Column::HeardAt.lt(before.micros());
    heard::Entity::delete_many().filter(told).filter(heard).exec(wave.tx()).await?;
    Ok(())
}
