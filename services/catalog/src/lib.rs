//! Owns products, their words and their prices. Promises that a price is what the database says
//! now, and that what is listed can be found within a second. Never knows how many are in stock:
//! it asks inventory, and shows what it last heard when nobody answers.
#![warn(missing_docs)]

mod count_sales;
mod create_products;
mod delete_shelf_entry;
mod export_products;
mod follow_changes;
mod freshness;
mod http;
mod import_products;
mod moderate_review;
mod note_availability;
mod pages;
mod product;
mod queries;
mod ready;
mod retouch_products;
mod review;
mod reviews;
mod save_shelf_entry;
mod search;
mod shelf;
mod shown;
mod store;
mod update_product;
mod withdraw_product;
mod write_review;

pub use create_products::{MOST_AT_ONCE, create_products};
pub use store::Listed;

use contracts::caller::Permission;
use contracts::catalog::{
    BestSellers, CategoryTree, CreateProduct, DeleteShelfEntry, ExportProducts, FindProducts,
    GetProduct, GetShelfEntry, ImportProducts, ImportRefused, Imported, ListReviews, ListShelf,
    ModerateReview, PricesOf, Product, ProductChanged, ProductRefused, Review, ReviewRefused,
    ReviewsBy, ReviewsToModerate, SaveShelfEntry, ShelfChanged, UpdateProduct, WithdrawProduct,
    WriteReview,
};
use contracts::identity::AccountErased;
use contracts::inventory::{AvailabilityChanged, AvailableOf};
use contracts::orders::{HasBought, OrderCancelled, OrderPaid};
use contracts::payments::GetWallet;
use contracts::{CallError, Caller, Currency};
use kit::calls::Calls;
use kit::clock::Sources;
use kit::db::Db;
use kit::db::Engine;
use kit::plug::{Parts, Plug};
use kit::problem::Unexpected;
use kit::wave::{Batched, Waves};
use kit::worker::Worked;
use parking_lot::Mutex;
use search::Search;
use shown::Shown;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The catalogue, in one replica.
pub struct Catalog {
    db: Db,
    waves: Waves,
    calls: Calls,
    sources: Sources,
    currency: Currency,
    create: Batched<CreateProduct, Result<Listed, ProductRefused>>,
    import: Batched<ImportProducts, Vec<Imported>>,
    search: Arc<Search>,
    shown: Shown,
    /// Behind which product the next scores are handed to the index.
    published: Mutex<Uuid>,
}

/// How often the index looks for changes that another process made.
const INDEX_EVERY: Duration = Duration::from_secs(1);
/// How often new scores are handed to the index, a few hundred at once: only the order `best` of
/// what was searched for waits for them.
const SCORES_EVERY: Duration = Duration::from_secs(5);
/// How often products of a name that changed are looked for; a change wakes the worker itself.
const SHELVES_EVERY: Duration = Duration::from_secs(10);

