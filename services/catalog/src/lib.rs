//! Owns products, their words and their prices. Promises that a price is what the database says
//! now, and that what is listed can be found within a second. Never knows how many are in stock:
//! it asks inventory, and shows what it last heard when nobody answers.
#![warn(missing_docs)]

mod count_sales;
mod create_products;
mod http;
mod note_availability;
mod product;
mod queries;
mod search;
mod shown;
mod store;
mod update_product;
mod withdraw_product;

pub use create_products::{MOST_AT_ONCE, create_products};
pub use store::Listed;

use contracts::caller::Permission;
use contracts::catalog::{
    BestSellers, CreateProduct, FindProducts, GetProduct, ListShelf, PricesOf, Product,
    ProductChanged, ProductRefused, UpdateProduct, WithdrawProduct,
};
use contracts::inventory::{AvailabilityChanged, AvailableOf};
use contracts::orders::{OrderCancelled, OrderPaid};
use contracts::payments::GetWallet;
use contracts::{CallError, Caller, Currency};
use kit::calls::Calls;
use kit::clock::Sources;
use kit::db::Db;
use kit::plug::{Parts, Plug};
use kit::problem::Unexpected;
use kit::wave::{Batched, Waves};
use kit::worker::Worked;
use search::{Position, Search};
use shown::Shown;
use std::sync::Arc;
use std::time::Duration;

/// The catalogue, in one replica.
pub struct Catalog {
    db: Db,
    waves: Waves,
    calls: Calls,
    sources: Sources,
    currency: Currency,
    create: Batched<CreateProduct, Result<Listed, ProductRefused>>,
    search: Arc<Search>,
    shown: Shown,
}

/// How often the index looks for changes that another process made.
const INDEX_EVERY: Duration = Duration::from_secs(1);
/// How often new scores are handed to the index.
const SCORES_EVERY: Duration = Duration::from_secs(3);
/// How many products one commit of the index takes.
const MOST_INDEXED: u64 = 500;

impl Catalog {
    fn new(parts: Parts) -> Self {
        let Parts { db, waves, calls, sources, config } = parts;
        let currency = config.currency;
        let create = waves.batched("create_products", MOST_AT_ONCE, move |wave, commands| {
            Box::pin(create_products(wave, currency, commands))
        });
        let search = Arc::new(Search::new(config.search_folder()));
        Self { db, waves, calls, sources, currency, create, search, shown: Shown::default() }
    }

    async fn create(
        &self,
        caller: &Caller,
        call: CreateProduct,
    ) -> Result<Product, CallError<ProductRefused>> {
        if !caller.may(Permission::ManageCatalog) {
            return Err(CallError::Refused(ProductRefused::NotAllowed));
        }
        let listed = self.create.run(call).await?.map_err(CallError::Refused)?;
        self.show_changed(listed).await
    }
    async fn update(
        &self,
        caller: &Caller,
        call: UpdateProduct,
    ) -> Result<Product, CallError<ProductRefused>> {
        let command = (caller.clone(), self.currency, call);
        let updated = self.waves.write(command, |wave, (caller, currency, call)| {
            Box::pin(update_product::update_product(wave, caller, *currency, call))
        });
        let listed = updated.await?.map_err(CallError::Refused)?;
        self.show_changed(listed).await
    }
    async fn withdraw(
        &self,
        caller: &Caller,
        call: WithdrawProduct,
    ) -> Result<(), CallError<ProductRefused>> {
        let product = call.product;
        let withdrawn = self.waves.write((caller.clone(), call), |wave, (caller, call)| {
            Box::pin(withdraw_product::withdraw_product(wave, caller, call))
        });
        withdrawn.await?.map_err(CallError::Refused)?;
        self.shown.drop_product(product);
        Ok(())
    }
    async fn show_changed(&self, listed: Listed) -> Result<Product, CallError<ProductRefused>> {
        self.shown.drop_product(listed.product.id);
        let lost = || CallError::Unknown("the product is not shown".to_owned());
        queries::show(self, vec![listed]).await.pop().ok_or_else(lost)
    }

    /// Has the index follow the change log a step further.
    async fn index(&self) -> Result<Worked, Unexpected> {
        let (epoch, last) = store::last_change(self.db.reader()).await?;
        let mut position = self.search.position().await?;
        let anew = position.epoch != epoch || position.last > last;
        if anew {
            position = Position::new(epoch.clone(), 0);
        }
        if position.last >= last && !anew {
            return Ok(Worked::Idle);
        }
        let changed = store::changed_after(self.db.reader(), position.last, MOST_INDEXED).await?;
        let ids: Vec<_> = changed.iter().map(|(id, _)| *id).collect();
        let followed = changed.last().map_or(last, |(_, number)| *number);
        let listed = store::load(self.db.reader(), &ids).await?;
        self.search.follow(listed, Position::new(epoch, followed), anew).await?;
        Ok(if followed < last { Worked::More } else { Worked::Idle })
    }
    /// Hands scores that changed to the index: now and then, not with every sale.
    async fn publish_scores(&self) -> Result<Worked, Unexpected> {
        if !store::any_stale(self.db.reader()).await? {
            return Ok(Worked::Idle);
        }
        let published = self.waves.write((), |wave, ()| Box::pin(count_sales::publish(wave))).await;
        let more = published.map_err(Unexpected::from_error)?;
        Ok(if more { Worked::More } else { Worked::Idle })
    }
    async fn start(&self) -> Result<(), Unexpected> {
        let named = self.waves.write((), |wave, ()| Box::pin(store::name_epoch(wave)));
        named.await.map_err(Unexpected::from_error)
    }
}

/// What the catalogue says of itself.
pub fn plug() -> Plug<Catalog> {
    let migrations = vec![kit::migration!("0001_catalog")];
    Plug::new("catalog", migrations, |parts| Ok(Catalog::new(parts)))
        .answers::<CreateProduct>(|s, caller, call| Box::pin(s.create(caller, call)))
        .answers::<UpdateProduct>(|s, caller, call| Box::pin(s.update(caller, call)))
        .answers::<WithdrawProduct>(|s, caller, call| Box::pin(s.withdraw(caller, call)))
        .answers::<GetProduct>(|s, _, call| Box::pin(queries::get_product(s, call)))
        .answers::<FindProducts>(|s, caller, call| {
            Box::pin(queries::find_products(s, caller, call))
        })
        .answers::<BestSellers>(|s, _, call| Box::pin(queries::best_sellers(s, call)))
        .answers::<ListShelf>(|s, _, call| Box::pin(queries::list_shelf(s, call)))
        .answers::<PricesOf>(|s, _, call| Box::pin(queries::prices_of(s, call)))
        .calls::<AvailableOf>()
        .calls::<GetWallet>()
        .tells::<ProductChanged>()
        .hears::<OrderPaid>(|_, wave, heard| Box::pin(count_sales::count(wave, heard)))
        .hears::<OrderCancelled>(|_, wave, heard| Box::pin(count_sales::uncount(wave, heard)))
        .hears::<AvailabilityChanged>(|_, wave, heard| {
            Box::pin(note_availability::note(wave, heard))
        })
        .watches::<ProductChanged>(|s, changed| s.shown.drop_product(changed.product))
        .works("index", INDEX_EVERY, |s| Box::pin(s.index()))
        .works("scores", SCORES_EVERY, |s| Box::pin(s.publish_scores()))
        .on_start(|s| Box::pin(async move { s.start().await }))
        .routes(http::routes)
}
