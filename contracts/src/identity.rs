//! What identity tells and answers. It owns accounts, sessions and the keys that sign tokens.
use crate::message::{call, event};
use crate::{AccountId, NoRefusal, Role, SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// A password is never shown, whoever logs the call.
macro_rules! hide_password {
    ($type:ident) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))
                    .field("email", &self.email)
                    .finish_non_exhaustive()
            }
        }
    };
}

/// Somebody registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRegistered {
    /// The new account.
    pub account: AccountId,
}
event!(UserRegistered, "identity.user_registered.v1", account);

/// A session ended: its tokens are void from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnded {
    /// The session.
    pub session: SessionId,
    /// When the last access token of the session expires by itself.
    pub tokens_expire_at: Timestamp,
}
event!(SessionEnded, "identity.session_ended.v1", session);

/// A pair of tokens for one session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// An EdDSA JWT, to be sent as `Authorization: Bearer`.
    pub access_token: String,
    /// Opaque; changes whenever it is used.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u32,
}

/// Open an account and log in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// Any spelling; normalised by identity.
    pub email: String,
    /// 8 to 128 characters.
    pub password: String,
    /// How to address the person: 1 to 200 characters.
    pub name: String,
}
hide_password!(Register);
call!(Register, "identity.register.v1", Tokens, RegisterRefused);

/// Why nobody was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum RegisterRefused {
    /// An account has this address.
    #[error("an account with this e-mail address exists")]
    EmailTaken,
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Open a session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIn {
    /// The account's address.
    pub email: String,
    /// Its password.
    pub password: String,
}
hide_password!(LogIn);
call!(LogIn, "identity.log_in.v1", Tokens, LogInRefused);

/// Address and password do not belong together; which of them is wrong is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the e-mail address or the password is wrong")]
pub struct LogInRefused;

/// Exchange a refresh token for a new pair. Using an old one again ends the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// As answered by login or the last refresh.
    pub refresh_token: String,
}
call!(Refresh, "identity.refresh.v1", Tokens, RefreshRefused);

/// The refresh token is unknown, used, expired or revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the refresh token is not valid")]
pub struct RefreshRefused;

/// End the caller's session. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOut;
call!(LogOut, "identity.log_out.v1", (), NoRefusal);

/// A person's own view of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Me {
    /// The account.
    pub id: AccountId,
    /// Normalised.
    pub email: String,
    /// How to address the person.
    pub name: String,
    /// What the account may do.
    pub role: Role,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// The caller's own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetMe;
call!(GetMe, "identity.get_me.v1", Me, NotLoggedIn);

/// The caller has no account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("nobody is logged in")]
pub struct NotLoggedIn;

/// Where and how to write to people. Unknown or erased accounts are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactsOf {
    /// At most 1,000.
    pub accounts: Vec<AccountId>,
}
call!(ContactsOf, "identity.contacts_of.v1", Vec<Contact>, NoRefusal);

/// Where and how to write to one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Whose.
    pub account: AccountId,
    /// E-mail address.
    pub email: String,
    /// How to address the person.
    pub name: String,
}

/// The sessions that ended and whose tokens have not yet expired by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedSessions;
call!(RevokedSessions, "identity.revoked_sessions.v1", Vec<SessionEnded>, NoRefusal);

/// The public keys that verify access tokens, as a JSON Web Key Set (RFC 7517, RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedKeys;
call!(PublishedKeys, "identity.published_keys.v1", Jwks, NoRefusal);

/// A JSON Web Key Set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Jwks {
    /// Newest first.
    pub keys: Vec<Jwk>,
}

/// One Ed25519 public key (RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Jwk {
    /// Always `OKP`.
    pub kty: String,
    /// Always `Ed25519`.
    pub crv: String,
    /// The key's id, as in a token's header.
    pub kid: String,
    /// The public key, base64url without padding.
    pub x: String,
    /// Always `EdDSA`.
    pub alg: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
}

/// Open an account with the role `admin`, for the command line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateAdmin {
    /// Any spelling.
    pub email: String,
    /// 8 to 128 characters.
    pub password: String,
}
hide_password!(CreateAdmin);
call!(CreateAdmin, "identity.create_admin.v1", AccountId, RegisterRefused);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let login = LogIn { email: "ada@example.com".into(), password: "hunter22".into() };
        assert_eq!(format!("{login:?}"), r#"LogIn { email: "ada@example.com", .. }"#);
    }
}
