//! What the shop tells you, as it happens: server-sent events, or a WebSocket.
use crate::Notifications;
use crate::live::{Full, Looking, look_on};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use contracts::NotificationId;
use contracts::notifications::Notification;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kit::auth::LoggedIn;
use kit::input::Query;
use kit::problem::{HttpResult, Problem};
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How often a sign of life is sent where nothing else is: proxies cut what is silent.
const ALIVE: Duration = Duration::from_secs(15);
/// How long a client waits before it comes back.
const RETRY: Duration = Duration::from_secs(3);
/// Nothing is expected from a client but its goodbye.
const HEARD_BYTES: usize = 4096;
/// How long a message may take to a client that does not read.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the stream goes on.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamQuery {
    /// The id of the last notification that was seen. The header `Last-Event-ID` says the same,
    /// and outweighs it.
    #[serde(default)]
    #[param(value_type = Option<uuid::Uuid>)]
    after: Option<NotificationId>,
}

/// What the shop tells you, live
///
/// Each notification that is written for you from now on, as one event: its `id` is the
/// notification's, its `data` the notification as `GET /v1/notifications` has it, in JSON. With
/// the headers of a WebSocket handshake (RFC 6455), the same JSON comes as text messages. A client
/// that comes back with `Last-Event-ID` (or `after`) gets first what it missed; what was written
/// within two seconds before that may come again, under the same id. The stream ends with the
/// session, when the store stops, and after a quarter of an hour: come back. A sign of life is
/// sent every 15 seconds.
#[utoipa::path(
    get, path = "/v1/stream", tag = "notifications",
    params(
        StreamQuery,
        ("Last-Event-ID" = Option<uuid::Uuid>, Header,
         description = "The last event that was seen; browsers send it by themselves"),
    ),
    responses(
        (status = 101, description = "The same over a WebSocket, if that was asked for"),
        (status = 200, description = "Events without end", body = String,
         content_type = "text/event-stream"),
        (status = 400, description = "`invalid_input`; `websocket_expected` where a handshake is \
         not whole", body = Problem),
        (status = 401, description = "`login_required`", body = Problem),
        (status = 429, description = "`too_many_streams`: the account has enough of them",
         body = Problem),
        (status = 503, description = "`busy`: the store has enough of them", body = Problem),
    ),
    security(("bearer" = [])),
)]
pub(super) async fn stream(
    State(service): State<Arc<Notifications>>,
    who: LoggedIn,
    query: HttpResult<Query<StreamQuery>>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> HttpResult<Response> {
    let Query(query) = query?;
    let socket = match (wants_socket(&headers), socket) {
        (true, Ok(socket)) => Some(socket),
        (true, Err(why)) => {
            let detail = why.body_text();
            return Err(Problem::new(StatusCode::BAD_REQUEST, "websocket_expected", detail));
        }
        (false, _) => None,
    };
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok());
    let after = last.or(query.after);
    let looking =
        look_on(&service, who.account, who.session, after).await?.map_err(|full| match full {
            Full::Replica => Problem::busy(),
            Full::Account => {
                let detail = "This account has enough streams open; close one.";
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail)
                    .retry_after(u32::try_from(RETRY.as_secs()).unwrap_or(1))
            }
        })?;
    Ok(match socket {
        Some(socket) => socket
            .max_message_size(HEARD_BYTES)
            .max_frame_size(HEARD_BYTES)
            .on_upgrade(|socket| tell(socket, looking)),
        None => events(looking),
    })
}

fn wants_socket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|wanted| wanted.to_str().ok());
    upgrade.is_some_and(|wanted| wanted.eq_ignore_ascii_case("websocket"))
}

fn events(looking: Looking) -> Response {
    let greeting = stream::iter([Ok(Event::default().retry(RETRY).comment("live"))]);
    let told = stream::unfold(looking, |mut looking| async move {
        let told = looking.next().await?;
        Some((Ok::<_, Infallible>(event(&told)), looking))
    });
    let all = futures_util::StreamExt::chain(greeting, told);
    let alive = KeepAlive::new().interval(ALIVE).text("alive");
    let mut response = Sse::new(all).keep_alive(alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy in front is to pass on each event as it comes.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn event(told: &Notification) -> Event {
    // JSON has no line breaks of its own, and a notification is always JSON.
    let data = serde_json::to_string(told).unwrap_or_default();
    Event::default().id(told.id.to_string()).data(data)
}

async fn tell(mut socket: WebSocket, mut looking: Looking) {
    let mut alive = tokio::time::interval(ALIVE);
    loop {
        let message = tokio::select! {
            told = looking.next() => match told {
                Some(told) => Message::Text(serde_json::to_string(&told).unwrap_or_default().into()),
                None => break,
            },
            heard = socket.recv() => match heard {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                // Pings are answered by themselves, and nothing else is expected.
                Some(Ok(_)) => continue,
            },
            _ = alive.tick() => Message::Ping(Vec::new().into()),
        };
        let sent = tokio::time::timeout(PATIENCE, socket.send(message)).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
    let goodbye = CloseFrame { code: close_code::AWAY, reason: "come back".into() };
    // Whoever is gone needs no goodbye.
    let _ = tokio::time::timeout(PATIENCE, socket.send(Message::Close(Some(goodbye)))).await;
}
