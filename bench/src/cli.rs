//! The command line: what it understands, and in which order things are done.
use crate::audit::Audit;
use crate::process::{machine, most_files};
use crate::raw::Written;
use crate::report::Report;
use crate::shop::Shop;
use crate::store::{Program, Store, complaints};
use crate::town::Town;
use crate::workloads::{Bench, Options, Workload};
use crate::{Trouble, bare, raw};
use clap::{Parser, ValueEnum as _};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::rc::Rc;
use std::time::Duration;

/// The argument that has `bench` be the store itself, for tests.
const AS_FERIA: &str = "--as-feria";
/// Files that are open beside connections.
const OTHER_FILES: u64 = 200;

/// How fast the store is.
#[derive(Parser)]
#[command(
    name = "bench",
    max_term_width = 90,
    after_help = "\
Starts a store on a data folder of its own, puts 10,000 books and 100,000 shoppers into it, and
measures the workloads one after the other (all of them, if none is named). The load generator
shares the machine with the store: client µs/op says how much of it it takes.

Examples:
  cargo build --release -p feria && cargo run --release -p bench -- detail purchase
  cargo run --release -p bench -- search --rate 1000 --products 100000
  cargo run --release -p bench -- --data /tmp/town --prepare
  cargo run --release -p bench -- purchase --data /tmp/town --url http://127.0.0.1:8080 --pid 4711"
)]
struct Cli {
    /// What to measure [default: everything]
    #[arg(value_enum, value_name = "WORKLOAD")]
    workloads: Vec<Workload>,
    /// How long each run lasts
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// How long the load runs before the first run
    #[arg(long, default_value_t = 3.0)]
    warm_up: f64,
    /// How many runs; the median is reported
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// How many connections [default: what suits the workload]
    #[arg(long)]
    connections: Option<usize>,
    /// Operations a second, at times of their own [default: as many as can be]
    #[arg(long)]
    rate: Option<u32>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The data folder, kept and used again [default: a new one that is deleted]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only prepare the data folder
    #[arg(long, requires = "data")]
    prepare: bool,
    /// A store that runs already, on the folder that --data names
    #[arg(long, requires = "data")]
    url: Option<String>,
    /// The process of that store, for its processor time and memory
    #[arg(long, requires = "url")]
    pid: Option<u32>,
    /// The program that is measured [default: `feria` beside this program]
    #[arg(long, value_name = "FILE")]
    feria: Option<PathBuf>,
    /// Measure this program as the store: nothing else needs to be built
    #[arg(long, conflicts_with = "feria", hide = true)]
    own_feria: bool,
    /// Books of goodbooks-10k
    #[arg(long, value_name = "FILE", default_value = "../shared/data/books.csv")]
    books: PathBuf,
    /// How many products; those that the books lack are made up [default: the books]
    #[arg(long)]
    products: Option<usize>,
    /// How many shoppers
    #[arg(long, default_value_t = 100_000)]
    shoppers: usize,
    /// How many buyers a flash sale has; every tenth gets a piece
    #[arg(long, default_value_t = 10_000)]
    buyers: usize,
    /// Purchases that are written as raw SQL; 0 for none
    #[arg(long, default_value_t = 20_000)]
    raw_purchases: usize,
    /// How many of those are written together
    #[arg(long, default_value_t = 100)]
    raw_batch: usize,
    /// Do not measure the bare server
    #[arg(long)]
    no_bare: bool,
}

/// Does what `arguments` ask, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let rest = || arguments.iter().skip(2);
    match arguments.get(1).and_then(|first| first.to_str()) {
        Some(AS_FERIA) => {
            return feria::cli::run(std::iter::once("feria".into()).chain(rest().cloned()));
        }
        Some(bare::ARGUMENT) => return ended(be_bare(rest().next())),
        Some(raw::ARGUMENT) => return ended(be_raw(&rest().collect::<Vec<_>>())),
        _ => {}
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .map_err(Trouble::from)
        .and_then(|runtime| tokio::task::LocalSet::new().block_on(&runtime, measure(&cli)));
    ended(done)
}

