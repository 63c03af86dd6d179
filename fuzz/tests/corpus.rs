//! Every input that is kept goes through its target on every run, without nightly.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may fail, and say where"
)]
use std::path::Path;

/// The inputs of a target, in the order of their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut inputs: Vec<_> = files
        .map(|file| file.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

fn feed(name: &str) {
    let (_, target) = fuzz::TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let inputs = corpus(name);
    assert!(inputs.len() >= 10, "only {} inputs for {name}", inputs.len());
    for (path, bytes) in inputs {
        // Said where the test fails.
        println!("{path}");
        target(&bytes);
    }
}

#[test]
fn bodies_of_cart_and_checkout_keep_their_promises() {
    feed("bodies");
}

#[test]
fn files_of_goods_keep_their_promises() {
    feed("imports");
}

#[test]
fn requests_to_a_whole_store_keep_their_promises() {
    feed("requests");
}

#[test]
fn tokens_keep_their_promises() {
    feed("tokens");
}

#[test]
fn webhooks_keep_their_promises() {
    feed("webhooks");
}

#[test]
fn every_folder_of_the_corpus_has_a_target() {
    let folders = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap();
    let mut names: Vec<_> =
        folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, fuzz::TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}
