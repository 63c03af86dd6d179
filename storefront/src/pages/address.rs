//! The fields of an address: in a checkout, and among those that an account keeps.
use crate::countries::{self, Country};
use crate::form::Faults;
use contracts::Address;
use contracts::orders::ShopTerms;
use serde::{Deserialize, Serialize};

/// What is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct AddressForm {
    pub name: String,
    pub line1: String,
    pub line2: String,
    pub postal_code: String,
    pub city: String,
    pub country: String,
    pub phone: String,
}

impl From<Address> for AddressForm {
    fn from(address: Address) -> Self {
        Self {
            name: address.name,
            line1: address.line1,
            line2: address.line2.unwrap_or_default(),
            postal_code: address.postal_code,
            city: address.city,
            country: address.country,
            phone: address.phone.unwrap_or_default(),
        }
    }
}

impl AddressForm {
    /// The address, and all that is wrong with it.
    pub fn read(&self) -> (Address, Faults) {
        let text = |field: &String| field.trim().to_owned();
        let some = |field: &String| Some(text(field)).filter(|text| !text.is_empty());
        let address = Address {
            name: text(&self.name),
            line1: text(&self.line1),
            line2: some(&self.line2),
            city: text(&self.city),
            postal_code: text(&self.postal_code),
            country: self.country(),
            phone: some(&self.phone),
        };
        let required = [
            ("name", &address.name),
            ("line1", &address.line1),
            ("city", &address.city),
            ("postal_code", &address.postal_code),
            ("country", &address.country),
        ];
        let mut faults = Faults::default();
        for (field, _) in required.into_iter().filter(|(_, text)| text.is_empty()) {
            faults.add(field, "must be filled in");
        }
        for (field, reason) in address.faults() {
            faults.add(field, reason);
        }
        (address, faults)
    }
    /// The code of the country.
    pub fn country(&self) -> String {
        self.country.trim().to_ascii_uppercase()
    }
    /// The same, as long as it can be shown again.
    pub fn cut(mut self) -> Self {
        let all = [
            &mut self.name,
            &mut self.line1,
            &mut self.line2,
            &mut self.postal_code,
            &mut self.city,
            &mut self.country,
            &mut self.phone,
        ];
        for field in all {
            *field = field.chars().take(300).collect();
        }
        self
    }
}

/// The countries to choose from.
pub struct Countries {
    /// Those that the shop delivers to.
    pub all: Vec<Country>,
    /// What was typed, where it is none of them.
    pub other: Option<String>,
    /// The code of the chosen one.
    pub chosen: String,
}

impl Countries {
    /// Those of the shop; the only one there is is chosen.
    pub fn of(terms: &ShopTerms, form: &AddressForm) -> Self {
        let all = countries::served(&terms.countries);
        let chosen = match (form.country(), all.as_slice()) {
            (typed, [(only, _)]) if typed.is_empty() => (*only).to_owned(),
            (typed, _) => typed,
        };
        let known = chosen.is_empty() || all.iter().any(|(code, _)| *code == chosen);
        let other = (!known).then(|| form.country.clone());
        Self { all, other, chosen }
    }
}

/// What a form calls a field of an address.
pub fn label(field: &str) -> &str {
    match field {
        "name" => "Full name",
        "line1" => "Street and number",
        "line2" => "Flat, floor, company",
        "postal_code" => "Postal code",
        "city" => "City",
        "country" => "Country",
        "phone" => "Phone",
        other => other,
    }
}

/// An address as it stands on a parcel, one line each.
pub fn lines(to: &Address) -> String {
    let town = format!("{} {}", to.postal_code, to.city);
    let country = countries::name(&to.country);
    let nothing = String::new();
    let all = [&to.name, &to.line1, to.line2.as_ref().unwrap_or(&nothing), &town, country];
    let said = all.into_iter().map(str::trim).filter(|line| !line.is_empty());
    said.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_country_is_chosen_and_one_that_is_not_served_is_kept() {
        let form =
            |country: &str| AddressForm { country: country.to_owned(), ..AddressForm::default() };
        let one = ShopTerms { countries: vec!["AT".to_owned()], ..ShopTerms::default() };
        assert_eq!(Countries::of(&one, &form("")).chosen, "AT");
        let other = Countries::of(&one, &form(" de"));
        assert_eq!((other.chosen.as_str(), other.other.as_deref()), ("DE", Some(" de")));
        let all = Countries::of(&ShopTerms::default(), &form(""));
        assert_eq!((all.chosen.as_str(), all.all.len(), all.other), ("", 249, None));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let (_, Faults(faults)) = AddressForm::default().read();
        let fields: Vec<&str> = faults.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["name", "line1", "city", "postal_code", "country"]);
    }
}
