//! Live status: a stream is read while its order changes.
use crate::shop::*;
use crate::web::get;
use axum::body::Body;
use contracts::orders::{CheckedOut, OrderStatus};
use contracts::payments::{PaymentActionRequired, PaymentRefunded};
use contracts::{Caller, OrderId};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use kit::testing::{admin, shopper};
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt as _;

/// A stream of events that is open.
struct Stream {
    head: (StatusCode, HeaderMap),
    body: Body,
    read: String,
}

/// One event, as its fields stood.
#[derive(Debug)]
struct Told {
    event: String,
    id: i64,
    data: Value,
}

impl Stream {
    async fn open(
        shop: &Shop,
        replica: usize,
        caller: &Caller,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Self {
        let mut request = Request::get(path).extension(caller.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let router = shop.routers[replica % shop.routers.len()].clone();
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        Self { head: (head.status, head.headers), body, read: String::new() }
    }
    async fn of(shop: &Shop, caller: &Caller, order: OrderId) -> Self {
        Self::open(shop, 0, caller, &format!("/v1/orders/{order}/events"), &[]).await
    }
    /// The next event; none at the end.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = event.lines();
                    lines
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                        .map(str::to_owned)
                };
                let told = field("id").map(|id| Told {
                    event: field("event").unwrap(),
                    id: id.parse().unwrap(),
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
                self.read = rest.to_owned();
                match told {
                    Some(told) => return Some(told),
                    None => continue,
                }
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame());
            let frame = frame.await.expect("the stream tells something")?.unwrap();
            self.read += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
        }
    }
    /// The next event, which has to be of this state.
    async fn becomes(&mut self, status: &str) -> i64 {
        let told = self.next().await.expect("an event");
        assert_eq!((told.event.as_str(), told.data["status"].as_str()), ("status", Some(status)));
        assert_eq!(told.data["version"], told.id);
        told.id
    }
    async fn is_quiet(&mut self) {
        let next = tokio::time::timeout(Duration::from_millis(300), self.next()).await;
        assert!(next.is_err(), "it says nothing, and does not end: {next:?}");
    }
}

#[tokio::test]
async fn a_stream_tells_the_order_as_it_is_and_then_each_change_until_it_is_final() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let mut stream = Stream::of(&shop, &ada, order.id).await;
    let (status, headers) = &stream.head;
    assert_eq!(
        (*status, &headers["content-type"]),
        (StatusCode::OK, &"text/event-stream".parse().unwrap())
    );
    assert_eq!(headers["cache-control"], "no-cache");
    let first = stream.next().await.unwrap();
    assert_eq!((first.event.as_str(), first.id), ("status", order.version));
    let shown = get(&shop, &ada, &format!("/v1/orders/{}", order.id)).await.json();
    assert_eq!(first.data, shown, "the data is what the order's own route answers");
    stream.is_quiet().await;

    shop.capture(&order).await;
    let paid = stream.becomes("paid").await;
    assert!(paid > first.id);
    shop.cancel(&ada, order.id).await.unwrap();
    stream.becomes("cancelled").await;
    // Its money is on the way back.
    stream.is_quiet().await;
    let back = PaymentRefunded {
        payment: order.payment.id,
        order: order.id,
        refund: shop.rig.id(),
        amount: order.total,
        refunded: order.total,
        whole: true,
        restock: false,
    };
    shop.rig.tell(back).await;
    let last = stream.next().await.unwrap();
    assert_eq!(last.data["payment"]["status"], "refunded");
    assert!(stream.next().await.is_none(), "nothing more is to come");

    // Whoever comes again after that is told to stop.
    let path = format!("/v1/orders/{}/events", order.id);
    let seen = last.id.to_string();
    let again = Stream::open(&shop, 0, &ada, &path, &[("last-event-id", &seen)]).await;
    assert_eq!(again.head.0, StatusCode::NO_CONTENT);
    let mut anew = Stream::open(&shop, 0, &ada, &path, &[]).await;
    assert_eq!(anew.becomes("cancelled").await, last.id);
    assert!(anew.next().await.is_none());
    shop.close().await;
}

