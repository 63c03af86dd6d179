use crate::toy::tally;
use kit::config::Config;
use kit::idempotency::{self, Known, LEASE, Progress, Request};
use kit::plug::Service;
use kit::testing::Rig;
use uuid::Uuid;

fn request(key: &str, body: u8) -> Request {
    Request { scope: "pay".into(), key: key.into(), body: [body; 32], resource: Uuid::now_v7() }
}

async fn begin(rig: &Rig, request: &Request) -> Known<String> {
    let waves = &rig.nodes[0].service("tally").unwrap().waves;
    let begun = waves.write(request.clone(), |wave, request| {
        Box::pin(async move {
            Ok(idempotency::begin::<String>(wave, std::slice::from_ref(request)).await?.remove(0))
        })
    });
    begun.await.unwrap()
}

async fn finish(rig: &Rig, id: Uuid, answer: Option<&str>) {
    let waves = &rig.nodes[0].service("tally").unwrap().waves;
    let answer = answer.map(|answer| format!("{answer:?}"));
    let finished = waves.write((id, answer), |wave, answer| {
        Box::pin(idempotency::finish(wave, std::slice::from_ref(answer)))
    });
    finished.await.unwrap();
}

async fn progress(rig: &Rig, id: Uuid) -> Progress {
    let waves = &rig.nodes[0].service("tally").unwrap().waves;
    waves.write(id, |wave, id| Box::pin(idempotency::progress(wave, *id))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_one_id_and_one_answer() {
    let rig = Rig::start(&[Box::new(tally()) as Box<dyn Service>], Config::default()).await;
    let first = request("k", 1);
    let go = Known::Go { resource: first.resource, taken_over: false };
    assert_eq!(begin(&rig, &first).await, go);
    assert_eq!(progress(&rig, first.resource).await, Progress::Running);
    assert_eq!(begin(&rig, &request("k", 1)).await, Known::Running);
    assert_eq!(begin(&rig, &request("k", 2)).await, Known::Reused);

    rig.clock.forward(LEASE + std::time::Duration::from_secs(1));
    assert_eq!(progress(&rig, first.resource).await, Progress::Abandoned);
    let over = Known::Go { resource: first.resource, taken_over: true };
    assert_eq!(begin(&rig, &request("k", 1)).await, over, "the id of the first try goes on");

    finish(&rig, first.resource, Some("done")).await;
    assert_eq!(begin(&rig, &request("k", 1)).await, Known::Answered("done".into()));
    assert_eq!(begin(&rig, &request("k", 2)).await, Known::Reused);
    assert_eq!(progress(&rig, first.resource).await, Progress::Answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_known_beforehand_is_kept_by_a_new_key_alone() {
    let rig = Rig::start(&[Box::new(tally()) as Box<dyn Service>], Config::default()).await;
    let waves = &rig.nodes[0].service("tally").unwrap().waves;
    let keep = async |requests: Vec<Request>| -> Vec<Known<String>> {
        let kept = waves.write(requests, |wave, requests| {
            let all: Vec<_> = requests.iter().map(|request| (request, Some("\"no\""))).collect();
            Box::pin(async move { idempotency::begin_or_keep(wave, &all).await })
        });
        kept.await.unwrap()
    };
    let (no, running) = (Known::Answered("no".to_owned()), request("running", 1));
    assert_eq!(
        keep(vec![request("k", 1), request("k", 1), request("k", 2)]).await[..2],
        [no.clone(), no.clone()]
    );
    assert_eq!(begin(&rig, &request("k", 1)).await, no);
    assert_eq!(begin(&rig, &request("k", 2)).await, Known::Reused);
    begin(&rig, &running).await;
    assert_eq!(keep(vec![request("running", 1)]).await, [Known::Running]);
    rig.clock.forward(LEASE + std::time::Duration::from_secs(1));
    let over = Known::Go { resource: running.resource, taken_over: true };
    assert_eq!(keep(vec![request("running", 1)]).await, [over], "what was begun is looked after");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_kept_frees_the_key() {
    let rig = Rig::start(&[Box::new(tally()) as Box<dyn Service>], Config::default()).await;
    let first = request("k", 1);
    begin(&rig, &first).await;
    finish(&rig, first.resource, None).await;
    assert_eq!(progress(&rig, first.resource).await, Progress::Unknown);
    let second = request("k", 2);
    let go = Known::Go { resource: second.resource, taken_over: false };
    assert_eq!(begin(&rig, &second).await, go);
}
