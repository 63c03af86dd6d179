//! Reviews and variants by their public routes.
use crate::http::Web;
use crate::*;
use contracts::{AccountId, Role, SessionId};
use kit::testing::shopper;
use serde_json::{Value, json};

const NOWHERE: &str = "0190a2b4-0000-7000-8000-000000000000";

fn support() -> Caller {
    let new = uuid::Uuid::now_v7;
    Caller::Account { account: AccountId(new()), session: SessionId(new()), role: Role::Support }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_is_written_published_and_read_by_http() {
    let web = Web::open().await;
    let bought = web.shop.orders();
    web.shop.list(book("Dune", "DUNE", 900)).await;
    let buyer = shopper();
    let path = "/v1/products/dune/reviews";
    let said = json!({"stars": 4, "title": "Sand", "text": "<b>dry</b>", "name": "Ada"});
    let (status, problem) = web.ask("POST", path, &buyer, said.clone()).await;
    assert_eq!((status, &problem["code"]), (403, &json!("not_bought")));
    bought.lock().as_mut().unwrap().insert((buyer.account().unwrap(), sku("DUNE")));
    let (status, review) = web.ask("POST", path, &buyer, said.clone()).await;
    assert_eq!((status, &review["status"]), (201, &json!("pending")), "{review}");
    assert_eq!((&review["stars"], &review["text"]), (&json!(4), &json!("<b>dry</b>")));
    let (status, problem) = web.ask("POST", path, &buyer, said).await;
    assert_eq!((status, &problem["code"]), (409, &json!("already_reviewed")));
    assert_eq!(web.get(path).await, (200, json!({"items": [], "next_cursor": null})));

    let (status, page) = web.ask("GET", "/v1/staff/reviews", &support(), Value::Null).await;
    assert_eq!((status, &page["items"]), (200, &json!([review])), "pending ones, by default");
    let of_review = format!("/v1/reviews/{}", review["id"].as_str().unwrap());
    let publish = json!({"status": "published"});
    let (status, published) = web.ask("PATCH", &of_review, &support(), publish).await;
    assert_eq!((status, &published["status"]), (200, &json!("published")));
    let (status, page) = web.get(&format!("{path}?limit=1")).await;
    assert_eq!((status, page), (200, json!({"items": [published], "next_cursor": null})));
    web.shop.rig.settled().await;
    let (_, product) = web.get("/v1/products/dune").await;
    assert_eq!((&product["rating"], &product["rating_count"]), (&json!(4.0), &json!(1)));
    let rejected = "/v1/staff/reviews?status=rejected&limit=5";
    let (status, page) = web.ask("GET", rejected, &admin(), Value::Null).await;
    assert_eq!((status, &page["items"]), (200, &json!([])));
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_ask_who_it_is_before_anything_else_and_name_what_is_wrong() {
    let web = Web::open().await;
    let bought = web.shop.orders();
    web.shop.list(book("Dune", "DUNE", 900)).await;
    let bad = json!({"x": 1});
    let of_review = format!("/v1/reviews/{NOWHERE}");
    for (method, path) in [("GET", "/v1/staff/reviews?limit=0"), ("PATCH", of_review.as_str())] {
        for (by, status) in [(Caller::Guest, 401), (shopper(), 403)] {
            assert_eq!(web.ask(method, path, &by, bad.clone()).await.0, status, "{method} {path}");
        }
    }
    for path in ["/v1/products/dune/reviews", "/v1/products/no-such/reviews"] {
        assert_eq!(web.ask("POST", path, &Caller::Guest, bad.clone()).await.0, 401);
    }
    let buyer = shopper();
    bought.lock().as_mut().unwrap().insert((buyer.account().unwrap(), sku("DUNE")));
    let whole = json!({"stars": 4, "title": null, "text": "", "name": "Ada"});
    for (field, value) in [
        ("stars", json!(0)),
        ("stars", json!(6)),
        ("stars", json!(4.5)),
        ("stars", json!(-1)),
        ("stars", json!("5")),
        ("stars", Value::Null),
        ("title", json!("x".repeat(201))),
        ("text", json!("x".repeat(5_001))),
        ("text", json!("a\0b")),
        ("name", json!("")),
        ("name", json!("a\0b")),
        ("colour", json!("red")),
    ] {
        let mut said = whole.clone();
        said[field] = value;
        let (status, problem) =
            web.ask("POST", "/v1/products/dune/reviews", &buyer, said.clone()).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_input")), "{said}");
        assert_eq!(problem["errors"][0]["field"], field, "{said}: {problem}");
    }
    for path in ["/v1/products/no-such/reviews", "/v1/products/%00/reviews"] {
        assert_eq!(web.get(path).await.0, 404, "{path}");
        assert_eq!(web.ask("POST", path, &buyer, whole.clone()).await.0, 404, "{path}");
    }
    for query in ["limit=0", "limit=101", "cursor=!", "page=1"] {
        assert_eq!(web.get(&format!("/v1/products/dune/reviews?{query}")).await.0, 400, "{query}");
        let path = format!("/v1/staff/reviews?{query}");
        assert_eq!(web.ask("GET", &path, &admin(), Value::Null).await.0, 400, "{query}");
    }
    let path = "/v1/staff/reviews?status=secret";
    let (status, problem) = web.ask("GET", path, &admin(), Value::Null).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("status")));
    for (path, body, status) in [
        (of_review.as_str(), json!({"status": "published"}), 404),
        ("/v1/reviews/nonsense", json!({"status": "published"}), 404),
        (of_review.as_str(), json!({"status": "secret"}), 400),
        (of_review.as_str(), json!({}), 400),
    ] {
        assert_eq!(web.ask("PATCH", path, &admin(), body.clone()).await.0, status, "{path} {body}");
    }
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variants_are_replaced_by_http() {
    let web = Web::open().await;
    let shirt = web.shop.list(book("Shirt", "SHIRT-S", 900)).await;
    web.shop.list(book("Other", "OTHER", 900)).await;
    let path = format!("/v1/products/{}", shirt.id);
    let usd = |amount: i64| json!({"amount": amount, "currency": "USD"});
    let medium = json!({"sku": "shirt-m", "options": {"size": "M"}, "price": usd(5)});
    let change = json!({"variants": [medium, {"sku": "SHIRT-S", "price": usd(9)}]});
    let (status, changed) = web.ask("PATCH", &path, &admin(), change).await;
    assert_eq!((status, &changed["sku"]), (200, &json!("SHIRT-M")), "{changed}");
    assert_eq!(changed["variants"][0]["options"], json!({"size": "M"}));
    assert_eq!(changed["variants"].as_array().unwrap().len(), 2);
    for (body, field) in [
        (json!({"variants": []}), "variants"),
        (json!({"variants": [medium], "prices": {"SHIRT-M": usd(1)}}), "prices"),
        (json!({"variants": [medium], "price": usd(1)}), "price"),
        (json!({"variants": [medium, medium]}), "variants[1].sku"),
        (json!({"variants": [{"sku": "a b", "price": usd(1)}]}), "variants[0].sku"),
        (json!({"variants": [{"sku": "A", "price": usd(-1)}]}), "variants[0].price.amount"),
        (json!({"variants": [{"sku": "A", "price": usd(1), "x": 1}]}), "variants[0].x"),
    ] {
        let (status, problem) = web.ask("PATCH", &path, &admin(), body.clone()).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (400, &json!(field)),
            "{body} {problem}"
        );
    }
    let taken = json!({"variants": [medium, {"sku": "OTHER", "price": usd(1)}]});
    let (status, problem) = web.ask("PATCH", &path, &admin(), taken).await;
    assert_eq!(
        (status, &problem["code"], &problem["sku"]),
        (409, &json!("sku_taken"), &json!("OTHER"))
    );
    assert_eq!(web.get(&path).await.1, changed);
    web.shop.rig.stop().await;
}
