use crate::toy::{Count, Counted, HeardOf, SHOWN, STUBBORN, echo, onlooker, tally, toys};
use contracts::Caller;
use kit::bus::{Bus, Heard};
use kit::calls::{Calls, Registry};
use kit::config::Config;
use kit::plug::{Node, Service, Setup};
use kit::testing::Rig;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn count(calls: &Calls, name: &str) {
    calls.call(&Caller::Store, Count { name: name.into(), by: 1 }).await.unwrap();
}
async fn heard(calls: &Calls, name: &str) -> i64 {
    calls.call(&Caller::Store, HeardOf(name.into())).await.unwrap()
}
async fn eventually(calls: &Calls, name: &str, wanted: i64) {
    for _ in 0..2000 {
        if heard(calls, name).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(heard(calls, name).await, wanted, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn news_is_heard_once_and_in_order_per_aggregate() {
    let rig = Arc::new(Rig::start(&toys(), Config::default()).await);
    let tasks = (0..200).map(|i| {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move { count(&rig.calls, &format!("n{}", i % 7)).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    // `echo` fails at any version that does not follow the last: what came out of order would
    // be parked and the sum too small.
    rig.settled().await;
    let mut sum = 0;
    for i in 0..7 {
        sum += heard(&rig.calls, &format!("n{i}")).await;
    }
    assert_eq!(sum, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_twice_has_one_effect() {
    let rig = Rig::start(&[Box::new(echo()) as Box<dyn Service>], Config::default()).await;
    let event = Counted { name: "twice".into(), by: 3, total: 3 };
    let id = rig.tell(event.clone()).await;
    for _ in 0..3 {
        rig.tell_again(id, event.clone()).await;
    }
    assert_eq!(heard(&rig.calls, "twice").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stubborn_message_is_parked_with_those_behind_it_and_replayed_in_order() {
    STUBBORN.store(true, Ordering::Release);
    let rig = Rig::start(&toys(), Config::default()).await;
    for _ in 0..3 {
        count(&rig.calls, "stubborn").await;
    }
    count(&rig.calls, "willing").await;
    eventually(&rig.calls, "willing", 1).await;
    rig.settled().await;
    let running = rig.nodes[0].service("echo").unwrap();
    let parked = running.inbox.parked(running.db.reader(), 10).await.unwrap();
    let versions: Vec<i64> = parked.iter().map(|message| message.version).collect();
    assert_eq!(versions, [1, 2, 3]);
    assert!(parked[0].error.contains("stubborn as ever"), "{}", parked[0].error);

    STUBBORN.store(false, Ordering::Release);
    assert_eq!(running.inbox.replay("stubborn".into()).await, Ok(3));
    assert_eq!(heard(&rig.calls, "stubborn").await, 3);
    count(&rig.calls, "stubborn").await;
    eventually(&rig.calls, "stubborn", 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_heard_before_a_stop_is_heard_after_the_next_start() {
    let rig = Rig::start(&[Box::new(tally()) as Box<dyn Service>], Config::default()).await;
    let setup = rig.setup.clone();
    // Nobody is there who hears it, and the relay is stopped before it can find that out.
    for node in &rig.nodes {
        node.halt_relays();
    }
    for _ in 0..5 {
        count(&rig.calls, "kept").await;
    }
    let clock = rig.clock.clone();
    let place = rig.stop_keeping().await;
    // On a server the relay that was halted still holds its lease.
    clock.forward(Duration::from_secs(6));
    let (bus, registry) = (Bus::default(), Registry::default());
    let setup = Setup { bus, registry: registry.clone(), stop: Default::default(), ..setup };
    let node = Node::start(&toys(), &setup).await.unwrap();
    let calls = Calls::any("test", registry);
    eventually(&calls, "kept", 5).await;
    node.stop().await;
    drop(place);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_fits_into_memory_is_read_once_piece_by_piece() {
    const NAMES: usize = 500;
    const ROUNDS: u16 = 24;
    let rig = Rig::start(&[Box::new(tally()) as Box<dyn Service>], Config::default()).await;
    let setup = rig.setup.clone();
    for node in &rig.nodes {
        node.halt_relays();
    }
    let name = |n: usize| format!("much{n}");
    for _ in 0..ROUNDS {
        // Each round has a millisecond of its own, and may be the end of a piece.
        rig.clock.forward(Duration::from_millis(1));
        let round = (0..NAMES).map(|n| {
            let (calls, name) = (rig.calls.clone(), name(n));
            async move { count(&calls, &name).await }
        });
        futures_util::future::join_all(round).await;
    }
    let clock = rig.clock.clone();
    let place = rig.stop_keeping().await;
    clock.forward(Duration::from_secs(6));
    let (bus, registry) = (Bus::default(), Registry::default());
    let setup = Setup { bus, registry: registry.clone(), stop: Default::default(), ..setup };
    let mut services = toys();
    services.push(Box::new(onlooker()));
    let node = Node::start(&services, &setup).await.unwrap();
    let calls = Calls::any("test", registry);
    for n in 0..NAMES {
        eventually(&calls, &name(n), ROUNDS.into()).await;
    }
    assert_eq!(SHOWN.load(Ordering::Acquire), NAMES as u64 * u64::from(ROUNDS));
    node.stop().await;
    drop(place);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_another_process_are_noticed_within_a_second() {
    let rig = Rig::start(&toys(), Config::default()).await;
    // Another process beside this one: the same databases, its own bus, no tasks but waves.
    let registry = Registry::default();
    let beside = Setup {
        bus: Bus::default(),
        registry: registry.clone(),
        tasks: false,
        stop: Default::default(),
        ..rig.setup.clone()
    };
    let node = Node::start(&[Box::new(tally()) as Box<dyn Service>], &beside).await.unwrap();
    node.services[0].waves.spawn();
    count(&Calls::any("import", registry), "foreign").await;
    eventually(&rig.calls, "foreign", 1).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_hears_is_kept_only_where_another_process_may_hear_it() {
    let rig = Rig::start(&[Box::new(tally()) as Box<dyn Service>], Config::default()).await;
    rig.nodes[0].halt_relays();
    let mut kept = Vec::new();
    let alone = || vec![Box::new(tally()) as Box<dyn Service>];
    for (whole, services) in [(false, alone()), (true, alone()), (true, toys())] {
        let registry = Registry::default();
        let setup = Setup {
            bus: Bus::default(),
            registry: registry.clone(),
            whole,
            tasks: false,
            ..rig.setup.clone()
        };
        let node = Node::start(&services, &setup).await.unwrap();
        let tally = node.service("tally").unwrap();
        tally.waves.spawn();
        count(&Calls::any("test", registry), "told").await;
        let unsent = kit::outbox::unsent(tally.db.reader(), "tally", None, 10).await.unwrap();
        kept.push(unsent.messages.len());
    }
    let is_file = rig.nodes[0].services[0].db.engine() == kit::db::Engine::Sqlite;
    assert_eq!(kept, if is_file { [1, 1, 2] } else { [1, 2, 3] });
}

#[test]
fn what_is_not_declared_is_refused_and_misfits_are_named() {
    let lonely: Vec<Box<dyn Service>> = vec![Box::new(echo())];
    assert_eq!(kit::plug::misfits(&lonely), ["echo hears tally.counted.v1, which nobody tells"]);
    assert!(kit::plug::misfits(&toys()).is_empty());
    assert!(kit::plug::map(&toys()).contains("- hears `tally.counted.v1`"));
}

#[test]
fn an_event_is_read_from_its_envelope_typed_or_not() {
    let event = Counted { name: "x".into(), by: 1, total: 1 };
    let json = format!(
        r#"{{"id":"{}","type":"tally.counted.v1","source":"tally","subject":"x","version":1,
            "part":0,"time":"2026-01-01T00:00:00Z","traceparent":null,
            "data":"{{\"name\":\"x\",\"by\":1,\"total\":1,\"new_field\":true}}"}}"#,
        uuid::Uuid::nil()
    );
    let envelope: kit::bus::Envelope = serde_json::from_str(&json).unwrap();
    assert_eq!(*Heard::<Counted>::open(&envelope).unwrap().event, event);
}
