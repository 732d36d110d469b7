//! What a process keeps in memory of the vectors: an index for each model that it was asked about, read from the table by the first search and
//! brought up to date by every other, also with what another process wrote. Whoever never searches by meaning pays nothing.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard, TryLockError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use pagestream_documents::Digest;
use rusqlite::Connection;

use super::{
    graph::GraphIndex,
    index::{Entry, IndexState, VectorIndex},
    scan::ScanIndex,
    table::{self, Marks, Model},
};
use crate::error::Result;

/// Vectors that are read from the table before they go into the index.
const READ_AT_ONCE: usize = 1_024;

/// How the vectors of what pages mean are searched.
#[derive(Clone, Debug)]
pub struct VectorOptions {
    /// Vectors from which a graph of neighbours answers; below it they are compared one by one.
    pub graph_from: usize,
}

impl Default for VectorOptions {
    /// 4,000,000. At 100,000 the scan is faster than the graph at the same recall and takes a twelfth of the memory, and to build the graph
    /// takes 30 CPU s; 1,000,000 are scanned in 7 ms (BENCHMARKS.md). The scan grows with the store, so that beyond a few millions the graph is worth its price.
    fn default() -> Self {
        Self { graph_from: 4_000_000 }
    }
}

#[derive(Default)]
pub(crate) struct Memory {
    options: VectorOptions,
    models: Mutex<HashMap<i64, Arc<OfModel>>>,
}

struct OfModel {
    model: Model,
    state: RwLock<State>,
    /// Vectors that were read so far, for those who ask while they are.
    read: AtomicU64,
}

struct State {
    index: Box<dyn VectorIndex>,
    /// `None` until the table was read.
    marks: Option<Marks>,
}

impl Memory {
    pub fn new(options: VectorOptions) -> Self {
        Self { options, models: Mutex::default() }
    }

    /// Asks the index of a model, as new as the table is in this transaction or newer.
    pub fn ask<T>(&self, db: &Connection, model: Model, ask: impl FnOnce(&dyn VectorIndex) -> T) -> Result<T> {
        let of_model = self.of(model);
        let marks = table::marks(db)?;
        let is_current = |state: &State| {
            let known = state.marks.is_some_and(|known| known.id >= marks.id && known.change >= marks.change);
            known && !state.index.wants_tending()
        };
        loop {
            if let Ok(state) = of_model.state.read()
                && is_current(&state)
            {
                return Ok(ask(&*state.index));
            }
            let mut state = of_model.write();
            self.refresh(db, &of_model, &mut state, marks)?;
            state.index.tend();
        }
    }

    /// As [`Self::ask`], alone with an index that does nothing in the background any more.
    pub fn ask_settled<T>(&self, db: &Connection, model: Model, ask: impl FnOnce(&dyn VectorIndex) -> T) -> Result<T> {
        let of_model = self.of(model);
        let mut state = of_model.write();
        self.refresh(db, &of_model, &mut state, table::marks(db)?)?;
        state.index.settle();
        Ok(ask(&*state.index))
    }

    /// Throws the index of a model away: the next search reads it anew.
    pub fn forget(&self, model: Model) {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).remove(&model.key);
    }

    pub fn state(&self, db: &Connection, digest: Digest) -> Result<IndexState> {
        let Some(model) = table::model(db, digest)? else { return Ok(IndexState::NotLoaded) };
        let of_model = self.models.lock().unwrap_or_else(PoisonError::into_inner).get(&model.key).cloned();
        let Some(of_model) = of_model else { return Ok(IndexState::NotLoaded) };
        Ok(match of_model.state.try_read() {
            Ok(state) if state.marks.is_some() => state.index.state(),
            Err(TryLockError::WouldBlock) => IndexState::Loading { vectors: of_model.read.load(Relaxed) },
            Ok(_) | Err(TryLockError::Poisoned(_)) => IndexState::NotLoaded,
        })
    }

    fn of(&self, model: Model) -> Arc<OfModel> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let state = State { index: self.empty(model), marks: None };
            Arc::new(OfModel { model, state: RwLock::new(state), read: AtomicU64::new(0) })
        };
        let known = models.entry(model.key).or_insert_with(new);
        // It had no vectors when it was made.
        if known.model != model {
            *known = new();
        }
        known.clone()
    }

    fn empty(&self, model: Model) -> Box<dyn VectorIndex> {
        match self.options.graph_from {
            usize::MAX => Box::new(ScanIndex::new(model.dimensions)),
            from => Box::new(GraphIndex::new(model.dimensions, from)),
        }
    }

    /// Brings the index to `marks`, unless it is there or beyond.
    fn refresh(&self, db: &Connection, of: &OfModel, state: &mut State, marks: Marks) -> Result<()> {
        let removed = match state.marks {
            Some(known) if known.change < marks.change => table::removed_since(db, known.change)?,
            _ => Some(Vec::new()),
        };
        match removed {
            Some(removed) => state.index.remove(&removed),
            None => *state = State { index: self.empty(of.model), marks: None },
        }
        let known = state.marks.take().unwrap_or_default();
        if known.id < marks.id {
            // Where reading fails in the middle there are no marks, and the next search begins anew.
            if let Err(error) = read(db, of, &mut *state.index, known.id) {
                state.index = self.empty(of.model);
                return Err(error);
            }
        }
        state.marks = Some(Marks { id: known.id.max(marks.id), change: known.change.max(marks.change) });
        Ok(())
    }
}

impl OfModel {
    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(|poisoned| {
            // What panicked may have left half a change behind: the table is read again.
            let mut state = poisoned.into_inner();
            *state = State { index: Box::new(ScanIndex::new(self.model.dimensions)), marks: None };
            self.state.clear_poison();
            state
        })
    }
}

fn read(db: &Connection, of: &OfModel, index: &mut dyn VectorIndex, after: i64) -> Result<()> {
    let mut entries: Vec<Entry> = Vec::with_capacity(READ_AT_ONCE);
    let mut put = |entries: &mut Vec<Entry>| {
        index.insert(entries);
        of.read.fetch_add(entries.len() as u64, Relaxed);
        entries.clear();
    };
    table::each_after(db, of.model, after, |entry| {
        entries.push(entry);
        if entries.len() == READ_AT_ONCE {
            put(&mut entries);
        }
    })?;
    put(&mut entries);
    Ok(())
}
