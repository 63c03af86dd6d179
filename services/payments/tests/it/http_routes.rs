//! The public routes.
use crate::*;
use axum::body::Body;
use axum::http::Request;
use contracts::Role;
use http_body_util::BodyExt as _;
use kit::testing::admin;
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub struct Site {
    pub shop: Shop,
    router: axum::Router,
    api: utoipa::openapi::OpenApi,
}

impl Site {
    pub async fn open() -> Self {
        Self::with(Config::default()).await
    }
    pub async fn with(config: Config) -> Self {
        let mut shop = Shop::with(config).await;
        let running = &mut shop.rig.nodes[0].services[0];
        let (router, api) = running.routes.take().unwrap().split_for_parts();
        Self { shop, router, api }
    }
    async fn get(&self, caller: &Caller, path: &str) -> (u16, Value) {
        let request = Request::get(path).extension(caller.clone()).body(Body::empty()).unwrap();
        self.ask(request).await
    }
    async fn post(
        &self,
        caller: &Caller,
        path: &str,
        key: Option<&str>,
        body: impl ToString,
    ) -> (u16, Value) {
        let mut request = Request::post(path)
            .extension(caller.clone())
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.ask(request.body(Body::from(body.to_string())).unwrap()).await
    }
    pub async fn ask(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

fn top_up(minor: i64, token: &str) -> Value {
    json!({"amount": {"amount": minor, "currency": "USD"},
           "payment": {"method": "card", "token": token}})
}
const TOP_UPS: &str = "/v1/wallet/top-ups";

#[tokio::test]
async fn a_wallet_is_filled_shown_and_listed() {
    let site = Site::open().await;
    let caller = site.shop.shopper_with(0).await;
    let (status, created) = site.post(&caller, TOP_UPS, Some("a"), top_up(2_500, "tok_visa")).await;
    assert_eq!((status, &created["status"]), (201, &json!("captured")));
    assert_eq!(created["amount"], json!({"amount": 2_500, "currency": "USD"}));
    assert_eq!(created["failure_code"], Value::Null);
    let replay = site.post(&caller, TOP_UPS, Some("\"a\""), top_up(2_500, "tok_visa")).await;
    assert_eq!(replay, (201, created));
    let (status, shown) = site.get(&caller, "/v1/wallet").await;
    assert_eq!((status, shown), (200, json!({"balance": {"amount": 2_500, "currency": "USD"}})));
    let (status, page) = site.get(&caller, "/v1/wallet/entries?limit=1").await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 1));
    assert_eq!(page["items"][0]["kind"], "top_up");
    assert_eq!(page["items"][0]["order"], Value::Null);
    assert_eq!(page["next_cursor"], Value::Null);
    site.shop.end().await;
}

#[tokio::test]
async fn a_top_up_that_is_not_decided_is_accepted_and_replayed_as_such() {
    let site = Site::open().await;
    let caller = site.shop.shopper_with(0).await;
    let late = site.post(&caller, TOP_UPS, Some("a"), top_up(100, "tok_timeout")).await;
    assert_eq!((late.0, &late.1["status"]), (202, &json!("pending")));
    let asks = site.post(&caller, TOP_UPS, Some("b"), top_up(100, "tok_threeDSecure")).await;
    assert_eq!((asks.0, &asks.1["status"]), (202, &json!("requires_action")));
    site.shop.pass(10).await;
    assert_eq!(site.shop.balance(&caller).await, 100);
    assert_eq!(site.post(&caller, TOP_UPS, Some("a"), top_up(100, "tok_timeout")).await, late);
    site.shop.end().await;
}

#[tokio::test]
async fn a_refused_top_up_is_402_with_the_reason_as_its_code() {
    let site = Site::open().await;
    let caller = site.shop.shopper_with(0).await;
    for (token, code) in
        [("tok_chargeDeclined", "card_declined"), ("tok_insufficientFunds", "insufficient_funds")]
    {
        let refused = site.post(&caller, TOP_UPS, Some(token), top_up(100, token)).await;
        assert_eq!((refused.0, &refused.1["code"]), (402, &json!(code)));
        assert_eq!(site.post(&caller, TOP_UPS, Some(token), top_up(100, token)).await, refused);
    }
    site.shop.end().await;
}

