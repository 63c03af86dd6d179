//! What identity tells and answers. It owns accounts, sessions and the keys that sign tokens.
use crate::message::{call, event};
use crate::{AccountId, Address, AddressId, LinkId, NoRefusal, Role, SessionId, Timestamp};
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
    /// As in [`LogIn`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
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
    /// What the person uses, as the `User-Agent` header says: at most 300 characters are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
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
    /// Whether a link that was sent to the address was opened.
    pub email_verified: bool,
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

/// A link was asked for that is to be sent by mail; [`LinksFor`] tells its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkAsked {
    /// Which link.
    pub link: LinkId,
    /// Whose.
    pub account: AccountId,
    /// What it is for.
    pub purpose: LinkPurpose,
}
event!(LinkAsked, "identity.link_asked.v1", account);

/// What a link that is sent by mail does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Choose a new password: `{public_url}/reset-password?token=…`.
    ResetPassword,
    /// Show that the address is one's own: `{public_url}/verify-email?token=…`.
    VerifyEmail,
}

/// The account's address was shown to be its own: guest orders of that address join it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailVerified {
    /// Whose.
    pub account: AccountId,
}
event!(EmailVerified, "identity.email_verified.v1", account);

/// The account is gone: whoever keeps names, addresses or letters of it forgets them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountErased {
    /// Whose.
    pub account: AccountId,
}
event!(AccountErased, "identity.account_erased.v1", account);

/// The secrets of links, for the letters that carry them. Only the store itself may ask. Links
/// that were used, replaced or have expired are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinksFor {
    /// At most 1,000.
    pub links: Vec<LinkId>,
}
call!(LinksFor, "identity.links_for.v1", Vec<SecretLink>, NoRefusal);

/// A link and its secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretLink {
    /// Which link.
    pub link: LinkId,
    /// Whose.
    pub account: AccountId,
    /// The value of its `token`.
    pub token: String,
    /// Until when it works.
    pub expires_at: Timestamp,
}
impl std::fmt::Debug for SecretLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretLink").field("link", &self.link).finish_non_exhaustive()
    }
}

/// Whom to write to about the shop's own affairs: the accounts with the role `admin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffContacts;
call!(StaffContacts, "identity.staff_contacts.v1", Vec<Contact>, NoRefusal);

/// Send a link to choose a new password. Whether the account exists is never told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgotPassword {
    /// Any spelling.
    pub email: String,
}
call!(ForgotPassword, "identity.forgot_password.v1", (), NoRefusal);

/// Choose a new password by a link. Ends every session of the account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetPassword {
    /// As the link has it.
    pub token: String,
    /// 8 to 128 characters.
    pub password: String,
}
impl std::fmt::Debug for ResetPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResetPassword").finish_non_exhaustive()
    }
}
call!(ResetPassword, "identity.reset_password.v1", (), LinkRefused);

/// Show that the address is one's own, by a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyEmail {
    /// As the link has it.
    pub token: String,
}
call!(VerifyEmail, "identity.verify_email.v1", (), LinkRefused);

/// Why a link did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum LinkRefused {
    /// It is unknown, used, replaced or expired.
    #[error("the link is not valid any more")]
    InvalidLink,
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Send the caller a link that verifies the address; nothing if it is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskToVerify;
call!(AskToVerify, "identity.ask_to_verify.v1", (), NotLoggedIn);

/// Change the caller's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateMe {
    /// How to address the person: 1 to 200 characters.
    pub name: Option<String>,
}
call!(UpdateMe, "identity.update_me.v1", Me, MeRefused);

/// Change the caller's password. Ends the account's other sessions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangePassword {
    /// The one of now.
    pub current: String,
    /// 8 to 128 characters.
    pub new: String,
}
impl std::fmt::Debug for ChangePassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangePassword").finish_non_exhaustive()
    }
}
call!(ChangePassword, "identity.change_password.v1", (), MeRefused);

