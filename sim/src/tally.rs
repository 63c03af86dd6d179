//! A service that is not of the store: it hears everything, and only counts.
//!
//! The store's handlers know from their own tables what they have heard before, so that a
//! message which comes twice does no harm there though the inbox let it through. This one knows
//! nothing: it writes a line for whatever it is given, and so its book is right only if each
//! event's effect happens once, in the order of its aggregate, whatever crashes or repeats.
use contracts::Event;
use contracts::identity::UserRegistered;
use contracts::inventory::{AvailabilityChanged, LowStock, StockMissing};
use contracts::orders::{
    OrderCancelled, OrderDelivered, OrderFulfilled, OrderPaid, OrderPlaced, OrderRefunded,
    ShipmentDelivered, ShipmentSent,
};
use contracts::payments::{
    PaymentActionRequired, PaymentCaptured, PaymentFailed, PaymentRefunded, WalletToppedUp,
};
use kit::bus::Heard;
use kit::migrate::Migration;
use kit::plug::Plug;
use kit::problem::Unexpected;
use kit::wave::Wave;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

/// Its name.
pub const NAME: &str = "tally";

/// It has no state.
pub struct Tally;

const TABLES: Migration = Migration {
    name: "0001_tally",
    sql: "CREATE TABLE tally (place {int} NOT NULL PRIMARY KEY, event {text} NOT NULL);\n",
};

/// What it says of itself.
pub fn plug() -> Plug<Tally> {
    let plug = Plug::new(NAME, vec![TABLES], |_| Ok(Tally));
    let plug = counts::<UserRegistered>(plug);
    let plug = counts::<AvailabilityChanged>(plug);
    let plug = counts::<StockMissing>(plug);
    let plug = counts::<LowStock>(plug);
    let plug = counts::<OrderPlaced>(plug);
    let plug = counts::<OrderPaid>(plug);
    let plug = counts::<OrderCancelled>(plug);
    let plug = counts::<OrderFulfilled>(plug);
    let plug = counts::<OrderDelivered>(plug);
    let plug = counts::<OrderRefunded>(plug);
    let plug = counts::<ShipmentSent>(plug);
    let plug = counts::<ShipmentDelivered>(plug);
    let plug = counts::<PaymentActionRequired>(plug);
    let plug = counts::<PaymentCaptured>(plug);
    let plug = counts::<PaymentFailed>(plug);
    let plug = counts::<PaymentRefunded>(plug);
    counts::<WalletToppedUp>(plug)
}

fn counts<E: Event>(plug: Plug<Tally>) -> Plug<Tally> {
    plug.hears::<E>(|_, wave, heard| Box::pin(count(wave, heard)))
}

async fn count<E: Event>(wave: &mut Wave, heard: &[Heard<E>]) -> Result<(), Unexpected> {
    for heard in heard {
        let sql = "INSERT INTO tally SELECT coalesce(max(place), 0) + 1, ? FROM tally";
        let values = [heard.id.to_string().into()];
        let line = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
        wave.tx().execute_raw(line).await?;
    }
    Ok(())
}