fn ended(done: Result<(), Trouble>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            // When nobody reads it, the exit code still tells.
            let _ = writeln!(io::stderr(), "bench: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

fn be_bare(file: Option<&OsString>) -> Result<(), Trouble> {
    let file = file.ok_or_else(|| Trouble::new("which pages?"))?;
    // As the store's runtime.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(bare::serve(Path::new(file)))
}

fn be_raw(arguments: &[&OsString]) -> Result<(), Trouble> {
    let text = |index: usize| arguments.get(index).and_then(|one| one.to_str());
    let number = |index: usize| text(index).and_then(|one| one.parse::<usize>().ok());
    let (Some(data), Some(purchases), Some(batch)) = (text(0), number(1), number(2)) else {
        return Err(Trouble::new("which folder, how many purchases, how many together?"));
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let written = runtime.block_on(raw::run(Path::new(data), purchases, batch))?;
    say(&serde_json::to_string(&written)?)
}

/// Where things are.
struct Places {
    own: Program,
    feria: Program,
    folder: tempfile::TempDir,
    data: PathBuf,
}

impl Places {
    fn find(cli: &Cli) -> Result<Self, Trouble> {
        let file = std::env::current_exe()?;
        let beside = cli.feria.clone().unwrap_or_else(|| file.with_file_name("feria"));
        let own = Program { file: file.clone(), first: Vec::new() };
        let feria = match cli.own_feria {
            true => Program { file, first: vec![AS_FERIA.to_owned()] },
            false => Program { file: beside, first: Vec::new() },
        };
        if cli.url.is_none() && !feria.file.exists() {
            let file = feria.file.display();
            let why = format!("{file} is not there: cargo build --release -p feria");
            return Err(Trouble::new(why));
        }
        let folder = tempfile::Builder::new().prefix("feria-bench-").tempdir()?;
        let data = cli.data.clone().unwrap_or_else(|| folder.path().join("data"));
        std::fs::create_dir_all(&data)?;
        Ok(Self { own, feria, folder, data })
    }
}

async fn measure(cli: &Cli) -> Result<(), Trouble> {
    let files = most_files();
    let places = Places::find(cli)?;
    let town = match Town::found(&places.data)? {
        Some(town) => town,
        None => prepare(cli, &places).await?,
    };
    let (products, shoppers) = (town.goods.len(), town.shoppers);
    if cli.prepare {
        let data = places.data.display();
        return say(&format!("{data} has {products} products and {shoppers} shoppers"));
    }
    let most = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    let mut report = Report {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        machine: machine(),
        notes: notes(cli, files),
        products,
        shoppers,
        workloads: Vec::new(),
        raw_sql: None,
    };
    let options = options(cli, most);
    measure_store(cli, &places, town, &options, &mut report).await?;
    if cli.raw_purchases > 0 {
        report.raw_sql = Some(raw_sql(cli, &places)?);
    }
    if let Some(file) = &cli.json {
        serde_json::to_writer_pretty(File::create(file)?, &report)?;
    }
    say(&report.table())?;
    match report.broken().count() {
        0 => Ok(()),
        count => Err(Trouble::new(format!("{count} things do not hold"))),
    }
}

fn options(cli: &Cli, most_connections: usize) -> Options {
    let seconds = |number: f64| Duration::try_from_secs_f64(number).unwrap_or_default();
    Options {
        lasts: seconds(cli.seconds),
        warm_up: seconds(cli.warm_up),
        runs: cli.runs.max(1),
        connections: cli.connections,
        rate: cli.rate,
        buyers: cli.buyers,
        most_connections,
        bare: !cli.no_bare,
    }
}

fn notes(cli: &Cli, files: u64) -> Vec<String> {
    let (runs, seconds) = (cli.runs, cli.seconds);
    vec![
        format!(
            "median of {runs} runs of {seconds} s; spread: fastest less slowest, of the median"
        ),
        "the load generator runs on one thread of the same machine; cores: what it and the server \
         took together"
            .to_owned(),
        format!("{files} open files are allowed to each process"),
    ]
}

async fn measure_store(
    cli: &Cli,
    places: &Places,
    town: Town,
    options: &Options,
    report: &mut Report,
) -> Result<(), Trouble> {
    let store = match &cli.url {
        Some(url) => Store::running(url, cli.pid)?,
        None => Store::start(&places.feria, &places.data)?,
    };
    let audit = Audit::open(&places.data, town.admin_token()?).await?;
    // News of the import, and the search index.
    if let Some(left) = audit.drained(Duration::from_secs(600)).await? {
        return Err(Trouble::new(format!("the store does not come to rest: {left}")));
    }
    let bench = Bench {
        store: &store,
        shop: Rc::new(Shop::open(town)?),
        audit: &audit,
        options,
        own: &places.own,
        folder: places.folder.path(),
    };
    audit.indexed(&store, report.products).await?;
    if let Some(memory) = store.process.and_then(crate::process::Process::memory) {
        report.notes.push(format!("at rest the server holds {} MiB", memory.resident / 1024));
    }
    let all = Workload::value_variants();
    let wanted = if cli.workloads.is_empty() { all } else { &cli.workloads };
    for workload in wanted {
        let measured = bench.measure(*workload).await?;
        let rate = crate::report::median(&measured.runs).map_or(0.0, |run| run.rate);
        // Progress, for whoever waits.
        let _ = writeln!(io::stderr(), "{}: {rate:.0}/s", workload.name());
        report.workloads.push(measured);
    }
    audit.close().await;
    store.stop()?;
    let lines = complaints(&places.data);
    if lines > 0 && cli.url.is_none() {
        report.notes.push(format!("the store logged {lines} lines"));
    }
    Ok(())
}

/// In a process of its own, so that it has all cores and the store none.
fn raw_sql(cli: &Cli, places: &Places) -> Result<Written, Trouble> {
    let data = places.folder.path().join("raw");
    std::fs::create_dir_all(&data)?;
    let mut command = places.own.command(&[raw::ARGUMENT]);
    command.arg(data).arg(cli.raw_purchases.to_string()).arg(cli.raw_batch.to_string());
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Trouble::new("the raw SQL failed"));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Goods and shoppers, into a folder without a store.
async fn prepare(cli: &Cli, places: &Places) -> Result<Town, Trouble> {
    let mut products = 0;
    if cli.books.exists() && cli.products.is_none_or(|wanted| wanted >= 10_000) {
        import(places, &cli.books)?;
        products = 10_000;
    }
    let wanted = cli.products.unwrap_or(10_000);
    if products < wanted {
        let file = places.folder.path().join("goods.jsonl");
        std::fs::write(&file, made_up(products..wanted))?;
        import(places, &file)?;
    }
    Town::settle(&places.data, cli.shoppers).await
}

fn import(places: &Places, file: &Path) -> Result<(), Trouble> {
    let mut command = places.feria.feria(&["import"], &places.data);
    let status = command.arg(file).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(Trouble::new(format!("{} is not imported", file.display()))),
    }
}

/// Goods that nobody wrote: titles of common words, so that searches find some.
fn made_up(numbers: std::ops::Range<usize>) -> String {
    const WORDS: [&str; 40] = [
        "amber", "anchor", "autumn", "bridge", "candle", "castle", "cedar", "cloud", "copper",
        "coral", "daughter", "desert", "dragon", "ember", "falcon", "forest", "garden", "glass",
        "harbour", "hollow", "island", "ivory", "journey", "lantern", "letter", "marble", "meadow",
        "mirror", "mountain", "night", "ocean", "orchard", "promise", "river", "secret", "shadow",
        "silver", "stone", "thunder", "winter",
    ];
    let word = |number: usize| WORDS.get(number % WORDS.len()).copied().unwrap_or_default();
    let mut lines = String::new();
    for number in numbers {
        let (one, two, three) = (word(number), word(number / 7 + 3), word(number / 91 + 11));
        let (price, author, genre) = (499 + number * 37 % 3_000, number % 4_000, number % 24);
        // Writing to a string cannot fail.
        let _ = writeln!(
            lines,
            r#"{{"title":"The {one} {two} of {three} {number}","sku":"MADE-{number:06}","price":{price},"on_hand":1000,"description":"About a {two} and the {three} in its {one}.","authors":["Author {author}"],"genres":["Genre {genre}"],"categories":["Books > Shelf {genre}"],"attributes":{{"pages":{}}}}}"#,
            100 + number % 700
        );
    }
    lines
}
