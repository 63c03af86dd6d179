//! Carts and their lines in the database: read, locked, and written as the difference.
use crate::cart::{Cart, Line};
use crate::recent::{Changed, Whose};
use contracts::{AccountId, CartId, Currency, Money, OrderId, Quantity, Sku, Timestamp};
use kit::clock::first_id_at;
use kit::db::{Among, Change, Kind, Rows, SetUpdate, insert_all};
use kit::problem::Unexpected;
use kit::wave::Wave;
use rows::{cart, line, taken_order};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, Condition, QueryOrder, QuerySelect};
use std::collections::{BTreeMap, BTreeSet};

mod rows {
    pub mod cart {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "carts")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: Uuid,
            pub account_id: Option<Uuid>,
            pub token_hash: Option<Vec<u8>>,
            pub merged_into: Option<Uuid>,
            pub version: i64,
            pub updated_at: i64,
        }
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}
        impl ActiveModelBehavior for ActiveModel {}
        kit::by_place!(Model: id, account_id, token_hash, merged_into, version, updated_at);
    }

    pub mod line {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "cart_lines")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub cart_id: Uuid,
            #[sea_orm(primary_key, auto_increment = false)]
            pub sku: String,
            pub quantity: i64,
            pub position: i64,
            pub shown_price: Option<i64>,
            pub shown_currency: Option<String>,
        }
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}
        impl ActiveModelBehavior for ActiveModel {}
        kit::by_place!(Model: cart_id, sku, quantity, position, shown_price, shown_currency);
    }

    pub mod taken_order {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "taken_orders")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub order_id: Uuid,
        }
        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}
        impl ActiveModelBehavior for ActiveModel {}
        kit::by_place!(Model: order_id);
    }
}

/// SHA-256 of a guest's token.
pub type TokenHash = [u8; 32];

/// A cart with whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The cart.
    pub id: CartId,
    /// Whose, if it is an account's.
    pub account: Option<AccountId>,
    /// What names it, if it is a guest's.
    pub token: Option<TokenHash>,
    /// Where its lines went, if it was merged.
    pub merged_into: Option<CartId>,
    /// What is in it.
    pub cart: Cart,
}

/// Whose carts: by account or by token. An empty list is left out: `IN ()` becomes `1 = 0`, and
/// beside an `OR` of that SQLite reads all carts instead of an index.
fn of(accounts: Vec<AccountId>, tokens: Vec<TokenHash>) -> Condition {
    let of_account = (!accounts.is_empty())
        .then(|| cart::Column::AccountId.among(accounts.into_iter().map(|account| account.0)));
    let of_token = (!tokens.is_empty())
        .then(|| cart::Column::TokenHash.among(tokens.into_iter().map(|token| token.to_vec())));
    let none = of_account.is_none() && of_token.is_none();
    // Of nobody: no cart, where a condition without parts would be all of them.
    let nobody = none.then(|| cart::Column::Id.is_null());
    Condition::any().add_option(of_account).add_option(of_token).add_option(nobody)
}

/// The carts of an account and of a token, as they are.
pub async fn find(
    db: &impl Rows,
    account: Option<AccountId>,
    token: Option<TokenHash>,
) -> Result<Vec<Kept>, Unexpected> {
    let whose = of(account.into_iter().collect(), token.into_iter().collect());
    let rows = cart::Entity::find().filter(whose).order_by_asc(cart::Column::Id);
    let rows = db.all(rows).await?;
    with_lines(db, rows).await
}

/// Locks the carts of accounts and tokens, in the order of their ids.
pub async fn lock(
    wave: &Wave,
    accounts: Vec<AccountId>,
    tokens: Vec<TokenHash>,
) -> Result<Vec<Kept>, Unexpected> {
    let found = cart::Entity::find()
        .filter(of(accounts, tokens))
        .order_by_asc(cart::Column::Id)
        .lock_exclusive();
    let rows = wave.tx().all(found).await?;
    with_lines(wave.tx(), rows).await
}

