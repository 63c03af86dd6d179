//! The public routes.
use crate::*;
use ::http::{Request, Response};
use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt as _;
use kit::testing::shopper;
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Web {
    shop: Shop,
    router: Router,
}

impl Web {
    async fn open() -> Self {
        let mut shop = Shop::open().await;
        let routes = shop.rig.nodes[0].services[0].routes.take().unwrap();
        Self { router: routes.split_for_parts().0, shop }
    }
    async fn ask(
        &self,
        method: &str,
        path: &str,
        (caller, token): (&Caller, Option<&str>),
        body: Option<Value>,
    ) -> (u16, Option<String>, Value) {
        let mut request = Request::builder().method(method).uri(path).extension(caller.clone());
        if let Some(token) = token {
            request = request.header("cart-token", token);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        read(response).await
    }
}

async fn read(response: Response<Body>) -> (u16, Option<String>, Value) {
    let token = response.headers().get("cart-token").map(|t| t.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    (status, token, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_fills_a_cart_by_http() {
    let web = Web::open().await;
    let guest = &Caller::Guest;
    let (status, token, cart) = web.ask("GET", "/v1/cart", (guest, None), None).await;
    let zero = json!({"amount": 0, "currency": "USD"});
    assert_eq!((status, token), (200, None));
    assert_eq!(
        (&cart["subtotal"], &cart["items"], &cart["version"]),
        (&zero, &json!([]), &json!(0))
    );

    let item = json!({"sku": "a-1", "quantity": 2});
    let (status, token, cart) =
        web.ask("POST", "/v1/cart/items", (guest, None), Some(item.clone())).await;
    assert_eq!((status, &cart["items"][0]["sku"]), (201, &json!("A-1")));
    assert_eq!(cart["items"][0]["line_total"], json!({"amount": 2000, "currency": "USD"}));
    let token = token.unwrap();
    let of = (guest, Some(token.as_str()));
    let (status, again, cart) = web.ask("POST", "/v1/cart/items", of, Some(item)).await;
    assert_eq!((status, again, &cart["items"][0]["quantity"]), (200, None, &json!(4)));
    let (status, _, cart) =
        web.ask("PATCH", "/v1/cart/items/A-1", of, Some(json!({"quantity": 1}))).await;
    assert_eq!((status, &cart["total"]["amount"]), (200, &json!(1000)));
    let (status, _, cart) = web.ask("DELETE", "/v1/cart/items/A-1", of, None).await;
    assert_eq!((status, &cart["items"]), (200, &json!([])));
    let (status, _, _) = web.ask("DELETE", "/v1/cart", of, None).await;
    assert_eq!(status, 204);
    let ada = shopper();
    let (status, _, cart) = web.ask("GET", "/v1/cart", (&ada, Some(&token)), None).await;
    assert_eq!((status, &cart["version"]), (200, &json!(4)));
    web.shop.rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_refused_by_name() {
    let web = Web::open().await;
    let guest = (&Caller::Guest, None);
    for (body, field) in [
        (json!({"sku": "A-1", "quantity": 0}), "quantity"),
        (json!({"sku": "A-1", "quantity": -1}), "quantity"),
        (json!({"sku": "A-1", "quantity": 1.5}), "quantity"),
        (json!({"sku": "A-1", "quantity": 1.0}), "quantity"),
        (json!({"sku": "A-1", "quantity": "1"}), "quantity"),
        (json!({"sku": "A-1", "quantity": 10_000}), "quantity"),
        (json!({"sku": "A-1", "quantity": 99_999_999_999_999_u64}), "quantity"),
        (json!({"sku": "A-1"}), "quantity"),
        (json!({"sku": "<script>", "quantity": 1}), "sku"),
        (json!({"sku": 7, "quantity": 1}), "sku"),
        (json!({"sku": "A\0", "quantity": 1}), "sku"),
        (json!({"sku": "A-1", "quantity": 1, "price": 1}), "price"),
    ] {
        let (status, token, problem) =
            web.ask("POST", "/v1/cart/items", guest, Some(body.clone())).await;
        assert_eq!((status, token), (400, None), "{body}");
        assert_eq!(problem["code"], "invalid_input", "{body}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let unsold = json!({"sku": "NONE", "quantity": 1});
    let (status, _, problem) = web.ask("POST", "/v1/cart/items", guest, Some(unsold)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not_sold")));
    let one = Some(json!({"quantity": 1}));
    let (status, _, problem) = web.ask("PATCH", "/v1/cart/items/A-1", guest, one).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_in_cart")));
    let (status, ..) = web.ask("DELETE", "/v1/cart/items/A%001", guest, None).await;
    assert_eq!(status, 404);
    web.shop.rig.stop().await;
}

#[test]
fn every_route_is_documented() {
    // A Router's documentation needs no running service, only its types.
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let mut shop = Shop::open().await;
        let routes = shop.rig.nodes[0].services[0].routes.take().unwrap();
        let docs = serde_json::to_value(routes.split_for_parts().1).unwrap();
        let mut seen = 0;
        for (path, methods) in docs["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}");
                assert_eq!(operation["tags"], json!(["cart"]), "{method} {path}");
                seen += 1;
            }
        }
        assert_eq!(seen, 5);
        shop.rig.stop().await;
    });
}