#[tokio::test]
async fn keys_are_required_and_bound_to_their_body() {
    let site = Site::open().await;
    let caller = site.shop.shopper_with(0).await;
    let (status, problem) = site.post(&caller, TOP_UPS, None, top_up(100, "tok_visa")).await;
    assert_eq!((status, &problem["code"]), (400, &json!("idempotency_key_required")));
    site.post(&caller, TOP_UPS, Some("k"), top_up(100, "tok_visa")).await;
    let (status, problem) = site.post(&caller, TOP_UPS, Some("k"), top_up(101, "tok_visa")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(site.shop.balance(&caller).await, 100);
    let path = format!("/v1/payments/{}/refunds", uuid::Uuid::now_v7());
    let (status, problem) = site.post(&admin(), &path, None, json!({"reason": "x"})).await;
    assert_eq!((status, &problem["code"]), (400, &json!("idempotency_key_required")));
    site.shop.end().await;
}

#[tokio::test]
async fn wrong_input_is_refused_with_its_field_named() {
    let site = Site::open().await;
    let caller = site.shop.shopper_with(0).await;
    let with =
        |amount: &str, payment: &str| format!(r#"{{"amount": {amount}, "payment": {payment}}}"#);
    let (dollar, visa) =
        (r#"{"amount": 100, "currency": "USD"}"#, r#"{"method": "card", "token": "tok_visa"}"#);
    for (body, field) in [
        (with(r#"{"amount": 19.99, "currency": "USD"}"#, visa), "amount.amount"),
        (with(r#"{"amount": 100.0, "currency": "USD"}"#, visa), "amount.amount"),
        (with(r#"{"amount": "100", "currency": "USD"}"#, visa), "amount.amount"),
        (with(r#"{"amount": 99999999999999999999, "currency": "USD"}"#, visa), "amount.amount"),
        (with(r#"{"amount": 9223372036854775807, "currency": "USD"}"#, visa), "amount.amount"),
        (with(r#"{"amount": 100000001, "currency": "USD"}"#, visa), "amount.amount"),
        (with(r#"{"amount": 0, "currency": "USD"}"#, visa), "amount.amount"),
        (with(r#"{"amount": -5, "currency": "USD"}"#, visa), "amount.amount"),
        (with(r#"{"amount": 100, "currency": "EUR"}"#, visa), "amount.currency"),
        (with(r#"{"amount": 100, "currency": "usd"}"#, visa), "amount.currency"),
        (with(r#"{"amount": 100, "currency": "USD", "x": 1}"#, visa), "amount.x"),
        (with(r#"{"amount": 100}"#, visa), "amount.currency"),
        (with("100", visa), "amount"),
        (with(dollar, r#"{"method": "gold"}"#), "payment.method"),
        (with(dollar, r#"{"method": "wallet"}"#), "payment.method"),
        (with(dollar, r#"{"method": "card"}"#), "payment.token"),
        (with(dollar, r#"{"method": "card", "token": 7}"#), "payment.token"),
        (with(dollar, r#"{"method": "card", "token": "a\u0000b"}"#), "payment.token"),
        (with(dollar, r#"{"method": "card", "token": "tok_visa", "cvc": "1"}"#), "payment.cvc"),
        (format!(r#"{{"amount": {dollar}}}"#), "payment"),
        (format!(r#"{{"amount": {dollar}, "payment": {visa}, "tip": 1}}"#), "tip"),
    ] {
        let (status, problem) = site.post(&caller, TOP_UPS, Some("k"), &body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_input")), "{body}");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
    }
    for query in ["limit=0", "limit=101", "limit=1.5", "cursor=!", "cursor=e30", "page=1"] {
        let (status, problem) = site.get(&caller, &format!("/v1/wallet/entries?{query}")).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_input")), "{query}");
        let field = query.split('=').next().unwrap();
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    assert!(site.shop.charges().await.is_empty());
    site.shop.end().await;
}

#[tokio::test]
async fn staff_refund_by_the_route() {
    let site = Site::open().await;
    let (payer, staff) = (site.shop.shopper_with(1_000).await, admin());
    let order = site.shop.placed(payer.account(), wallet(), 1_000, PaymentStatus::Captured).await;
    let path = format!("/v1/payments/{}/refunds", order.payment);
    let part = json!({"amount": {"amount": 300, "currency": "USD"}, "reason": "torn"});
    let first = site.post(&staff, &path, Some("1"), &part).await;
    assert_eq!((first.0, &first.1["status"]), (201, &json!("done")));
    assert_eq!(site.post(&staff, &path, Some("1"), &part).await, first);
    let much = json!({"amount": {"amount": 701, "currency": "USD"}, "reason": "torn"});
    let (status, problem) = site.post(&staff, &path, Some("2"), much).await;
    assert_eq!((status, &problem["code"]), (409, &json!("too_much")));
    assert_eq!(problem["left"], json!({"amount": 700, "currency": "USD"}));
    let (status, rest) = site.post(&staff, &path, Some("3"), json!({"reason": ""})).await;
    assert_eq!((status, &rest["amount"]["amount"]), (201, &json!(700)));
    let (status, problem) = site.post(&staff, &path, Some("4"), json!({"reason": "x"})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("nothing_captured")));
    for (body, field) in [
        (json!({}), "reason"),
        (json!({"reason": "x", "to": "me"}), "to"),
        (json!({"reason": "x".repeat(201)}), "reason"),
        (json!({"reason": "a\u{0}"}), "reason"),
        (json!({"reason": "x", "amount": {"amount": 1.5, "currency": "USD"}}), "amount.amount"),
        (json!({"reason": "x", "amount": {"amount": 0, "currency": "USD"}}), "amount.amount"),
    ] {
        let (status, problem) = site.post(&staff, &path, Some("5"), &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{body}");
    }
    let by_card = site.shop.placed(None, card("tok_visa"), 50, PaymentStatus::Captured).await;
    let path = format!("/v1/payments/{}/refunds", by_card.payment);
    let (status, pending) = site.post(&staff, &path, Some("1"), json!({"reason": "x"})).await;
    assert_eq!((status, &pending["status"]), (202, &json!("pending")));
    site.shop.until(by_card.payment, PaymentStatus::Refunded).await;
    let nothing = format!("/v1/payments/{}/refunds", uuid::Uuid::now_v7());
    for path in [nothing.as_str(), "/v1/payments/17/refunds"] {
        let (status, problem) = site.post(&staff, path, Some("1"), json!({"reason": "x"})).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
    }
    site.shop.end().await;
}

#[tokio::test]
async fn staff_confirm_transfers_and_refunds_by_the_routes() {
    let site = Site::open().await;
    let staff = admin();
    let order = site.shop.placed(None, bank(), 1_000, PaymentStatus::Pending).await;
    let path = format!("/v1/payments/{}/confirm", order.payment);
    let much = json!({"amount": {"amount": 1_001, "currency": "USD"}});
    let (status, problem) = site.post(&staff, &path, Some("1"), much).await;
    assert_eq!((status, &problem["code"]), (409, &json!("wrong_amount")));
    assert_eq!(problem["asked"], json!({"amount": 1_000, "currency": "USD"}));
    let (status, problem) = site.post(&staff, &path, None, "").await;
    assert_eq!((status, &problem["code"]), (400, &json!("idempotency_key_required")));
    for (body, field) in [
        (json!({"sum": 1}), "sum"),
        (json!({"amount": 1_000}), "amount"),
        (json!({"amount": {"amount": 10.5, "currency": "USD"}}), "amount.amount"),
    ] {
        let (status, problem) = site.post(&staff, &path, Some("2"), &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!(field)), "{body}");
    }
    let first = site.post(&staff, &path, Some("3"), "").await;
    assert_eq!(
        (first.0, &first.1["status"], &first.1["receipt"]),
        (200, &json!("captured"), &json!(1))
    );
    assert_eq!(site.post(&staff, &path, Some("3"), "{}").await, first);
    let (status, problem) = site.post(&staff, &path, Some("3"), json!({"amount": null})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("idempotency_key_reused")));
    let shown = site.get(&staff, &format!("/v1/payments/{}", order.payment)).await;
    assert_eq!(shown, first);
    let refunds = format!("/v1/payments/{}/refunds", order.payment);
    let body = json!({"reason": "torn", "restock": true});
    let (status, owed) = site.post(&staff, &refunds, Some("1"), body).await;
    assert_eq!((status, &owed["status"]), (202, &json!("pending")));
    let book = format!("{refunds}/{}/confirm", owed["id"].as_str().unwrap());
    let (status, done) = site.post(&staff, &book, Some("1"), "").await;
    assert_eq!((status, &done["status"]), (200, &json!("done")));
    let (status, page) = site.get(&staff, "/v1/staff/transactions?limit=2").await;
    assert_eq!((status, page["items"].as_array().unwrap().len()), (200, 2));
    let next =
        format!("/v1/staff/transactions?limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
    let (_, page) = site.get(&staff, &next).await;
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next_cursor"]), (1, &Value::Null));
    for query in ["limit=0", "limit=101", "cursor=!", "page=1"] {
        let (status, problem) = site.get(&staff, &format!("/v1/staff/transactions?{query}")).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_input")), "{query}");
    }
    let ended = site.shop.placed(None, bank(), 1_000, PaymentStatus::Pending).await;
    site.shop.close(&ended).await;
    let path = format!("/v1/payments/{}/confirm", ended.payment);
    let (status, problem) = site.post(&staff, &path, Some("1"), "").await;
    assert_eq!((status, &problem["code"]), (409, &json!("wrong_state")));
    assert_eq!(problem["payment_status"], "voided");
    let nobody = uuid::Uuid::now_v7();
    for path in [format!("/v1/payments/{nobody}"), "/v1/payments/17".to_owned()] {
        assert_eq!(site.get(&staff, &path).await.0, 404);
        assert_eq!(site.post(&staff, &format!("{path}/confirm"), Some("1"), "").await.0, 404);
        let refund = format!("{path}/refunds/{nobody}/confirm");
        assert_eq!(site.post(&staff, &refund, Some("1"), "").await.0, 404);
    }
    site.shop.end().await;
}

#[tokio::test]
async fn a_top_up_is_completed_by_its_route() {
    let site = Site::open().await;
    let caller = site.shop.shopper_with(0).await;
    let (_, asks) = site.post(&caller, TOP_UPS, Some("a"), top_up(100, "tok_threeDSecure")).await;
    let path = format!("{TOP_UPS}/{}/confirm", asks["id"].as_str().unwrap());
    assert_eq!(site.post(&Caller::Guest, &path, None, "{").await.0, 401);
    assert_eq!(site.post(&shopper(), &path, Some("c"), "").await.0, 404);
    let (status, problem) = site.post(&caller, &path, None, "").await;
    assert_eq!((status, &problem["code"]), (400, &json!("idempotency_key_required")));
    assert_eq!(site.post(&caller, &path, Some("c"), json!({"x": 1})).await.0, 400);
    let done = site.post(&caller, &path, Some("c"), "").await;
    assert_eq!((done.0, &done.1["status"]), (200, &json!("captured")));
    assert_eq!(site.post(&caller, &path, Some("c"), "").await, done);
    let (status, problem) = site.post(&caller, &path, Some("d"), "").await;
    assert_eq!((status, &problem["code"]), (409, &json!("wrong_state")));
    site.shop.end().await;
}

#[tokio::test]
async fn who_may_not_is_told_before_the_input_is_looked_at() {
    let site = Site::open().await;
    let customer = shopper();
    let Caller::Account { account, session, .. } = customer else { unreachable!() };
    let support = Caller::Account { account, session, role: Role::Support };
    for path in ["/v1/wallet", "/v1/wallet/entries?limit=0"] {
        assert_eq!(site.get(&Caller::Guest, path).await.0, 401, "{path}");
    }
    let (status, problem) = site.post(&Caller::Guest, TOP_UPS, None, "{").await;
    assert_eq!((status, &problem["code"]), (401, &json!("login_required")));
    let path = "/v1/payments/17/refunds";
    assert_eq!(site.post(&Caller::Guest, path, None, "{").await.0, 401);
    for caller in [&customer, &support] {
        let (status, problem) = site.post(caller, path, None, "{").await;
        assert_eq!((status, &problem["code"]), (403, &json!("not_allowed")));
    }
    for path in ["/v1/payments/17", "/v1/staff/transactions?limit=0"] {
        assert_eq!(site.get(&Caller::Guest, path).await.0, 401, "{path}");
        assert_eq!(site.get(&support, path).await.0, 403, "{path}");
    }
    for path in ["/v1/payments/17/confirm", "/v1/payments/17/refunds/17/confirm"] {
        assert_eq!(site.post(&Caller::Guest, path, None, "{").await.0, 401, "{path}");
        assert_eq!(site.post(&support, path, None, "{").await.0, 403, "{path}");
    }
    let (status, methods) = site.get(&Caller::Guest, "/v1/payment-methods").await;
    assert_eq!((status, methods.as_array().unwrap().len()), (200, 3));
    assert_eq!(methods[0]["method"], "card");
    assert_eq!(methods[0]["needs_token"], true);
    let (_, methods) = site.get(&customer, "/v1/payment-methods").await;
    assert_eq!(methods[0]["method"], "wallet");
    site.shop.end().await;
}

#[tokio::test]
async fn every_route_is_documented() {
    let site = Site::open().await;
    let api = serde_json::to_value(&site.api).unwrap();
    let mut operations = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            assert!(
                !operation["summary"].as_str().unwrap_or_default().is_empty(),
                "{method} {path}"
            );
            assert_eq!(operation["tags"], json!(["payments"]), "{method} {path}");
            assert!(operation.get("security").is_some(), "{method} {path}");
            assert!(operation["responses"].as_object().unwrap().keys().any(|s| s.starts_with('2')));
        }
    }
    assert_eq!(operations, 11);
    site.shop.end().await;
}
