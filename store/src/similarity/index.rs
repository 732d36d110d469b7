//! Which pages repeat each other: the one place that decides.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, TryRecvError, sync_channel},
    },
    thread,
};

use pagestream_documents::{Digest, DocumentId};
use rusqlite::Connection;

use super::{
    PageKey,
    alignment::Comparison,
    exact::Exact,
    side_by_side::align,
    signature::{Compact, FOLDED, NEAR_DUPLICATE, normalise, of_normalised},
    table,
    texts::RecentTexts,
};
use crate::{
    database::Database,
    documents::DocumentState,
    error::Result,
    nearest::{BATCH, Best, Broken, Graph},
    page_log,
};

/// Candidates asked of the graph for each one that is wanted: it misses some, and some of what it gives is gone.
const OVER_FETCH: usize = 4;

/// Fewest candidates worth asking for.
const MIN_CANDIDATES: usize = 32;

/// The graph is built again when one node in so many is a tombstone.
const TOMBSTONE_SHARE: usize = 10;

/// After so many failures in one process the graph is given up and every answer is a scan.
const MAX_FAILURES: u32 = 3;

/// Pages that the signature proposes and that are compared word by word: of the hundreds of pages that share a template the
/// nearest come first, some 1 ms each.
const CONFIRMED: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Unique,
    Duplicate {
        /// A page that repeats no other.
        of: PageKey,
        /// Cosine similarity of the signatures; 1 when the texts are the same.
        similarity: f32,
        /// What differs; `None` when the texts are the same once normalised.
        differs: Option<Comparison>,
    },
}

impl Verdict {
    pub fn is_unique(&self) -> bool {
        *self == Self::Unique
    }
}

/// A page with a similar text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    pub key: PageKey,
    /// Cosine similarity of the signatures.
    pub similarity: f32,
}

#[derive(Clone, Debug)]
pub struct SimilarityOptions {
    /// Cosine similarity from which two pages are compared word by word.
    pub threshold: f32,
    /// Up to so many pages are compared one by one, from 2 KiB of memory each; beyond it a graph proposes candidates.
    pub exact_limit: usize,
}

impl Default for SimilarityOptions {
    /// 16,384 pages are 32 MiB and some 2 ms a page, which no document notices that takes a second a page to read; and
    /// unlike a graph, a scan is exact.
    fn default() -> Self {
        Self { threshold: NEAR_DUPLICATE, exact_limit: 16_384 }
    }
}

/// The similarity index of one store. Loads on first use, so a store that never compares pays nothing. Calls block and
/// come one after another, so the same pages in the same order get the same verdicts.
pub struct SimilarityIndex {
    db: Arc<Database>,
    options: SimilarityOptions,
    state: Mutex<Option<State>>,
}

/// What proposes candidates. Where there is neither, the table itself is scanned.
#[derive(Default)]
struct State {
    exact: Option<Exact>,
    graph: Option<Graph>,
    building: Option<Receiver<Result<Graph, Broken>>>,
    failures: u32,
    texts: RecentTexts,
}

impl SimilarityIndex {
    pub(crate) fn new(db: Arc<Database>, options: SimilarityOptions) -> Self {
        // Without a graph there is no limit beyond which one takes over.
        let exact_limit = if cfg!(feature = "similarity") { options.exact_limit } else { usize::MAX };
        let options = SimilarityOptions { exact_limit, ..options };
        Self { db, options, state: Mutex::default() }
    }

    /// Whether a page repeats an earlier one; either way it is remembered. First by the text itself; then the signature
    /// proposes pages, and one of them is repeated if the words say so (`alignment.rs`). Asked again about the same page and text it gives the same answer, and a page never repeats itself,
    /// also not through another page, when it is read again after a crash. Texts shorter than
    /// [`MIN_CHARACTERS`](super::MIN_CHARACTERS) are unique.
    ///
    /// While candidates come from the graph (stores beyond [`SimilarityOptions::exact_limit`]) a near-duplicate is
    /// missed about once in 200 times.
    /// Pages of a document that is not open are compared and not remembered: they will never be in the log.
    pub fn check_and_insert(&self, key: PageKey, text: &str) -> Result<Verdict> {
        let text = normalise(text);
        let text_hash = Digest::of(text.as_bytes());
        let vector = of_normalised(&text).and_then(|signature| Compact::new(&signature));

        let mut guard = self.lock();
        let state = self.load(&mut guard)?;
        self.collect_graph(state)?;
        let same_text = |db: &Connection| match &vector {
            None => Ok(None),
            Some(_) => same_text(db, key, text_hash),
        };
        let (known, mut same) = self.db.read(|db| Ok((table::get(db, key)?, same_text(db)?)))?;
        if let Some(known) = known {
            if known.text_hash == text_hash {
                return match known.canonical {
                    None => Ok(Verdict::Unique),
                    Some((of, similarity)) => self.explained(state, of, similarity, text_hash, &text),
                };
            }
            self.db.write(|db| table::delete(db, known.row))?;
            self.drop_row(state, known.row);
            same = self.db.read(same_text)?;
        }
        let canonical = match (&vector, same) {
            (None, _) => None,
            (Some(_), Some(same)) => Some(same),
            (Some(vector), None) => self.near_text(state, vector, &text)?,
        };
        let row = self.db.write(|db| {
            let open = page_log::state(db, key.document)? == Some(DocumentState::Open);
            open.then(|| table::insert(db, key, text_hash, vector.as_ref(), canonical)).transpose()
        })?;
        if let (Some(row), None, Some(vector)) = (row, canonical, &vector) {
            self.add_row(state, row, vector);
        }
        let verdict = match canonical {
            None => Ok(Verdict::Unique),
            Some((of, similarity)) => self.explained(state, of, similarity, text_hash, &text),
        };
        if vector.is_some() {
            state.texts.put(key, text);
        }
        verdict
    }