/// Erase the caller's account: its name, addresses and password are gone, its sessions end, and
/// the other services forget whom their records were about. Orders stay, without a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseMe {
    /// The one of now.
    pub password: String,
}
impl std::fmt::Debug for EraseMe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EraseMe").finish_non_exhaustive()
    }
}
call!(EraseMe, "identity.erase_me.v1", (), MeRefused);

/// Why the caller's account was not shown or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum MeRefused {
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    NotLoggedIn,
    /// The password of now is another one.
    #[error("the present password is wrong")]
    WrongPassword,
    /// No such address or session, or a stranger's.
    #[error("there is no such entry")]
    NotFound,
    /// The last admin of a store cannot go.
    #[error("the store would have no admin left")]
    LastAdmin,
    /// A field does not hold what it should.
    #[error("{field} {reason}")]
    Invalid {
        /// Which field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// All that the store keeps about the caller, as one JSON object with a member a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportMe;
call!(ExportMe, "identity.export_me.v1", serde_json::Value, MeRefused);

/// The caller's addresses, the one that is used by itself first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAddresses;
call!(ListAddresses, "identity.list_addresses.v1", Vec<SavedAddress>, MeRefused);

/// An address that an account keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SavedAddress {
    /// Which one.
    pub id: AddressId,
    /// Whether it is used where none is chosen; true of one address at most.
    pub is_default: bool,
    /// The address.
    #[serde(flatten)]
    pub address: Address,
}

/// Keep an address, or change one; at most 50 an account. The first one becomes the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveAddress {
    /// Which one to change; none keeps a new one.
    pub id: Option<AddressId>,
    /// None leaves it (a change of `is_default` alone).
    pub address: Option<Address>,
    /// Whether it is to be used where none is chosen; none leaves that as it is.
    pub is_default: Option<bool>,
}
call!(SaveAddress, "identity.save_address.v1", SavedAddress, MeRefused);

/// Forget an address. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveAddress {
    /// Which one.
    pub id: AddressId,
}
call!(RemoveAddress, "identity.remove_address.v1", (), MeRefused);

/// The caller's live sessions, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSessions;
call!(ListSessions, "identity.list_sessions.v1", Vec<OpenSession>, MeRefused);

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OpenSession {
    /// Which one.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// What the person used, as the browser said at login.
    pub device: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When its tokens were last renewed.
    pub used_at: Timestamp,
}

/// End one of the caller's sessions, or all but the one that asks. Repeating it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndSessions {
    /// Which one; none for all others.
    pub session: Option<SessionId>,
}
call!(EndSessions, "identity.end_sessions.v1", (), MeRefused);

/// Accounts, newest first, for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAccounts {
    /// Only the ones whose address starts with this, in any spelling.
    pub q: Option<String>,
    /// Only these.
    pub role: Option<Role>,
    /// 1 to 100.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
}
call!(ListAccounts, "identity.list_accounts.v1", AccountPage, AccountRefused);

/// One page of accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AccountPage {
    /// Newest first.
    pub items: Vec<AccountForStaff>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// An account as staff see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AccountForStaff {
    /// The account.
    #[serde(flatten)]
    pub me: Me,
    /// Whether it may not log in.
    pub disabled: bool,
}

/// Change what an account may do. A new role and disabling end its sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAccount {
    /// Which one.
    pub account: AccountId,
    /// None leaves it.
    pub role: Option<Role>,
    /// None leaves it.
    pub disabled: Option<bool>,
}
call!(SetAccount, "identity.set_account.v1", AccountForStaff, AccountRefused);

/// Why an account was not shown or changed by staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum AccountRefused {
    /// The caller lacks the right.
    #[error("only admins may see and change accounts")]
    NotAllowed,
    /// No such account.
    #[error("there is no such account")]
    NotFound,
    /// The last admin of a store cannot go.
    #[error("the store would have no admin left")]
    LastAdmin,
    /// The cursor is none of ours.
    #[error("the cursor is not one that this list gave")]
    Cursor,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let login =
            LogIn { email: "ada@example.com".into(), password: "hunter22".into(), device: None };
        assert_eq!(format!("{login:?}"), r#"LogIn { email: "ada@example.com", .. }"#);
    }
}
