use crate::toy::{count, tally};
use kit::config::Config;
use kit::db::{Change, Kind, SetUpdate, insert_all};
use kit::lease::Lease;
use kit::plug::Service;
use kit::testing::Rig;
use sea_orm::{EntityTrait, QueryOrder, Set};
use std::time::Duration;

async fn rig() -> Rig {
    Rig::start(&[Box::new(tally()) as Box<dyn Service>], Config::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_insert_and_a_set_update_change_thousands_of_rows() {
    let rig = rig().await;
    let running = rig.nodes[0].service("tally").unwrap();
    let done = running
        .waves
        .write((), |wave, ()| {
            Box::pin(async move {
                let name = |i: i64| format!("row-{i:05}");
                let rows = (0..12_000).map(|i| count::ActiveModel {
                    name: Set(name(i)),
                    total: Set(i),
                    version: Set(0),
                });
                insert_all(wave.tx(), rows.collect()).await?;
                let changes =
                    (0..12_000).map(|i| vec![name(i).into(), (i * 2).into(), 7_i64.into()]);
                SetUpdate::of("counts")
                    .key("name", Kind::Text)
                    .change(Change::Add("total"), Kind::Int)
                    .change(Change::To("version"), Kind::Int)
                    .run(wave.tx(), changes.collect())
                    .await?;
                Ok(())
            })
        })
        .await;
    assert_eq!(done, Ok(()));
    let rows = count::Entity::find().order_by_asc(count::Column::Name).all(running.db.reader());
    for (i, row) in (0..12_000).zip(rows.await.unwrap()) {
        assert_eq!((row.total, row.version), (i * 3, 7));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_compared_byte_by_byte() {
    let rig = rig().await;
    let running = rig.nodes[0].service("tally").unwrap();
    let done = running.waves.write((), |wave, ()| {
        Box::pin(async move {
            let row = |name: &str| count::ActiveModel {
                name: Set(name.to_owned()),
                total: Set(0),
                version: Set(0),
            };
            insert_all(wave.tx(), vec![row("a"), row("B"), row("A"), row("á")]).await?;
            Ok(())
        })
    });
    assert_eq!(done.await, Ok(()));
    let rows = count::Entity::find().order_by_asc(count::Column::Name).all(running.db.reader());
    let names: Vec<String> = rows.await.unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["A", "B", "a", "á"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_has_one_holder_until_it_ends() {
    let rig = rig().await;
    let waves = |i: usize| rig.nodes[i % rig.nodes.len()].service("tally").unwrap().waves.clone();
    let first = Lease::new("job", &waves(0), Duration::from_secs(5));
    let second = Lease::new("job", &waves(1), Duration::from_secs(5));
    assert!(first.hold().await);
    assert!(!second.hold().await);
    rig.clock.forward(Duration::from_secs(4));
    assert!(first.hold().await, "renewed");
    rig.clock.forward(Duration::from_secs(4));
    assert!(!second.hold().await, "it was renewed");
    rig.clock.forward(Duration::from_secs(2));
    assert!(second.hold().await);
    assert!(!first.hold().await, "taken over");
}
