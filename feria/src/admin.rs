//! `feria admin create`: the first account that may do everything.
use crate::Failure;
use crate::store::Beside;
use contracts::CallError;
use contracts::identity::{CreateAdmin, RegisterRefused};
use kit::Unexpected;
use kit::config::Config;

/// Opens an account with the role `admin`.
/// # Errors
/// When the address has an account, or address or password do not fit.
pub async fn create(config: Config, email: String, password: String) -> Result<(), Failure> {
    let store = Beside::open(config).await?;
    let answer = store.call(CreateAdmin { email: email.clone(), password }).await;
    store.close().await;
    match answer {
        Ok(_) => Ok(()),
        Err(CallError::Refused(RegisterRefused::EmailTaken)) => {
            Err(Failure::input(format!("an account with the address {email} exists already")))
        }
        Err(CallError::Refused(refused @ RegisterRefused::Invalid { .. })) => {
            Err(Failure::input(refused.to_string()))
        }
        Err(error) => Err(Unexpected::from_error(error).context("open the account").into()),
    }
}
