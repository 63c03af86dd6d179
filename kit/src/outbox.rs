//! The outbox: news is saved with the change that made it, and sent after it.
use crate::bus::{Envelope, Message};
use crate::db::{Among, Rows, Tx, insert_all};
use crate::problem::Unexpected;
use crate::wave::Wave;
use contracts::{EventId, Timestamp};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, QueryOrder, QuerySelect, Set};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub subject: String,
        pub version: i64,
        pub part: i64,
        pub body: String,
        pub traceparent: Option<String>,
        pub created_at: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    crate::by_place!(Model: id, name, subject, version, part, body, traceparent, created_at);
}

pub(crate) async fn save(tx: &Tx, news: &[&Message]) -> Result<(), DbErr> {
    let rows = news.iter().map(|message| row::ActiveModel {
        id: Set(message.id.0),
        name: Set(message.name.to_string()),
        subject: Set(message.subject.clone()),
        version: Set(message.version),
        part: Set(message.part),
        body: Set(message.body.to_string()),
        traceparent: Set(message.traceparent.clone()),
        created_at: Set(message.time.micros()),
    });
    insert_all(tx, rows.collect()).await
}

/// Some unsent messages, and where those behind them begin.
pub struct Unsent {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// After which id there may be more; none at the end.
    pub last: Option<EventId>,
}

/// At most `most` unsent messages of `source` behind `after`, oldest first.
///
/// They are read in the order of their ids, which are UUIDv7: by the primary key, however long
/// the outbox has become. Ids of one millisecond are in no order, so that such a group is taken
/// whole and put in order here, or left for the next time.
/// # Errors
/// When the database cannot be read.
pub async fn unsent(
    db: &impl Rows,
    source: &str,
    after: Option<EventId>,
    most: u64,
) -> Result<Unsent, DbErr> {
    let behind = after.map(|after| row::Column::Id.gt(after.0));
    let behind = Condition::all().add_option(behind);
    let mut most = most;
    let (mut rows, last) = loop {
        let some = row::Entity::find().filter(behind.clone()).order_by_asc(row::Column::Id);
        let mut rows = db.all(some.limit(most)).await?;
        if (rows.len() as u64) < most {
            break (rows, None);
        }
        let last = rows.last().map(|row| millisecond(row.id));
        let whole = rows.partition_point(|row| Some(millisecond(row.id)) < last);
        if whole > 0 {
            rows.truncate(whole);
            let last = rows.last().map(|row| EventId(row.id));
            break (rows, last);
        }
        most *= 2;
    };
    rows.sort_by_key(|row| (row.created_at, row.version, row.part));
    order_lanes(&mut rows);
    let source: Arc<str> = source.into();
    let open = |row: row::Model| {
        Arc::new(Envelope {
            id: EventId(row.id),
            name: row.name.into(),
            source: Arc::clone(&source),
            subject: row.subject,
            version: row.version,
            part: row.part,
            time: Timestamp::from_micros(row.created_at),
            traceparent: row.traceparent,
            body: row.body.into(),
            typed: None,
        })
    };
    Ok(Unsent { messages: rows.into_iter().map(open).collect(), last })
}

/// Puts the messages of each aggregate in the order of their versions, on the places that they
/// have: a clock that was set back makes a later message look older.
fn order_lanes(rows: &mut [row::Model]) {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        places.entry(row.subject.clone()).or_default().push(place);
    }
    for places in places.into_values().filter(|places| places.len() > 1) {
        let mut lane: Vec<row::Model> = places.iter().map(|place| rows[*place].clone()).collect();
        lane.sort_by_key(|row| (row.version, row.part));
        places.into_iter().zip(lane).for_each(|(place, row)| rows[place] = row);
    }
}

/// When an id was made: the first 48 bits of a UUIDv7 (RFC 9562).
fn millisecond(id: Uuid) -> u128 {
    id.as_u128() >> 80
}

/// Takes messages that everybody has heard out of the outbox. Repeating it changes nothing.
/// # Errors
/// When the database cannot be written.
pub async fn sent(wave: &mut Wave, ids: &[EventId]) -> Result<Vec<()>, Unexpected> {
    for chunk in ids.chunks(10_000) {
        let ids = chunk.iter().map(|id| id.0);
        row::Entity::delete_many().filter(row::Column::Id.among(ids)).exec(wave.tx()).await?;
    }
    Ok(vec![(); ids.len()])
}

