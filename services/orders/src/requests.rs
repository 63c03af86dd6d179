//! Requests with a key on one order: paying, cancelling and shipping happen once, and answer the same.
use crate::{Orders, again, kept};
use contracts::orders::{Idempotency, Order, OrderRef, OrderRefused};
use contracts::{CallError, Caller, OrderId};
use kit::Unexpected;
use kit::idempotency::{self, Known, Request};
use kit::wave::Wave;
use uuid::Uuid;

/// What a key keeps.
pub type OrderAnswer = Result<Order, OrderRefused>;
/// How such a call ends.
pub type Ending = Result<Order, CallError<OrderRefused>>;

/// Commits the key with an id for this try (that of the first, where this one takes over), or
/// ends with what is known of it.
pub async fn begin(
    orders: &Orders,
    route: &str,
    caller: &Caller,
    of: &OrderRef,
    key: &Idempotency,
) -> Result<Uuid, Ending> {
    let request = request(orders, route, caller, of.order, key);
    let known = again(|| {
        orders.waves.write(request.clone(), |wave, request| Box::pin(begin_one(wave, request)))
    });
    match known.await.map_err(|why| Err(why.into()))? {
        Known::Go { resource, .. } => Ok(resource),
        Known::Answered(answer) => Err(answer.map_err(CallError::Refused)),
        Known::Reused => Err(Err(CallError::Refused(OrderRefused::KeyReused))),
        Known::Running => Err(Err(CallError::Refused(OrderRefused::InProgress))),
    }
}

/// The key, unique for whoever asks on this route of this order.
pub fn request(
    orders: &Orders,
    route: &str,
    caller: &Caller,
    order: OrderId,
    key: &Idempotency,
) -> Request {
    let who = match caller {
        Caller::Account { account, .. } => format!("account:{account}"),
        Caller::Store => "store".to_owned(),
        // Whoever holds the order's token.
        Caller::Guest => "guest".to_owned(),
    };
    Request {
        scope: format!("{route} {order} {who}"),
        key: key.key.clone(),
        body: key.body,
        resource: orders.sources.id(),
    }
}

async fn begin_one(wave: &mut Wave, request: &Request) -> Result<Known<OrderAnswer>, Unexpected> {
    let known = idempotency::begin(wave, std::slice::from_ref(request)).await?;
    let known = known.into_iter().next().map(kept::opened);
    known.ok_or_else(|| Unexpected::new("a key was not answered"))
}

/// Keeps the answer of the try `id` with its effect, or forgets it, so that its key may try
/// again at once; unless another try went on with it and was answered.
pub async fn end(
    wave: &mut Wave,
    id: Uuid,
    answer: Option<&OrderAnswer>,
) -> Result<(), Unexpected> {
    if idempotency::running(wave, &[id]).await?.contains(&id) {
        let kept = answer.map(serde_json::to_string).transpose()?;
        idempotency::finish(wave, &[(id, kept)]).await?;
    }
    Ok(())
}

/// Forgets the try `id` of which nothing was done.
pub async fn forget(orders: &Orders, id: Uuid) {
    let forgotten = orders.waves.write(id, |wave, id| Box::pin(end(wave, *id, None))).await;
    if let Err(why) = forgotten {
        tracing::warn!(%why, "a key was not forgotten; its lease will end");
    }
}
