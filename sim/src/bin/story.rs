//! Tells the story of a store, and reads its books at the end.
use clap::Parser;
use sim::story::{self, Plan, Wrong, books};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Shoppers and staff over HTTP, in a store in this process.
#[derive(Parser)]
struct Args {
    /// The data folder, with goods on the shelves (feria seed, feria import).
    #[arg(long)]
    data: PathBuf,
    /// A database server, in place of files in the data folder.
    #[arg(long)]
    database: Option<String>,
    /// Tell it in a store that serves this data folder already, and do not read the books.
    #[arg(long)]
    url: Option<String>,
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
    story::hire(config.clone()).await?;
    let plan = Plan { orders: args.orders, shoppers: args.shoppers, seed: args.seed };
    let began = Instant::now();
    let say = |told: story::Told| {
        println!("told in {:.1?}", began.elapsed());
        told.counts().into_iter().for_each(|(what, count)| println!("{count:>6}  {what}"));
    };
    if let Some(url) = &args.url {
        say(story::tell(url, plan).await?);
        return Ok(true);
    }
    let store = story::open(config).await?;
    say(story::tell(store.url(), plan).await?);
    let audit = books::audit(&store).await?;
    store.stop().await;
    println!(
        "orders {:?}; {} receipts; {} SKUs add up, {} pieces sold",
        audit.orders, audit.receipts, audit.skus, audit.sold
    );
    audit.violations.iter().for_each(|violation| println!("WRONG {violation}"));
    Ok(audit.violations.is_empty())
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
