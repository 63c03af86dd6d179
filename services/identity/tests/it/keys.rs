//! The keys that sign tokens: made once, shared, kept over a restart, sealed.
use crate::{Rig, read, register, services, started};
use contracts::Caller;
use contracts::identity::{Jwks, PublishedKeys, Tokens};
use kit::auth::Verifier;
use kit::bus::Bus;
use kit::calls::{Calls, Registry};
use kit::clock::Clock as _;
use kit::config::Config;
use kit::plug::{Node, Setup};
use std::sync::Arc;

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
