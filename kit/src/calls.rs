//! Calls between services: in one process a plain function call, without serialisation.
use crate::faults::{CallFault, Faults, at_scheduler};
use contracts::{Call, CallError, Caller};
use futures_util::future::BoxFuture;
use parking_lot::RwLock;
use std::any::Any;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::oneshot;

/// How a call ends.
pub type Answer<C> = Result<<C as Call>::Reply, CallError<<C as Call>::Error>>;

/// Runs a call as a task of the service that answers it: in the simulation, where a service may
/// crash under its callers.
pub type Spawn = Arc<dyn Fn(&'static str, BoxFuture<'static, ()>) + Send + Sync>;

type Answerer<C> = Arc<dyn Fn(Caller, C) -> BoxFuture<'static, Answer<C>> + Send + Sync>;

/// Who answers what in this process. Shared by the replicas of a node.
#[derive(Clone, Default)]
pub struct Registry(Arc<Table>);

#[derive(Default)]
struct Table {
    /// By call: the [`Answerer`] of each replica.
    answers: RwLock<BTreeMap<&'static str, Vec<Arc<dyn Any + Send + Sync>>>>,
    turn: AtomicUsize,
    spawn: OnceLock<Spawn>,
}

impl Registry {
    /// Has every call run as a task of its own by `spawn`: for the simulation.
    pub fn spawn_by(&self, spawn: Spawn) {
        // The first one stays.
        let _ = self.0.spawn.set(spawn);
    }
    /// Has `answer` answer the call `C`, beside other replicas that do.
    pub fn answer<C: Call>(
        &self,
        answer: impl Fn(Caller, C) -> BoxFuture<'static, Answer<C>> + Send + Sync + 'static,
    ) {
        let answer: Answerer<C> = Arc::new(answer);
        self.0.answers.write().entry(C::NAME).or_default().push(Arc::new(answer));
    }
    /// Forgets everybody.
    #[cfg(feature = "testing")]
    pub(crate) fn clear(&self) {
        self.0.answers.write().clear();
    }
    /// Forgets who answers the calls of `service`: for the simulation, when it crashes.
    pub fn forget(&self, service: &str) {
        self.0.answers.write().retain(|name, _| name.split('.').next() != Some(service));
    }
    fn find<C: Call>(&self) -> Option<Answerer<C>> {
        let answers = self.0.answers.read();
        let replicas = answers.get(C::NAME)?;
        let turn =
            if replicas.len() == 1 { 0 } else { self.0.turn.fetch_add(1, Ordering::Relaxed) };
        replicas.get(turn % replicas.len())?.downcast_ref::<Answerer<C>>().cloned()
    }
}

/// The calls that one service may make.
#[derive(Clone)]
pub struct Calls {
    from: &'static str,
    may: Option<Arc<HashSet<&'static str>>>,
    registry: Registry,
    faults: Option<Arc<dyn Faults>>,
}

impl Calls {
    /// The calls of `from`, which declares those in `may`.
    pub fn new(
        from: &'static str,
        may: HashSet<&'static str>,
        registry: Registry,
        faults: Option<Arc<dyn Faults>>,
    ) -> Self {
        Self { from, may: Some(Arc::new(may)), registry, faults }
    }
    /// Every call, for those who stand in front of the services: pages, the command line, tests.
    pub fn any(from: &'static str, registry: Registry) -> Self {
        Self { from, may: None, registry, faults: None }
    }
    /// Asks whichever service answers `C`, on behalf of `caller`.
    /// # Errors
    /// [`CallError`], see there; a call that the plug does not declare is `NotDone`.
    pub async fn call<C: Call>(&self, caller: &Caller, call: C) -> Answer<C> {
        if self.may.as_ref().is_some_and(|may| !may.contains(C::NAME)) {
            let undeclared = format!("{} calls {} without saying so", self.from, C::NAME);
            tracing::error!(undeclared);
            return Err(CallError::NotDone(undeclared));
        }
        let fault = self.faults.as_ref().map_or(CallFault::None, |f| f.call(self.from, C::NAME));
        match fault {
            CallFault::NotDone => return Err(CallError::NotDone("a fault".to_owned())),
            CallFault::RequestLost => return Err(CallError::Unknown("a fault".to_owned())),
            CallFault::None | CallFault::AnswerLost => {}
        }
        let Some(answer) = self.registry.find::<C>() else {
            return Err(CallError::NotDone(format!("nobody answers {}", C::NAME)));
        };
        // Calls in one process may never wait for anything: let others have their turn.
        tokio::task::coop::consume_budget().await;
        let answered = match self.registry.0.spawn.get() {
            None => answer(caller.clone(), call).await,
            Some(spawn) => {
                let (tell, told) = oneshot::channel();
                let answer = answer(caller.clone(), call);
                let task = async move { drop(tell.send(answer.await)) };
                spawn(C::NAME.split('.').next().unwrap_or_default(), Box::pin(task));
                let lost = |_| Err(CallError::Unknown("the service crashed".to_owned()));
                at_scheduler(told).await.unwrap_or_else(lost)
            }
        };
        if fault == CallFault::AnswerLost {
            return Err(CallError::Unknown("a fault".to_owned()));
        }
        answered
    }
}
