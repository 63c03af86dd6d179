//! The postal addresses that an account keeps: how many, and which one is used by itself.
use contracts::identity::SavedAddress;
use contracts::{Address, AddressId};

/// How many an account keeps.
pub const MOST: usize = 50;

/// Fields of an address that change; what is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressChange {
    /// Who receives it.
    pub name: Option<String>,
    /// Street and number.
    pub line1: Option<String>,
    /// Flat, floor, company; an inner none takes it away.
    pub line2: Option<Option<String>>,
    /// City.
    pub city: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Country.
    pub country: Option<String>,
    /// Telephone; an inner none takes it away.
    pub phone: Option<Option<String>>,
}

impl AddressChange {
    /// A change of every field.
    pub fn to(address: Address) -> Self {
        let Address { name, line1, line2, city, postal_code, country, phone } = address;
        Self {
            name: Some(name),
            line1: Some(line1),
            line2: Some(line2),
            city: Some(city),
            postal_code: Some(postal_code),
            country: Some(country),
            phone: Some(phone),
        }
    }
    /// `address` with the change.
    pub fn of(self, address: Address) -> Address {
        Address {
            name: self.name.unwrap_or(address.name),
            line1: self.line1.unwrap_or(address.line1),
            line2: self.line2.unwrap_or(address.line2),
            city: self.city.unwrap_or(address.city),
            postal_code: self.postal_code.unwrap_or(address.postal_code),
            country: self.country.unwrap_or(address.country),
            phone: self.phone.unwrap_or(address.phone),
        }
    }
}

/// An address as it is kept: without spaces around its fields, and none for an empty one.
pub fn tidy(address: Address) -> Address {
    let trimmed = |text: String| text.trim().to_owned();
    let filled = |text: Option<String>| text.map(trimmed).filter(|text| !text.is_empty());
    Address {
        name: trimmed(address.name),
        line1: trimmed(address.line1),
        line2: filled(address.line2),
        city: trimmed(address.city),
        postal_code: trimmed(address.postal_code),
        country: trimmed(address.country),
        phone: filled(address.phone),
    }
}

/// A new address beside those that are `kept`; none when there are too many. The first one is
/// used by itself, whatever was said.
pub fn add(
    kept: &[SavedAddress],
    id: AddressId,
    address: Address,
    is_default: Option<bool>,
) -> Option<SavedAddress> {
    let is_default = kept.is_empty() || is_default == Some(true);
    (kept.len() < MOST).then_some(SavedAddress { id, is_default, address })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sea_orm::prelude::Uuid;

    fn address() -> Address {
        Address {
            name: " Ada ".into(),
            line1: "12 St James's Square".into(),
            line2: Some("  ".into()),
            city: "London".into(),
            postal_code: "SW1Y 4JH".into(),
            country: "GB".into(),
            phone: Some("+44".into()),
        }
    }
    fn saved(count: u128) -> Vec<SavedAddress> {
        let one = |n| SavedAddress {
            id: AddressId(Uuid::from_u128(n)),
            is_default: n == 0,
            address: address(),
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn the_first_address_is_used_by_itself_and_another_when_it_is_said() {
        let id = AddressId(Uuid::from_u128(99));
        let is_default =
            |kept: u128, said| add(&saved(kept), id, address(), said).map(|new| new.is_default);
        assert_eq!(is_default(0, None), Some(true));
        assert_eq!(is_default(0, Some(false)), Some(true));
        assert_eq!(is_default(1, None), Some(false));
        assert_eq!(is_default(49, Some(true)), Some(true));
        assert_eq!(is_default(50, None), None, "too many");
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let change = AddressChange {
            city: Some("Paris".into()),
            phone: Some(None),
            ..AddressChange::default()
        };
        let changed = change.of(address());
        assert_eq!((changed.city.as_str(), changed.phone), ("Paris", None));
        assert_eq!(changed.line2, address().line2);
        assert_eq!(AddressChange::to(address()).of(tidy(address())), address());
        let tidy = tidy(address());
        assert_eq!((tidy.name.as_str(), tidy.line2), ("Ada", None));
    }
}
