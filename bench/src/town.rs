//! What is measured with: goods on the shelves and shoppers with tokens, put into a data folder
//! before the store starts.
//!
//! - Goods come by `feria import`; their stock is set so high that nothing runs out.
//! - Shoppers are written into identity's database in sets, through the very transactions that
//!   the service writes with (`feria::store::Beside`): an account, whose password hash is that
//!   of the admin, and a session each. Argon2 takes 19 ms of a core: 100,000 registrations would
//!   take half an hour.
//! - Their access tokens are minted: the key that signs is made here and put into the database
//!   before the store's first start, which seals and uses it as its own. They are good for a day.
//! - Every second shopper has a wallet: its row and both sides of the top-up in the ledger.
use crate::Trouble;
use crate::sql::text;
use contracts::catalog::BestSellers;
use contracts::identity::CreateAdmin;
use contracts::inventory::{ImportStock, StockCount};
use contracts::{AccountId, Role, SessionId, Sku};
use feria::store::Beside;
use kit::auth::{Claims, SigningKey};
use kit::config::Config;
use kit::db::insert_rows;
use kit::plug::Running;
use kit::wave::Wave;
use sea_orm::{ConnectionTrait as _, Statement, Value};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// The admin of a town, who can log in, too.
pub const ADMIN: &str = "admin@example.com";
/// Everybody's password.
pub const PASSWORD: &str = "correct-horse-battery";
/// What is on the shelf of each SKU.
const ON_HAND: i64 = 1_000_000;
/// What is in a wallet: 100,000.00.
const BALANCE: i64 = 10_000_000;
/// How long tokens are good for, in seconds.
const TOKENS_LIVE: i64 = 24 * 3600;
/// Where it is written down, so that a data folder can be used again.
const FILE: &str = "bench.json";
/// How many rows go into one transaction.
const CHUNK: usize = 2_000;

/// A data folder with goods and shoppers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Town {
    /// What signs tokens.
    secret: [u8; 32],
    admin: Uuid,
    /// How many shoppers there are.
    pub shoppers: usize,
    /// What is sold.
    pub goods: Vec<Good>,
    /// What prices are in.
    pub currency: String,
}

/// A product, by its first variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Good {
    /// What is put into carts.
    pub sku: String,
    /// Its address.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What it costs, in minor units.
    pub price: i64,
}

