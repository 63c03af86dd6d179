//! The SQL of notifications: letters, mails, what people see, and what staff is to be told of.
pub mod letters;
pub mod low_stock;
pub mod mails;
pub mod notifications;
pub mod people;

use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::letter::{Letter, Outcome};
use contracts::Timestamp;
use kit::db::{Tx, insert_all};

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
    outcomes: &[(&Letter, &Outcome)],
    posted: bool,
    now: Timestamp,
) -> Result<(), DbErr> {
    let (mut sent, mut shown) = (Vec::new(), Vec::new());
    let (mut written, mut owned, mut unwritten) = (Vec::new(), Vec::new(), Vec::new());
    for (letter, outcome) in outcomes {
        match outcome {
            Ok(mail) => {
                sent.push(mails::row(letter, mail, posted, now));
                shown.extend(notifications::row(letter, mail, now));
                written.push(letter.id.0);
                // Whose it is may be known by the order only, and erasing has to find it.
                if mail.account != letter.account {
                    owned.push((letter.id.0, mail.account.map(Uuid::from)));
                }
            }
            Err(why) => unwritten.push((*letter, *why)),
        }
    }
    insert_all(tx, sent).await?;
    insert_all(tx, shown).await?;
    letters::save_written(tx, &written, owned).await?;
    letters::save_unwritten(tx, &unwritten, now).await
}
