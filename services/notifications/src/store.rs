//! The SQL of notifications: letters, mails, what people see, and what staff is to be told of.
pub mod letters;
pub mod low_stock;
pub mod mails;
pub mod notifications;
pub mod people;

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::letter::{Letter, Outcome, State, Unwritten};
use contracts::Timestamp;
use kit::db::{self, Change, SetUpdate, Tx, insert_all};

/// Where a list by time goes on: the time and id of the last item seen.
pub type Place = (i64, Uuid);

fn behind<C: ColumnTrait>(at: C, id: C, after: Option<Place>) -> Condition {
    let Some((last_at, last_id)) = after else { return Condition::all() };
    let same = Condition::all().add(at.eq(last_at)).add(id.lt(last_id));
    Condition::any().add(at.lt(last_at)).add(same)
}

/// Saves what came of letters: their mails, what people see, and where the letters stand.
/// `posted`: whether a mail server is to get the mails.
pub async fn save_outcomes(
    tx: &Tx,
    outcomes: &[&(Letter, Outcome)],
    posted: bool,
    now: Timestamp,
) -> Result<(), DbErr> {
    let (mut sent, mut shown, mut states) = (Vec::new(), Vec::new(), Vec::new());
    for (letter, outcome) in outcomes {
        let (state, next_at, because) = match outcome {
            Ok(mail) => {
                sent.push(mails::row(letter, mail, posted, now));
                shown.extend(notifications::row(letter, mail, now));
                (State::Written, None, None)
            }
            Err(Unwritten::Dropped(because)) => (State::Dropped, None, Some((*because).to_owned())),
            Err(Unwritten::Later) => (State::Due, Some(letter.again_at(now).micros()), None),
        };
        // Whose it is may be known by the order only, and erasing has to find it.
        let account = outcome.as_ref().ok().and_then(|mail| mail.account).or(letter.account);
        let state: Value = state.as_str().to_owned().into();
        let account: Value = account.map(Uuid::from).into();
        states.push(vec![letter.id.0.into(), state, next_at.into(), because.into(), account]);
    }
    insert_all(tx, sent).await?;
    insert_all(tx, shown).await?;
    SetUpdate::of("letters")
        .key("id", db::Kind::Id)
        .change(Change::To("state"), db::Kind::Text)
        .change(Change::To("next_at"), db::Kind::Int)
        .change(Change::To("dropped_because"), db::Kind::Text)
        .change(Change::To("account"), db::Kind::Id)
        .run(tx, states)
        .await
}
