use crate::toy::{Count, count, tally, toys};
use contracts::{CallError, Caller};
use kit::config::Config;
use kit::db::Engine;
use kit::testing::Rig;
use kit::wave::NotRun;
use sea_orm::{ConnectionTrait as _, EntityTrait as _};
use std::collections::BTreeSet;
use std::sync::Arc;

fn one(name: &str, by: i64) -> Count {
    Count { name: name.into(), by }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_from_many_callers_are_all_counted_and_each_gets_its_own_answer() {
    let rig = Arc::new(Rig::start(&toys(), Config::default()).await);
    let tasks = (0..400).map(|_| {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move { rig.call(&Caller::Store, one("many", 1)).await.unwrap() })
    });
    let mut totals = BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        totals.insert(task.await.unwrap());
    }
    assert_eq!(totals, (1..=400).collect(), "every total was answered exactly once");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_guilty_command_of_a_wave_fails() {
    let rig = Arc::new(
        Rig::start(&[Box::new(tally()) as Box<dyn kit::plug::Service>], Config::default()).await,
    );
    let tasks = (0..100).map(|i| {
        let rig = Arc::clone(&rig);
        // The database refuses a total below zero.
        let by = if i % 10 == 3 { -5 } else { 1 };
        let call = one(&format!("row-{i}"), by);
        tokio::spawn(async move { (i, rig.call(&Caller::Store, call).await) })
    });
    for task in tasks.collect::<Vec<_>>() {
        let (i, answered) = task.await.unwrap();
        match answered {
            Ok(total) => assert!(total == 1 && i % 10 != 3),
            Err(CallError::NotDone(_)) => assert_eq!(i % 10, 3),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_store_answers_what_it_took_and_refuses_the_rest() {
    let rig = Rig::start(&toys(), Config::default()).await;
    let waves = rig.nodes[0].service("tally").unwrap().waves.clone();
    let taken = tokio::spawn({
        let waves = waves.clone();
        async move { waves.write(one("last", 1), |wave, c| Box::pin(count_one(wave, c))).await }
    });
    assert_eq!(taken.await.unwrap(), Ok(1));
    rig.stop().await;
    let late = waves.write(one("late", 1), |wave, c| Box::pin(count_one(wave, c))).await;
    assert_eq!(late, Err(NotRun::Stopped));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_panics_is_not_the_last_one() {
    let rig = Rig::start(&toys(), Config::default()).await;
    let waves = rig.nodes[0].service("tally").unwrap().waves.clone();
    // More often than a server has writers.
    for _ in 0..20 {
        let bug = waves.write((), |_, ()| Box::pin(async { panic!("a bug") }));
        let ended: Result<(), NotRun> = bug.await;
        assert!(matches!(ended, Err(NotRun::Unknown(_))), "{ended:?}");
    }
    let next = waves.write(one("next", 1), |wave, c| Box::pin(count_one(wave, c))).await;
    assert_eq!(next, Ok(1));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_commits_after_the_disk_was_full_is_seen_by_readers() {
    let rig = Rig::start(&toys(), Config::default()).await;
    let tally = rig.nodes[0].service("tally").unwrap();
    let waves = tally.waves.clone();
    let full = match tally.db.engine() {
        // SQLite ends the transaction by itself, as when the disk is full.
        Engine::Sqlite => [
            "PRAGMA max_page_count = 1",
            "INSERT INTO counts (name, total, version) VALUES (hex(zeroblob(1000000)), 1, 1)",
        ],
        Engine::Postgres | Engine::MySql => ["SELECT 1", "SELECT 1 / 0"],
    };
    let ended = waves
        .write(full, |wave, full| {
            Box::pin(async move {
                for sql in full {
                    wave.tx().execute_unprepared(sql).await?;
                }
                Ok(())
            })
        })
        .await;
    assert!(matches!(ended, Err(NotRun::Failed(_))), "{ended:?}");
    // One that fails otherwise, and one that does not.
    let refused = waves.write(one("seen", -1), |wave, c| Box::pin(count_one(wave, c))).await;
    assert!(matches!(refused, Err(NotRun::Failed(_))), "{refused:?}");
    let next = waves.write(one("seen", 1), |wave, c| Box::pin(count_one(wave, c))).await;
    assert_eq!(next, Ok(1));
    let seen = count::Entity::find_by_id("seen".to_owned()).one(tally.db.reader()).await.unwrap();
    assert_eq!(seen.map(|row| row.total), Some(1));
    rig.stop().await;
}

async fn count_one(wave: &mut kit::wave::Wave, c: &Count) -> Result<i64, kit::Unexpected> {
    Ok(count(wave, std::slice::from_ref(c)).await?[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_told_in_the_order_of_commits_and_none_of_what_was_rolled_back() {
    struct Noted(i64);
    let rig = Rig::start(&toys(), Config::default()).await;
    let waves = rig.nodes[0].service("tally").unwrap().waves.clone();
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let keeping = Arc::clone(&heard);
    waves.noted(move |Noted(number)| keeping.lock().unwrap().push(number));
    for number in 0..4 {
        let written = waves.write(number, |wave, number| {
            Box::pin(async move {
                wave.note(Noted(*number));
                // Nobody asked for these.
                wave.note("another");
                if *number == 2 { Err(kit::Unexpected::new("rolled back")) } else { Ok(()) }
            })
        });
        assert_eq!(written.await.is_ok(), number != 2);
    }
    assert_eq!(*heard.lock().unwrap(), [0, 1, 3]);
}