/// Locks carts by their ids, in their order.
pub async fn lock_ids(wave: &Wave, ids: &BTreeSet<CartId>) -> Result<Vec<Kept>, Unexpected> {
    let found = cart::Entity::find()
        .filter(cart::Column::Id.among(ids.iter().map(|id| id.0)))
        .order_by_asc(cart::Column::Id)
        .lock_exclusive();
    let rows = wave.tx().all(found).await?;
    with_lines(wave.tx(), rows).await
}

async fn with_lines(db: &impl Rows, rows: Vec<cart::Model>) -> Result<Vec<Kept>, Unexpected> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let found = line::Entity::find()
        .filter(line::Column::CartId.among(rows.iter().map(|row| row.id)))
        .order_by_asc(line::Column::CartId)
        .order_by_asc(line::Column::Position)
        .order_by_asc(line::Column::Sku);
    let lines = db.all(found).await?;
    let mut by_cart: BTreeMap<Uuid, Vec<Line>> = BTreeMap::new();
    for row in lines {
        by_cart.entry(row.cart_id).or_default().push(read_line(row)?);
    }
    let kept = |row: cart::Model| Kept {
        id: CartId(row.id),
        account: row.account_id.map(AccountId),
        token: row.token_hash.and_then(|hash| hash.try_into().ok()),
        merged_into: row.merged_into.map(CartId),
        cart: Cart { version: row.version, lines: by_cart.remove(&row.id).unwrap_or_default() },
    };
    Ok(rows.into_iter().map(kept).collect())
}

fn read_line(row: line::Model) -> Result<Line, Unexpected> {
    let shown_price = match (row.shown_price, row.shown_currency) {
        (Some(minor), Some(currency)) => {
            let currency: Currency = currency.parse().map_err(Unexpected::from_error)?;
            Some(Money::new(minor, currency))
        }
        _ => None,
    };
    Ok(Line {
        sku: row.sku.parse().map_err(Unexpected::from_error)?,
        quantity: Quantity::try_from(row.quantity).map_err(Unexpected::from_error)?,
        position: row.position,
        shown_price,
    })
}

/// Writes what became of carts: `before` are those that were locked, by id; a cart of `after`
/// that is not among them is new. A handful of statements, however many there are.
pub async fn save(
    wave: &mut Wave,
    before: &BTreeMap<CartId, Kept>,
    after: &BTreeMap<CartId, Kept>,
) -> Result<(), Unexpected> {
    let now = wave.now().micros();
    let (mut new_carts, mut moved_carts, mut changed_carts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut lines, mut noted) = (LineChanges::default(), Changed::default());
    for (id, kept) in after {
        let was = before.get(id);
        if was == Some(kept) {
            continue;
        }
        let account = kept.account.map(|account| account.0);
        let token = kept.token.map(|token| token.to_vec());
        if let Some(was) = was {
            // An index is rewritten for what is set, changed or not.
            if (was.account, was.token, was.merged_into)
                != (kept.account, kept.token, kept.merged_into)
            {
                let into = kept.merged_into.map(|into| into.0);
                moved_carts.push(vec![id.0.into(), account.into(), token.into(), into.into()]);
                noted.left.extend(Whose::of(was));
            }
            changed_carts.push(vec![id.0.into(), kept.cart.version.into(), now.into()]);
        } else {
            new_carts.push(cart::ActiveModel {
                id: Set(id.0),
                account_id: Set(account),
                token_hash: Set(token),
                merged_into: Set(None),
                version: Set(kept.cart.version),
                updated_at: Set(now),
            });
        }
        lines.compare(*id, was.map_or(&[], |was| &was.cart.lines), &kept.cart.lines);
        noted.kept.push(kept.clone());
    }
    if noted.kept.is_empty() {
        return Ok(());
    }
    // Moved carts first: a merge takes an account or a token away from one cart, and the
    // unique indexes must not see it twice.
    SetUpdate::of("carts")
        .key("id", Kind::Id)
        .change(Change::To("account_id"), Kind::Id)
        .change(Change::To("token_hash"), Kind::Bytes)
        .change(Change::To("merged_into"), Kind::Id)
        .run(wave.tx(), moved_carts)
        .await?;
    SetUpdate::of("carts")
        .key("id", Kind::Id)
        .change(Change::To("version"), Kind::Int)
        .change(Change::To("updated_at"), Kind::Int)
        .run(wave.tx(), changed_carts)
        .await?;
    insert_all(wave.tx(), new_carts).await?;
    lines.write(wave).await?;
    wave.note(noted);
    Ok(())
}

