//! Where goods go.
use serde::{Deserialize, Serialize};

/// A postal address. It never travels in an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(examples(json!({
    "name": "Ada Lovelace", "line1": "12 St James's Square", "city": "London",
    "postal_code": "SW1Y 4JH", "country": "GB", "phone": "+442079460000"
}))))]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it: 1 to 200 characters.
    pub name: String,
    /// Street and number: 1 to 200 characters.
    pub line1: String,
    /// Flat, floor, company: at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// 1 to 100 characters.
    pub city: String,
    /// 1 to 20 characters.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2: two capital letters.
    pub country: String,
    /// At most 30 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl Address {
    /// The fields that do not hold what they should, each with a reason; empty when all do.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut check = |field, text: &str, least: usize, most: usize| {
            let count = text.trim().chars().count();
            if count < least || count > most {
                faults.push((field, format!("must have {least} to {most} characters")));
            } else if text.chars().any(char::is_control) {
                faults.push((field, "must not contain control characters".to_owned()));
            }
        };
        check("name", &self.name, 1, 200);
        check("line1", &self.line1, 1, 200);
        check("line2", self.line2.as_deref().unwrap_or_default(), 0, 200);
        check("city", &self.city, 1, 100);
        check("postal_code", &self.postal_code, 1, 20);
        check("phone", self.phone.as_deref().unwrap_or_default(), 0, 30);
        if self.country.len() != 2 || !self.country.bytes().all(|b| b.is_ascii_uppercase()) {
            faults.push((
                "country",
                "must be two capital letters (ISO 3166-1), such as GB".to_owned(),
            ));
        }
        faults
    }
}
