//! Accounts: who may log in, and what an address, a name and a password must be.
use contracts::identity::{AccountForStaff, EmailVerified, Me, Register, RegisterRefused};
use contracts::{AccountId, Role, Timestamp};
use email_address::{EmailAddress, Options};
use std::fmt;

/// The longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3).
const EMAIL_BYTES: usize = 254;
/// The longest name, in characters.
const NAME_CHARACTERS: usize = 200;
/// How many characters a password may have.
const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 8..=128;

/// An e-mail address, without spaces around it and in small letters: two spellings that differ
/// only so are one account on every engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// Reads any spelling.
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let trimmed = text.trim();
        if trimmed.len() > EMAIL_BYTES {
            return Err("must have at most 254 characters");
        }
        // A capital letter may become longer: lower-case first, then look.
        let email = trimmed.to_lowercase();
        let rules = Options::default().without_display_text().without_domain_literal();
        // Quoted and invisible characters are allowed by the standard; nobody has them.
        let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '<' | '>');
        let fits = email.len() <= EMAIL_BYTES
            && !email.contains(odd)
            && EmailAddress::parse_with_options(&email, rules).is_ok();
        if fits { Ok(Self(email)) } else { Err("must be an e-mail address") }
    }
    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or(self.0.as_str(), |(local, _)| local)
    }
}
impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A password that somebody chose. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Any 8 to 128 characters.
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if PASSWORD_CHARACTERS.contains(&text.chars().count()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must have 8 to 128 characters")
        }
    }
    /// The characters, to be hashed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A name to address a person by, without spaces around it.
/// # Errors
/// What is wrong with it.
pub fn parse_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS {
        Err("must have 1 to 200 characters")
    } else if name.chars().any(char::is_control) {
        Err("must not contain control characters")
    } else {
        Ok(name.to_owned())
    }
}

/// A field that does not hold what it should, and why.
pub type Fault = (&'static str, &'static str);

/// Whoever wants to register, with fields that hold what they should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Normalised.
    pub email: Email,
    /// As it was chosen.
    pub password: Password,
    /// How to address the person.
    pub name: String,
}

impl Newcomer {
    /// Looks at all fields.
    /// # Errors
    /// Every field that is wrong.
    pub fn check(call: &Register) -> Result<Self, Vec<Fault>> {
        let email = Email::parse(&call.email).map_err(|reason| ("email", reason));
        let password = Password::parse(&call.password).map_err(|reason| ("password", reason));
        let name = parse_name(&call.name).map_err(|reason| ("name", reason));
        match (email, password, name) {
            (Ok(email), Ok(password), Ok(name)) => Ok(Self { email, password, name }),
            (email, password, name) => {
                Err([email.err(), password.err(), name.err()].into_iter().flatten().collect())
            }
        }
    }
}

/// The first of some faults, as the call refuses it.
pub fn refusal(faults: &[Fault]) -> RegisterRefused {
    let (field, reason) = faults.first().copied().unwrap_or(("", "is not valid"));
    RegisterRefused::Invalid { field: field.to_owned(), reason: reason.to_owned() }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub id: AccountId,
    /// Normalised.
    pub email: String,
    /// How to address the person.
    pub name: String,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// What the account may do.
    pub role: Role,
    /// When its address was shown to be its own.
    pub email_verified_at: Option<Timestamp>,
    /// Whether nobody may log in.
    pub disabled: bool,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Rises with every change, and with everything that is told of it.
    pub version: i64,
}

