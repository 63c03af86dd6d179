//! Goods that are made up: plenty of most, a few pieces of some.
use super::Wrong;
use feria::import::{Import, import};
use kit::config::Config;
use std::fmt::Write as _;

/// Puts `titles` goods on the shelves; of every eighth there are few.
/// # Errors
/// When they cannot be imported.
pub async fn stock(config: &Config, titles: u32, plenty: u32) -> Result<(), Wrong> {
    let mut lines = String::new();
    for number in 0..titles {
        let price = 199 + 137 * (number % 23);
        let on_hand = if number % 8 == 7 { 3 } else { plenty };
        let line = format!(
            "{{\"title\": \"Story {number}\", \"sku\": \"STORY-{number}\", \"price\": {price}, \
             \"on_hand\": {on_hand}}}"
        );
        writeln!(lines, "{line}").map_err(|error| Wrong(error.to_string()))?;
    }
    let folder = tempfile::tempdir().map_err(|error| Wrong(error.to_string()))?;
    let file = folder.path().join("goods.jsonl");
    std::fs::write(&file, lines).map_err(|error| Wrong(error.to_string()))?;
    let goods = Import { file, format: None, replace_stock: false };
    let mut rejected = Vec::new();
    let report = import(config.clone(), goods, |row| rejected.push(format!("{row:?}"))).await;
    let report = report.map_err(|error| Wrong::when("import the goods", error))?;
    if report.created == u64::from(titles) && report.stocked == u64::from(titles) {
        return Ok(());
    }
    Err(Wrong(format!("imported {titles} goods: {report}, rejected {rejected:?}")))
}
