//! What a provider tells by itself.
use crate::http_routes::Site;
use crate::*;
use axum::body::Body;
use axum::http::Request;
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};

const PATH: &str = "/v1/webhooks/sandbox";
const SECRET: &str = "whsec_test";

async fn site() -> Site {
    let mut config = Config::default();
    config.payments.webhook_secret = SECRET.into();
    Site::with(config).await
}

impl Site {
    fn seconds(&self) -> i64 {
        kit::clock::Clock::now(&self.shop.rig.clock).seconds()
    }
    async fn tell(&self, t: i64, secret: &str, body: &str) -> (u16, Value) {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{t}.{body}").as_bytes());
        let signature = format!("t={t},v1={}", hex::encode(mac.finalize().into_bytes()));
        self.send(Some(&signature), body).await
    }
    async fn send(&self, signature: Option<&str>, body: &str) -> (u16, Value) {
        let mut request = Request::post(PATH).header("content-type", "application/json");
        if let Some(signature) = signature {
            request = request.header("feria-signature", signature);
        }
        self.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }
    async fn says(&self, id: &str, attempt: uuid::Uuid) -> u16 {
        let body = json!({"id": id, "type": "charge.captured", "attempt": attempt}).to_string();
        self.tell(self.seconds(), SECRET, &body).await.0
    }
    async fn attempt(&self, key: uuid::Uuid) -> payments::store::rows::attempt::Model {
        use sea_orm::EntityTrait as _;
        let found = payments::store::rows::attempt::Entity::find_by_id(key);
        found.one(self.shop.db().reader()).await.unwrap().unwrap()
    }
    async fn charge_of(&self, order: &OrderPlaced) -> uuid::Uuid {
        self.shop.payment(order.payment).await.unwrap().charge.unwrap()
    }
    async fn recorded(&self) -> usize {
        use sea_orm::EntityTrait as _;
        let rows = payments::store::webhooks::Entity::find();
        rows.all(self.shop.db().reader()).await.unwrap().len()
    }
}

#[tokio::test]
async fn without_a_secret_or_with_a_wrong_signature_nothing_is_taken() {
    let body = json!({"id": "e", "type": "x", "attempt": uuid::Uuid::now_v7()}).to_string();
    let closed = Site::open().await;
    let (status, problem) = closed.tell(closed.seconds(), "", &body).await;
    assert_eq!((status, &problem["code"]), (401, &json!("webhooks_refused")));
    closed.shop.end().await;

    let site = site().await;
    let now = site.seconds();
    for (t, secret, sent) in [
        (now, "other", body.as_str()),
        (now - 301, SECRET, &body),
        (now + 301, SECRET, &body),
        (now, "", &body),
        (now, "other", "{"),
    ] {
        let (status, problem) = site.tell(t, secret, sent).await;
        assert_eq!((status, &problem["code"]), (400, &json!("signature_invalid")), "{t}");
    }
    for signature in [None, Some(""), Some("t=1"), Some("v1=00")] {
        let (status, problem) = site.send(signature, &body).await;
        assert_eq!((status, &problem["code"]), (400, &json!("signature_invalid")));
    }
    let id = uuid::Uuid::now_v7();
    for (wrong, field) in [
        (json!({"id": "e", "type": "x"}), "attempt"),
        (json!({"id": "e", "type": "x", "attempt": 7}), "attempt"),
        (json!({"id": "e", "type": "x", "attempt": id, "amount": 1}), "amount"),
        (json!({"id": "", "type": "x", "attempt": id}), "id"),
        (json!({"id": "a\u{0}b", "type": "x", "attempt": id}), "id"),
        (json!({"id": "x".repeat(201), "type": "x", "attempt": id}), "id"),
        (json!({"id": "e", "type": "", "attempt": id}), "type"),
    ] {
        let (status, problem) = site.tell(now, SECRET, &wrong.to_string()).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_input")), "{wrong}");
        assert_eq!(problem["errors"][0]["field"], field, "{wrong}");
    }
    let long = format!("{{\"id\": \"{}\"}}", "x".repeat(20_000));
    assert_eq!(site.tell(now, SECRET, &long).await.0, 413);
    assert_eq!(site.recorded().await, 0);
    // Signed five minutes ago it is still good, also for what nobody knows of.
    assert_eq!(site.tell(now - 300, SECRET, &body).await.0, 204);
    assert_eq!(site.recorded().await, 1);
    site.shop.end().await;
}