/// What is to be done to lines.
#[derive(Default)]
struct LineChanges {
    gone: BTreeMap<CartId, Vec<Sku>>,
    changed: Vec<Vec<Value>>,
    new: Vec<line::ActiveModel>,
}

impl LineChanges {
    fn compare(&mut self, cart: CartId, before: &[Line], after: &[Line]) {
        let was: BTreeMap<&Sku, &Line> = before.iter().map(|line| (&line.sku, line)).collect();
        let is: BTreeSet<&Sku> = after.iter().map(|line| &line.sku).collect();
        let gone: Vec<Sku> =
            was.keys().filter(|sku| !is.contains(*sku)).map(|sku| (*sku).clone()).collect();
        if !gone.is_empty() {
            self.gone.insert(cart, gone);
        }
        for line in after {
            let shown = line.shown_price;
            let (price, currency) =
                (shown.map(|price| price.minor), shown.map(|price| price.currency.to_string()));
            match was.get(&line.sku) {
                Some(same) if *same == line => {}
                Some(_) => self.changed.push(vec![
                    cart.0.into(),
                    line.sku.to_string().into(),
                    i64::from(line.quantity).into(),
                    line.position.into(),
                    price.into(),
                    currency.into(),
                ]),
                None => self.new.push(line::ActiveModel {
                    cart_id: Set(cart.0),
                    sku: Set(line.sku.to_string()),
                    quantity: Set(i64::from(line.quantity)),
                    position: Set(line.position),
                    shown_price: Set(price),
                    shown_currency: Set(currency),
                }),
            }
        }
    }
    async fn write(self, wave: &Wave) -> Result<(), Unexpected> {
        let gone: Vec<(CartId, Vec<Sku>)> = self.gone.into_iter().collect();
        for chunk in gone.chunks(MOST_CARTS_DELETED) {
            let one = |(cart, skus): &(CartId, Vec<Sku>)| {
                Condition::all()
                    .add(line::Column::CartId.eq(cart.0))
                    .add(line::Column::Sku.among(skus.iter().map(Sku::as_str)))
            };
            let any = chunk.iter().map(one).fold(Condition::any(), Condition::add);
            line::Entity::delete_many().filter(any).exec(wave.tx()).await?;
        }
        SetUpdate::of("cart_lines")
            .key("cart_id", Kind::Id)
            .key("sku", Kind::Text)
            .change(Change::To("quantity"), Kind::Int)
            .change(Change::To("position"), Kind::Int)
            .change(Change::To("shown_price"), Kind::Int)
            .change(Change::To("shown_currency"), Kind::Text)
            .run(wave.tx(), self.changed)
            .await?;
        insert_all(wave.tx(), self.new).await?;
        Ok(())
    }
}

