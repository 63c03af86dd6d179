//! The command as people type it: exit codes and sentences.
use crate::client::{Served, ask, eventually, feria, finish, get, run};
use kit::config::Config;
use std::fs;

/// Runs what is refused: exit code 2 and one sentence.
#[track_caller]
fn refused(arguments: &[&str], input: &str) -> String {
    let (code, out, complaint) = run(arguments, input);
    assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {complaint}");
    assert_eq!(complaint.lines().count(), 1, "{arguments:?}: {complaint}");
    complaint
}

fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    (folder, data)
}

#[test]
fn help_says_what_there_is_with_examples() {
    let (code, help, _) = run(&["--help"], "");
    assert_eq!(code, 0);
    for word in [
        "serve",
        "seed",
        "import",
        "export",
        "backup",
        "restore",
        "admin",
        "migrate",
        "openapi",
        "config",
        "map",
        "Examples:",
        "--data",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
    for command in [&["serve"][..], &["seed"], &["admin", "create"], &["migrate"], &["openapi"]] {
        let (code, help, _) = run(&[command, &["--help"]].concat(), "");
        assert!(code == 0 && help.contains("Example"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
    assert_eq!(run(&["--version"], "").1, format!("feria {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_cannot_be_understood_is_one_sentence() {
    assert!(refused(&["sreve"], "").contains("'sreve'"));
    assert!(refused(&["serve", "--port", "1"], "").contains("--port"));
    assert!(refused(&["admin", "create", "me@example.com"], "").contains("--password-stdin"));
    assert!(refused(&["serve", "billing"], "").contains("no service is called billing"));
    assert!(refused(&["serve", "orders"], "").contains("kafka://"));
    assert!(refused(&["seed", "--config", "/none/feria.toml"], "").contains("/none/feria.toml"));
    assert!(refused(&["serve", "--data", "/dev/null/x"], "").contains("/dev/null/x"));
    assert!(refused(&["serve", "--listen", "8080"], "").contains("8080"));
    let (_folder, data) = folder();
    assert!(
        refused(&["serve", "--data", &data, "--listen", "203.0.113.7:1"], "")
            .contains("203.0.113.7:1")
    );
    let mut misspelt = feria(&["serve", "--data", &data]);
    misspelt.env("FERIA_HOLDSECONDS", "5");
    let (code, _, complaint) = finish(misspelt, "");
    assert_eq!(code, 2);
    assert!(complaint.contains("FERIA_HOLDSECONDS is unknown"), "{complaint}");
}

#[test]
fn our_own_faults_are_exit_code_1() {
    let (_folder, data) = folder();
    fs::create_dir(&data).unwrap();
    fs::write(format!("{data}/orders.db"), "this is no database".repeat(100)).unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["seed"]] {
        let (code, _, complaint) = run(&[command, &["--data", &data]].concat(), "");
        assert_eq!(code, 1, "{command:?}: {complaint}");
        assert!(complaint.contains("orders"), "{command:?}: {complaint}");
    }
}

#[test]
fn the_settings_are_printed_and_can_be_read_back() {
    let (code, printed, _) = run(&["config"], "");
    assert_eq!((code, printed.as_str()), (0, Config::commented_default()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feria.toml");
    fs::write(&file, printed).unwrap();
    // Found by itself where the command is run.
    let mut migrate = feria(&["migrate"]);
    migrate.current_dir(folder.path());
    let (code, said, complaint) = finish(migrate, "");
    assert_eq!(code, 0, "{complaint}");
    assert!(said.contains("orders: ") && !said.contains("orders: 0 steps"), "{said}");
    assert!(folder.path().join("data/orders.db").exists());
    let mut again = feria(&["migrate"]);
    again.current_dir(folder.path());
    assert!(finish(again, "").1.contains("orders: 0 steps"));
}

#[test]
fn an_admin_is_made_once_without_a_store() {
    let (_folder, data) = folder();
    let create =
        |email: &'static str| ["admin", "create", email, "--password-stdin", "--data", &data];
    let (code, said, complaint) = run(&create("me@example.com"), "correct-horse-battery\n");
    assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
    assert!(said.contains("me@example.com"));
    let again = refused(&create("ME@example.com"), "another-pass-phrase");
    assert!(again.contains("exists"), "{again}");
    assert!(refused(&create("nobody"), "correct-horse-battery").contains("email"));
    assert!(refused(&create("you@example.com"), "short").contains("password"));
    assert!(refused(&create("you@example.com"), "").contains("password"));
    let store = Served::start(data.as_ref());
    let body = r#"{"email": "me@example.com", "password": "correct-horse-battery"}"#;
    assert_eq!(ask(store.address, "POST", "/v1/auth/login", "", body).status, 200);
}

#[test]
fn a_store_serves_while_commands_work_beside_it_and_stops_when_asked() {
    let (_folder, data) = folder();
    let store = Served::start(data.as_ref());
    let address = store.address;
    let second = refused(&["serve", "--listen", "127.0.0.1:0", "--data", &data], "");
    assert!(second.contains("another feria serve runs"), "{second}");

    let create = ["admin", "create", "me@example.com", "--password-stdin", "--data", &data];
    assert_eq!(run(&create, "correct-horse-battery").0, 0);
    let body = r#"{"email": "me@example.com", "password": "correct-horse-battery"}"#;
    let login = ask(address, "POST", "/v1/auth/login", "", body).json();
    let token = login["access_token"].as_str().unwrap();
    assert_eq!(ask(address, "GET", "/v1/me", token, "").json()["role"], "admin");

    let (code, said, complaint) = run(&["seed", "--data", &data], "");
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert!(said.starts_with("Listed 120 products"), "{said}");
    // The running store alone writes the search index: it notices what came in beside it.
    eventually("the classics are found", || {
        get(address, "/v1/products?q=odyssey&in_stock=true").json()["total"].as_u64() > Some(0)
    });
    let found = get(address, "/v1/products?q=odyssey").json();
    let (sku, image) = (&found["items"][0]["sku"], &found["items"][0]["images"][0]);
    assert_eq!(image, &format!("/covers/{}.svg", sku.as_str().unwrap()));
    let (code, said, _) = run(&["seed", "--data", &data], "");
    assert_eq!(code, 0);
    assert_eq!(
        said,
        "Listed 0 products and put 0 SKUs on the shelf; 120 products were there before.\n"
    );
    let sku = sku.as_str().unwrap();
    let stock = ask(address, "GET", &format!("/v1/inventory/{sku}"), token, "").json();
    assert!(stock["on_hand"].as_i64() > Some(0), "{stock}");

    let (code, said) = store.terminate();
    assert_eq!(code, 0);
    assert!(said.contains("feria seed --data") && said.contains("feria admin create"), "{said}");
    // What was written stays, and a full shelf needs no hint.
    let store = Served::start(data.as_ref());
    assert_eq!(ask(store.address, "GET", "/v1/me", token, "").status, 200, "tokens outlive a stop");
    assert_eq!(get(store.address, "/v1/products").json()["total"], 120);
    assert_eq!(store.terminate(), (0, String::new()));
}

#[test]
fn a_store_without_a_running_one_is_seeded_and_finds_it_later() {
    let (_folder, data) = folder();
    assert_eq!(run(&["seed", "--data", &data], "").0, 0);
    assert!(!std::path::Path::new(&data).join("search").exists(), "commands touch no index");
    let store = Served::start(data.as_ref());
    eventually("the classics are found", || {
        get(store.address, "/v1/products?q=odyssey&in_stock=true").json()["total"].as_u64()
            > Some(0)
    });
}

#[test]
fn the_documents_are_printed() {
    let (code, printed, complaint) = run(&["openapi"], "");
    assert_eq!((code, complaint.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert!(document["paths"]["/v1/checkout"]["post"].is_object());
    let (code, map, _) = run(&["map"], "");
    assert_eq!((code, map), (0, feria::describe::map()));
}
