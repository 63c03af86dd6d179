//! The routes, as shoppers and staff meet them.
use crate::letters::login;
use crate::shop::{Shop, all_written, change, paid, placed};
use ::http::{Request, StatusCode, header, request, response};
use axum::Router;
use axum::body::Body;
use contracts::{Caller, Role};
use http_body_util::BodyExt as _;
use kit::testing::{Rig, admin, shopper};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tower::ServiceExt as _;

fn router(rig: &Rig) -> Router {
    let node = rig.nodes.last().unwrap();
    node.service("notifications").unwrap().routes.clone().unwrap().split_for_parts().0
}
async fn asked(
    rig: &Rig,
    request: request::Builder,
    caller: &Caller,
) -> (response::Parts, Vec<u8>) {
    let request = request.extension(caller.clone()).body(Body::empty()).unwrap();
    let (head, body) = router(rig).oneshot(request).await.unwrap().into_parts();
    (head, body.collect().await.unwrap().to_bytes().to_vec())
}
pub async fn raw(rig: &Rig, path: &str, caller: &Caller) -> (response::Parts, Vec<u8>) {
    asked(rig, Request::get(path), caller).await
}
pub async fn post(rig: &Rig, path: &str, caller: &Caller) -> (StatusCode, Value) {
    let (head, body) = asked(rig, Request::post(path), caller).await;
    (head.status, serde_json::from_slice(&body).unwrap())
}
pub async fn get(rig: &Rig, path: &str, caller: &Caller) -> (StatusCode, Value) {
    let (head, body) = raw(rig, path, caller).await;
    (head.status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_page_by_page_newest_first() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let mut told = BTreeSet::new();
    for index in 0..5 {
        let order = shop.order(&rig, Some(ada), None);
        told.insert(order.number.clone());
        rig.tell(placed(&rig, &order, Some(ada))).await;
        // Some at the same instant.
        rig.clock.forward(Duration::from_secs(index % 2));
    }
    all_written(&rig).await;
    for (path, who, key) in
        [("/v1/notifications", login(&rig, ada), "title"), ("/v1/staff/mails", admin(), "subject")]
    {
        let (mut cursor, mut seen, mut times, mut sizes) =
            (String::new(), BTreeSet::new(), Vec::new(), Vec::new());
        loop {
            let (status, page) = get(&rig, &format!("{path}?limit=2{cursor}"), &who).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            let items = page["items"].as_array().unwrap();
            sizes.push(items.len());
            for item in items {
                let line = item[key].as_str().unwrap();
                let number = told.iter().find(|number| line.contains(*number)).unwrap();
                assert!(seen.insert(number.clone()), "twice: {line}");
                let time = item.get("at").unwrap_or(&item["created_at"]);
                times.push(time.as_str().unwrap().to_owned());
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((sizes, seen.len()), (vec![2, 2, 1], 5), "{path}");
        assert!(times.is_sorted_by(|newer, older| newer >= older), "{path}: {times:?}");
        for wrong in ["limit=0", "limit=101", "limit=x", "cursor=forged", "page=1"] {
            let (status, problem) = get(&rig, &format!("{path}?{wrong}"), &who).await;
            assert_eq!(
                (status, &problem["code"]),
                (StatusCode::BAD_REQUEST, &json!("invalid_input"))
            );
            let field = wrong.split('=').next().unwrap();
            assert_eq!(problem["errors"][0]["field"], field, "{path}");
        }
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_see_nothing_and_staff_routes_are_for_staff() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    let id = rig.tell(paid(&rig, &order, Some(ada))).await;
    all_written(&rig).await;
    let (status, page) = get(&rig, "/v1/notifications", &shopper()).await;
    assert_eq!((status, page), (StatusCode::OK, json!({"items": [], "next_cursor": null})));
    for guest in [Caller::Guest, Caller::Store] {
        // Before the query is looked at.
        let (status, _) = get(&rig, "/v1/notifications?limit=1000", &guest).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let support = Caller::Account { account: rig.id(), session: rig.id(), role: Role::Support };
    for path in ["?limit=1000", &format!("/{id}"), &format!("/{id}/eml"), "/x", "/x/eml"] {
        let path = format!("/v1/staff/mails{path}");
        assert_eq!(get(&rig, &path, &Caller::Guest).await.0, StatusCode::UNAUTHORIZED, "{path}");
        for other in [login(&rig, ada), support.clone()] {
            assert_eq!(get(&rig, &path, &other).await.0, StatusCode::FORBIDDEN, "{path}");
        }
    }
    for unknown in ["x".to_owned(), rig.id::<contracts::OrderId>().to_string()] {
        for path in [format!("/v1/staff/mails/{unknown}"), format!("/v1/staff/mails/{unknown}/eml")]
        {
            assert_eq!(get(&rig, &path, &admin()).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
    rig.stop().await;
}

/// A message's headers, unfolded, by their names in small letters, and its body.
fn parse(message: &str) -> (BTreeMap<String, String>, &str) {
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let mut headers = BTreeMap::new();
    for line in unfolded.split("\r\n") {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
        let twice = headers.insert(name.to_ascii_lowercase(), value.to_owned());
        assert_eq!(twice, None, "{name}");
    }
    (headers, body)
}
fn quoted_printable(text: &str) -> String {
    let mut bytes = Vec::new();
    let joined = text.replace("=\r\n", "");
    let mut rest = joined.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'=' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_read_a_mail_and_save_it_as_a_file() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada Ünal");
    let order = shop.order(&rig, Some(ada), None);
    let id = rig.tell(paid(&rig, &order, Some(ada))).await;
    all_written(&rig).await;
    let path = format!("/v1/staff/mails/{id}");
    let (status, mail) = get(&rig, &path, &admin()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(mail["kind"], "receipt");
    assert_eq!((&mail["state"], &mail["status"]), (&json!("outbox"), &json!("kept")));
    assert_eq!((&mail["attempts"], &mail["error"]), (&json!(0), &json!(null)));
    assert_eq!(mail["to"], shop.email_of(ada));
    assert_eq!(mail["order"], json!(order.id));
    assert_eq!(mail["message_id"], format!("{id}@feria.example"));

    let (head, message) = raw(&rig, &format!("{path}/eml"), &admin()).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(head.headers[header::CONTENT_TYPE], "message/rfc822");
    assert_eq!(
        head.headers[header::CONTENT_DISPOSITION],
        format!("attachment; filename=\"{id}.eml\"")
    );
    assert_eq!(raw(&rig, &format!("{path}/eml"), &admin()).await.1, message, "the same each time");

    let message = String::from_utf8(message).unwrap();
    let (headers, body) = parse(&message);
    assert_eq!(headers["from"], "Feria <shop@feria.example>");
    assert_eq!(headers["to"], shop.email_of(ada));
    assert_eq!(headers["subject"], mail["subject"].as_str().unwrap());
    assert_eq!(headers["message-id"], format!("<{id}@feria.example>"));
    assert_eq!(headers["date"], "Thu, 01 Jan 2026 00:00:00 +0000");
    assert_eq!(headers["mime-version"], "1.0");
    let kind = &headers["content-type"];
    assert!(kind.starts_with("multipart/alternative;"), "{kind}");
    let boundary = kind.split("boundary=").nth(1).unwrap().trim_matches('"');
    let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
    assert_eq!((parts.len(), parts[3].trim()), (4, "--"), "two parts, and an end");
    for (part, kind, whole) in [(parts[1], "text/plain", "text"), (parts[2], "text/html", "html")] {
        let (headers, body) = parse(part.trim_start());
        assert!(headers["content-type"].starts_with(kind), "{headers:?}");
        assert_eq!(headers["content-transfer-encoding"], "quoted-printable");
        let lines = quoted_printable(body).replace("\r\n", "\n");
        assert_eq!(lines.trim_end(), mail[whole].as_str().unwrap().trim_end());
        assert!(lines.contains("Ada Ünal"), "{lines}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_the_release_before_kept_reads_as_it_was() {
    let (rig, shop) = Shop::open().await;
    let ada = shop.person(&rig, "Ada");
    let order = shop.order(&rig, Some(ada), None);
    let id = rig.tell(paid(&rig, &order, Some(ada))).await;
    all_written(&rig).await;
    change(&rig, "UPDATE mails SET plain = 'Old words', html = '<p>Old', words = NULL").await;
    let path = format!("/v1/staff/mails/{id}");
    let (_, mail) = get(&rig, &path, &admin()).await;
    assert_eq!((&mail["text"], &mail["html"]), (&json!("Old words"), &json!("<p>Old")));
    let (_, message) = raw(&rig, &format!("{path}/eml"), &admin()).await;
    let message = String::from_utf8(message).unwrap();
    assert!(message.contains("Old words\r\n") && message.contains("<p>Old\r\n"), "{message}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_documented() {
    let (rig, _) = Shop::open().await;
    let running = rig.nodes[0].service("notifications").unwrap();
    let api = running.routes.clone().unwrap().split_for_parts().1;
    let api = serde_json::to_value(api).unwrap();
    let paths = api["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 6);
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert_eq!(operation["tags"], json!(["notifications"]), "{method} {path}");
            assert!(operation["security"].is_array(), "{method} {path}");
            for status in operation["responses"].as_object().unwrap().keys() {
                // A protocol that was switched to is not described here.
                let described = operation["responses"][status]["content"].is_object();
                assert!(described || status == "101", "{method} {path} {status}");
            }
        }
    }
    rig.stop().await;
}