#[tokio::test]
async fn what_was_seen_is_not_told_again() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let path = format!("/v1/orders/{}/events", order.id);
    let mut seen = Stream::open(&shop, 0, &ada, &path, &[("last-event-id", "1")]).await;
    seen.is_quiet().await;
    shop.capture(&order).await;
    seen.becomes("paid").await;
    // An older version, none of this order's, and nonsense: it is told as it is.
    for strange in ["1", "0", "-1", "99", "soon", "99999999999999999999"] {
        let mut stream = Stream::open(&shop, 0, &ada, &path, &[("last-event-id", strange)]).await;
        stream.becomes("paid").await;
    }
    shop.close().await;
}

#[tokio::test]
async fn every_stream_of_every_replica_hears_of_it() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let path = format!("/v1/orders/{}/events", order.id);
    let mut streams = Vec::new();
    for replica in 0..6 {
        let caller = if replica < 4 { ada.clone() } else { admin() };
        let mut stream = Stream::open(&shop, replica, &caller, &path, &[]).await;
        stream.becomes("pending").await;
        streams.push(stream);
    }
    // One leaves; the others stay awake.
    drop(streams.remove(0));
    shop.capture(&order).await;
    for stream in &mut streams {
        stream.becomes("paid").await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_change_that_no_event_tells_is_seen_by_looking_again() {
    let shop = Shop::open().await;
    let ada = shopper();
    let (order, other) = (shop.order(&ada).await, shop.order(&ada).await);
    let mut stream = Stream::of(&shop, &ada, order.id).await;
    stream.becomes("pending").await;
    let mut quiet = Stream::of(&shop, &ada, other.id).await;
    quiet.becomes("pending").await;
    shop.rig.tell(PaymentActionRequired { payment: order.payment.id, order: order.id }).await;
    let told = stream.next().await.unwrap();
    assert_eq!(told.data["payment"]["status"], "requires_action");
    // As another process would: nobody in this one hears of it.
    shop.sql("UPDATE orders SET version = version + 1").await;
    assert_eq!(stream.becomes("pending").await, told.id + 1);
    quiet.becomes("pending").await;
    shop.close().await;
}

#[tokio::test]
async fn a_stream_is_for_those_who_may_see_the_order() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await.id;
    let path = format!("/v1/orders/{order}/events");
    let status = |caller: Caller, path: String| {
        let shop = &shop;
        async move { Stream::open(shop, 0, &caller, &path, &[]).await.head.0.as_u16() }
    };
    assert_eq!(status(Caller::Guest, path.clone()).await, 401);
    assert_eq!(status(shopper(), path.clone()).await, 404);
    assert_eq!(
        status(shopper(), format!("{path}?nonsense=1")).await,
        404,
        "a stranger learns nothing"
    );
    assert_eq!(status(ada.clone(), format!("{path}?nonsense=1")).await, 400);
    assert_eq!(status(ada.clone(), "/v1/orders/nonsense/events".into()).await, 404);
    let unknown: OrderId = shop.rig.id();
    assert_eq!(status(admin(), format!("/v1/orders/{unknown}/events")).await, 404);
    assert_eq!(status(admin(), path).await, 200, "staff may see it");

    shop.fill_named("guests-cart".into(), &[("BOOK-1", 1)]);
    let placed: CheckedOut =
        shop.rig.call(&Caller::Guest, guest_checkout("guests-cart", any_key())).await.unwrap();
    let (path, token) =
        (format!("/v1/orders/{}/events", placed.order.id), placed.order_token.unwrap());
    assert_eq!(status(Caller::Guest, path.clone()).await, 401);
    assert_eq!(status(Caller::Guest, format!("{path}?order_token=wrong")).await, 404);
    let mut by_query =
        Stream::open(&shop, 0, &Caller::Guest, &format!("{path}?order_token={token}"), &[]).await;
    by_query.becomes("pending").await;
    let mut by_header =
        Stream::open(&shop, 0, &Caller::Guest, &path, &[("order-token", &token)]).await;
    by_header.becomes("pending").await;
    shop.close().await;
}

#[tokio::test]
async fn streams_end_when_the_store_closes() {
    let shop = Shop::open().await;
    let ada = shopper();
    let order = shop.order(&ada).await;
    let mut stream = Stream::of(&shop, &ada, order.id).await;
    stream.becomes("pending").await;
    shop.rig.setup.closing.cancel();
    assert!(stream.next().await.is_none());
    assert_eq!(shop.status(order.id).await, OrderStatus::Pending);
    shop.close().await;
}
