//! Hands a letter that failed to the mail server again, for two more days.
use crate::{DELIVER_MAILS, Notifications, queries, store};
use contracts::caller::Permission;
use contracts::notifications::{Mail, MailRefused, MailStatus, SendAgain};
use contracts::{CallError, Caller, MailId};
use kit::calls::Answer;
use kit::problem::Unexpected;
use kit::wave::Wave;
use store::mails::status_of;

/// Has a letter sent again. Repeating it finds the letter waiting, and is refused.
/// # Errors
/// [`MailRefused`], see there.
pub async fn send_again(
    service: &Notifications,
    caller: &Caller,
    call: SendAgain,
) -> Answer<SendAgain> {
    if !caller.may(Permission::ManageMessages) {
        return Err(CallError::Refused(MailRefused::NotAllowed));
    }
    let done = service.waves.write(call.mail, |wave, mail: &MailId| Box::pin(requeue(wave, *mail)));
    done.await?.map_err(CallError::Refused)
}

async fn requeue(wave: &mut Wave, id: MailId) -> Result<Result<Mail, MailRefused>, Unexpected> {
    let Some(found) = store::mails::lock(wave.tx(), id.0).await? else {
        return Ok(Err(MailRefused::NotFound));
    };
    if status_of(&found.state) != MailStatus::Failed {
        return Ok(Err(MailRefused::WrongState));
    }
    store::mails::requeue(wave.tx(), id.0, wave.now()).await?;
    wave.wake(DELIVER_MAILS);
    Ok(Ok(Mail { status: MailStatus::Waiting, ..queries::header(found.into()) }))
}
