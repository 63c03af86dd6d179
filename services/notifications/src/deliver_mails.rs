//! Hands mails to the mail server: claims a few, talks to the server with no transaction open,
//! and commits its answers as they come.
//!
//! Two workers never hand over the same mail at the same time: a claim is longer than a set can
//! take, no mail is begun when too little of the claim is left, and each is given up after
//! [`post::PATIENCE`]. A worker that dies between the server's answer and the commit leaves a mail
//! that is sent once more under the same Message-ID.
use crate::post::{self, CONNECTIONS, Handed, Post};
use crate::store::mails::{self, Stand};
use crate::{Notifications, queries};
use contracts::Timestamp;
use contracts::notifications::MailStatus;
use futures_util::{StreamExt as _, stream};
use kit::problem::Unexpected;
use kit::wave::Wave;
use kit::worker::Worked;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// The most mails of one claim.
const MOST: u32 = 16;
/// How long a claim lasts: all of its mails, one after the other on each connection, and a rest.
const CLAIM: Duration = Duration::from_secs(7 * 60);

/// One turn of the worker.
/// # Errors
/// When the database fails.
pub async fn deliver_mails(service: &Notifications) -> Result<Worked, Unexpected> {
    let Some(post) = &service.post else { return Ok(Worked::Idle) };
    if !mails::any_due(service.db.reader(), service.sources.now()).await? {
        return Ok(Worked::Idle);
    }
    let claimed = service.waves.write((), |wave, ()| Box::pin(claim(wave)));
    let (claimed, until) = claimed.await.map_err(Unexpected::from_error)?;
    if claimed.is_empty() {
        return Ok(Worked::Idle);
    }
    let worked = if claimed.len() == MOST as usize { Worked::More } else { Worked::Idle };
    // Whoever finds the server away tells the others of the set, who need not wait for it.
    let away = AtomicBool::new(false);
    let hand = |mail| hand_one(service, post, mail, until, &away);
    let mut answers = stream::iter(claimed)
        .map(hand)
        .buffer_unordered(CONNECTIONS)
        .filter_map(|answer| async { answer })
        .boxed()
        .ready_chunks(MOST as usize);
    while let Some(answered) = answers.next().await {
        let saved =
            service.waves.write(answered, |wave, answered: &Vec<_>| Box::pin(save(wave, answered)));
        saved.await.map_err(Unexpected::from_error)?;
    }
    Ok(worked)
}

/// A mail under the number of its claim, with what came of it.
struct Answered {
    id: Uuid,
    claim: i64,
    since: Timestamp,
    /// Whether its secret is to go whatever comes.
    gone: bool,
    handed: Handed,
}

async fn claim(wave: &mut Wave) -> Result<(Vec<mails::Model>, Timestamp), Unexpected> {
    let until = wave.now().after(CLAIM);
    Ok((mails::claim(wave.tx(), wave.now(), until, u64::from(MOST)).await?, until))
}

/// None: too little of the claim is left to begin.
async fn hand_one(
    service: &Notifications,
    post: &Post,
    mail: mails::Model,
    until: Timestamp,
    away: &AtomicBool,
) -> Option<Answered> {
    let now = service.sources.now();
    if now.after(2 * post::PATIENCE) > until {
        return None;
    }
    let gone = mail.expires_at.is_some_and(|end| end <= now.micros());
    let handed = if gone {
        Handed::Refused("its link expired before the mail server took it".to_owned())
    } else if away.load(Ordering::Relaxed) {
        Handed::Later { why: "the mail server is away".to_owned(), away: true }
    } else {
        match queries::eml(service, &mail) {
            Ok(letter) => post.hand(&mail.recipient, &letter).await,
            Err(error) => {
                error.log();
                Handed::Refused("the letter cannot be written as a mail".to_owned())
            }
        }
    };
    if matches!(handed, Handed::Later { away: true, .. }) {
        away.store(true, Ordering::Relaxed);
    }
    let since = Timestamp::from_micros(mail.queued_at.unwrap_or(mail.created_at));
    Some(Answered { id: mail.id, claim: mail.attempts, since, gone, handed })
}

async fn save(wave: &mut Wave, answered: &[Answered]) -> Result<(), Unexpected> {
    let ids: Vec<Uuid> = answered.iter().map(|one| one.id).collect();
    let claims = mails::still_claimed(wave.tx(), &ids).await?;
    let ours = answered.iter().filter(|one| claims.get(&one.id) == Some(&one.claim));
    let stands: Vec<Stand> = ours.map(|one| one.stand(wave.now())).collect();
    if !stands.is_empty() {
        mails::save(wave.tx(), &stands, wave.now()).await?;
    }
    Ok(())
}

impl Answered {
    fn stand(&self, now: Timestamp) -> Stand {
        let (status, next_at, error) = match &self.handed {
            Handed::Taken => (MailStatus::Sent, None, None),
            Handed::Refused(why) => (MailStatus::Failed, None, Some(why.clone())),
            Handed::Later { why, .. } => match post::again_at(self.since, now) {
                Some(next) => (MailStatus::Waiting, Some(next), Some(why.clone())),
                None => (MailStatus::Failed, None, Some(format!("given up after 2 days: {why}"))),
            },
        };
        let redact = status == MailStatus::Sent || self.gone;
        Stand { id: self.id, status, next_at, error, redact }
    }
}
