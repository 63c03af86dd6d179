//! Strict JSON: read with the field named that is wrong, and hashed whatever its spelling.
use crate::problem::{FieldError, HttpResult, Problem};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Reads JSON, to its end.
/// # Errors
/// 400 `invalid_input` naming the field.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> HttpResult<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let cause = error.inner();
        if cause.is_data() {
            let text = cause.to_string();
            let place = format!(" at line {} column {}", cause.line(), cause.column());
            return field_error(error.path(), text.strip_suffix(&place).unwrap_or(&text));
        }
        not_json(cause)
    });
    let value = value.and_then(|value| match reader.end() {
        Ok(()) => Ok(value),
        Err(error) => Err(not_json(&error)),
    });
    value.map_err(|error| Problem::invalid(vec![error]))
}

fn not_json(error: &serde_json::Error) -> FieldError {
    FieldError::new("", format!("is not JSON: {error}")).coded("syntax")
}

/// SHA-256 of a JSON value written without spaces and with sorted keys, so that neither the
/// spaces of a body nor the order of its keys make another body of it.
pub fn canonical_hash(value: &Value) -> [u8; 32] {
    let mut text = String::new();
    write_canonical(value, &mut text);
    Sha256::digest(text.as_bytes()).into()
}

/// The keys are sorted here, for serde_json's maps keep another order where any crate of the
/// build turns its `preserve_order` on.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            text.push('{');
            for (key, member) in members {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(member, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

/// Puts serde's message about a place into the words of the API.
pub(super) fn field_error(path: &serde_path_to_error::Path, message: &str) -> FieldError {
    let path = if path.iter().len() == 0 { String::new() } else { path.to_string() };
    for (start, code, reason) in [
        ("missing field `", "missing", "is required"),
        ("unknown field `", "unknown", "is not known here"),
        ("duplicate field `", "duplicate", "is given more than once"),
    ] {
        let Some((name, _)) = message.strip_prefix(start).and_then(|rest| rest.split_once('`'))
        else {
            continue;
        };
        return FieldError::new(path_to(&path, name), reason).coded(code);
    }
    let (code, reason) = reason(message);
    FieldError::new(path, reason).coded(code)
}

/// The path of the member `name` of the object at `path`, should it not be its path already.
fn path_to(path: &str, name: &str) -> String {
    match path.rsplit(['.']).next() {
        _ if path.is_empty() => name.to_owned(),
        Some(last) if last == name => path.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

/// A code and a reason that reads on from the field's name, for a message of serde.
pub(crate) fn reason(message: &str) -> (&'static str, String) {
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    match (message, expected) {
        (text, Some(expected)) if text.starts_with("invalid type: ") => {
            ("type", format!("must be {}", in_words(expected)))
        }
        (text, Some(expected)) if text.starts_with("invalid length ") => {
            ("length", format!("must be {}", in_words(expected)))
        }
        (text, Some(expected)) if text.starts_with("invalid value: ") => match in_words(expected) {
            "a whole number" => ("range", "is out of range".into()),
            words => ("value", format!("must be {words}")),
        },
        (text, Some(expected)) if text.starts_with("unknown variant ") => {
            ("value", format!("must be {expected}"))
        }
        (
            "number too large to fit in target type" | "number too small to fit in target type",
            _,
        ) => ("range", "is out of range".into()),
        ("invalid digit found in string" | "cannot parse integer from empty string", _) => {
            ("type", "must be a whole number".into())
        }
        ("provided string was not `true` or `false`", _) => {
            ("type", "must be true or false".into())
        }
        _ => ("value", message.to_owned()),
    }
}

fn in_words(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128"
        | "usize" => "a whole number",
        "a boolean" => "true or false",
        "a string" | "a borrowed string" | "a character" => "a text",
        "a sequence" => "a list",
        "a map" | "map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{Money, Quantity};
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        sku: String,
        quantity: i32,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        items: Vec<Line>,
        tip: Option<Money>,
        #[serde(default)]
        gift: bool,
    }

    fn wrong(json: &str) -> (String, String, String) {
        let problem = parse_json::<Order>(json.as_bytes()).unwrap_err();
        assert_eq!((problem.status.as_u16(), &*problem.code), (400, "invalid_input"), "{json}");
        let error = problem.errors.into_iter().next().unwrap();
        (error.field, error.code.unwrap_or_default().into_owned(), error.message)
    }

    #[test]
    fn every_refusal_names_its_field() {
        for (json, field, code, message) in [
            (r#"{}"#, "items", "missing", "is required"),
            (r#"{"items": [], "x": 1}"#, "x", "unknown", "is not known here"),
            (r#"{"items": [], "items": []}"#, "items", "duplicate", "is given more than once"),
            (r#"{"items": {}}"#, "items", "type", "must be a list"),
            (r#"{"items": [7]}"#, "items[0]", "type", "must be an object"),
            (r#"{"items": [{"sku": "A"}]}"#, "items[0].quantity", "missing", "is required"),
            (
                r#"{"items": [{"sku": "A", "quantity": 1.5}]}"#,
                "items[0].quantity",
                "type",
                "must be a whole number",
            ),
            (
                r#"{"items": [{"sku": "A", "quantity": 1, "price": 1}]}"#,
                "items[0].price",
                "unknown",
                "is not known here",
            ),
            (
                r#"{"items": [{"sku": "A", "quantity": 3000000000}]}"#,
                "items[0].quantity",
                "range",
                "is out of range",
            ),
            (
                r#"{"items": [{"sku": "A", "quantity": 99999999999999999999}]}"#,
                "items[0].quantity",
                "type",
                "must be a whole number",
            ),
            (r#"{"items": [{"sku": 1, "quantity": 1}]}"#, "items[0].sku", "type", "must be a text"),
            (r#"{"items": [], "gift": "yes"}"#, "gift", "type", "must be true or false"),
            (
                r#"{"items": [], "tip": {"amount": 1.0, "currency": "USD"}}"#,
                "tip.amount",
                "type",
                "must be a whole number",
            ),
            (
                r#"{"items": [], "tip": {"amount": 1, "currency": "usd"}}"#,
                "tip.currency",
                "value",
                "a currency is three capital letters, such as USD",
            ),
            (r#"[]"#, "", "length", "must be an object"),
            (r#""x""#, "", "type", "must be an object"),
        ] {
            let expected = (field.to_owned(), code.to_owned(), message.to_owned());
            assert_eq!(wrong(json), expected, "{json}");
        }
        for json in [r#"{"items": ["#, r#"{"items": []} x"#, "\u{fffd}", r#"{"items": [],}"#] {
            let (field, code, _) = wrong(json);
            assert_eq!((field.as_str(), code.as_str()), ("", "syntax"), "{json}");
        }
        assert_eq!(parse_json::<Quantity>(b"0").unwrap_err().status, 400);
    }

    #[test]
    fn spaces_and_the_order_of_keys_make_no_other_body() {
        let hash = |json: &str| canonical_hash(&serde_json::from_str(json).unwrap());
        let first = hash(r#"{"a": [1, {"x": null, "y": "ü"}], "b": true}"#);
        assert_eq!(first, hash(r#" {"b":true,"a":[1,{"y":"\u00fc","x":null}]}"#));
        assert_ne!(first, hash(r#"{"a": [{"x": null, "y": "ü"}, 1], "b": true}"#));
        assert_ne!(hash(r#"{"a": "1"}"#), hash(r#"{"a": 1}"#));
        assert_ne!(hash(r#"["a", "b"]"#), hash(r#"["a,b"]"#));
        assert_ne!(hash(r#"[["a"], "b"]"#), hash(r#"[["a", "b"]]"#));
    }
}
