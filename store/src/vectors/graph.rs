//! The index that asks a graph of neighbours (`nearest/graph.rs`), from a number of vectors on. Built from a copy of the scan in the
//! background; the scan answers until it is ready, where a filter narrows the search, and for ever where the graph fails.
//!
//! Identical vectors cut the graph apart, so one node stands for all of them: a page's header that many documents share is one node.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

use super::{
    index::{Candidate, Entry, IndexState, PageFilter, VectorIndex},
    scan::ScanIndex,
};
use crate::nearest::{BATCH, Best, Broken, Graph};

/// Nodes asked for, for each vector that is wanted, and at least: the graph misses some.
const OVER_FETCH: usize = 4;
const FEWEST: usize = 64;

/// The graph is built again when one node in so many is hidden.
const HIDDEN_SHARE: usize = 10;

/// After so many failures in one process the scan answers for good.
const MAX_FAILURES: u32 = 3;

/// See the module's documentation.
pub struct GraphIndex {
    scan: ScanIndex,
    /// Vectors from which there is a graph.
    from: usize,
    nodes: Option<Nodes>,
    building: Option<Building>,
    failures: u32,
    /// Set by a search, which may not change anything.
    broke: AtomicBool,
}

impl GraphIndex {
    /// For vectors of so many values; from `from` vectors on there is a graph.
    pub fn new(dimensions: usize, from: usize) -> Self {
        Self {
            scan: ScanIndex::new(dimensions),
            from: from.max(1),
            nodes: None,
            building: None,
            failures: 0,
            broke: AtomicBool::new(false),
        }
    }

    fn is_due(&self) -> bool {
        self.nodes.is_none() && self.building.is_none() && self.failures < MAX_FAILURES && self.scan.len() >= self.from
    }

    fn give_up(&mut self, Broken(reason): Broken) {
        self.failures += 1;
        tracing::warn!(reason, failures = self.failures, "the graph of meanings failed; answers are scans");
        self.nodes = None;
    }

    fn take_over(&mut self, built: Result<Nodes, Broken>) {
        let gone = self.building.take().map(|mut building| std::mem::take(&mut building.gone)).unwrap_or_default();
        let complete = built.and_then(|mut nodes| {
            nodes.remove(&gone)?;
            nodes.fill(&self.scan, &Progress::default())?;
            Ok(nodes)
        });
        match complete {
            Ok(nodes) => {
                tracing::info!(vectors = self.scan.len(), nodes = nodes.graph.len, "the graph of meanings is ready");
                self.nodes = Some(nodes);
            }
            Err(broken) => self.give_up(broken),
        }
    }

    fn build(&mut self) {
        let (scan, progress) = (self.scan.clone(), Progress::default());
        let of = scan.len() as u64;
        let told = progress.clone();
        let started = thread::Builder::new().name("pagestream-graph".into()).spawn(move || {
            let mut nodes = Nodes::new(scan.dimensions(), scan.len())?;
            nodes.fill(&scan, &told)?;
            Ok(nodes)
        });
        match started {
            Ok(thread) => self.building = Some(Building { thread: Some(thread), progress, of, gone: Vec::new() }),
            Err(error) => self.give_up(Broken(error.to_string())),
        }
    }
}

impl VectorIndex for GraphIndex {
    fn len(&self) -> usize {
        self.scan.len()
    }

    fn insert(&mut self, entries: &[Entry]) -> usize {
        let refused = self.scan.insert(entries);
        if let Some(nodes) = &mut self.nodes
            && let Err(broken) = nodes.fill(&self.scan, &Progress::default())
        {
            self.give_up(broken);
        }
        refused
    }

    fn remove(&mut self, ids: &[i64]) {
        self.scan.remove(ids);
        if let Some(building) = &mut self.building {
            building.gone.extend_from_slice(ids);
        }
        let Some(nodes) = &mut self.nodes else { return };
        if let Err(broken) = nodes.remove(ids) {
            self.give_up(broken);
        } else if nodes.graph.tombstones * HIDDEN_SHARE > nodes.graph.len {
            tracing::info!(
                hidden = nodes.graph.tombstones,
                of = nodes.graph.len,
                "the graph of meanings is built again"
            );
            self.nodes = None;
        }
    }

    fn contains(&self, id: i64) -> bool {
        self.scan.contains(id)
    }

    fn nearest(&self, query: &[f32], k: usize, filter: Option<&PageFilter>) -> Vec<Candidate> {
        let nodes = match (&self.nodes, filter) {
            (Some(nodes), None) if !self.broke.load(Relaxed) => nodes,
            _ => return self.scan.nearest(query, k, filter),
        };
        let Some(code) = self.scan.query(query) else { return Vec::new() };
        let wanted = k.saturating_mul(OVER_FETCH).max(FEWEST);
        // More of the store than a graph is good for.
        if wanted >= self.scan.len() / 2 {
            return self.scan.nearest(query, k, None);
        }
        let ids = match nodes.graph.candidates(query.to_vec(), wanted) {
            Ok(found) => nodes.vectors_of(&found),
            Err(Broken(reason)) => {
                tracing::warn!(reason, "the graph of meanings failed a search");
                self.broke.store(true, Relaxed);
                return self.scan.nearest(query, k, None);
            }
        };
        let found: Vec<Candidate> = ids.iter().filter_map(|id| self.scan.candidate(*id, &code)).collect();
        let mut best = Best::new(k);
        found.iter().enumerate().for_each(|(at, found)| best.offer(at as i64, found.similarity));
        best.found.into_iter().map(|(at, _)| found[at as usize]).collect()
    }