    /// A verdict with what differs.
    fn explained(&self, state: &State, of: PageKey, similarity: f32, text_hash: Digest, text: &str) -> Result<Verdict> {
        let original = self.db.read(|db| table::get(db, of))?;
        if original.is_some_and(|original| original.text_hash == text_hash) {
            return Ok(Verdict::Duplicate { of, similarity: 1.0, differs: None });
        }
        // What is repeated may have gone meanwhile, and its text with it: then what differs cannot be told.
        let original = self.db.read(|db| state.texts.get(db, of))?;
        let differs = original.map(|original| align(&original, text).into_comparison()).unwrap_or_default();
        Ok(Verdict::Duplicate { of, similarity, differs: Some(differs) })
    }

    /// The `k` pages most like a text, nearest first; pages that repeat another are left out. Nothing for a text shorter
    /// than [`MIN_CHARACTERS`](super::MIN_CHARACTERS).
    pub fn similar(&self, text: &str, k: usize) -> Result<Vec<Neighbour>> {
        let Some(vector) = of_normalised(&normalise(text)).and_then(|signature| Compact::new(&signature)) else {
            return Ok(Vec::new());
        };
        let mut guard = self.lock();
        let state = self.load(&mut guard)?;
        self.collect_graph(state)?;
        self.nearest(state, &vector, k, f32::NEG_INFINITY)
    }

    /// Forgets one page. Pages that repeat it are compared anew: the first of them takes its place.
    pub fn remove(&self, key: PageKey) -> Result<()> {
        let mut guard = self.lock();
        let state = self.load(&mut guard)?;
        let Some(entry) = self.db.read(|db| table::get(db, key))? else { return Ok(()) };
        self.db.write(|db| table::delete(db, entry.row))?;
        self.drop_row(state, entry.row);
        self.promote(state, key.document)
    }

    /// Waits for the graph that is being built, if one is; answers are the same before and after, only slower before.
    pub fn settle(&self) -> Result<()> {
        let mut guard = self.lock();
        let state = self.load(&mut guard)?;
        if let Some(building) = state.building.take() {
            let built = building.recv().unwrap_or_else(|_| Err(Broken("the building thread died".into())));
            self.take_over(state, built)?;
        }
        Ok(())
    }

    /// The rows to give to [`Self::after_removal`] once the document is gone.
    pub(crate) fn rows_of(&self, document: DocumentId) -> Result<Vec<i64>> {
        self.db.read(|db| table::rows_of(db, document))
    }

    /// A document ended: its pages that were compared and never committed are forgotten, for nothing can refer to them.
    pub(crate) fn after_finish(&self, document: DocumentId) -> Result<()> {
        let mut guard = self.lock();
        // Where the index was not loaded, loading forgets them.
        let Some(state) = guard.as_mut() else { return Ok(()) };
        let rows = self.db.write(|db| table::forget_uncommitted_of(db, document))?;
        for &row in &rows {
            self.drop_row(state, row);
        }
        if rows.is_empty() { Ok(()) } else { self.promote(state, document) }
    }

