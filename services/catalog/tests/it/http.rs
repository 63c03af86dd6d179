//! The public routes.
use crate::*;
use ::http::Request;
use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt as _;
use kit::testing::shopper;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub struct Web {
    pub shop: Shop,
    router: Router,
}

impl Web {
    pub async fn open() -> Self {
        let mut shop = Shop::open().await;
        let routes = shop.rig.nodes[0].services[0].routes.take().unwrap();
        Self { router: routes.split_for_parts().0, shop }
    }
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        caller: &Caller,
        body: Value,
    ) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).extension(caller.clone());
        let request = match body {
            Value::Null => request.body(Body::empty()),
            body => request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string())),
        };
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        (status, body)
    }
    /// The status and where it leads.
    pub async fn location(&self, path: &str) -> (u16, Option<String>) {
        let request = Request::builder().uri(path).extension(Caller::Guest).body(Body::empty());
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let location = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (response.status().as_u16(), location)
    }
    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, &Caller::Guest, Value::Null).await
    }
}

fn engine() -> Value {
    json!({
        "sku": "tour-1", "title": "The Analytical Engine", "description": "Notes.",
        "price": {"amount": 1999, "currency": "USD"}, "authors": ["Ada Lovelace"],
        "genres": ["Computing"], "categories": ["Books"], "images": [],
        "attributes": {"pages": 66, "year": 1843}
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_is_listed_shown_changed_and_withdrawn_by_http() {
    let web = Web::open().await;
    let staff = admin();
    let (status, product) = web.ask("POST", "/v1/products", &staff, engine()).await;
    assert_eq!(status, 201, "{product}");
    assert_eq!(
        (&product["sku"], &product["slug"]),
        (&json!("TOUR-1"), &json!("the-analytical-engine"))
    );
    assert_eq!(product["price"], json!({"amount": 1999, "currency": "USD"}));
    assert_eq!(product["variants"][0]["price"], product["price"]);
    assert_eq!((&product["score"], &product["rating"]), (&json!(0), &Value::Null));
    assert_eq!(product["attributes"], json!({"pages": 66, "year": 1843}));
    let id = product["id"].as_str().unwrap();
    assert_eq!(web.get(&format!("/v1/products/{id}")).await, (200, product.clone()));
    assert_eq!(web.get("/v1/products/the-analytical-engine").await, (200, product.clone()));
    let (status, page) = web.get("/v1/products?per_page=5&category=books&sort=-price").await;
    assert_eq!(status, 200);
    assert_eq!(page, json!({"items": [product], "page": 1, "per_page": 5, "total": 1}));
    let (status, best) = web.get("/v1/products/best-sellers?limit=1").await;
    assert_eq!((status, &best["items"][0]["id"]), (200, &json!(id)));
    let (status, prices) = web
        .ask("POST", "/v1/products/prices", &Caller::Guest, json!({"skus": ["TOUR-1", "X"]}))
        .await;
    assert_eq!((status, prices["items"].as_array().unwrap().len()), (200, 1));
    let (status, shelf) = web.get("/v1/authors?per_page=1").await;
    assert_eq!(
        (status, &shelf["items"][0]["slug"], &shelf["total"]),
        (200, &json!("ada-lovelace"), &json!(1))
    );
    assert_eq!(web.get("/v1/genres").await.1["items"][0]["name"], "Computing");
    assert_eq!(web.get("/v1/categories").await.1["items"][0]["name"], "Books");

    let path = format!("/v1/products/{id}");
    let change = json!({"title": "Renamed", "price": {"amount": 5, "currency": "USD"}});
    let (status, changed) = web.ask("PATCH", &path, &staff, change).await;
    assert_eq!(
        (status, &changed["title"], &changed["price"]["amount"]),
        (200, &json!("Renamed"), &json!(5))
    );
    assert_eq!(web.get(&path).await.1, changed);
    assert_eq!(web.ask("DELETE", &path, &staff, Value::Null).await, (204, Value::Null));
    assert_eq!(web.get(&path).await.0, 404);
    assert_eq!(web.ask("DELETE", &path, &staff, Value::Null).await.0, 404);
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_is_told_before_anything_is_looked_at() {
    let web = Web::open().await;
    let id = "0190a2b4-0000-7000-8000-000000000000";
    for (method, path) in [
        ("POST", "/v1/products".to_owned()),
        ("PATCH", format!("/v1/products/{id}")),
        ("DELETE", format!("/v1/products/{id}")),
        ("PATCH", "/v1/products/nonsense".to_owned()),
    ] {
        let bad = json!({"title": "x"});
        let (status, problem) = web.ask(method, &path, &Caller::Guest, bad.clone()).await;
        assert_eq!((status, &problem["code"]), (401, &json!("login_required")), "{method} {path}");
        let (status, problem) = web.ask(method, &path, &shopper(), bad).await;
        assert_eq!((status, &problem["code"]), (403, &json!("not_allowed")), "{method} {path}");
    }
    let (status, problem) = web.get("/v1/products?affordable=true").await;
    assert_eq!((status, &problem["code"]), (401, &json!("login_required")));
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn bad_products_are_refused_by_field() {
    let web = Web::open().await;
    let staff = admin();
    let with = |field: &str, value: Value| {
        let mut body = engine();
        body[field] = value;
        body
    };
    let without = |field: &str| {
        let mut body = engine();
        body.as_object_mut().unwrap().remove(field);
        body
    };
    let usd = |amount: Value| json!({"amount": amount, "currency": "USD"});
    let variant = json!({"sku": "V", "price": usd(json!(1))});
    for (body, field) in [
        (with("title", json!("")), "title"),
        (with("title", json!("x".repeat(501))), "title"),
        (with("title", json!("a\0b")), "title"),
        (with("title", json!(7)), "title"),
        (without("title"), "title"),
        (without("sku"), "sku"),
        (without("price"), "price"),
        (with("sku", json!("a b")), "sku"),
        (with("price", usd(json!(19.99))), "price.amount"),
        (with("price", usd(json!(-1))), "price.amount"),
        (with("price", usd(json!(1_000_000_000_000_001_i64))), "price.amount"),
        (with("price", usd(json!(99_999_999_999_999_999_999_f64))), "price.amount"),
        (with("price", json!({"amount": 1, "currency": "EUR"})), "price.currency"),
        (with("price", json!({"amount": 1, "currency": "usd"})), "price.currency"),
        (with("price", json!(1999)), "price"),
        (with("authors", json!(["a", " "])), "authors[1]"),
        (with("authors", json!("Ada")), "authors"),
        (with("images", json!(["javascript:alert(1)"])), "images[0]"),
        (with("attributes", json!([1])), "attributes"),
        (with("colour", json!("red")), "colour"),
        (with("variants", json!([variant])), "sku"),
        (json!({"title": "x", "variants": []}), "variants"),
        (json!({"title": "x", "variants": [variant, variant]}), "variants[1].sku"),
    ] {
        let (status, problem) = web.ask("POST", "/v1/products", &staff, body.clone()).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_input")), "{body} {problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(web.get("/v1/products").await.1["total"], 0);
    let (_, product) = web.ask("POST", "/v1/products", &staff, engine()).await;
    let (status, problem) = web.ask("POST", "/v1/products", &staff, engine()).await;
    assert_eq!(
        (status, &problem["code"], &problem["sku"]),
        (409, &json!("sku_taken"), &json!("TOUR-1"))
    );
    let path = format!("/v1/products/{}", product["id"].as_str().unwrap());
    let price = usd(json!(1));
    for (body, field) in [
        (json!({"title": ""}), "title"),
        (json!({"sku": "X"}), "sku"),
        (json!({"prices": {"OTHER": price}}), "prices.OTHER"),
        (json!({"price": price, "prices": {"TOUR-1": price}}), "price"),
        (json!({"price": {"amount": 1.5, "currency": "USD"}}), "price.amount"),
    ] {
        let (status, problem) = web.ask("PATCH", &path, &staff, body.clone()).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (400, &json!(field)),
            "{body} {problem}"
        );
    }
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_questions_are_refused_by_field() {
    let web = Web::open().await;
    let long = "x".repeat(201);
    for (query, field) in [
        ("per_page=101", "per_page"),
        ("per_page=0", "per_page"),
        ("page=0", "page"),
        ("page=1.5", "page"),
        ("page=-1", "page"),
        ("min_price=-1", "min_price"),
        ("max_price=1e3", "max_price"),
        ("min_price=99999999999999999999", "min_price"),
        ("max_price=1000000000000001", "max_price"),
        ("in_stock=maybe", "in_stock"),
        ("affordable=1", "affordable"),
        ("sort=cheapest", "sort"),
        ("colour=red", "colour"),
        (&format!("q={long}"), "q"),
        (&format!("author={long}"), "author"),
    ] {
        let (status, problem) = web.get(&format!("/v1/products?{query}")).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_input")), "{query} {problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{query}: {problem}");
    }
    for path in
        ["/v1/products/best-sellers?limit=101", "/v1/authors?per_page=101", "/v1/genres?page=0"]
    {
        assert_eq!(web.get(path).await.0, 400, "{path}");
    }
    for path in
        ["/v1/products/no-such", "/v1/products/%00", "/v1/products/%ff", "/v1/products/A%20B"]
    {
        assert_eq!(web.get(path).await.0, 404, "{path}");
    }
    for query in [
        "q=%00",
        "category=%00",
        "q=%27%20OR%201=1",
        "q=",
        "category=&min_price=0",
        "q=a%20AND%20(b",
    ] {
        assert_eq!(web.get(&format!("/v1/products?{query}")).await.0, 200, "{query}");
    }
    let prices = async |skus: Value| {
        web.ask("POST", "/v1/products/prices", &Caller::Guest, json!({"skus": skus})).await.0
    };
    let many = |n: usize| json!((0..n).map(|n| format!("S-{n}")).collect::<Vec<_>>());
    assert_eq!(prices(json!([])).await, 400);
    assert_eq!(prices(json!(["a b"])).await, 400);
    assert_eq!(prices(many(1_001)).await, 400);
    assert_eq!(prices(many(1_000)).await, 200);
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_is_documented() {
    let mut shop = Shop::open().await;
    let routes = shop.rig.nodes[0].services[0].routes.take().unwrap();
    let docs = serde_json::to_value(routes.split_for_parts().1).unwrap();
    let mut seen = 0;
    for (path, methods) in docs["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert_eq!(operation["tags"], json!(["catalog"]), "{method} {path}");
            seen += 1;
        }
    }
    assert_eq!(seen, 26);
    shop.rig.stop().await;
}