/// Carts that nobody touched since `guest` (guests' and merged ones) or `account`, oldest first.
/// A cart's id tells when it was made, so that only carts older than that are looked at.
pub async fn due(
    db: &impl ConnectionTrait,
    guest: Timestamp,
    account: Timestamp,
    most: u64,
) -> Result<Vec<CartId>, Unexpected> {
    let ids = cart::Entity::find()
        .select_only()
        .column(cart::Column::Id)
        .filter(cart::Column::Id.lt(first_id_at(guest.max(account))))
        .filter(untouched(guest, account))
        .order_by_asc(cart::Column::Id)
        .limit(most)
        .into_tuple::<Uuid>();
    Ok(ids.all(db).await?.into_iter().map(CartId).collect())
}

/// Locks those of `ids` that are still untouched.
pub async fn lock_due(
    wave: &Wave,
    ids: &[CartId],
    guest: Timestamp,
    account: Timestamp,
) -> Result<Vec<Kept>, Unexpected> {
    let rows = cart::Entity::find()
        .filter(cart::Column::Id.among(ids.iter().map(|id| id.0)))
        .filter(untouched(guest, account))
        .order_by_asc(cart::Column::Id)
        .lock_exclusive()
        .all(wave.tx())
        .await?;
    with_lines(wave.tx(), rows).await
}

fn untouched(guest: Timestamp, account: Timestamp) -> Condition {
    let before = |time: Timestamp| cart::Column::UpdatedAt.lt(time.micros());
    let of_account =
        Condition::all().add(cart::Column::AccountId.is_not_null()).add(before(account));
    let of_guest = Condition::all().add(cart::Column::AccountId.is_null()).add(before(guest));
    Condition::any().add(of_account).add(of_guest)
}

/// Forgets carts with their lines.
pub async fn delete(wave: &mut Wave, gone: &[Kept]) -> Result<(), Unexpected> {
    let ids: Vec<Uuid> = gone.iter().map(|kept| kept.id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    wave.note(Changed { left: gone.iter().filter_map(Whose::of).collect(), kept: Vec::new() });
    let lines = line::Entity::delete_many().filter(line::Column::CartId.among(ids.clone()));
    lines.exec(wave.tx()).await?;
    cart::Entity::delete_many().filter(cart::Column::Id.among(ids)).exec(wave.tx()).await?;
    Ok(())
}

/// A cart has at most 100 lines, and a statement binds at most 30,000 values.
const MOST_CARTS_DELETED: usize = 250;

/// Which of `orders` left their cart already.
pub async fn taken(wave: &Wave, orders: &[OrderId]) -> Result<BTreeSet<OrderId>, Unexpected> {
    if orders.is_empty() {
        return Ok(BTreeSet::new());
    }
    let ids = orders.iter().map(|order| order.0);
    let rows = taken_order::Entity::find().filter(taken_order::Column::OrderId.among(ids));
    Ok(wave.tx().all(rows).await?.into_iter().map(|row| OrderId(row.order_id)).collect())
}

/// Writes down that orders left their cart.
pub async fn keep_taken(wave: &Wave, orders: Vec<OrderId>) -> Result<(), Unexpected> {
    let row = |order: OrderId| taken_order::ActiveModel { order_id: Set(order.0) };
    insert_all(wave.tx(), orders.into_iter().map(row).collect()).await?;
    Ok(())
}

/// Writes down what a shopper was shown. Lines that are gone meanwhile stay gone.
pub async fn keep_shown(
    wave: &Wave,
    cart: CartId,
    prices: &[(Sku, Money)],
) -> Result<(), Unexpected> {
    cart::Entity::find_by_id(cart.0).lock_exclusive().one(wave.tx()).await?;
    let row = |(sku, price): &(Sku, Money)| {
        vec![
            cart.0.into(),
            sku.to_string().into(),
            price.minor.into(),
            price.currency.to_string().into(),
        ]
    };
    SetUpdate::of("cart_lines")
        .key("cart_id", Kind::Id)
        .key("sku", Kind::Text)
        .change(Change::To("shown_price"), Kind::Int)
        .change(Change::To("shown_currency"), Kind::Text)
        .run(wave.tx(), prices.iter().map(row).collect())
        .await?;
    Ok(())
}
