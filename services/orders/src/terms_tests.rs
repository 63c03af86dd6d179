use super::*;
use serde_json::{Value, json};

fn terms(change: Value) -> ShopTerms {
    let mut whole = json!({
        "name": "Libros del Sol", "address": ["Calle Mayor 1", "28013 Madrid"],
        "vat_id": "ESX1234567X", "email": "hola@librosdelsol.example", "phone": "+34 910 000 000",
        "countries": ["ES", "PT"],
        "pages": [{"slug": "terms", "title": "Terms", "text": "One.\n\nTwo."}],
        "shipping": [
            {"method": "standard", "price": 500, "free_above": 5000},
            {"method": "standard", "country": "PT", "price": 900},
            {"method": "pickup", "country": "ES", "price": 0},
        ],
        "prices_include_tax": true,
        "tax": [{"country": "ES", "basis_points": 2100},
                {"country": "ES", "category": "books", "basis_points": 400}],
    });
    let (Value::Object(all), Value::Object(change)) = (&mut whole, change) else { panic!() };
    all.extend(change);
    serde_json::from_value(whole).unwrap()
}

fn fields(change: Value) -> Vec<String> {
    faults(&terms(change)).into_iter().map(|(field, _)| field).collect()
}

#[test]
fn good_terms_have_no_faults() {
    assert_eq!(faults(&terms(json!({}))), []);
    assert_eq!(faults(&configured(&Config::default())), []);
    let bare = ShopTerms { name: "X".into(), ..ShopTerms::default() };
    assert_eq!(faults(&bare), [], "a shop that delivers nowhere is closed, not wrong");
}

#[test]
fn every_fault_names_its_field() {
    let long = "x".repeat(201);
    let rate = json!({"method": "standard", "price": 1});
    for (change, field) in [
        (json!({"name": " "}), "name"),
        (json!({"name": "a\u{0}b"}), "name"),
        (json!({"name": "x".repeat(101)}), "name"),
        (json!({"address": vec!["x"; 9]}), "address"),
        (json!({"address": ["x", long]}), "address[1]"),
        (json!({"address": [""]}), "address[0]"),
        (json!({"vat_id": "X".repeat(31)}), "vat_id"),
        (json!({"vat_id": ""}), "vat_id"),
        (json!({"email": "nobody"}), "email"),
        (json!({"phone": "1\n2"}), "phone"),
        (json!({"countries": ["ES", "es"]}), "countries[1]"),
        (json!({"countries": ["ES", "ESP"]}), "countries[1]"),
        (json!({"countries": ["ES", "PT", "ES"]}), "countries[2]"),
        (json!({"pages": [{"slug": "A b", "title": "x", "text": ""}]}), "pages[0].slug"),
        (json!({"pages": [{"slug": "-a", "title": "x", "text": ""}]}), "pages[0].slug"),
        (json!({"pages": [{"slug": "a", "title": "", "text": ""}]}), "pages[0].title"),
        (json!({"pages": [{"slug": "a", "title": "x", "text": "\u{0}"}]}), "pages[0].text"),
        (
            json!({"pages": [{"slug": "a", "title": "x", "text": "x".repeat(50_001)}]}),
            "pages[0].text",
        ),
        (
            json!({"pages": vec![json!({"slug": "a", "title": "x", "text": ""}); 2]}),
            "pages[1].slug",
        ),
        (json!({"shipping": [{"method": "standard", "price": -1}]}), "shipping[0].price"),
        (json!({"shipping": [{"method": "standard", "price": i64::MAX}]}), "shipping[0].price"),
        (
            json!({"shipping": [{"method": "express", "price": 1, "free_above": -1}]}),
            "shipping[0].free_above",
        ),
        (
            json!({"shipping": [{"method": "express", "price": 1, "country": "Spain"}]}),
            "shipping[0].country",
        ),
        (json!({"shipping": [rate, rate]}), "shipping[1].country"),
        (json!({"tax": [{"basis_points": 10_001}]}), "tax[0].basis_points"),
        (json!({"tax": [{"country": "x", "basis_points": 1}]}), "tax[0].country"),
        (json!({"tax": [{"category": "B\u{0}", "basis_points": 1}]}), "tax[0].category"),
        (json!({"tax": [{"basis_points": 1}, {"basis_points": 2}]}), "tax[1].country"),
    ] {
        assert_eq!(fields(change.clone()), [field], "{change}");
    }
}

#[test]
fn there_is_an_end_to_rates_countries_and_pages() {
    let letters = || 'A'..='Z';
    let countries = letters().flat_map(|one| letters().map(move |other| format!("{one}{other}")));
    let countries: Vec<String> = countries.collect();
    let rate = |place: usize| {
        let country = &countries[place];
        json!({"method": "standard", "country": country, "price": 1})
    };
    let rates = |count: usize| json!({"shipping": (0..count).map(rate).collect::<Vec<_>>()});
    assert_eq!(fields(rates(250)), Vec::<String>::new());
    assert_eq!(fields(rates(251)), ["shipping"]);
    let taxes: Vec<_> =
        (0..251).map(|n| json!({"category": format!("c{n}"), "basis_points": 1})).collect();
    assert_eq!(fields(json!({"tax": taxes})), ["tax"]);
    let pages: Vec<_> =
        (0..21).map(|n| json!({"slug": format!("p{n}"), "title": "x", "text": ""})).collect();
    assert_eq!(fields(json!({"pages": pages})), ["pages"]);
}

#[test]
fn a_country_has_its_own_rate_or_that_of_all_others_or_none() {
    let terms = terms(json!({}));
    let price = |method, country: &str, subtotal| shipping_price(&terms, method, country, subtotal);
    let (standard, pickup) = (ShippingMethod::Standard, ShippingMethod::Pickup);
    assert_eq!(price(standard, "ES", 4999), Some(500));
    assert_eq!(price(standard, "ES", 5000), Some(0), "free from there on");
    assert_eq!(price(standard, "PT", 5000), Some(900), "its own rate is never free");
    assert_eq!(price(standard, "FR", 1), None, "not served");
    assert_eq!(price(pickup, "ES", 1), Some(0));
    assert_eq!(price(pickup, "PT", 1), None, "not offered there");
    assert_eq!(price(ShippingMethod::Express, "ES", 1), None);
    let anywhere = ShopTerms { countries: Vec::new(), ..terms.clone() };
    assert_eq!(shipping_price(&anywhere, standard, "FR", 1), Some(500));
}

#[test]
fn a_new_shop_is_what_the_configuration_says() {
    let named = |mail_from: &str| {
        configured(&Config { mail_from: mail_from.into(), ..Config::default() }).name
    };
    assert_eq!(named("Libros del Sol <shop@example.com>"), "Libros del Sol");
    assert_eq!(named("\"Libros, S.L.\" <shop@example.com>"), "Libros, S.L.");
    for nameless in ["shop@example.com", "<shop@example.com>", " <a@b>", "a\u{7}b <a@b>"] {
        assert_eq!(named(nameless), "Feria", "{nameless}");
    }
    let terms = configured(&Config::default());
    assert_eq!(shipping_price(&terms, ShippingMethod::Standard, "NZ", 1), Some(499));
    assert!(!names_categories(&terms) && terms.tax.is_empty() && !terms.prices_include_tax);
}
