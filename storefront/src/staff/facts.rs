//! Facts and options as people write them: one a line, the name before a colon. What was left as
//! it was shown stays as it is, whatever is in it.
use serde_json::Value;
use std::collections::BTreeMap;

/// The lines that say something.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Whether two texts say the same, line by line.
pub fn is_same(one: &str, other: &str) -> bool {
    lines(one).eq(lines(other))
}

fn on_one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.trim().to_owned()
}

fn fact(name: &str, value: &Value) -> String {
    let text = match value {
        // A text that would be read as something else stands in quotes.
        Value::String(text) if value_of(text) == *value => on_one_line(text),
        other => other.to_string(),
    };
    format!("{}: {text}", on_one_line(name))
}

/// What a value is: whole numbers and whatever else JSON spells just so, else a text.
fn value_of(text: &str) -> Value {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Value::from(on_one_line(text));
    };
    let spelt = value.to_string();
    if value.is_number() && spelt != text { Value::from(text) } else { value }
}

/// Facts, to be changed.
pub fn write(facts: &BTreeMap<String, Value>) -> String {
    let facts: Vec<String> = facts.iter().map(|(name, value)| fact(name, value)).collect();
    facts.join("\n")
}

/// Facts as they were typed over `old`; none where a line has no name. A new name is kept as
/// programs like it.
pub fn read(text: &str, old: &BTreeMap<String, Value>) -> Option<BTreeMap<String, Value>> {
    let one = |line: &str| {
        if let Some((name, value)) = old.iter().find(|(name, value)| fact(name, value) == line) {
            return Some((name.clone(), value.clone()));
        }
        let (name, value) = split(line)?;
        let name = match old.contains_key(name) {
            true => name.to_owned(),
            false => name.to_lowercase().replace(' ', "_"),
        };
        Some((name, value_of(value)))
    };
    lines(text).map(one).collect()
}

/// Options, to be changed.
pub fn write_options(options: &BTreeMap<String, String>) -> String {
    let one = |(name, value): (&String, &String)| {
        format!("{}: {}", on_one_line(name), on_one_line(value))
    };
    options.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Options as they were typed; none where a line has no name or no value.
pub fn read_options(text: &str) -> Option<BTreeMap<String, String>> {
    let one = |line: &str| {
        let (name, value) = split(line).filter(|(_, value)| !value.is_empty())?;
        Some((name.to_owned(), value.to_owned()))
    };
    lines(text).map(one).collect()
}

fn split(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim(), value.trim())).filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn facts(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_left_as_it_was_shown_stays_as_it_is() {
        let odd = facts(json!({
            "year": 1818, "as_text": "1818", "version": "1.10", "list": ["a", 2], "none": null,
            "two lines": "a\nb", "Odd: name": "x", "yes": true, "said": "\"q\"", "empty": "",
            "weight": 0.35, " padded ": " p ",
        }));
        assert_eq!(read(&write(&odd), &odd), Some(odd.clone()));
        assert_eq!(read(&write(&odd).replace('\n', "\r\n"), &odd), Some(odd));
    }

    #[test]
    fn facts_are_read_as_people_write_them() {
        let none = BTreeMap::new();
        let read_new = |text: &str| read(text, &none);
        let expected = json!({"size_of_page": "A5", "year": 1815, "isbn": "0199", "at": "10:30"});
        let text = "Year: 1815\r\n\n Size of page : A5\nISBN: 0199\nat: 10:30";
        assert_eq!(read_new(text), Some(facts(expected)));
        assert_eq!((read_new("no colon"), read_new(": x")), (None, None));
        let old = facts(json!({"Year": 1}));
        assert_eq!(read("Year: 2", &old), Some(facts(json!({"Year": 2}))));
    }

    #[test]
    fn options_need_a_name_and_a_value() {
        let read = read_options("size: M\ncolour: sea: green\n").unwrap();
        assert_eq!(write_options(&read), "colour: sea: green\nsize: M");
        assert_eq!((read_options("size:"), read_options("M")), (None, None));
        assert!(is_same("a\r\nb\r\n", "a\nb") && !is_same("a", "b"));
    }
}
