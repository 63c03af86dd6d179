//! A short form of what `cargo run -p sim --bin crash` does at length.
use sim::crash::disk::Disk;
use sim::crash::kills::Kills;
use sim::crash::{Outcome, disk, feria_beside, kills};
use sim::story::place::Place;
use std::path::PathBuf;

/// The store's program: `cargo test --workspace` has built it.
fn feria() -> PathBuf {
    feria_beside(std::env::current_exe().unwrap().as_path()).unwrap()
}

fn clean(outcome: &Outcome) {
    assert_eq!(outcome.wrong, Vec::<String>::new(), "{outcome}");
    assert!(outcome.repeated >= 8, "{outcome}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_killed_while_it_sells_forgets_nothing() {
    let place = Place::under_test().await.unwrap();
    let kills = Kills { times: 3, shoppers: 4, seed: 11 };
    let outcome = kills::run(&feria(), &place, kills).await.unwrap();
    clean(&outcome);
    assert_eq!(outcome.logged, Vec::<String>::new());
    assert_eq!(outcome.starts.len(), 4);
    place.delete().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_room_on_its_disk_forgets_nothing_and_goes_on_when_there_is_room() {
    // The disk of a server is not the store's.
    let place = Place::on(None).await.unwrap();
    let outcome = disk::run(&feria(), &place, Disk::Limit, 4, 12).await.unwrap();
    clean(&outcome);
    place.delete().await.unwrap();
}
