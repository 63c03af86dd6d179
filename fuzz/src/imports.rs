//! Files of goods, by the readers of `feria import`.
use crate::first_text;
use contracts::Currency;
use feria::goods::{CsvWriter, Format, Goods, JsonlWriter, Row};
use std::io::Cursor;

/// Goods that are longer are as good as these, and slower.
const LONGEST: usize = 16 * 1024;

/// A line with a format and a currency (`csv USD`), and the file.
///
/// Every row says its line, within the file, and a rejected one why, on one line. Goods that were
/// read, written in the same format and read again are the same goods.
pub fn imports(bytes: &[u8]) {
    let Some((how, file)) = first_text(bytes) else { return };
    let Some((name, code)) = how.split_once(' ') else { return };
    let Ok(currency) = code.parse() else { return };
    let format = match name {
        "csv" => Format::Csv,
        "jsonl" => Format::Jsonl,
        "goodbooks" => Format::Goodbooks,
        _ => return,
    };
    if file.len() > LONGEST {
        return;
    }
    let lines = 1 + file.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
    let mut rows = 0;
    for row in read(format, file, currency) {
        rows += 1;
        assert!(rows <= lines, "{rows} rows in {lines} lines");
        match row {
            Err(rejected) => {
                assert!((1..=lines).contains(&rejected.line), "{rejected:?} of {lines} lines");
                assert!(!rejected.reason.contains('\n'), "{rejected:?}");
            }
            Ok(goods) => {
                assert!((1..=lines).contains(&goods.line), "{goods:?} of {lines} lines");
                same_again(format, &goods, currency);
            }
        }
    }
}

fn read(format: Format, file: &[u8], currency: Currency) -> Vec<Row> {
    match format.read(Cursor::new(file.to_vec()), currency) {
        Ok(rows) => rows.collect(),
        Err(failure) => {
            let sentence = failure.to_string();
            assert!(!sentence.is_empty() && !sentence.contains('\n'), "{sentence:?}");
            Vec::new()
        }
    }
}

/// Books are written as JSON lines: their own format cannot be written.
fn same_again(format: Format, goods: &Goods, currency: Currency) {
    let (format, written) = match format {
        Format::Csv => (format, as_csv(goods)),
        Format::Jsonl | Format::Goodbooks => (Format::Jsonl, as_jsonl(goods)),
    };
    let Ok(written) = written else { unreachable!("{goods:?} cannot be written") };
    let text = String::from_utf8_lossy(&written);
    match read(format, &written, currency).as_slice() {
        [Ok(again)] => {
            let again = Goods { line: goods.line, ..again.clone() };
            assert_eq!(&again, goods, "from\n{text}");
        }
        other => unreachable!("{goods:?} was written as\n{text} and read as {other:?}"),
    }
}

fn as_csv(goods: &Goods) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = CsvWriter::new(&mut out)?;
    writer.write(goods)?;
    writer.finish()?;
    Ok(out)
}

fn as_jsonl(goods: &Goods) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = JsonlWriter::new(&mut out);
    writer.write(goods)?;
    writer.finish()?;
    Ok(out)
}
