//! What the store says of itself is whole and true.
use feria::store::Beside;
use kit::config::Config;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every route, so that none comes or goes unseen.
const ROUTES: &[&str] = &[
    "get /.well-known/jwks.json",
    "get /healthz",
    "get /metrics",
    "get /readyz",
    "post /v1/auth/login",
    "post /v1/auth/logout",
    "post /v1/auth/password/forgot",
    "post /v1/auth/password/reset",
    "post /v1/auth/refresh",
    "post /v1/auth/register",
    "post /v1/auth/verify-email",
    "get /v1/authors",
    "post /v1/authors",
    "delete /v1/authors/{author}",
    "get /v1/authors/{author}",
    "patch /v1/authors/{author}",
    "delete /v1/cart",
    "get /v1/cart",
    "post /v1/cart/items",
    "delete /v1/cart/items/{sku}",
    "patch /v1/cart/items/{sku}",
    "get /v1/categories",
    "post /v1/categories",
    "delete /v1/categories/{category}",
    "get /v1/categories/{category}",
    "patch /v1/categories/{category}",
    "post /v1/checkout",
    "post /v1/checkout/quote",
    "get /v1/genres",
    "post /v1/genres",
    "delete /v1/genres/{genre}",
    "get /v1/genres/{genre}",
    "patch /v1/genres/{genre}",
    "get /v1/inventory",
    "get /v1/inventory/{sku}",
    "put /v1/inventory/{sku}",
    "get /v1/inventory/{sku}/adjustments",
    "post /v1/inventory/{sku}/adjustments",
    "delete /v1/me",
    "get /v1/me",
    "patch /v1/me",
    "get /v1/me/addresses",
    "post /v1/me/addresses",
    "delete /v1/me/addresses/{id}",
    "patch /v1/me/addresses/{id}",
    "get /v1/me/export",
    "put /v1/me/password",
    "delete /v1/me/sessions",
    "get /v1/me/sessions",
    "delete /v1/me/sessions/{id}",
    "post /v1/me/verify-email",
    "get /v1/notifications",
    "get /v1/orders",
    "get /v1/orders/{id}",
    "post /v1/orders/{id}/cancel",
    "get /v1/orders/{id}/events",
    "post /v1/orders/{id}/pay",
    "get /v1/orders/{id}/receipt",
    "post /v1/orders/{id}/shipments",
    "patch /v1/orders/{id}/shipments/{shipment}",
    "get /v1/orders/{id}/tracking",
    "get /v1/payment-methods",
    "get /v1/payments/{id}",
    "post /v1/payments/{id}/confirm",
    "post /v1/payments/{id}/refunds",
    "post /v1/payments/{id}/refunds/{refund}/confirm",
    "get /v1/products",
    "post /v1/products",
    "get /v1/products/best-sellers",
    "post /v1/products/prices",
    "delete /v1/products/{product}",
    "get /v1/products/{product}",
    "patch /v1/products/{product}",
    "get /v1/products/{product}/reviews",
    "post /v1/products/{product}/reviews",
    "patch /v1/reviews/{review}",
    "get /v1/shipping-methods",
    "get /v1/shop",
    "put /v1/shop",
    "get /v1/staff/accounts",
    "patch /v1/staff/accounts/{id}",
    "get /v1/staff/mails",
    "get /v1/staff/mails/{id}",
    "get /v1/staff/mails/{id}/eml",
    "post /v1/staff/mails/{id}/send",
    "get /v1/staff/orders",
    "get /v1/staff/parked",
    "post /v1/staff/parked/{service}/{subject}/replay",
    "get /v1/staff/reviews",
    "get /v1/staff/transactions",
    "get /v1/stream",
    "get /v1/wallet",
    "get /v1/wallet/entries",
    "post /v1/wallet/top-ups",
    "post /v1/wallet/top-ups/{id}/confirm",
    "post /v1/webhooks/sandbox",
];

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document() -> Value {
    let document = feria::describe::openapi(Config::default()).await.unwrap();
    serde_json::from_str(&document.to_json().unwrap()).unwrap()
}

/// All operations, as `method path`.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = |(path, item): (&String, &'_ Value)| {
        let item = item.as_object().unwrap();
        let operations = item.iter().filter(|(name, _)| METHODS.contains(&name.as_str()));
        operations.map(|(method, _)| (method.clone(), path.clone())).collect::<Vec<_>>()
    };
    let names: Vec<_> = paths.iter().flat_map(each).collect();
    names.into_iter().map(|(m, p)| (format!("{m} {p}"), &document["paths"][&p][&m])).collect()
}

/// What a `$ref` stands for.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(path) => {
            document.pointer(path.trim_start_matches('#')).unwrap_or_else(|| panic!("{path}"))
        }
        None => value,
    }
}

/// Whether a reader sees what such content looks like: an example beside it, or in its schema.
fn shown(document: &Value, content: &Value) -> bool {
    let beside = !content["example"].is_null() || !content["examples"].is_null();
    beside || schema_shown(document, &content["schema"], 0)
}