impl Catalog {
    fn new(parts: Parts) -> Self {
        let Parts { db, waves, calls, sources, config, .. } = parts;
        let shared = db.engine() != Engine::Sqlite;
        let currency = config.currency;
        let create = waves.batched("create_products", MOST_AT_ONCE, move |wave, commands| {
            Box::pin(create_products(wave, currency, commands))
        });
        // One call is a transaction of its own: it may be of 500 records.
        let import = waves.batched("import_products", 1, move |wave, commands| {
            Box::pin(import_products::import_products(wave, currency, commands))
        });
        let search = Arc::new(Search::new(config.search_folder()));
        Self {
            db,
            waves,
            calls,
            sources,
            currency,
            create,
            import,
            search,
            shown: Shown::default().shared(shared),
            published: Mutex::default(),
        }
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
    async fn import(
        &self,
        caller: &Caller,
        call: ImportProducts,
    ) -> Result<Vec<Imported>, CallError<ImportRefused>> {
        if !caller.may(Permission::ManageCatalog) {
            return Err(CallError::Refused(ImportRefused::NotAllowed));
        }
        if call.records.len() > import_products::MOST_RECORDS {
            return Err(CallError::Refused(ImportRefused::TooMany));
        }
        Ok(self.import.run(call).await?)
    }
    async fn moderate(
        &self,
        caller: &Caller,
        call: ModerateReview,
    ) -> Result<Review, CallError<ReviewRefused>> {
        let moderated = self.waves.write((caller.clone(), call), |wave, (caller, call)| {
            Box::pin(moderate_review::moderate_review(wave, caller, call))
        });
        let review = moderated.await?.map_err(CallError::Refused)?;
        self.shown.drop_product(review.product);
        Ok(review)
    }
    async fn show_changed(&self, listed: Listed) -> Result<Product, CallError<ProductRefused>> {
        self.shown.drop_product(listed.product.id);
        let shown = queries::show(self, &listed).await;
        shown.map_err(|error| CallError::Unknown(error.to_string()))
    }

    /// Hands scores that changed to the index: now and then, not with every sale.
    async fn publish_scores(&self) -> Result<Worked, Unexpected> {
        if !store::any_stale(self.db.reader()).await? {
            return Ok(Worked::Idle);
        }
        let after = *self.published.lock();
        let published =
            self.waves.write(after, |wave, after| Box::pin(count_sales::publish(wave, *after)));
        let next = published.await.map_err(Unexpected::from_error)?;
        *self.published.lock() = next;
        Ok(Worked::Idle)
    }
    async fn start(&self) -> Result<(), Unexpected> {
        let named = self.waves.write((), |wave, ()| Box::pin(store::name_epoch(wave)));
        named.await.map_err(Unexpected::from_error)
    }
}

/// What the catalogue says of itself.
pub fn plug() -> Plug<Catalog> {
    let migrations = vec![
        kit::migration!("0001_catalog"),
        kit::migration!("0002_shelves"),
        kit::migration!("0003_reviews"),
    ];
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
        .answers::<CategoryTree>(|s, _, _| Box::pin(queries::category_tree(s)))
        .answers::<GetShelfEntry>(|s, _, call| Box::pin(queries::get_shelf_entry(s, call)))
        .answers::<SaveShelfEntry>(|s, caller, call| {
            Box::pin(save_shelf_entry::answer(s, caller, call))
        })
        .answers::<DeleteShelfEntry>(|s, caller, call| {
            Box::pin(delete_shelf_entry::answer(s, caller, call))
        })
        .answers::<PricesOf>(|s, _, call| Box::pin(queries::prices_of(s, call)))
        .answers::<ImportProducts>(|s, caller, call| Box::pin(s.import(caller, call)))
        .answers::<ExportProducts>(|s, _, call| Box::pin(export_products::export_products(s, call)))
        .answers::<ListReviews>(|s, _, call| Box::pin(reviews::list(s, call)))
        .answers::<WriteReview>(|s, caller, call| Box::pin(write_review::answer(s, caller, call)))
        .answers::<ReviewsToModerate>(|s, caller, call| {
            Box::pin(reviews::to_moderate(s, caller, call))
        })
        .answers::<ModerateReview>(|s, caller, call| Box::pin(s.moderate(caller, call)))
        .answers::<ReviewsBy>(|s, caller, call| Box::pin(reviews::by_account(s, caller, call)))
        .calls::<AvailableOf>()
        .calls::<GetWallet>()
        .calls::<HasBought>()
        .tells::<ProductChanged>()
        .tells::<ShelfChanged>()
        .hears::<OrderPaid>(|s, wave, heard| Box::pin(count_sales::count(wave, &s.shown, heard)))
        .hears::<OrderCancelled>(|s, wave, heard| {
            Box::pin(count_sales::uncount(wave, &s.shown, heard))
        })
        .hears::<AvailabilityChanged>(|s, wave, heard| {
            Box::pin(note_availability::note(wave, &s.shown, heard))
        })
        .hears::<AccountErased>(|_, wave, heard| Box::pin(write_review::forget(wave, heard)))
        .watches::<ProductChanged>(|s, changed| s.shown.drop_product(changed.product))
        .watches::<ShelfChanged>(|s, _| s.shown.drop_products())
        .works("index", INDEX_EVERY, |s| Box::pin(follow_changes::turn(s)))
        .works("shelves", SHELVES_EVERY, |s| Box::pin(retouch_products::turn(s)))
        .works("scores", SCORES_EVERY, |s| Box::pin(s.publish_scores()))
        .on_start(|s| Box::pin(async move { s.start().await }))
        .routes(http::routes)
}
