//! A forgotten password: whoever asks learns nothing, and whoever has the address gets a link.
//!
//! Asking only notes the address: the same row for any address, and so the same work and time. A
//! worker looks afterwards whose it is.
use crate::account::Email;
use crate::ask_link::ask_link;
use crate::tries::{Kind, Tried};
use crate::{Identity, store};
use contracts::NoRefusal;
use contracts::identity::{ForgotPassword, LinkPurpose};
use kit::problem::Unexpected;
use kit::wave::Wave;
use kit::worker::Worked;

/// The worker that looks whose the addresses are.
pub const WORKER: &str = "answer_forgotten";
/// How many addresses a turn takes.
const TURN: u64 = 100;

/// Has a link sent to the address, should an account have it. What is no address has none.
/// # Errors
/// Too often, for any address; not done when the database fails.
pub async fn forgot_password(
    service: &Identity,
    call: ForgotPassword,
) -> Result<(), Tried<NoRefusal>> {
    let Ok(email) = Email::parse(&call.email) else { return Ok(()) };
    service.tries.take(Kind::Letter, email.as_str(), service.sources.now())?;
    let noted = service.waves.write(email, |wave, email: &Email| {
        Box::pin(async move {
            store::insert_forgotten(wave.tx(), wave.id(), email).await?;
            wave.wake(WORKER);
            Ok(())
        })
    });
    Ok(noted.await?)
}

/// Makes links for those who have the addresses that were noted. Beside another replica's worker
/// each note is taken once; a link that was asked for twice replaces the first.
/// # Errors
/// When the database fails.
pub async fn answer_forgotten(service: &Identity) -> Result<Worked, Unexpected> {
    if !store::is_forgotten_any(service.db.reader()).await? {
        return Ok(Worked::Idle);
    }
    let kid = service.signing_kid().await?;
    let taken = service.waves.write(kid, |wave, kid: &String| Box::pin(answer(wave, kid)));
    let taken = taken.await.map_err(Unexpected::from_error)?;
    Ok(if taken > 0 { Worked::More } else { Worked::Idle })
}

async fn answer(wave: &mut Wave, kid: &str) -> Result<usize, Unexpected> {
    let emails = store::take_forgotten(wave.tx(), TURN).await?;
    for mut account in store::lock_accounts_of(wave.tx(), &emails).await? {
        // Nobody logs in to a disabled account, with whatever password.
        if !account.disabled {
            ask_link(wave, &mut account, LinkPurpose::ResetPassword, kid).await?;
        }
    }
    Ok(emails.len())
}
