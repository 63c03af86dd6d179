//! The harness itself: every workload with tiny numbers, on this very program as the store. What
//! is measured is not looked at; that everything was done, and nothing is broken, is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SMALL: [&str; 18] = [
    "--own-feria",
    "--books",
    "/nowhere",
    "--products",
    "60",
    "--shoppers",
    "3000",
    "--buyers",
    "40",
    "--seconds",
    "0.2",
    "--warm-up",
    "0.1",
    "--runs",
    "1",
    "--connections",
    "8",
    "--raw-purchases",
];

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FERIA_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn measured(more: &[&str], json: &Path) -> Value {
    let arguments = [&SMALL[..], more, &["--json", json.to_str().unwrap()]].concat();
    let Output { status, stdout, stderr } = bench(&arguments);
    let said = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(status.success(), "{said}");
    serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap()
}

#[test]
fn every_workload_runs_and_leaves_nothing_broken() {
    let folder = tempfile::tempdir().unwrap();
    let report = measured(&["50", "--raw-batch", "20"], &folder.path().join("all.json"));
    let workloads = report["workloads"].as_array().unwrap();
    assert_eq!(workloads.len(), 13);
    for workload in workloads {
        let (name, run) = (workload["name"].as_str().unwrap(), &workload["runs"][0]);
        assert!(run["operations"].as_u64().unwrap() > 0, "{name}: {workload:#}");
        assert!(run["took"]["p50"].as_f64().unwrap() > 0.0, "{name}");
        assert_eq!(run["failures"], serde_json::json!({}), "{name}");
        assert_eq!(workload["broken"], serde_json::json!([]), "{name}");
        assert!(run["peak_mib"].as_u64().unwrap() > 10, "{name}");
        let bare = !["flash", "browsing", "shopping", "ordering"].contains(&name);
        assert_eq!(workload["bare"].as_array().unwrap().len(), usize::from(bare), "{name}");
    }
    let flash = workloads.iter().find(|one| one["name"] == "flash").unwrap();
    assert_eq!(flash["runs"][0]["counts"], serde_json::json!({"losers": 36, "winners": 4}));
    assert_eq!(report["raw_sql"]["purchases"], 50);
    assert_eq!(report["shoppers"], 3_000);
}

#[test]
fn a_folder_is_prepared_once_and_a_rate_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let Output { status, .. } = bench(&[&SMALL[..], &["0", "--data", data, "--prepare"]].concat());
    assert!(status.success());
    let more = ["0", "--data", data, "--rate", "200", "--no-bare", "detail"];
    let report = measured(&more, &folder.path().join("one.json"));
    let run = &report["workloads"][0]["runs"][0];
    // As many as were due; not all, if the machine stood still.
    assert!((1..=40).contains(&run["operations"].as_u64().unwrap()), "{run:#}");
    assert_eq!(report["raw_sql"], Value::Null);
    assert_eq!(report["products"], 60);
}

#[test]
fn what_it_does_not_know_is_refused() {
    for (wrong, sentence) in [
        (&["cheapest"][..], "invalid value 'cheapest'"),
        (&["--url", "http://127.0.0.1:1"], "--data"),
        (&["--feria", "/nowhere/feria"], "/nowhere/feria is not there"),
    ] {
        let Output { status, stderr, .. } = bench(wrong);
        let said = String::from_utf8(stderr).unwrap();
        assert!(!status.success() && said.contains(sentence), "{wrong:?}: {said}");
    }
}
