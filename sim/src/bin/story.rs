//! Tells the story of a store, and reads its books at the end.
use clap::Parser;
use sim::story::{self, Insist, Plan, Story, Wrong};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Shoppers and staff over HTTP, in a store in this process, or in one that serves already.
#[derive(Parser)]
struct Args {
    /// The data folder, with goods on the shelves (feria seed, feria import).
    #[arg(long)]
    data: PathBuf,
    /// A database server, in place of files in the data folder.
    #[arg(long)]
    database: Option<String>,
    /// The key that replicas on a server share: 64 hexadecimal digits.
    #[arg(long, default_value = "")]
    master_key: String,
    /// Tell it in the replicas that serve this data folder, or server, already.
    #[arg(long)]
    url: Vec<String>,
    /// How many orders are asked for; 0 only reads the books.
    #[arg(long, default_value_t = 1_000)]
    orders: u32,
    /// How many shoppers ask at once.
    #[arg(long, default_value_t = 32)]
    shoppers: u32,
    /// What chance begins with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
async fn run(args: Args) -> Result<bool, Wrong> {
    let config = story::config(&args.data, args.database.as_deref());
    let config = kit::config::Config { master_key: args.master_key.as_str().into(), ..config };
    story::hire(config.clone()).await?;
    let (orders, shoppers, seed) = (args.orders, args.shoppers, args.seed);
    let plan = Plan { orders, shoppers, seed, insist: Insist::Never };
    let (store, urls) = match args.url.is_empty() {
        false => (None, args.url),
        true => {
            let store = story::open(config.clone()).await?;
            let url = store.url().to_owned();
            (Some(store), vec![url])
        }
    };
    let began = Instant::now();
    let mut story = Story::begin(&urls, plan).await?;
    story.end().await?;
    println!("told in {:.1?}", began.elapsed());
    story.told().counts().into_iter().for_each(|(what, count)| println!("{count:>6}  {what}"));
    // Beside the store, whoever it is.
    let beside = feria::store::Beside::open(config).await;
    let beside = beside.map_err(|error| Wrong(error.to_string()))?;
    let audit = story.audit(&beside.node).await?;
    let notes = story.told().notes();
    let forgotten = notes.check(&beside.node, false).await?;
    let (repeated, differs) = notes.repeat().await?;
    beside.close().await;
    if let Some(store) = store {
        store.stop().await;
    }
    println!("{audit}");
    println!("{}; {repeated} asked for again", notes.said());
    let wrong: Vec<_> = audit.violations.into_iter().chain(forgotten).chain(differs).collect();
    wrong.iter().for_each(|violation| println!("WRONG {violation}"));
    Ok(wrong.is_empty())
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it is what this program is for")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(wrong) => {
            println!("WRONG {wrong}");
            ExitCode::FAILURE
        }
    }
}
