//! Commands on their way into a wave: the queue of a kind, and what was taken from it.
use super::{NotRun, Wave};
use crate::problem::Unexpected;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What runs the commands of one kind.
pub(super) type Run<C, A> = dyn for<'a> Fn(&'a mut Wave, &'a [C]) -> BoxFuture<'a, Result<Vec<A>, Unexpected>>
    + Send
    + Sync;

/// A queue of one kind of command.
pub(super) trait Kind: Send + Sync {
    fn name(&self) -> &'static str;
    fn waiting(&self) -> usize;
    fn take(&self, most: usize) -> Option<Box<dyn Batch>>;
}

/// Commands that were taken for a wave.
pub(super) trait Batch: Send {
    fn len(&self) -> usize;
    fn run<'a>(
        &'a mut self,
        wave: &'a mut Wave,
        only: Option<usize>,
    ) -> BoxFuture<'a, Result<(), Unexpected>>;
    fn answer(&mut self, only: Option<usize>);
    fn fail(&mut self, only: Option<usize>, why: &NotRun);
}

type Waiting<C, A> = VecDeque<(C, oneshot::Sender<Result<A, NotRun>>)>;

pub(super) struct Queue<C, A> {
    pub name: &'static str,
    /// How many run in one transaction at most.
    pub most: usize,
    pub run: Arc<Run<C, A>>,
    pub waiting: Mutex<Waiting<C, A>>,
}

impl<C: Send + Sync + 'static, A: Send + 'static> Kind for Queue<C, A> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn waiting(&self) -> usize {
        self.waiting.lock().len()
    }
    fn take(&self, most: usize) -> Option<Box<dyn Batch>> {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(self.most).min(most);
        if count == 0 {
            return None;
        }
        let (commands, callers) = waiting.drain(..count).map(|(c, to)| (c, Some(to))).unzip();
        Some(Box::new(Gathered {
            commands,
            callers,
            answers: Vec::new(),
            run: Arc::clone(&self.run),
        }))
    }
}

struct Gathered<C, A> {
    commands: Vec<C>,
    callers: Vec<Option<oneshot::Sender<Result<A, NotRun>>>>,
    answers: Vec<A>,
    run: Arc<Run<C, A>>,
}

impl<C: Send + Sync, A: Send> Batch for Gathered<C, A> {
    fn len(&self) -> usize {
        self.commands.len()
    }
    fn run<'a>(
        &'a mut self,
        wave: &'a mut Wave,
        only: Option<usize>,
    ) -> BoxFuture<'a, Result<(), Unexpected>> {
        Box::pin(async move {
            let commands = match only {
                Some(index) => &self.commands[index..=index],
                None => &self.commands[..],
            };
            let answers = (self.run)(wave, commands).await?;
            if answers.len() != commands.len() {
                return Err(Unexpected::new("a batch did not answer each of its commands"));
            }
            self.answers = answers;
            Ok(())
        })
    }
    fn answer(&mut self, only: Option<usize>) {
        let callers = match only {
            Some(index) => &mut self.callers[index..=index],
            None => &mut self.callers[..],
        };
        for (caller, answer) in callers.iter_mut().zip(self.answers.drain(..)) {
            if let Some(caller) = caller.take() {
                // Whoever left does not hear it.
                let _ = caller.send(Ok(answer));
            }
        }
    }
    fn fail(&mut self, only: Option<usize>, why: &NotRun) {
        let callers = match only {
            Some(index) => &mut self.callers[index..=index],
            None => &mut self.callers[..],
        };
        for caller in callers.iter_mut().filter_map(Option::take) {
            let _ = caller.send(Err(why.clone()));
        }
    }
}

pub(super) struct Plain<C, A, F> {
    pub command: C,
    pub run: F,
    pub answer: Option<A>,
    pub caller: Option<oneshot::Sender<Result<A, NotRun>>>,
}

impl<C, A, F> Batch for Plain<C, A, F>
where
    C: Send + Sync,
    A: Send,
    F: for<'a> Fn(&'a mut Wave, &'a C) -> BoxFuture<'a, Result<A, Unexpected>> + Send + Sync,
{
    fn len(&self) -> usize {
        1
    }
    fn run<'a>(
        &'a mut self,
        wave: &'a mut Wave,
        _: Option<usize>,
    ) -> BoxFuture<'a, Result<(), Unexpected>> {
        Box::pin(async move {
            self.answer = Some((self.run)(wave, &self.command).await?);
            Ok(())
        })
    }
    fn answer(&mut self, _: Option<usize>) {
        if let (Some(caller), Some(answer)) = (self.caller.take(), self.answer.take()) {
            let _ = caller.send(Ok(answer));
        }
    }
    fn fail(&mut self, _: Option<usize>, why: &NotRun) {
        if let Some(caller) = self.caller.take() {
            let _ = caller.send(Err(why.clone()));
        }
    }
}
