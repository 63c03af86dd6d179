//! What a category, an author or a genre may be, and the tree of categories. Pure.
use crate::product::{Shelf, name_key, wrong_slug};
use contracts::catalog::{SaveShelfEntry, ShelfEntry, ShelfRefused};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

const NAME_CHARACTERS: usize = 200;
/// So many categories may stand above each other.
pub const MOST_LEVELS: usize = 10;

/// A refusal that names a field.
pub fn invalid(field: &str, reason: impl Into<String>) -> ShelfRefused {
    ShelfRefused::Invalid { field: field.to_owned(), reason: reason.into() }
}

/// Checks what is given; whether it is free is known later.
/// # Errors
/// The first field that does not hold what it should.
pub fn check(save: &SaveShelfEntry) -> Result<(), ShelfRefused> {
    match &save.name {
        None if save.id.is_none() => return Err(invalid("name", "is required")),
        None => {}
        Some(name) if name.contains('\0') => {
            return Err(invalid("name", "must not contain a NUL character"));
        }
        Some(name) if name.chars().nth(NAME_CHARACTERS).is_some() => {
            let reason = format!("must have at most {NAME_CHARACTERS} characters");
            return Err(invalid("name", reason));
        }
        Some(name) if name_key(name).is_empty() => {
            return Err(invalid("name", "must not be empty"));
        }
        Some(_) => {}
    }
    if let Some(reason) = save.slug.as_deref().and_then(wrong_slug) {
        return Err(invalid("slug", reason));
    }
    if save.shelf != Shelf::Categories && matches!(save.parent, Some(Some(_))) {
        return Err(invalid("parent", "is only for categories"));
    }
    Ok(())
}

/// Whether a category (if it is there already) may become part of `parent`: `above` are the
/// categories above the parent, `below` those below the category, each with its depth under it.
/// # Errors
/// When it would be part of itself, or too deep.
pub fn check_place(
    category: Option<Uuid>,
    parent: Uuid,
    above: &BTreeSet<Uuid>,
    below: &BTreeMap<Uuid, usize>,
) -> Result<(), ShelfRefused> {
    if category.is_some_and(|category| category == parent || above.contains(&category)) {
        return Err(invalid("parent", "must not be the category itself, nor part of it"));
    }
    let height = below.values().max().copied().unwrap_or(0);
    if above.len() + 2 + height > MOST_LEVELS {
        return Err(invalid("parent", format!("must leave at most {MOST_LEVELS} levels")));
    }
    Ok(())
}

/// Parents before their children, siblings in the order in which they come.
pub fn tree(entries: Vec<ShelfEntry>) -> Vec<ShelfEntry> {
    let known: BTreeSet<Uuid> = entries.iter().map(|entry| entry.id).collect();
    let mut children: BTreeMap<Option<Uuid>, Vec<ShelfEntry>> = BTreeMap::new();
    let total = entries.len();
    for entry in entries {
        let parent = entry.parent.filter(|parent| known.contains(parent));
        children.entry(parent).or_default().push(entry);
    }
    let mut ordered = Vec::with_capacity(total);
    let mut waiting = children.remove(&None).unwrap_or_default();
    waiting.reverse();
    while let Some(entry) = waiting.pop() {
        let below = children.remove(&Some(entry.id)).unwrap_or_default();
        waiting.extend(below.into_iter().rev());
        ordered.push(entry);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }
    fn entry(n: u128, parent: Option<u128>) -> ShelfEntry {
        ShelfEntry { id: id(n), slug: n.to_string(), name: n.to_string(), parent: parent.map(id) }
    }
    fn save() -> SaveShelfEntry {
        SaveShelfEntry {
            shelf: Shelf::Categories,
            id: None,
            name: Some("Books".into()),
            slug: None,
            parent: None,
        }
    }
    fn field_of(change: impl FnOnce(&mut SaveShelfEntry)) -> Option<String> {
        let mut save = save();
        change(&mut save);
        match check(&save) {
            Err(ShelfRefused::Invalid { field, .. }) => Some(field),
            _ => None,
        }
    }

    #[test]
    fn every_unsound_field_is_named() {
        let field = |name: &str| Some(name.to_owned());
        assert_eq!(field_of(|_| ()), None);
        assert_eq!(field_of(|s| s.name = None), field("name"));
        assert_eq!(field_of(|s| (s.name, s.id) = (None, Some(id(1)))), None);
        for bad in ["", "  ", "a\0b", &"x".repeat(201)] {
            assert_eq!(field_of(|s| s.name = Some(bad.into())), field("name"), "{bad:?}");
        }
        let uuid = "0190a2b4-0000-7000-8000-000000000000";
        for bad in ["", "A", "a b", "-a", "a-", "é", "a_b", uuid, &"a".repeat(101)] {
            assert_eq!(field_of(|s| s.slug = Some(bad.into())), field("slug"), "{bad:?}");
        }
        for good in ["a", "books-2", &"a".repeat(100)] {
            assert_eq!(field_of(|s| s.slug = Some(good.into())), None, "{good:?}");
        }
        let author = |s: &mut SaveShelfEntry, parent| {
            (s.shelf, s.parent) = (Shelf::Authors, Some(parent));
        };
        assert_eq!(field_of(|s| author(s, Some(id(1)))), field("parent"));
        assert_eq!(field_of(|s| author(s, None)), None);
    }

    #[test]
    fn no_category_becomes_part_of_itself_and_none_stands_too_deep() {
        let (none, set) = (BTreeMap::new(), |ids: &[u128]| ids.iter().map(|n| id(*n)).collect());
        assert!(check_place(Some(id(1)), id(1), &set(&[]), &none).is_err());
        assert!(check_place(Some(id(1)), id(3), &set(&[2, 1]), &none).is_err());
        assert!(check_place(Some(id(1)), id(3), &set(&[2]), &none).is_ok());
        let eight: BTreeSet<Uuid> = (10..18).map(id).collect();
        assert!(check_place(None, id(3), &eight, &none).is_ok(), "the tenth level");
        let one_below = BTreeMap::from([(id(5), 1)]);
        assert!(check_place(Some(id(1)), id(3), &eight, &one_below).is_err(), "the eleventh");
    }

    #[test]
    fn a_tree_has_parents_before_their_children_and_loses_nobody() {
        let entries = vec![
            entry(1, Some(3)),
            entry(2, None),
            entry(3, None),
            entry(4, Some(1)),
            entry(5, Some(3)),
            entry(6, Some(99)),
        ];
        let order: Vec<String> = tree(entries).into_iter().map(|entry| entry.name).collect();
        assert_eq!(order, ["2", "3", "1", "4", "5", "6"]);
        assert_eq!(tree(Vec::new()), []);
    }
}