    /// A document was removed, and its signatures with it.
    pub(crate) fn after_removal(&self, document: DocumentId, rows: &[i64]) -> Result<()> {
        let mut guard = self.lock();
        // Not loaded: nothing in memory to correct, but the table still needs it.
        let mut unloaded = State::default();
        let state = guard.as_mut().unwrap_or(&mut unloaded);
        for &row in rows {
            self.drop_row(state, row);
        }
        self.promote(state, document)
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load<'a>(&self, guard: &'a mut Option<State>) -> Result<&'a mut State> {
        if guard.is_none() {
            let forgotten = self.db.write(|db| table::forget_uncommitted(db))?;
            tracing::debug!(forgotten, "similarity index loads");
            let mut state = State::default();
            if self.db.read(table::count_canonical)? <= self.options.exact_limit {
                let mut exact = Exact::default();
                self.db.read(|db| table::each_canonical(db, 0, |row, vector| exact.insert(row, &vector)))?;
                state.exact = Some(exact);
            } else {
                self.build_graph(&mut state);
            }
            *guard = Some(state);
        }
        Ok(guard.as_mut().expect("loaded above"))
    }

    /// The nearest page that the words confirm.
    fn near_text(&self, state: &mut State, vector: &Compact, text: &str) -> Result<Option<(PageKey, f32)>> {
        for near in self.nearest(state, vector, CONFIRMED, self.options.threshold)? {
            let earlier = self.db.read(|db| state.texts.get(db, near.key))?;
            // A text that is not there confirms nothing.
            if earlier.is_some_and(|earlier| align(&earlier, text).repeats()) {
                return Ok(Some((near.key, near.similarity)));
            }
        }
        Ok(None)
    }

    /// Canonical pages, nearest first, their cosine computed from the stored signatures and no less than `least`.
    fn nearest(&self, state: &mut State, vector: &Compact, k: usize, least: f32) -> Result<Vec<Neighbour>> {
        let mut best = Best::new(k);
        if let Some(exact) = &state.exact {
            best.found = exact.nearest(vector, k);
        } else if let Some(candidates) = self.candidates(state, vector, k) {
            self.db.read(|db| {
                for row in candidates {
                    if let Some((_, found)) = table::canonical(db, row)? {
                        best.offer(row, vector.cosine(&found));
                    }
                }
                Ok(())
            })?;
        } else {
            self.db.read(|db| table::each_canonical(db, 0, |row, found| best.offer(row, vector.cosine(&found))))?;
        }
        best.found.retain(|&(_, similarity)| similarity >= least);
        if best.found.is_empty() {
            return Ok(Vec::new());
        }
        self.db.read(|db| {
            let mut neighbours = Vec::with_capacity(best.found.len());
            for (row, similarity) in best.found {
                if let Some((key, _)) = table::canonical(db, row)? {
                    neighbours.push(Neighbour { key, similarity });
                }
            }
            Ok(neighbours)
        })
    }

    /// `None` where there is no graph to ask.
    fn candidates(&self, state: &mut State, vector: &Compact, k: usize) -> Option<Vec<i64>> {
        let folded = vector.fold()?;
        let mut candidates = match state.graph.as_ref()?.candidates(folded, (k * OVER_FETCH).max(MIN_CANDIDATES)) {
            Ok(candidates) => candidates,
            Err(broken) => {
                self.give_up(state, &broken);
                return None;
            }
        };
        // Ascending, so that of equals the oldest wins, as in a scan.
        candidates.sort_unstable();
        Some(candidates)
    }

    fn add_row(&self, state: &mut State, row: i64, vector: &Compact) {
        if let Some(exact) = &mut state.exact {
            exact.insert(row, vector);
            if exact.len() > self.options.exact_limit && state.building.is_none() {
                self.build_graph(state);
            }
        } else if let Some(graph) = &mut state.graph
            && let Some(folded) = vector.fold()
            && let Err(broken) = graph.insert(vec![(row, folded)])
        {
            self.give_up(state, &broken);
        }
    }

    fn drop_row(&self, state: &mut State, row: i64) {
        if let Some(exact) = &mut state.exact {
            exact.remove(row);
        }
        let Some(graph) = &mut state.graph else { return };
        if let Err(broken) = graph.remove(row) {
            self.give_up(state, &broken);
        } else if graph.tombstones * TOMBSTONE_SHARE > graph.len {
            tracing::info!(tombstones = graph.tombstones, of = graph.len, "the graph is built again");
            state.graph = None;
            self.build_graph(state);
        }
    }

    /// Pages that repeat a page of `document` that is gone: each in turn repeats one of those before it, or stands for
    /// itself. One without a text, because it was not delivered twice, stands for nothing and is forgotten.
    fn promote(&self, state: &mut State, document: DocumentId) -> Result<()> {
        let texts = &state.texts;
        let promoted = self.db.write(|db| {
            let mut promoted: Vec<(i64, PageKey, Compact, String)> = Vec::new();
            for (entry, vector) in table::repeating(db, document)? {
                let Some((canonical, _)) = entry.canonical else { continue };
                if table::get(db, canonical)?.is_some() {
                    continue;
                }
                let text = texts.get(db, entry.key)?.filter(|text| Digest::of(text.as_bytes()) == entry.text_hash);
                let (Some(vector), Some(text)) = (vector, text) else {
                    table::delete(db, entry.row)?;
                    continue;
                };
                let near = promoted
                    .iter()
                    .map(|(_, key, found, earlier)| (*key, vector.cosine(found), earlier))
                    .filter(|(_, similarity, _)| *similarity >= self.options.threshold)
                    .find(|(_, _, earlier)| **earlier == text || align(earlier, &text).repeats())
                    .map(|(key, similarity, _)| (key, similarity));
                table::set_canonical(db, entry.row, near)?;
                if near.is_none() {
                    promoted.push((entry.row, entry.key, vector, text));
                }
            }
            Ok(promoted)
        })?;
        for (row, _, vector, _) in promoted {
            self.add_row(state, row, &vector);
        }
        Ok(())
    }

    /// Starts to build a graph from the table on a thread of its own. Until it is there, answers are exact.
    fn build_graph(&self, state: &mut State) {
        if state.failures >= MAX_FAILURES {
            return;
        }
        let (send, receive) = sync_channel(1);
        let db = self.db.clone();
        let started = thread::Builder::new().name("similarity-graph".into()).spawn(move || {
            // Nobody waiting for it any more is no fault.
            let _ = send.send(build(&db));
        });
        match started {
            Ok(_) => state.building = Some(receive),
            Err(error) => tracing::warn!(%error, "no thread for the similarity graph; answers are scans"),
        }
    }

    /// Takes over a graph that is ready, with the rows that came meanwhile.
    fn collect_graph(&self, state: &mut State) -> Result<()> {
        let Some(building) = &state.building else { return Ok(()) };
        let built = match building.try_recv() {
            Err(TryRecvError::Empty) => return Ok(()),
            Err(TryRecvError::Disconnected) => Err(Broken("the building thread died".into())),
            Ok(built) => built,
        };
        state.building = None;
        self.take_over(state, built)
    }

    fn take_over(&self, state: &mut State, built: Result<Graph, Broken>) -> Result<()> {
        let complete = match built {
            Ok(mut graph) => self.db.read(|db| Ok(fill(db, &mut graph)))?.map(|()| graph),
            Err(broken) => Err(broken),
        };
        match complete {
            Ok(graph) => {
                tracing::info!(pages = graph.len, "the similarity graph is ready");
                state.graph = Some(graph);
                state.exact = None;
            }
            Err(broken) => self.give_up(state, &broken),
        }
        Ok(())
    }

    fn give_up(&self, state: &mut State, broken: &Broken) {
        state.failures += 1;
        tracing::warn!(reason = broken.0, failures = state.failures, "the similarity graph failed; answers are scans");
        state.graph = None;
        if state.building.is_none() {
            self.build_graph(state);
        }
    }
}