/// The configuration of a store on `data`: that of the environment, as its child sees it.
/// # Errors
/// When the environment does not fit.
pub fn config(data: &Path) -> Result<Config, Trouble> {
    let here = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let own = [
        ("FERIA_DATA".to_owned(), data.display().to_string()),
        ("FERIA_RATE_LIMIT".to_owned(), "off".to_owned()),
    ];
    Config::load(None, here.chain(own)).map_err(Trouble::from_error)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// An id of the shape of UUIDv7 that follows from what it names.
fn id(kind: u64, number: usize) -> Uuid {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    Uuid::from_u64_pair(0x0193_0000_0000_7000 | (kind << 32), (1 << 63) | number)
}

/// Which account is the shopper of this number.
pub fn account(number: usize) -> Uuid {
    id(1, number)
}

impl Town {
    /// The town on `data`, if it was settled before.
    /// # Errors
    /// When what is written there cannot be read.
    pub fn found(data: &Path) -> Result<Option<Self>, Trouble> {
        match std::fs::read(data.join(FILE)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
    /// Settles a town on `data`, where goods were imported: `shoppers` of them.
    /// # Errors
    /// When a database cannot be written.
    pub async fn settle(data: &Path, shoppers: usize) -> Result<Self, Trouble> {
        let config = config(data)?;
        let currency = config.currency.to_string();
        let mut secret = [0; 32];
        feria::sources::real().fill(&mut secret);
        let store = Beside::open(config).await.map_err(Trouble::from_error)?;
        let settled = settle(&store, &secret, shoppers, &currency).await;
        store.close().await;
        let (admin, goods) = settled?;
        let town = Self { secret, admin, shoppers, goods, currency };
        std::fs::write(data.join(FILE), serde_json::to_vec(&town)?)?;
        Ok(town)
    }
    fn token(&self, account: Uuid, session: Uuid, role: Role) -> Result<String, Trouble> {
        let iat = now() / 1_000_000;
        let (sub, sid) = (AccountId(account), SessionId(session));
        let claims = Claims { sub, sid, role, iat, exp: iat + TOKENS_LIVE };
        SigningKey::from_secret(&self.secret).sign(claims).map_err(Trouble::from_error)
    }
    /// The admin's access token.
    /// # Errors
    /// When it cannot be signed.
    pub fn admin_token(&self) -> Result<String, Trouble> {
        self.token(self.admin, id(2, 1 << 40), Role::Admin)
    }
    /// The access tokens of all shoppers, by their numbers.
    /// # Errors
    /// When they cannot be signed.
    pub fn tokens(&self) -> Result<Vec<String>, Trouble> {
        let one = |number| self.token(account(number), id(2, number), Role::Customer);
        (0..self.shoppers).map(one).collect()
    }
}

async fn settle(
    store: &Beside,
    secret: &[u8; 32],
    shoppers: usize,
    currency: &str,
) -> Result<(Uuid, Vec<Good>), Trouble> {
    let service = |name| {
        let found = store.node.service(name);
        found.ok_or_else(|| Trouble::new(format!("there is no service {name}")))
    };
    let identity = service("identity")?;
    put_key(identity, secret).await?;
    let admin = CreateAdmin { email: ADMIN.to_owned(), password: PASSWORD.to_owned() };
    let admin = store.call(admin).await.map_err(Trouble::from_error)?;
    let hash = hash_of(identity).await?;
    for first in (0..shoppers).step_by(CHUNK) {
        let numbers: Vec<usize> = (first..shoppers.min(first + CHUNK)).collect();
        write(identity, (numbers.clone(), hash.clone()), |wave, (numbers, hash)| {
            Box::pin(open_accounts(wave, numbers, hash))
        })
        .await?;
        write(service("payments")?, (numbers, currency.to_owned()), |wave, (numbers, currency)| {
            Box::pin(fill_wallets(wave, numbers, currency))
        })
        .await?;
    }
    let goods = goods(service("catalog")?).await?;
    for some in goods.chunks(1_000) {
        let count = |good: &Good| -> Result<StockCount, Trouble> {
            let sku: Sku = good.sku.parse().map_err(Trouble::from_error)?;
            Ok(StockCount { sku, on_hand: ON_HAND })
        };
        let counts: Result<Vec<_>, _> = some.iter().map(count).collect();
        let call = ImportStock { counts: counts?, replace: true };
        store.call(call).await.map_err(Trouble::from_error)?;
    }
    // Whatever is wrong with the goods shows here, and not in the middle of a measurement.
    store.call(BestSellers { limit: 1 }).await.map_err(Trouble::from_error)?;
    Ok((admin.0, goods))
}

/// A transaction of a service: as it would write itself.
pub(crate) async fn write<C: Send + Sync + 'static>(
    service: &Running,
    command: C,
    run: impl for<'a> Fn(
        &'a mut Wave,
        &'a C,
    ) -> std::pin::Pin<
        Box<dyn Future<Output = Result<(), kit::Unexpected>> + Send + 'a>,
    > + Send
    + Sync
    + 'static,
) -> Result<(), Trouble> {
    service.waves.write(command, run).await.map_err(Trouble::from_error)
}

async fn put_key(identity: &Running, secret: &[u8; 32]) -> Result<(), Trouble> {
    write(identity, *secret, |wave, secret| {
        Box::pin(async move {
            let kid = SigningKey::from_secret(secret).kid().to_owned();
            let row = vec![kid.into(), secret.to_vec().into(), false.into(), now().into()];
            let columns = ["kid", "secret", "sealed", "created_at"];
            Ok(insert_rows(wave.tx(), "signing_keys", &columns, vec![row]).await?)
        })
    })
    .await
}

/// The hash that was just made for the admin: that of everybody's password.
async fn hash_of(identity: &Running) -> Result<String, Trouble> {
    let db = identity.db.reader();
    let sql = "SELECT password_hash FROM accounts LIMIT 1";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let row = row.ok_or_else(|| Trouble::new("the admin has no account"))?;
    Ok(row.try_get_by_index(0)?)
}

async fn open_accounts(
    wave: &mut Wave,
    numbers: &[usize],
    hash: &str,
) -> Result<(), kit::Unexpected> {
    let now = now();
    let account_row = |number: &usize| -> Vec<Value> {
        let email = format!("shopper-{number}@example.com");
        vec![
            account(*number).into(),
            email.into(),
            format!("Shopper {number}").into(),
            hash.into(),
            Role::Customer.as_str().into(),
            now.into(),
            1_i64.into(),
        ]
    };
    let columns = ["id", "email", "name", "password_hash", "role", "created_at", "version"];
    let rows = numbers.iter().map(account_row).collect();
    insert_rows(wave.tx(), "accounts", &columns, rows).await?;
    // Of a refresh token that nobody has.
    let nothing = vec![0_u8; 32];
    let session_row = |number: &usize| -> Vec<Value> {
        vec![
            id(2, *number).into(),
            account(*number).into(),
            nothing.clone().into(),
            nothing.clone().into(),
            now.into(),
            (now + 30 * TOKENS_LIVE * 1_000_000).into(),
            (now + TOKENS_LIVE * 1_000_000).into(),
            1_i64.into(),
        ]
    };
    let columns = [
        "id",
        "account",
        "family_hash",
        "refresh_hash",
        "created_at",
        "expires_at",
        "tokens_expire_at",
        "version",
    ];
    let rows = numbers.iter().map(session_row).collect();
    Ok(insert_rows(wave.tx(), "sessions", &columns, rows).await?)
}

/// Whether the shopper of this number has a wallet with money in it.
pub const fn has_wallet(number: usize) -> bool {
    number.is_multiple_of(2)
}

async fn fill_wallets(
    wave: &mut Wave,
    numbers: &[usize],
    currency: &str,
) -> Result<(), kit::Unexpected> {
    let (mut wallets, mut entries) = (Vec::new(), Vec::new());
    for number in numbers.iter().filter(|number| has_wallet(**number)) {
        let account = account(*number);
        let book = format!("wallet:{account}");
        wallets.push(vec![
            account.into(),
            text(&book),
            BALANCE.into(),
            text(currency),
            1_i64.into(),
        ]);
        let movement: Uuid = wave.id();
        for (book, place, amount) in [("card", 0_i64, -BALANCE), (&*book, 1, BALANCE)] {
            let entry: Uuid = wave.id();
            entries.push(vec![
                entry.into(),
                movement.into(),
                text(book),
                place.into(),
                amount.into(),
                text(currency),
                text("top_up"),
                now().into(),
            ]);
        }
    }
    let columns = ["account_id", "book", "balance", "currency", "version"];
    insert_rows(wave.tx(), "wallets", &columns, wallets).await?;
    let columns = ["id", "movement", "account", "place", "amount", "currency", "kind", "at"];
    Ok(insert_rows(wave.tx(), "ledger_entries", &columns, entries).await?)
}

async fn goods(catalog: &Running) -> Result<Vec<Good>, Trouble> {
    let db = catalog.db.reader();
    let sql = "SELECT variants.sku, products.slug, products.title, variants.price FROM variants \
               JOIN products ON products.id = variants.product_id \
               WHERE products.withdrawn_at IS NULL AND variants.position = 0 \
               ORDER BY variants.sku";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let good = |row: &sea_orm::QueryResult| -> Result<Good, Trouble> {
        Ok(Good {
            sku: row.try_get_by_index(0)?,
            slug: row.try_get_by_index(1)?,
            title: row.try_get_by_index(2)?,
            price: row.try_get_by_index(3)?,
        })
    };
    rows.iter().map(good).collect()
}
