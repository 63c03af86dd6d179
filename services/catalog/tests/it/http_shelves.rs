//! Shelves, redirects and facets by HTTP.
use crate::http::Web;
use crate::*;
use kit::testing::shopper;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shelves_are_made_shown_changed_and_deleted_by_http() {
    let web = Web::open().await;
    let staff = admin();
    for (many, name, slug) in [
        ("authors", "Ada Lovelace", "ada-lovelace"),
        ("genres", "Novel", "novel"),
        ("categories", "Books", "books"),
    ] {
        let path = format!("/v1/{many}");
        let (status, made) = web.ask("POST", &path, &staff, json!({"name": name})).await;
        assert_eq!((status, &made["slug"], &made["parent"]), (201, &json!(slug), &Value::Null));
        let id = made["id"].as_str().unwrap().to_owned();
        let by_id = format!("{path}/{id}");
        for found in [web.get(&format!("{path}/{slug}")).await, web.get(&by_id).await] {
            let expected = json!({"id": id, "slug": slug, "name": name, "parent": null,
                "path": [], "children": []});
            assert_eq!(found, (200, expected));
        }
        let (status, problem) = web.ask("POST", &path, &staff, json!({"name": name})).await;
        assert_eq!((status, &problem["code"]), (409, &json!("taken")), "{problem}");
        assert_eq!(problem["errors"][0]["field"], "name");
        let change = json!({"name": "Another", "slug": "another"});
        let (status, changed) = web.ask("PATCH", &by_id, &staff, change).await;
        assert_eq!(
            (status, &changed["slug"], &changed["name"]),
            (200, &json!("another"), &json!("Another"))
        );
        let (status, location) = web.location(&format!("{path}/{slug}")).await;
        assert_eq!((status, location), (308, Some(format!("{path}/another"))));
        assert_eq!(web.get(&format!("{path}/another")).await.0, 200);
        assert_eq!(web.ask("DELETE", &by_id, &staff, Value::Null).await, (204, Value::Null));
        assert_eq!(web.ask("DELETE", &by_id, &staff, Value::Null).await.0, 404);
        for gone in
            [&by_id, &format!("{path}/another"), &format!("{path}/{slug}"), &format!("{path}/%00")]
        {
            assert_eq!(web.get(gone).await.0, 404, "{gone}");
        }
    }
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tree_of_categories_by_http() {
    let web = Web::open().await;
    let staff = admin();
    let make = async |name: &str, parent: &Value| {
        let body = json!({"name": name, "parent": parent});
        let (status, made) = web.ask("POST", "/v1/categories", &staff, body).await;
        assert_eq!(status, 201, "{made}");
        made["id"].clone()
    };
    let books = make("Books", &Value::Null).await;
    let novels = make("A novel", &books).await;
    make("Toys", &Value::Null).await;
    let names = async |query: &str| {
        let (status, page) = web.get(&format!("/v1/categories?{query}")).await;
        assert_eq!((status, &page["total"]), (200, &json!(3)));
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["A novel", "Books", "Toys"]);
    assert_eq!(names("tree=true").await, ["Books", "A novel", "Toys"]);
    assert_eq!(names("tree=true&per_page=1&page=2").await, ["A novel"]);
    assert_eq!(names("tree=true&page=100000&per_page=100").await, Vec::<String>::new());
    let (_, found) = web.get("/v1/categories/a-novel").await;
    assert_eq!((&found["parent"], &found["path"][0]["name"]), (&books, &json!("Books")));
    assert_eq!(web.get("/v1/categories/books").await.1["children"][0]["id"], novels);
    let path = format!("/v1/categories/{}", novels.as_str().unwrap());
    let (status, kept) = web.ask("PATCH", &path, &staff, json!({"name": "Novels"})).await;
    assert_eq!((status, &kept["parent"]), (200, &books), "what is not given stays");
    let (status, moved) = web.ask("PATCH", &path, &staff, json!({"parent": null})).await;
    assert_eq!((status, &moved["parent"]), (200, &Value::Null));
    for (body, field) in [
        (json!({"parent": novels}), "parent"),
        (json!({"parent": "x"}), "parent"),
        (json!({"name": null, "slug": "A"}), "slug"),
        (json!({"name": ""}), "name"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let (status, problem) = web.ask("PATCH", &path, &staff, body.clone()).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_input")), "{body} {problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let (status, problem) =
        web.ask("POST", "/v1/genres", &staff, json!({"name": "x", "parent": null})).await;
    assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("parent")));
    for query in ["tree=1", "per_page=101", "page=0", "x=1"] {
        assert_eq!(web.get(&format!("/v1/categories?{query}")).await.0, 400, "{query}");
    }
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_staff_changes_shelves_and_hears_so_first() {
    let web = Web::open().await;
    let id = "0190a2b4-0000-7000-8000-000000000000";
    for many in ["authors", "genres", "categories"] {
        for (method, path) in [
            ("POST", format!("/v1/{many}")),
            ("PATCH", format!("/v1/{many}/{id}")),
            ("PATCH", format!("/v1/{many}/nonsense")),
            ("DELETE", format!("/v1/{many}/{id}")),
        ] {
            let (status, problem) = web.ask(method, &path, &Caller::Guest, json!({"x": 1})).await;
            assert_eq!((status, &problem["code"]), (401, &json!("login_required")), "{path}");
            let (status, problem) = web.ask(method, &path, &shopper(), json!({"x": 1})).await;
            assert_eq!((status, &problem["code"]), (403, &json!("not_allowed")), "{path}");
        }
        let path = format!("/v1/{many}/{id}");
        assert_eq!(web.ask("PATCH", &path, &admin(), json!({"name": "x"})).await.0, 404);
    }
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_slug_of_a_product_is_a_redirect_and_a_taken_one_a_conflict() {
    let web = Web::open().await;
    let staff = admin();
    let dune = web.shop.list(book("Dune", "DUNE", 900)).await;
    web.shop.list(book("Other", "OTHER", 900)).await;
    let path = format!("/v1/products/{}", dune.id);
    let (status, changed) = web.ask("PATCH", &path, &staff, json!({"slug": "dune-1965"})).await;
    assert_eq!((status, &changed["slug"]), (200, &json!("dune-1965")));
    let (status, location) = web.location("/v1/products/dune").await;
    assert_eq!((status, location.as_deref()), (308, Some("/v1/products/dune-1965")));
    for direct in [
        "/v1/products/dune-1965",
        &path,
        &path.to_uppercase().replace("/V1/PRODUCTS", "/v1/products"),
    ] {
        assert_eq!(web.get(direct).await, (200, changed.clone()), "{direct}");
    }
    for (slug, status, code) in [
        ("other", 409, "slug_taken"),
        ("A b", 400, "invalid_input"),
        ("prices", 400, "invalid_input"),
    ] {
        let (found, problem) = web.ask("PATCH", &path, &staff, json!({"slug": slug})).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{problem}");
        assert_eq!(problem["errors"][0]["field"], "slug", "{problem}");
    }
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facets_and_categories_of_prices_by_http() {
    let web = Web::open().await;
    let mut new = book("Dune", "DUNE", 900);
    new.categories = vec!["Books".into()];
    web.shop.list(new).await;
    web.shop.indexed().await;
    let (status, page) = web.get("/v1/products?facets=true&q=dune").await;
    assert_eq!(status, 200, "{page}");
    assert_eq!(
        page["facets"],
        json!({"categories": [{"slug": "books", "name": "Books", "count": 1}],
            "authors": [], "genres": [], "in_stock": 0,
            "prices": [{"from": 700, "to": 1000, "count": 1}]})
    );
    let (_, page) = web.get("/v1/products?q=dune").await;
    assert!(page.get("facets").is_none());
    assert_eq!(web.get("/v1/products?facets=1").await.1["errors"][0]["field"], "facets");
    let question = json!({"skus": ["DUNE"], "categories": true});
    let (_, prices) = web.ask("POST", "/v1/products/prices", &Caller::Guest, question).await;
    assert_eq!(prices["items"][0]["categories"], json!(["books"]));
    web.shop.rig.stop().await;
}
