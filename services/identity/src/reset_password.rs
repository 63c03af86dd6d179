//! A new password by a link that came by mail.
use crate::account::Password;
use crate::end_sessions::end_all;
use crate::open_link::{self, Opening};
use crate::tries::{Kind, Tried};
use crate::{Identity, store};
use contracts::identity::{LinkPurpose, LinkRefused, ResetPassword};
use kit::problem::Unexpected;
use kit::wave::Wave;

struct Reset {
    opening: Opening,
    password_hash: String,
}

/// Sets a new password and ends every session. Whoever has the link reads the account's mail:
/// the address is verified too.
/// # Errors
/// [`LinkRefused`], see there.
pub async fn reset_password(
    service: &Identity,
    call: ResetPassword,
) -> Result<(), Tried<LinkRefused>> {
    let password = Password::parse(&call.password).map_err(|reason| {
        let (field, reason) = ("password".to_owned(), reason.to_owned());
        Tried::refused(LinkRefused::Invalid { field, reason })
    })?;
    let opening = open_link::look(service, &call.token, LinkPurpose::ResetPassword).await?;
    let password_hash = service.passwords.hash(password, &service.sources).await?;
    let command = Reset { opening, password_hash };
    let reset =
        service.waves.write(command, |wave, command: &Reset| Box::pin(reset(wave, command)));
    let email = reset.await?.ok_or_else(|| Tried::refused(LinkRefused::InvalidLink))?;
    // Whoever guessed at the password before guesses at another one now.
    service.tries.forget(Kind::Password, &email);
    Ok(())
}

async fn reset(wave: &mut Wave, command: &Reset) -> Result<Option<String>, Unexpected> {
    let Some(mut account) = open_link::open(wave, &command.opening).await? else {
        return Ok(None);
    };
    account.password_hash.clone_from(&command.password_hash);
    let version = account.next_version();
    if let Some(verified) = account.verify_email(wave.now()) {
        wave.tell(version, verified)?;
    }
    store::save_account(wave.tx(), &account).await?;
    end_all(wave, account.id, None).await?;
    Ok(Some(account.email))
}