fn schema_shown(document: &Value, schema: &Value, depth: usize) -> bool {
    let schema = resolved(document, schema);
    // An object without fields shows itself.
    let empty = schema["type"] == "object" && schema["additionalProperties"] == false;
    let parts = ["allOf", "oneOf", "anyOf"].iter().filter_map(|of| schema[of].as_array());
    (empty && schema["properties"].is_null())
        || !schema["example"].is_null()
        || !schema["examples"].is_null()
        || !schema["enum"].is_null()
        || depth < 6
            && (schema["items"].is_object() && schema_shown(document, &schema["items"], depth + 1)
                || parts.flatten().any(|part| schema_shown(document, part, depth + 1))
                || schema["properties"].as_object().is_some_and(|properties| {
                    properties.values().any(|property| schema_shown(document, property, depth + 1))
                }))
}

#[tokio::test]
async fn every_route_is_documented_with_its_answers_and_examples() {
    let document = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["info"]["description"].as_str().unwrap().contains("Idempotency-Key"));
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    let mut missing = Vec::new();
    for (name, operation) in operations(&document) {
        let mut lacks = |what: &str| missing.push(format!("{name}: {what}"));
        if operation["summary"].as_str().is_none_or(str::is_empty) {
            lacks("a summary");
        }
        if operation["tags"]
            .as_array()
            .is_none_or(|tags| tags.len() != 1 || tags[0].as_str() == Some(""))
        {
            lacks("one tag");
        }
        for requirement in operation["security"].as_array().into_iter().flatten() {
            for scheme in requirement.as_object().unwrap().keys() {
                if !schemes.contains_key(scheme) {
                    lacks(&format!("the security scheme {scheme}"));
                }
            }
        }
        for content in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            if !shown(&document, content.1) {
                lacks("an example of the body");
            }
        }
        let responses = operation["responses"].as_object().unwrap();
        if !responses.keys().any(|status| status.starts_with('2') || status.starts_with('3')) {
            lacks("an answer that is not an error");
        }
        for (status, response) in responses {
            let response = resolved(&document, response);
            if response["description"].as_str().is_none_or(str::is_empty) {
                lacks(&format!("what {status} means"));
            }
            for (kind, content) in response["content"].as_object().into_iter().flatten() {
                let failed = status.starts_with('4') || status.starts_with('5');
                if failed && kind != "application/problem+json" {
                    lacks(&format!("a problem for {status}, not {kind}"));
                }
                // Pages, mails and streams are better looked at where they come from.
                if !failed && kind == "application/json" && !shown(&document, content) {
                    lacks(&format!("an example of {status} {kind}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
}

#[tokio::test]
async fn every_route_tells_of_what_the_door_answers_by_itself() {
    let document = document().await;
    let mut missing = Vec::new();
    for (name, operation) in operations(&document) {
        let ops = ["get /healthz", "get /readyz", "get /metrics"].contains(&name.as_str());
        let login = name.contains(" /v1/auth/") && !name.ends_with("logout");
        let always = ["500", "503", "504"].map(|status| (status, true));
        let body = !operation["requestBody"].is_null();
        let sometimes = [("401", !ops && !login), ("429", !ops), ("413", body), ("415", body)];
        for (status, wanted) in always.into_iter().chain(sometimes) {
            if wanted && operation["responses"][status].is_null() {
                missing.push(format!("{name}: {status}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test]
async fn no_part_of_a_shape_refuses_the_fields_of_another() {
    let document = document().await;
    let mut composed = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for part in schema["allOf"].as_array().into_iter().flatten() {
            composed += 1;
            assert_ne!(resolved(&document, part)["additionalProperties"], false, "{name}");
        }
    }
    assert!(composed > 4, "only {composed} shapes are composed of others");
}

#[tokio::test]
async fn the_routes_of_the_design_are_there() {
    let document = document().await;
    // However a route names its parameters.
    let shape = |name: &str| {
        let parts = name.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let there: BTreeSet<String> =
        operations(&document).iter().map(|(name, _)| shape(name)).collect();
    let missing: Vec<_> = ROUTES.iter().filter(|route| !there.contains(&shape(route))).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test]
async fn names_in_the_document_lead_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document().await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    let lost: Vec<_> = found
        .iter()
        .filter(|path| document.pointer(path.trim_start_matches('#')).is_none())
        .collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{name}"));
        assert!(ids.insert(id.to_owned()), "{id} is there twice: {name}");
    }
}

#[tokio::test]
async fn no_two_services_call_different_shapes_by_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let store = Beside::open(Config { data, ..Config::default() }).await.unwrap();
    let mut shapes = BTreeMap::new();
    for running in &store.node.services {
        let Some(routes) = &running.routes else { continue };
        let components = serde_json::to_value(&routes.get_openapi().components).unwrap();
        for (name, shape) in components["schemas"].as_object().unwrap() {
            let (owner, first) =
                shapes.entry(name.clone()).or_insert_with(|| (running.name, shape.clone()));
            assert_eq!(first, shape, "{name} of {owner} and of {}", running.name);
        }
    }
    store.close().await;
}

#[test]
fn the_map_is_fresh_and_nobody_talks_to_nobody() {
    let misfits = kit::plug::misfits(&feria::services::services());
    assert!(misfits.is_empty(), "{misfits:#?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/MAP.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let fresh = feria::describe::map();
    assert!(committed == fresh, "docs/MAP.md is old: cargo run -- map > docs/MAP.md");
}