impl Account {
    /// A new account of whoever chose this address.
    pub fn open(id: AccountId, newcomer: &OpenAccount, now: Timestamp) -> Self {
        Self {
            id,
            email: newcomer.email.to_string(),
            name: newcomer.name.clone(),
            password_hash: newcomer.password_hash.clone(),
            role: newcomer.role,
            email_verified_at: None,
            disabled: false,
            created_at: now,
            version: 1,
        }
    }
    /// The next version: whatever is told or changed is told in this order.
    pub const fn next_version(&mut self) -> i64 {
        self.version += 1;
        self.version
    }
    /// Whether it runs the shop and somebody can log in.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin && !self.disabled
    }
    /// The address was shown to be its own; nothing where that was known.
    pub fn verify_email(&mut self, now: Timestamp) -> Option<EmailVerified> {
        if self.email_verified_at.is_some() {
            return None;
        }
        self.email_verified_at = Some(now);
        Some(EmailVerified { account: self.id })
    }
    /// What staff wants it to be; whether that is anything new.
    pub fn set(&mut self, role: Option<Role>, disabled: Option<bool>) -> bool {
        let before = (self.role, self.disabled);
        self.role = role.unwrap_or(self.role);
        self.disabled = disabled.unwrap_or(self.disabled);
        before != (self.role, self.disabled)
    }
    /// A person's own view of it.
    pub fn me(&self) -> Me {
        Me {
            id: self.id,
            email: self.email.clone(),
            name: self.name.clone(),
            email_verified: self.email_verified_at.is_some(),
            role: self.role,
            created_at: self.created_at,
        }
    }
    /// As staff see it.
    pub fn for_staff(&self) -> AccountForStaff {
        AccountForStaff { me: self.me(), disabled: self.disabled }
    }
}

/// An account to be opened.
#[derive(Clone)]
pub struct OpenAccount {
    /// Normalised.
    pub email: Email,
    /// How to address the person.
    pub name: String,
    /// Argon2id, as a PHC string.
    pub password_hash: String,
    /// What the account may do.
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_an_address_are_one() {
        let ada = Email::parse("ada@example.com").unwrap();
        assert_eq!(Email::parse(" \tAda@EXAMPLE.Com\n"), Ok(ada));
        assert_eq!(Email::parse("ÉMILE@example.com").unwrap().as_str(), "émile@example.com");
        assert_eq!(Email::parse("shop@localhost").unwrap().local_part(), "shop");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@{}.com", "a".repeat(60), "b.".repeat(120));
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "ada@exam\0ple.com",
            "a\0da@example.com",
            "Ada <ada@example.com>",
            "<ada@example.com>",
            "ada@example.com\nBcc: eve@example.com",
            "\"a b\"@example.com",
            "ada@[127.0.0.1]",
            "ada@-x.com",
            "a\u{85}b@example.com",
            "a\u{2028}b@example.com",
            &long,
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let call = |email: &str, password: &str, name: &str| Register {
            email: email.into(),
            password: password.into(),
            name: name.into(),
            device: None,
        };
        let fields = |call: &Register| -> Vec<&str> {
            Newcomer::check(call).unwrap_err().into_iter().map(|(field, _)| field).collect()
        };
        assert_eq!(fields(&call("x", "short", " ")), ["email", "password", "name"]);
        assert_eq!(fields(&call("a@b.c", "12345678", "a\0b")), ["name"]);
        assert_eq!(fields(&call("a@b.c", "1234567", "Ada")), ["password"]);
        assert_eq!(
            fields(&call("a@b.c", &"x".repeat(129), &"n".repeat(201))),
            ["password", "name"]
        );
        let fine = Newcomer::check(&call("A@b.c", &"ü".repeat(128), " Ada ")).unwrap();
        assert_eq!((fine.email.as_str(), fine.name.as_str()), ("a@b.c", "Ada"));
        assert!(!format!("{fine:?}").contains('ü'), "a password is never shown");
    }

    proptest! {
        #[test]
        fn reading_an_address_again_changes_nothing(text in "\\PC{0,40}@[a-zA-Zéİß0-9.-]{1,40}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
                prop_assert!(email.as_str().len() <= EMAIL_BYTES);
            }
        }
        #[test]
        fn no_input_makes_it_panic(email in any::<String>(), password in any::<String>(), name in any::<String>()) {
            let _ = Newcomer::check(&Register { email, password, name, device: None });
        }
    }
}
