//! How long questions take over many products, and what the index takes. By hand:
//! `cargo test -p catalog --lib measured -- --ignored --nocapture`, best with optimisation.
use super::tests::{asked, entry};
use super::*;
use std::time::{Duration, Instant};

const PRODUCTS: u64 = 100_000;
const AT_ONCE: u64 = 500;
const QUESTIONS: usize = 200;

/// Words like those of a language: few are frequent, many are rare.
struct Words(u64);

impl Words {
    const SYLLABLES: [&str; 12] =
        ["ka", "lo", "mi", "ter", "san", "vo", "rin", "del", "pra", "quo", "est", "um"];

    fn chance(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
        (self.0 >> 33) % most
    }
    fn word(&mut self) -> String {
        let most = self.chance(40_000);
        let most = self.chance(1 + most);
        let mut rest = self.chance(1 + most) + 12;
        let mut word = String::new();
        while rest > 0 {
            word.push_str(Self::SYLLABLES[usize::try_from(rest % 12).unwrap()]);
            rest /= 12;
        }
        word
    }
    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
    fn product(&mut self, at: u64) -> Entry {
        let mut entry = entry(u128::from(at + 1), &self.text(5));
        entry.listed.product.description = self.text(30);
        entry.authors = vec![at % 20_000, 20_000 + at % 777];
        entry.genres = vec![30_000 + at % 40];
        entry.categories = vec![31_000, 31_001 + at % 30, 31_100 + at % 300];
        let price = i64::try_from(at * 7_919 % 10_000).unwrap();
        entry.listed.product.variants[0].price.minor = price;
        entry
    }
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines().filter(|line| line.starts_with("Rss") || line.starts_with("VmRSS"));
    lines.map(|line| line.split_whitespace().collect::<String>()).collect::<Vec<_>>().join(", ")
}

fn ask(open: &Open, what: &str, question: impl Fn(usize) -> Option<String>) {
    for spread in [false, true] {
        let took = (0..QUESTIONS).map(|n| {
            let asked = Asked { spread, ..asked(question(n).as_deref()) };
            open.remembered.lock().clear();
            let started = Instant::now();
            let found = open.find(&asked).unwrap();
            (started.elapsed(), found.total)
        });
        let mut took: Vec<(Duration, u64)> = took.collect();
        took.sort_unstable();
        let (half, most) = (took[QUESTIONS / 2], took[QUESTIONS * 99 / 100]);
        println!("{what}, facets {spread}: p50 {half:?} p99 {most:?}");
    }
}

#[test]
#[ignore = "a measurement"]
fn questions_over_a_hundred_thousand_products_measured() {
    let folder = tempfile::tempdir().unwrap();
    let open = Open::at(folder.path()).unwrap();
    let mut words = Words(7);
    let started = Instant::now();
    for first in (0..PRODUCTS).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let entries: Vec<Entry> = (first..first + AT_ONCE).map(|at| words.product(at)).collect();
        let position = Position::new("this".into(), i64::try_from(first).unwrap());
        open.write(&entries, position, first == 0).unwrap();
    }
    println!("indexed in {:?}: {}", started.elapsed(), resident());
    open.let_go().unwrap();
    println!("let go: {}", resident());
    let asked: Vec<String> = (0..QUESTIONS + 3).map(|_| words.word()).collect();
    ask(&open, "everything", |_| None);
    ask(&open, "two words", |n| Some(asked[n..n + 2].join(" ")));
    ask(&open, "a typo", |n| Some(asked[n].replacen('a', "x", 1)));
    ask(&open, "a letter", |n| Some(asked[n][..1].to_owned()));
    ask(&open, "two words and a beginning", |n| {
        Some(format!("{} {}", asked[n..n + 2].join(" "), &asked[n + 2][..2]))
    });
    println!("asked: {}", resident());
}
