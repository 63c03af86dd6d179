//! A lease: what only one replica may do, until it is taken over. Fenced: every new holder has
//! a higher number.
use crate::problem::Unexpected;
use crate::wave::{Wave, Waves};
use contracts::Timestamp;
use parking_lot::Mutex;
use sea_orm::entity::prelude::*;
use sea_orm::{QuerySelect, Set};
use std::sync::Arc;
use std::time::Duration;

mod row {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "leases")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub holder: Uuid,
        pub fence: i64,
        pub until: i64,
    }
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
}

/// A lease that this replica may hold.
#[derive(Clone)]
pub struct Lease {
    name: &'static str,
    holder: Uuid,
    length: Duration,
    waves: Waves,
    /// When it was last taken or renewed.
    renewed: Arc<Mutex<Option<Timestamp>>>,
}

impl Lease {
    /// The lease `name` in the database of `waves`, for `length` at a time.
    pub fn new(name: &'static str, waves: &Waves, length: Duration) -> Self {
        let (holder, renewed) = (waves.sources().id(), Arc::default());
        Self { name, holder, length, waves: waves.clone(), renewed }
    }
    /// Takes or renews the lease; false while another replica holds it (or nobody can say).
    ///
    /// Renewed once a third of it has passed: whoever asks more often is not made to write.
    pub async fn hold(&self) -> bool {
        let now = self.waves.sources().now();
        let renewed = *self.renewed.lock();
        if renewed.is_some_and(|at| at <= now && now < at.after(self.length / 3)) {
            return true;
        }
        let wanted = self.clone();
        let held = self.waves.write(wanted, |wave, wanted: &Self| Box::pin(take(wave, wanted)));
        let held = held.await.unwrap_or(false);
        // From before the write: the row says later, never earlier.
        *self.renewed.lock() = held.then_some(now);
        held
    }
}

async fn take(wave: &mut Wave, wanted: &Lease) -> Result<bool, Unexpected> {
    let found = row::Entity::find_by_id(wanted.name).lock_exclusive().one(wave.tx()).await?;
    let now = wave.now().micros();
    let until = wave.now().after(wanted.length).micros();
    match found {
        None => {
            let first = row::ActiveModel {
                name: Set(wanted.name.to_owned()),
                holder: Set(wanted.holder),
                fence: Set(1),
                until: Set(until),
            };
            row::Entity::insert(first).exec_without_returning(wave.tx()).await?;
            Ok(true)
        }
        Some(held) if held.holder != wanted.holder && held.until > now => Ok(false),
        Some(held) => {
            let fence = if held.holder == wanted.holder { held.fence } else { held.fence + 1 };
            row::Entity::update_many()
                .col_expr(row::Column::Holder, Expr::value(wanted.holder))
                .col_expr(row::Column::Fence, Expr::value(fence))
                .col_expr(row::Column::Until, Expr::value(until))
                .filter(row::Column::Name.eq(wanted.name))
                .exec(wave.tx())
                .await?;
            Ok(true)
        }
    }
}