/// Which messages may be on their way at once: per aggregate one, in order.
#[derive(Default)]
pub struct Lanes {
    /// By subject: the head is on its way, the rest wait.
    lanes: HashMap<String, VecDeque<Message>>,
    /// How many are on their way or wait.
    len: usize,
    /// These, and those that were heard and are still in the outbox.
    known: HashSet<EventId>,
}

impl Lanes {
    /// Takes `message` in; answers it when it may start at once. One that is known is ignored.
    pub fn add(&mut self, message: Message) -> Option<Message> {
        if !self.known.insert(message.id) {
            return None;
        }
        self.len += 1;
        let lane = self.lanes.entry(message.subject.clone()).or_default();
        if lane.is_empty() {
            lane.push_back(Arc::clone(&message));
            return Some(message);
        }
        // Those behind the head stand in the order of their versions, however they came.
        let place = lane
            .iter()
            .skip(1)
            .position(|other| (other.version, other.part) > (message.version, message.part));
        let place = place.map_or(lane.len(), |place| place + 1);
        lane.insert(place, message);
        None
    }
    /// The head `message` has reached everybody: answers the next of its lane.
    pub fn done(&mut self, message: &Envelope) -> Option<Message> {
        let lane = self.lanes.get_mut(&message.subject)?;
        self.len -= usize::from(lane.pop_front().is_some());
        let next = lane.front().cloned();
        if next.is_none() {
            self.lanes.remove(&message.subject);
        }
        next
    }
    /// A message that was heard is out of the outbox: nobody reads it again.
    pub fn forget(&mut self, id: EventId) {
        self.known.remove(&id);
    }
    /// Whether a message is on its way, waits, or was heard and is still in the outbox.
    pub fn knows(&self, id: EventId) -> bool {
        self.known.contains(&id)
    }
    /// How many messages are on their way or wait.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(n: u128, subject: &str, version: i64) -> Message {
        Arc::new(Envelope {
            id: EventId(Uuid::from_u128(n)),
            name: "x".into(),
            source: "test".into(),
            subject: subject.into(),
            version,
            part: 0,
            time: Timestamp::from_micros(0),
            traceparent: None,
            body: "{}".into(),
            typed: None,
        })
    }

    #[test]
    fn a_lane_is_in_order_though_the_clock_was_set_back() {
        let row = |subject: &str, version, created_at| row::Model {
            id: Uuid::nil(),
            name: String::new(),
            subject: subject.to_owned(),
            version,
            part: 0,
            body: String::new(),
            traceparent: None,
            created_at,
        };
        let mut rows = [row("a", 3, 1), row("b", 1, 2), row("a", 1, 3), row("a", 2, 4)];
        order_lanes(&mut rows);
        let order: Vec<_> = rows.iter().map(|row| (&*row.subject, row.version)).collect();
        assert_eq!(order, [("a", 1), ("b", 1), ("a", 2), ("a", 3)]);
    }

    #[test]
    fn a_lane_sends_one_at_a_time_in_order() {
        let mut lanes = Lanes::default();
        assert!(lanes.add(message(1, "a", 1)).is_some());
        assert!(lanes.add(message(3, "a", 3)).is_none());
        assert!(lanes.add(message(2, "a", 2)).is_none());
        assert!(lanes.add(message(1, "a", 1)).is_none(), "known");
        assert!(lanes.add(message(9, "b", 1)).is_some(), "another aggregate is not held up");
        let second = lanes.done(&message(1, "a", 1)).unwrap();
        assert_eq!(second.version, 2);
        assert_eq!(lanes.done(&second).unwrap().version, 3);
        assert_eq!(lanes.len(), 2);
        assert!(lanes.add(message(1, "a", 1)).is_none(), "it is still in the outbox");
        lanes.forget(EventId(Uuid::from_u128(1)));
        assert!(lanes.add(message(1, "a", 1)).is_none(), "behind the third");
        assert_eq!(lanes.len(), 3);
    }
}
