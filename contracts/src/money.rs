//! Money: an integer in minor units with its currency. No float ever touches it.
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// An ISO 4217 currency code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// The text is not three capital letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a currency is three capital letters, such as USD")]
pub struct NotACurrency;

impl Currency {
    /// US dollar, the default currency of a new store.
    pub const USD: Self = Self(*b"USD");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");

    /// The three letters.
    pub fn code(&self) -> &str {
        // Only capital ASCII letters are ever stored.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimal digits a minor unit stands for (ISO 4217, list one).
    pub fn minor_digits(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}
impl FromStr for Currency {
    type Err = NotACurrency;
    fn from_str(text: &str) -> Result<Self, NotACurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| NotACurrency)?;
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Self(code)) } else { Err(NotACurrency) }
    }
}
impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}
impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .description(Some("ISO 4217 code"))
            .examples([serde_json::json!("USD")])
            .into()
    }
}
#[cfg(feature = "schema")]
impl utoipa::ToSchema for Currency {}

/// An amount in minor units (cents for USD) of one currency; negative for a debit.
///
/// On the wire `{"amount": 1999, "currency": "USD"}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(examples(json!({"amount": 1999, "currency": "USD"}))))]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units.
    #[serde(rename = "amount")]
    pub minor: i64,
    /// Of which currency.
    pub currency: Currency,
}

/// Why two amounts cannot be reckoned together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result exceeds [`Money::MAX_MINOR`].
    #[error("the amount is too large")]
    Overflow,
    /// The two have different currencies.
    #[error("{0} and {1} are different currencies")]
    Currencies(Currency, Currency),
}

impl Money {
    /// The largest amount that the store reckons with: 10^15 minor units. Far below the
    /// 2^53 that a JavaScript client can read exactly.
    pub const MAX_MINOR: i64 = 1_000_000_000_000_000;

    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }
    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }
    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }
    /// Sum.
    /// # Errors
    /// When the currencies differ or the result is beyond [`Self::MAX_MINOR`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Currencies(self.currency, other.currency));
        }
        Self::bounded(self.minor.checked_add(other.minor), self.currency)
    }
    /// Difference.
    /// # Errors
    /// As [`Self::plus`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.plus(other.negated())
    }
    /// The price of `count` pieces.
    /// # Errors
    /// When the result is beyond [`Self::MAX_MINOR`].
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        Self::bounded(self.minor.checked_mul(i64::from(count)), self.currency)
    }
    /// The same amount the other way.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self::new(self.minor.saturating_neg(), self.currency)
    }
    fn bounded(minor: Option<i64>, currency: Currency) -> Result<Self, MoneyError> {
        minor
            .filter(|minor| (-Self::MAX_MINOR..=Self::MAX_MINOR).contains(minor))
            .map(|minor| Self::new(minor, currency))
            .ok_or(MoneyError::Overflow)
    }
}

/// As a person reads it: `19.99 USD`, `-0.05 EUR`, `500 JPY`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.minor_digits();
        let unit = 10_u64.pow(digits);
        let (sign, minor) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        if digits == 0 {
            write!(f, "{sign}{minor} {}", self.currency)
        } else {
            let width = digits as usize;
            write!(f, "{sign}{}.{:0width$} {}", minor / unit, minor % unit, self.currency)
        }
    }
}
impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_people_write_it() {
        assert_eq!(Money::new(1999, Currency::USD).to_string(), "19.99 USD");
        assert_eq!(Money::new(-5, Currency::EUR).to_string(), "-0.05 EUR");
        assert_eq!(Money::new(500, "JPY".parse().unwrap()).to_string(), "500 JPY");
        assert_eq!(Money::new(1_234_567, "KWD".parse().unwrap()).to_string(), "1234.567 KWD");
    }

    #[test]
    fn sums_refuse_other_currencies_and_overflow() {
        let dollar = Money::new(100, Currency::USD);
        assert_eq!(dollar.plus(dollar), Ok(Money::new(200, Currency::USD)));
        assert_eq!(
            dollar.plus(Money::new(1, Currency::EUR)),
            Err(MoneyError::Currencies(Currency::USD, Currency::EUR))
        );
        assert_eq!(
            Money::new(Money::MAX_MINOR, Currency::USD).plus(dollar),
            Err(MoneyError::Overflow)
        );
        assert_eq!(Money::new(i64::MAX, Currency::USD).times(2), Err(MoneyError::Overflow));
    }

    #[test]
    fn floats_and_unknown_fields_are_refused_on_the_wire() {
        assert!(serde_json::from_str::<Money>(r#"{"amount": 19.99, "currency": "USD"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount": 1, "currency": "usd"}"#).is_err());
        assert!(
            serde_json::from_str::<Money>(r#"{"amount": 1, "currency": "USD", "x": 1}"#).is_err()
        );
        let money = Money::new(1999, Currency::USD);
        let json = serde_json::to_string(&money).unwrap();
        assert_eq!(json, r#"{"amount":1999,"currency":"USD"}"#);
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    }
}
