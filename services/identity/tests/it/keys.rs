//! The keys that sign tokens: made once, shared, kept over a restart, sealed.
use crate::{Rig, read, register, services, started};
use contracts::identity::{Jwks, LinkAsked, LinksFor, PublishedKeys, Tokens, VerifyEmail};
use contracts::{Caller, LinkId};
use kit::auth::Verifier;
use kit::bus::Bus;
use kit::calls::{Calls, Registry};
use kit::clock::Clock as _;
use kit::config::Config;
use kit::plug::{Node, Setup};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn every_replica_signs_with_the_same_key() {
    let rig = started().await;
    let keys = rig.call(&Caller::Guest, PublishedKeys).await.unwrap();
    assert_eq!(keys.keys.len(), 1);
    let key = &keys.keys[0];
    assert_eq!((&*key.kty, &*key.crv, &*key.alg, &*key.usage), ("OKP", "Ed25519", "EdDSA", "sig"));
    // Calls go to the replicas in turn.
    for email in ["a@example.com", "b@example.com", "c@example.com"] {
        assert_eq!(rig.call(&Caller::Guest, PublishedKeys).await.unwrap(), keys);
        let tokens = register(&rig, email).await;
        read(&rig, &tokens).await;
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_make_one_key() {
    // On SQLite these are two programs on one file, as `feria admin` is beside a running store.
    let rig = started().await;
    clear_keys(&rig).await;
    let starts = [restarted(&rig.setup, ""), restarted(&rig.setup, "")];
    let started = futures(starts).await;
    let mut published = Vec::new();
    for (node, calls) in started {
        published.push(calls.call(&Caller::Guest, PublishedKeys).await.unwrap());
        node.stop().await;
    }
    assert_eq!(published[0], published[1]);
    assert_eq!(published[0].keys.len(), 1);
    rig.stop().await;
}

async fn futures<F: Future + Send + 'static>(futures: [F; 2]) -> Vec<F::Output>
where
    F::Output: Send,
{
    let spawned = futures.map(tokio::spawn);
    let mut outputs = Vec::new();
    for task in spawned {
        outputs.push(task.await.unwrap());
    }
    outputs
}

async fn clear_keys(rig: &Rig) {
    let waves = &rig.nodes[0].service("identity").unwrap().waves;
    let cleared = waves.write((), |wave, ()| {
        Box::pin(async move {
            use sea_orm::ConnectionTrait as _;
            wave.tx().execute_unprepared("DELETE FROM signing_keys").await?;
            Ok(())
        })
    });
    cleared.await.unwrap();
}

/// The same databases with another configuration, and nobody else around.
fn restarted(
    setup: &Setup,
    master_key: &str,
) -> impl Future<Output = (Node, Calls)> + Send + 'static {
    let (registry, config) =
        (Registry::default(), Config { master_key: master_key.into(), ..(*setup.config).clone() });
    let setup = Setup {
        registry: registry.clone(),
        bus: Bus::default(),
        config: Arc::new(config),
        stop: Default::default(),
        ..setup.clone()
    };
    async move {
        let node = Node::start(&services(), &setup).await.unwrap();
        (node, Calls::any("test", registry))
    }
}

fn verifies(keys: &Jwks, tokens: &Tokens, rig_now: contracts::Timestamp) -> bool {
    Verifier::new(keys, Default::default()).verify(&tokens.access_token, rig_now).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_outlive_a_restart_and_the_master_key_that_comes_later_seals_the_keys() {
    let rig = started().await;
    let tokens = register(&rig, "ada@example.com").await;
    let (setup, clock) = (rig.setup.clone(), rig.clock.clone());
    let place = rig.stop_keeping().await;

    let (node, calls) = restarted(&setup, "").await;
    let keys = calls.call(&Caller::Guest, PublishedKeys).await.unwrap();
    assert!(verifies(&keys, &tokens, clock.now()));
    node.stop().await;

    let (node, calls) = restarted(&setup, &"ab".repeat(32)).await;
    assert_eq!(calls.call(&Caller::Guest, PublishedKeys).await.unwrap(), keys);
    node.stop().await;

    // It is sealed now: neither without the key nor with another does identity start.
    for wrong in [String::new(), "cd".repeat(32)] {
        let config = Config { master_key: wrong.as_str().into(), ..(*setup.config).clone() };
        let setup = Setup { config: Arc::new(config), stop: Default::default(), ..setup.clone() };
        let error = Node::start(&services(), &setup).await.err().expect("it does not start");
        assert!(format!("{error:#}").contains("master_key"), "{error:#}");
    }
    let (node, calls) = restarted(&setup, &"ab".repeat(32)).await;
    assert_eq!(calls.call(&Caller::Guest, PublishedKeys).await.unwrap(), keys);
    node.stop().await;
    drop(place);
}

async fn published(rig: &Rig) -> Vec<String> {
    let keys = rig.call(&Caller::Guest, PublishedKeys).await.unwrap();
    keys.keys.into_iter().map(|key| key.kid).collect()
}

fn signed_by(tokens: &Tokens) -> String {
    use base64::Engine as _;
    let head = tokens.access_token.split('.').next().unwrap();
    let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head).unwrap();
    let head: serde_json::Value = serde_json::from_slice(&head).unwrap();
    head["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ninety_days_a_new_key_takes_over_and_nobody_is_refused() {
    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let rig = started().await;
    let first = published(&rig).await;
    rig.clock.forward(89 * DAY);
    rig.work("identity", "rotate_keys").await;
    assert_eq!(published(&rig).await, first, "it is not yet time");
    rig.clock.forward(DAY);
    rig.work("identity", "rotate_keys").await;
    let both = published(&rig).await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    // Both replicas, who may be asked in turn, still sign with the key that everybody knows.
    let asked = rig.listen::<LinkAsked>();
    for email in ["a@example.com", "b@example.com"] {
        let tokens = register(&rig, email).await;
        assert_eq!(signed_by(&tokens), first[0]);
        read(&rig, &tokens).await;
    }
    rig.clock.forward(10 * MINUTE);
    for email in ["c@example.com", "d@example.com"] {
        let tokens = register(&rig, email).await;
        assert_eq!(signed_by(&tokens), both[0]);
        read(&rig, &tokens).await;
    }
    rig.clock.forward(180 * MINUTE);
    rig.work("identity", "rotate_keys").await;
    assert_eq!(published(&rig).await, both[..1], "no token of the old one lives");

    // A link that was made under the old key still opens, until it expires by itself.
    rig.settled().await;
    let links: Vec<LinkId> = asked.lock().iter().map(|asked| asked.link).collect();
    rig.clock.forward(6 * DAY);
    rig.work("identity", "rotate_keys").await;
    let secrets = rig.call(&Caller::Store, LinksFor { links: links.clone() }).await.unwrap();
    assert_eq!(secrets.len(), 4);
    let oldest = secrets.iter().find(|secret| secret.link == links[0]).unwrap();
    let verify = VerifyEmail { token: oldest.token.clone() };
    assert_eq!(rig.call(&Caller::Guest, verify).await, Ok(()));
    rig.clock.forward(2 * DAY);
    rig.work("identity", "rotate_keys").await;
    assert_eq!(count_keys(&rig).await, 1, "then the old key is gone");
    assert_eq!(rig.call(&Caller::Store, LinksFor { links }).await, Ok(vec![]));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_meets_a_link_of_a_key_it_does_not_know_reads_the_keys() {
    let rig = started().await;
    let (other, calls) = restarted(&rig.setup, "").await;
    // Its workers have their first turn now, and the next in an hour of the machine's clock.
    tokio::time::sleep(Duration::from_millis(300)).await;
    rig.clock.forward(Duration::from_secs(91 * 24 * 3600));
    rig.work("identity", "rotate_keys").await;
    rig.clock.forward(Duration::from_secs(11 * 60));
    let asked = rig.listen::<LinkAsked>();
    register(&rig, "ada@example.com").await;
    rig.settled().await;
    let links = vec![asked.lock()[0].link];
    let here = rig.call(&Caller::Store, LinksFor { links: links.clone() }).await.unwrap();
    let there = calls.call(&Caller::Store, LinksFor { links }).await.unwrap();
    assert_eq!((here.len(), here), (1, there));
    other.stop().await;
    rig.stop().await;
}

async fn count_keys(rig: &Rig) -> i64 {
    use sea_orm::{ConnectionTrait as _, Statement};
    let reader = rig.nodes[0].service("identity").unwrap().db.reader();
    let sql = "SELECT COUNT(*) FROM signing_keys";
    let row = reader.query_one_raw(Statement::from_string(reader.get_database_backend(), sql));
    row.await.unwrap().unwrap().try_get_by_index(0).unwrap()
}
