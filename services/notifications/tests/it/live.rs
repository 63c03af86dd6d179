//! What people are told live: over a real listener, by server-sent events and by WebSocket.
use crate::letters::login;
use crate::shop::{Shop, all_written, cancelled, paid, placed};
use ::http::{HeaderMap, StatusCode};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use contracts::identity::SessionEnded;
use contracts::orders::CancelReason;
use contracts::{AccountId, Caller};
use futures_util::{SinkExt as _, StreamExt as _};
use kit::clock::Clock as _;
use kit::testing::Rig;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};
use tokio_tungstenite::{WebSocketStream, client_async};

/// The door of replica `node`, on a port of its own. It takes the header `Who` for granted.
async fn door(rig: &Rig, node: usize) -> String {
    let running = rig.nodes[node].service("notifications").unwrap();
    let (routes, _) = running.routes.clone().unwrap().split_for_parts();
    let who = |mut request: Request, next: Next| async move {
        let who = request.headers().get("who").map(|who| who.as_bytes().to_vec());
        let caller: Caller =
            serde_json::from_slice(&who.unwrap_or_default()).unwrap_or(Caller::Guest);
        request.extensions_mut().insert(caller);
        next.run(request).await
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(axum::serve(listener, routes.layer(from_fn(who))).into_future());
    address
}

/// A stream of events, as a browser reads it.
struct Events {
    status: StatusCode,
    headers: HeaderMap,
    lines: BufReader<TcpStream>,
}

#[derive(Debug)]
struct Event {
    id: String,
    data: Value,
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("not within 20 s")
}

impl Events {
    async fn open(door: &str, who: &Caller, query: &str, more: &str) -> Self {
        let mut stream = TcpStream::connect(door).await.unwrap();
        let who = serde_json::to_string(who).unwrap();
        let request =
            format!("GET /v1/stream{query} HTTP/1.1\r\nHost: {door}\r\nWho: {who}\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        soon(lines.read_line(&mut line)).await.unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HeaderMap::new();
        loop {
            line.clear();
            lines.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            headers.append(name.parse::<::http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        let mut opened = Self { status, headers, lines };
        if status == StatusCode::OK {
            // From the greeting on, the server looks for it.
            while !soon(opened.line()).await.unwrap().starts_with("retry: ") {}
        }
        opened
    }
    /// The next line of the body, whatever chunks it came in; none at its end.
    async fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            match self.lines.read_line(&mut line).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
            let line = line.trim_end().to_owned();
            if line == "0" {
                return None;
            }
            // The length of a chunk is no field, and no comment.
            if line.is_empty() || line.contains(':') {
                return Some(line);
            }
        }
    }
    /// The next event; none at the end.
    async fn next(&mut self) -> Option<Event> {
        let (mut id, mut data) = (None, None);
        loop {
            let line = soon(self.line()).await?;
            if let Some(value) = line.strip_prefix("id: ") {
                id = Some(value.to_owned());
            } else if let Some(value) = line.strip_prefix("data: ") {
                data = Some(serde_json::from_str(value).unwrap());
            } else if line.is_empty()
                && let (Some(id), Some(data)) = (id.clone(), data.clone())
            {
                return Some(Event { id, data });
            }
        }
    }
    async fn body(mut self) -> Value {
        let length: usize = self.headers["content-length"].to_str().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.lines.read_exact(&mut body).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }
    async fn nothing_for(&mut self, time: Duration) {
        if let Ok(event) = tokio::time::timeout(time, self.next()).await {
            panic!("told: {event:?}");
        }
    }
}

async fn socket(door: &str, who: &Caller, query: &str) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{door}/v1/stream{query}").into_client_request().unwrap();
    let who = serde_json::to_string(who).unwrap().parse().unwrap();
    request.headers_mut().insert("who", who);
    let stream = TcpStream::connect(door).await.unwrap();
    client_async(request, stream).await.unwrap().0
}
/// The next notification of a WebSocket; none when it was closed.
async fn told(socket: &mut WebSocketStream<TcpStream>) -> Option<Value> {
    loop {
        match soon(socket.next()).await {
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_comes_as_it_is_written_to_everyone_of_the_account_and_nobody_else() {
    let (rig, shop) = Shop::open().await;
    let (ada, eve) = (shop.person(&rig, "Ada"), shop.person(&rig, "Eve"));
    let (hers, other) = (shop.order(&rig, Some(ada), None), shop.order(&rig, Some(eve), None));
    // What was written before is in the list, and no news.
    rig.tell(placed(&rig, &hers, Some(ada))).await;
    all_written(&rig).await;
    // On a server one replica writes, and another tells.
    let (first, last) = (door(&rig, 0).await, door(&rig, rig.nodes.len() - 1).await);
    let who = login(&rig, ada);
    let mut events = Events::open(&first, &who, "", "").await;
    assert_eq!(events.status, StatusCode::OK);
    assert_eq!(events.headers["content-type"], "text/event-stream");
    assert_eq!(events.headers["cache-control"], "no-store");
    let mut also = Events::open(&last, &who, "", "").await;
    let mut live = socket(&last, &who, "").await;
    let mut others = Events::open(&last, &login(&rig, eve), "", "").await;
    let id = rig.tell(paid(&rig, &hers, Some(ada))).await;
    rig.tell(placed(&rig, &other, Some(eve))).await;
    all_written(&rig).await;
    for stream in [&mut events, &mut also] {
        let event = stream.next().await.unwrap();
        assert_eq!((event.id, &event.data["kind"]), (id.to_string(), &"receipt".into()));
        assert_eq!(event.data["order"], hers.id.to_string());
        assert_eq!(event.data["id"], id.to_string());
    }
    assert_eq!(told(&mut live).await.unwrap()["id"], id.to_string());
    assert_eq!(others.next().await.unwrap().data["kind"], "order_confirmation");
    // Nothing comes twice, however often is looked.
    let second = rig.tell(cancelled(&hers, Some(ada), CancelReason::ByShopper, true)).await;
    all_written(&rig).await;
    assert_eq!(events.next().await.unwrap().id, second.to_string());
    assert_eq!(told(&mut live).await.unwrap()["id"], second.to_string());
    tokio::join!(
        events.nothing_for(Duration::from_secs(3)),
        others.nothing_for(Duration::from_secs(3))
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_gets_what_was_missed() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let (who, door) = (login(&rig, ada), door(&rig, 0).await);
    let mut ids = Vec::new();
    for _ in 0..4 {
        let order = shop.order(&rig, Some(ada), None);
        ids.push(rig.tell(placed(&rig, &order, Some(ada))).await.to_string());
        all_written(&rig).await;
        rig.clock.forward(Duration::from_secs(60));
    }
    let header = format!("Last-Event-ID: {}\r\n", ids[1]);
    // The header outweighs the query: a browser repeats the address that it was given first.
    let mut events = Events::open(&door, &who, &format!("?after={}", ids[0]), &header).await;
    for id in &ids[2..] {
        assert_eq!(&events.next().await.unwrap().id, id);
    }
    let mut live = socket(&door, &who, &format!("?after={}", ids[2])).await;
    assert_eq!(told(&mut live).await.unwrap()["id"], ids[3]);
    // And then it goes on live.
    let order = shop.order(&rig, Some(ada), None);
    let next = rig.tell(placed(&rig, &order, Some(ada))).await.to_string();
    all_written(&rig).await;
    assert_eq!(events.next().await.unwrap().id, next);
    assert_eq!(told(&mut live).await.unwrap()["id"], next);
    // A stranger's id, or none that is known, is no place to go on from.
    let eve = login(&rig, shop.person(&rig, "Eve"));
    let mut others = Events::open(&door, &eve, &format!("?after={}", ids[0]), "").await;
    others.nothing_for(Duration::from_millis(500)).await;
    let mut odd = Events::open(&door, &who, "", "Last-Event-ID: yesterday\r\n").await;
    odd.nothing_for(Duration::from_millis(500)).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_absence_is_caught_up_with_page_by_page() {
    const MANY: usize = 1_100;
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    let first = rig.tell(placed(&rig, &order, Some(ada))).await;
    all_written(&rig).await;
    rig.clock.forward(Duration::from_secs(60));
    let rig = std::sync::Arc::new(rig);
    let telling = (0..MANY).map(|_| {
        let (order, rig) = (shop.order(&rig, Some(ada), None), std::sync::Arc::clone(&rig));
        tokio::spawn(async move { rig.tell(placed(&rig, &order, Some(ada))).await })
    });
    let mut wanted: Vec<String> = Vec::new();
    for told in telling.collect::<Vec<_>>() {
        wanted.push(told.await.unwrap().to_string());
    }
    // Many of them at the same instant.
    all_written(&rig).await;
    let door = door(&rig, 0).await;
    let mut events = Events::open(&door, &login(&rig, ada), &format!("?after={first}"), "").await;
    let mut got = Vec::new();
    for _ in 0..MANY {
        got.push(events.next().await.unwrap().id);
    }
    wanted.sort();
    got.sort();
    assert_eq!(got, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session_and_only_with_its_own() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let door = door(&rig, 0).await;
    let (phone, laptop) = (login(&rig, ada), login(&rig, ada));
    let mut ends = Events::open(&door, &phone, "", "").await;
    let mut closes = socket(&door, &phone, "").await;
    let mut stays = Events::open(&door, &laptop, "", "").await;
    // A whole look has passed: the sockets are there.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let Caller::Account { session, .. } = phone else { unreachable!() };
    let tokens_expire_at = rig.clock.now().after(Duration::from_secs(900));
    rig.show(&SessionEnded { session, tokens_expire_at });
    assert!(ends.next().await.is_none());
    assert!(told(&mut closes).await.is_none());
    let order = shop.order(&rig, Some(ada), None);
    let id = rig.tell(placed(&rig, &order, Some(ada))).await;
    all_written(&rig).await;
    assert_eq!(stays.next().await.unwrap().id, id.to_string());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_the_store_stops() {
    let (rig, shop) = Shop::open().await;
    let who = login(&rig, shop.person(&rig, "Ada"));
    let door = door(&rig, 0).await;
    let mut events = Events::open(&door, &who, "", "").await;
    let mut live = socket(&door, &who, "").await;
    live.send(Message::text("is anybody there?")).await.unwrap();
    rig.setup.closing.cancel();
    assert!(events.next().await.is_none());
    assert!(told(&mut live).await.is_none());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_for_those_who_are_logged_in_and_an_account_has_ten() {
    let (rig, shop) = Shop::open().await;
    let ada: AccountId = shop.person(&rig, "Ada");
    let (who, door) = (login(&rig, ada), door(&rig, 0).await);
    let guest = Events::open(&door, &Caller::Guest, "?after=x", "").await;
    assert_eq!(guest.status, StatusCode::UNAUTHORIZED);
    for (query, more, code) in [
        ("?after=x", "", "invalid_input"),
        ("?since=1", "", "invalid_input"),
        ("", "Upgrade: websocket\r\n", "websocket_expected"),
        (
            "",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n",
            "websocket_expected",
        ),
    ] {
        let refused = Events::open(&door, &who, query, more).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query} {more}");
        assert_eq!(refused.headers["content-type"], "application/problem+json");
        assert_eq!(refused.body().await["code"], code, "{query} {more}");
    }
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Events::open(&door, &who, "", "").await);
    }
    let refused = Events::open(&door, &who, "", "").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers["retry-after"], "3");
    assert_eq!(refused.body().await["code"], "too_many_streams");
    // One who leaves makes room.
    open.pop();
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if Events::open(&door, &who, "", "").await.status == StatusCode::OK {
            return rig.stop().await;
        }
    }
    panic!("whoever left still takes a place");
}