#[tokio::test]
async fn ten_deliveries_at_once_have_one_effect() {
    let site = site().await;
    let with = card("tok_threeDSecure");
    let order = site.shop.placed(None, with, 700, PaymentStatus::RequiresAction).await;
    let key = site.charge_of(&order).await;
    let before = site.attempt(key).await.tries;
    let answers = join_all((0..10).map(|_| site.says("evt_1", key))).await;
    assert_eq!(answers, [204; 10]);
    site.shop.quiet().await;
    let after = site.attempt(key).await;
    assert_eq!((after.tries, after.state.as_str()), (before + 1, "waiting"));
    assert_eq!(site.recorded().await, 1);
    // Again, later: nothing; another message: asked once more.
    assert_eq!(site.says("evt_1", key).await, 204);
    site.shop.quiet().await;
    assert_eq!(site.attempt(key).await.tries, before + 1);
    assert_eq!(site.says("evt_2", key).await, 204);
    site.shop.quiet().await;
    assert_eq!(site.attempt(key).await.tries, before + 2);
    // What it says was never believed.
    assert_eq!(site.shop.status(order.payment).await, Some(PaymentStatus::RequiresAction));
    assert!(site.shop.captured.lock().is_empty());
    site.shop.end().await;
}

#[tokio::test]
async fn a_webhook_has_the_provider_asked_now() {
    use payments::store::rows::attempt::{Column, Entity};
    use sea_orm::entity::prelude::*;
    let site = site().await;
    let order = site.shop.order(None, card("tok_timeout"), 800);
    site.shop.rig.tell(order.clone()).await;
    site.shop.quiet().await;
    let key = site.charge_of(&order).await;
    // It would be asked about in a long while.
    Entity::update_many()
        .col_expr(Column::NextAt, Expr::value(i64::MAX))
        .filter(Column::Id.eq(key))
        .exec(site.shop.db().reader())
        .await
        .unwrap();
    site.shop.pass(5).await;
    assert_eq!(site.shop.status(order.payment).await, Some(PaymentStatus::Pending));
    assert_eq!(site.says("evt", key).await, 204);
    site.shop.until(order.payment, PaymentStatus::Captured).await;
    // One that is known changes nothing any more.
    assert_eq!(site.says("evt_2", key).await, 204);
    site.shop.pass(3).await;
    assert_eq!(site.shop.captured.lock().len(), 1);
    assert_eq!(site.shop.charges().await.len(), 1);
    site.shop.end().await;
}

#[tokio::test]
async fn a_shopper_who_confirms_beside_a_webhook_is_not_forgotten() {
    let site = site().await;
    for n in 0..12 {
        let with = card("tok_threeDSecure");
        let order = site.shop.placed(None, with, 700, PaymentStatus::RequiresAction).await;
        let key = site.charge_of(&order).await;
        let go_on = ContinuePayment {
            order: order.order,
            account: None,
            payment: order.payment,
            amount: order.total,
            instead: None,
        };
        let name = format!("evt_{n}");
        let (told, went_on) =
            tokio::join!(site.says(&name, key), site.shop.rig.call(&Caller::Store, go_on));
        assert_eq!(told, 204);
        went_on.unwrap();
        site.shop.pass(3).await;
        assert_eq!(site.shop.status(order.payment).await, Some(PaymentStatus::Captured));
    }
    site.shop.end().await;
}

#[tokio::test]
async fn old_messages_are_forgotten() {
    let site = site().await;
    assert_eq!(site.says("evt", uuid::Uuid::now_v7()).await, 204);
    site.shop.rig.clock.forward(Duration::from_secs(29 * 24 * 3_600));
    site.shop.rig.work("payments", "abandoned").await;
    assert_eq!(site.recorded().await, 1);
    site.shop.rig.clock.forward(Duration::from_secs(2 * 24 * 3_600));
    site.shop.rig.work("payments", "abandoned").await;
    assert_eq!(site.recorded().await, 0);
    site.shop.end().await;
}
