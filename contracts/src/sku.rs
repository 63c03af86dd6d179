//! The stock keeping unit: what is priced, held and sold.
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{fmt, str::FromStr, sync::Arc};

/// The name of one sellable variant: 1 to 64 of `A-Z 0-9 . _ - /`, capitals only.
///
/// Small letters are read as capitals, so that `ab-1` and `AB-1` are one SKU on every engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Sku(Arc<str>);

/// The text is no SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SKU is 1 to 64 letters, digits or . _ - /")]
pub struct NotASku;

impl Sku {
    /// The longest SKU, in bytes.
    pub const MAX_LEN: usize = 64;
    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl FromStr for Sku {
    type Err = NotASku;
    fn from_str(text: &str) -> Result<Self, NotASku> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.bytes().all(allowed) {
            return Err(NotASku);
        }
        if text.bytes().any(|b| b.is_ascii_lowercase()) {
            return Ok(Self(text.to_ascii_uppercase().into()));
        }
        Ok(Self(text.into()))
    }
}
impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl AsRef<str> for Sku {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
impl<'de> Deserialize<'de> for Sku {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Sku {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Za-z0-9._/-]{1,64}$"))
            .description(Some("stock keeping unit; small letters are read as capitals"))
            .examples([serde_json::json!("BOOK-0042")])
            .into()
    }
}
#[cfg(feature = "schema")]
impl utoipa::ToSchema for Sku {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_normalised_and_checked() {
        assert_eq!("ab-1".parse::<Sku>().unwrap().as_str(), "AB-1");
        for bad in ["", " ", "a b", "é", "<script>", &"X".repeat(65)] {
            assert_eq!(bad.parse::<Sku>(), Err(NotASku), "{bad:?}");
        }
    }
}
