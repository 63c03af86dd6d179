//! Goods in files, beside a store and without one.
use crate::client::{Served, eventually, get, run};
use std::fs;
use std::path::Path;

const CSV: &str = "slug,title,sku,price,on_hand,options,categories,authors,stars,attributes\n\
    tea,Green Tea,TEA-S,4.50,3,\"{\"\"size\"\": \"\"S\"\"}\",Food > Tea|Gifts,,0|0|1|0|3,\n\
    tea,,TEA-L,8.00,9,\"{\"\"size\"\": \"\"L\"\"}\",,,,\n\
    ,Élan vital,ELAN,12.00,1,,Books,Henri Bergson,,\"{\"\"year\"\": 1907}\"\n";

struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }
    /// Imports `file` into `data`: what was said.
    fn import(&self, data: &str, file: &str) -> String {
        let (code, said, complaint) = run(&["import", file, "--data", &self.path(data)], "");
        assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
        said
    }
    fn export(&self, data: &str, format: &str) -> String {
        let (code, said, complaint) =
            run(&["export", "--format", format, "--data", &self.path(data)], "");
        assert_eq!((code, complaint.as_str()), (0, ""), "{said}");
        said
    }
}

#[test]
fn an_import_lists_goods_and_a_second_one_changes_nothing() {
    let shop = Shop::new();
    let file = shop.write("goods.csv", CSV);
    let first = shop.import("data", &file);
    assert!(first.contains("Read 2 rows") && first.contains("2 products are new"), "{first}");
    assert!(first.contains("stock of 3 SKUs"), "{first}");
    let again = shop.import("data", &file);
    assert!(again.contains("0 products are new, 0 were changed, 2 were so already"), "{again}");
    assert!(again.contains("stock of 0 SKUs"), "{again}");
    let dearer = shop.write("goods.csv", &CSV.replace("12.00", "13.00"));
    let changed = shop.import("data", &dearer);
    assert!(changed.contains("0 products are new, 1 were changed, 1 were so already"), "{changed}");
}

#[test]
fn rows_that_make_no_sense_are_named_with_their_line_and_the_rest_is_taken_in() {
    let shop = Shop::new();
    let text = "{\"title\": \"A\", \"sku\": \"A\", \"price\": 1}\nnonsense\n\
                {\"title\": \"\", \"sku\": \"B\", \"price\": 1}\n\
                {\"title\": \"C\", \"sku\": \"C\", \"price\": 1, \"on_hand\": -1}\n";
    let file = shop.write("goods.jsonl", text);
    let data = shop.path("data");
    let (code, said, complaint) = run(&["import", &file, "--data", &data], "");
    assert_eq!(code, 0, "{complaint}");
    assert!(said.contains("2 products are new") && said.contains("3 rows were rejected"), "{said}");
    let lines: Vec<&str> = complaint.lines().collect();
    assert!(lines[0].contains("goods.jsonl:2: "), "{complaint}");
    assert!(lines[1].contains("goods.jsonl:3: ") && lines[1].contains("title"), "{complaint}");
    assert!(lines[2].contains("goods.jsonl:4: stock of C"), "{complaint}");
    let (code, _, complaint) = run(&["import", &file, "--strict", "--data", &data], "");
    assert_eq!(code, 2, "{complaint}");
}

#[test]
fn a_file_that_is_none_is_refused_in_one_sentence() {
    let shop = Shop::new();
    let letter = shop.write("letter.txt", "Dear Sir");
    let header = shop.write("goods.csv", "title,sku,price,colour\n");
    let hopeless = shop.write("x.jsonl", "x\n");
    let data = shop.path("data");
    for (arguments, word) in [
        (&["import", "/none/goods.csv"][..], "/none/goods.csv cannot be read"),
        (&["import", &letter], "--format"),
        (&["import", &letter, "--format", "xml"], "xml"),
        (&["import", &letter, "--format", "goodbooks"], "goodbooks"),
        (&["import", &header], "colour"),
        (&["import", &hopeless], "1 of 1 rows"),
        (&["export", "--format", "goodbooks"], "goodbooks"),
    ] {
        let (code, _, complaint) = run(&[arguments, &["--data", &data]].concat(), "");
        assert_eq!(code, 2, "{arguments:?}: {complaint}");
        assert!(complaint.contains(word), "{arguments:?}: {complaint}");
    }
}

#[test]
fn what_is_exported_comes_back_as_it_was_in_either_format() {
    let shop = Shop::new();
    shop.import("one", &shop.write("goods.csv", CSV));
    let jsonl = shop.export("one", "jsonl");
    assert_eq!(jsonl.lines().count(), 2, "{jsonl}");
    let csv = shop.export("one", "csv");
    for (name, text) in [("two.jsonl", &jsonl), ("three.csv", &csv)] {
        let data = format!("data of {name}");
        shop.import(&data, &shop.write(name, text));
        assert_eq!(shop.export(&data, "jsonl"), jsonl, "{name}");
        assert_eq!(shop.export(&data, "csv"), csv, "{name}");
    }
}

#[test]
fn goods_are_taken_in_beside_a_running_store() {
    let shop = Shop::new();
    let data = shop.path("data");
    let store = Served::start(Path::new(&data));
    let file = shop.write("goods.csv", CSV);
    shop.import("data", &file);
    let found = |path: &str| get(store.address, path).json()["total"].as_u64();
    eventually("the goods are found", || found("/v1/products?q=green") == Some(1));
    let tea = get(store.address, "/v1/products/tea").json();
    assert_eq!(tea["variants"][1]["price"]["amount"], 800);
    eventually("their stock is shown", || {
        get(store.address, "/v1/products/tea").json()["variants"][1]["available"] == 9
    });
    assert_eq!((&tea["rating"], &tea["rating_count"]), (&4.5.into(), &4.into()));
    shop.import("data", &shop.write("goods.csv", &CSV.replace("Green Tea", "Black Tea")));
    eventually("the new title is found", || found("/v1/products?q=black") == Some(1));
    assert_eq!(store.terminate().0, 0);
}