    fn tend(&mut self) {
        if self.broke.swap(false, Relaxed) {
            self.give_up(Broken("a search failed".into()));
        }
        if let Some(building) = &mut self.building
            && building.is_ready()
        {
            let built = building.join();
            self.take_over(built);
        }
        if self.is_due() {
            self.build();
        }
    }

    fn wants_tending(&self) -> bool {
        self.building.as_ref().is_some_and(Building::is_ready) || self.is_due() || self.broke.load(Relaxed)
    }

    fn settle(&mut self) {
        self.tend();
        while let Some(building) = &mut self.building {
            let built = building.join();
            self.take_over(built);
            self.tend();
        }
    }

    fn state(&self) -> IndexState {
        match (&self.building, &self.nodes) {
            (Some(building), _) => IndexState::Building { done: building.progress.done.load(Relaxed), of: building.of },
            (None, Some(_)) => IndexState::Ready { vectors: self.scan.len() as u64 },
            (None, None) => IndexState::NotNeeded { vectors: self.scan.len() as u64 },
        }
    }
}

/// A graph on its way. Dropped, it is stopped.
struct Building {
    /// `None` once it was joined.
    thread: Option<JoinHandle<Result<Nodes, Broken>>>,
    progress: Progress,
    of: u64,
    /// What was removed meanwhile.
    gone: Vec<i64>,
}

impl Building {
    fn is_ready(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn join(&mut self) -> Result<Nodes, Broken> {
        let joined = self.thread.take().map(JoinHandle::join);
        joined.and_then(Result::ok).unwrap_or_else(|| Err(Broken("the building thread died".into())))
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        self.progress.stop.store(true, Relaxed);
    }
}

#[derive(Clone, Default)]
struct Progress {
    done: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

/// The graph, and which vectors each of its nodes stands for.
struct Nodes {
    graph: Graph,
    /// The highest id that was looked at.
    last_id: i64,
    /// The node of a code.
    by_code: HashMap<u128, i64>,
    /// The vectors of a node, where they are others than the one that it is named by alone.
    members: HashMap<i64, Vec<i64>>,
    /// The node of a vector that is not named by it.
    node_of: HashMap<i64, i64>,
    /// The code of a node, for as long as it is not hidden.
    code_of: HashMap<i64, u128>,
}

impl Nodes {
    fn new(dimensions: usize, expected: usize) -> Result<Self, Broken> {
        Ok(Self {
            graph: Graph::new(dimensions, expected)?,
            last_id: 0,
            by_code: HashMap::new(),
            members: HashMap::new(),
            node_of: HashMap::new(),
            code_of: HashMap::new(),
        })
    }

    /// Puts in what the scan has beyond the last id.
    fn fill(&mut self, scan: &ScanIndex, progress: &Progress) -> Result<(), Broken> {
        let mut failed = Ok(());
        let mut batch = Vec::with_capacity(BATCH);
        scan.each_after(self.last_id, |id, code| {
            if let Some(node) = self.node_for(id, code) {
                batch.push(node);
            }
            if batch.len() == BATCH {
                failed = self.graph.insert(std::mem::take(&mut batch));
            }
            progress.done.fetch_add(1, Relaxed);
            failed.is_ok() && !progress.stop.load(Relaxed)
        });
        self.last_id = self.last_id.max(scan.last_id());
        failed?;
        self.graph.insert(batch)
    }

    /// The node that a vector needs; `None` where one stands for it already.
    fn node_for(&mut self, id: i64, code: &[i8]) -> Option<(i64, Vec<f32>)> {
        let hashed = hash(code);
        if let Some(&node) = self.by_code.get(&hashed) {
            self.members.entry(node).or_insert_with(|| vec![node]).push(id);
            self.node_of.insert(id, node);
            return None;
        }
        self.by_code.insert(hashed, id);
        self.code_of.insert(id, hashed);
        Some((id, code.iter().map(|value| f32::from(*value) / 127.0).collect()))
    }

    fn vectors_of(&self, nodes: &[i64]) -> Vec<i64> {
        let of = |node: &i64| self.members.get(node).cloned().unwrap_or_else(|| vec![*node]);
        nodes.iter().flat_map(of).collect()
    }

    /// A node is hidden with the last vector that it stands for.
    fn remove(&mut self, ids: &[i64]) -> Result<(), Broken> {
        for id in ids {
            let node = self.node_of.remove(id).unwrap_or(*id);
            if let Some(members) = self.members.get_mut(&node) {
                members.retain(|member| member != id);
                if !members.is_empty() {
                    continue;
                }
                self.members.remove(&node);
            }
            if let Some(code) = self.code_of.remove(&node) {
                self.by_code.remove(&code);
                self.graph.remove(node)?;
            }
        }
        Ok(())
    }
}

/// Long enough that no two codes of a store have the same.
fn hash(code: &[i8]) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, code).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