/// The page whose text is the same, itself no repetition. A page that repeats one which is gone, or `key` itself, says
/// nothing: after a crash, what `key` was repeated by must not become what `key` repeats. Where what has this text repeats a
/// page of another text, so does `key`, and as closely.
fn same_text(db: &Connection, key: PageKey, text_hash: Digest) -> Result<Option<(PageKey, f32)>> {
    for entry in table::with_text(db, text_hash)? {
        let (root, similarity) = entry.canonical.unwrap_or((entry.key, 1.0));
        if root != key && table::get(db, root)?.is_some_and(|root| root.canonical.is_none()) {
            return Ok(Some((root, similarity)));
        }
    }
    Ok(None)
}

fn build(db: &Database) -> Result<Graph, Broken> {
    let expected = db.read(table::count_canonical).map_err(broken)?;
    let mut graph = Graph::new(FOLDED, expected)?;
    db.read(|db| Ok(fill(db, &mut graph))).map_err(broken)??;
    Ok(graph)
}

/// Puts in what the table has beyond the graph's last row.
fn fill(db: &Connection, graph: &mut Graph) -> Result<(), Broken> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut failed = None;
    let after = graph.last_row;
    table::each_canonical(db, after, |row, vector| {
        let Some(folded) = vector.fold() else { return };
        batch.push((row, folded));
        if batch.len() == BATCH && failed.is_none() {
            failed = graph.insert(std::mem::take(&mut batch)).err();
        }
    })
    .map_err(broken)?;
    match failed {
        Some(broken) => Err(broken),
        None => graph.insert(batch),
    }
}

fn broken(error: crate::error::Error) -> Broken {
    Broken(error.to_string())
}

#[cfg(test)]
mod tests;
