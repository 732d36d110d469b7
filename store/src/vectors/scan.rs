//! The index that looks at every vector, in two steps: the signs of all (48 bytes for 384 values) say which few are worth a look,
//! and those are compared by 8 bits a value. Up to `FEWEST` vectors, or pages that a filter lets through, all are.
//!
//! Signs of random projections estimate an angle (Charikar, "Similarity Estimation Techniques from Rounding Algorithms", STOC 2002); those of a
//! vector's own values do as well where no value stands out, as in a sentence embedding. 432 bytes a vector with its ids.
//!
//! Vectors stand in blocks that a copy of the index shares until one of them changes, so that a graph can be built from it meanwhile.

use std::sync::Arc;

use super::{
    code::{signs, small},
    index::{Candidate, Entry, IndexState, PageFilter, VectorIndex},
};
use crate::nearest::{Best, cosine_of, dot_i8};

/// Vectors in a block: what is copied when a block changes that somebody else still reads (1.8 MB).
const BLOCK: usize = 4_096;

/// Vectors that are compared by value: at least, for each that is wanted, and one in so many of all. 4,096 find ten of ten among 1,000,000 vectors that
/// lie in groups as those of sentences do, and nine among 100,000 that lie like nothing (BENCHMARKS.md); twice as many cost .7 ms.
const FEWEST: usize = 8_192;
const FOR_EACH: usize = 64;
const ONE_IN: usize = 64;

/// One block in so many of whose vectors is gone is packed.
const GONE_SHARE: usize = 4;

/// Stands for a vector that is not asked about.
const PASSED_OVER: u16 = u16::MAX;

/// The page of a vector that is gone.
const GONE: i64 = 0;

#[derive(Clone)]
struct Block {
    ids: Vec<i64>,
    pages: Vec<i64>,
    codes: Vec<i8>,
    squares: Vec<i32>,
    /// The first word of all, then the second of all: a register takes the same word of several vectors.
    signs: Vec<u64>,
    gone: usize,
}

impl Block {
    fn new(words: usize) -> Self {
        Self {
            ids: Vec::new(),
            pages: Vec::new(),
            codes: Vec::new(),
            squares: Vec::new(),
            signs: vec![0; words * BLOCK],
            gone: 0,
        }
    }

    fn push(&mut self, id: i64, page: i64, code: &[i8]) {
        for (word, bits) in signs(code).enumerate() {
            self.signs[word * BLOCK + self.ids.len()] = bits;
        }
        self.ids.push(id);
        self.pages.push(page);
        self.squares.push(dot_i8(code, code));
        self.codes.extend_from_slice(code);
    }

    fn code(&self, at: usize) -> &[i8] {
        let dimensions = self.codes.len() / self.ids.len();
        &self.codes[at * dimensions..(at + 1) * dimensions]
    }

    fn live(&self) -> impl Iterator<Item = usize> {
        (0..self.ids.len()).filter(|at| self.pages[*at] != GONE)
    }
}

/// See the module's documentation.
#[derive(Clone)]
pub struct ScanIndex {
    dimensions: usize,
    /// None is empty; ids ascend through all.
    blocks: Vec<Arc<Block>>,
    len: usize,
}

impl ScanIndex {
    /// For vectors of so many values.
    pub fn new(dimensions: usize) -> Self {
        Self { dimensions, blocks: Vec::new(), len: 0 }
    }

    /// Bytes that the vectors take.
    pub fn memory(&self) -> usize {
        let of = |block: &Block| {
            8 * (block.ids.capacity() + block.pages.capacity() + block.signs.len())
                + block.codes.capacity()
                + 4 * block.squares.capacity()
        };
        self.blocks.iter().map(|block| of(block)).sum()
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(super) fn last_id(&self) -> i64 {
        self.blocks.last().and_then(|block| block.ids.last()).copied().unwrap_or(0)
    }

    /// Gives id and code of every vector behind an id, ascending, until `give` says to stop.
    pub(super) fn each_after(&self, after: i64, mut give: impl FnMut(i64, &[i8]) -> bool) {
        for block in &self.blocks {
            if block.ids.last().is_some_and(|last| *last <= after) {
                continue;
            }
            for at in block.live().filter(|at| block.ids[*at] > after) {
                if !give(block.ids[at], block.code(at)) {
                    return;
                }
            }
        }
    }

    /// The query as it is compared.
    pub(super) fn query(&self, vector: &[f32]) -> Option<Vec<i8>> {
        let is_one = vector.len() == self.dimensions && vector.iter().all(|value| value.is_finite());
        Some(small(vector)).filter(|code| is_one && code.iter().any(|value| *value != 0))
    }

    /// One of the index as the query sees it.
    pub(super) fn candidate(&self, id: i64, query: &[i8]) -> Option<Candidate> {
        let (block, at) = self.find(id)?;
        let block = &self.blocks[block];
        let similarity = cosine_of(dot_i8(query, block.code(at)), dot_i8(query, query), block.squares[at]);
        Some(Candidate { id, page: block.pages[at], similarity })
    }

    /// Where it is, if it is not gone.
    fn find(&self, id: i64) -> Option<(usize, usize)> {
        let block = self.blocks.partition_point(|block| block.ids.last().is_some_and(|last| *last < id));
        let found = self.blocks.get(block)?;
        let at = found.ids.binary_search(&id).ok()?;
        (found.pages[at] != GONE).then_some((block, at))
    }

    /// Leaves out what is gone, and joins a block with the one before it where both have room in one.
    fn pack(&mut self, at: usize) {
        let old = &self.blocks[at];
        let left = old.ids.len() - old.gone;
        let into = at.checked_sub(1).filter(|before| self.blocks[*before].ids.len() + left <= BLOCK);
        let mut packed = match into {
            Some(before) => (*self.blocks[before]).clone(),
            None => Block::new(self.words()),
        };
        old.live().for_each(|at| packed.push(old.ids[at], old.pages[at], old.code(at)));
        self.blocks[at] = Arc::new(packed);
        if let Some(before) = into {
            self.blocks.remove(before);
        } else if left == 0 {
            self.blocks.remove(at);
        }
    }

    fn words(&self) -> usize {
        self.dimensions.div_ceil(64)
    }

    /// Where the vectors are whose signs differ least from those of the query: block and place.
    fn likely(&self, query: &[i8], wanted: usize, filter: Option<&PageFilter>) -> Vec<(usize, usize)> {
        let query: Vec<u64> = signs(query).collect();
        let total = self.blocks.iter().map(|block| block.ids.len()).sum();
        let mut distances = vec![0; total];
        let mut of_distance = vec![0; self.words() * 64 + 1];
        let mut rest = &mut distances[..];
        for block in &self.blocks {
            let (own, after) = rest.split_at_mut(block.ids.len());
            rest = after;
            differing_signs(&block.signs, &query, own);
            if block.gone > 0 || filter.is_some() {
                for (distance, page) in own.iter_mut().zip(&block.pages) {
                    if *page == GONE || filter.is_some_and(|filter| !filter.contains(*page)) {
                        *distance = PASSED_OVER;
                    }
                }
            }
            for distance in own.iter().filter(|distance| **distance != PASSED_OVER) {
                of_distance[usize::from(*distance)] += 1;
            }
        }
        // All that are nearer than `last`, and as many of those at it as there is room for.
        let (mut last, mut room) = (0, wanted);
        while last + 1 < of_distance.len() && of_distance[last] <= room {
            room -= of_distance[last];
            last += 1;
        }
        // Whoever asks for more than there are gets all, and room for no more.
        let mut likely = Vec::with_capacity(wanted.min(total));
        let mut rest = &distances[..];
        for (block, found) in self.blocks.iter().enumerate() {
            let (own, after) = rest.split_at(found.ids.len());
            rest = after;
            for (at, distance) in own.iter().enumerate() {
                let distance = usize::from(*distance);
                if distance < last || distance == last && room > 0 {
                    room -= usize::from(distance == last);
                    likely.push((block, at));
                }
            }
        }
        likely
    }
}

impl VectorIndex for ScanIndex {
    fn len(&self) -> usize {
        self.len
    }

    fn insert(&mut self, entries: &[Entry]) -> usize {
        let words = self.words();
        let mut refused = 0;
        for Entry { id, page, vector } in entries {
            let Some(code) = self.query(vector).filter(|_| *id > self.last_id() && *page != GONE) else {
                refused += 1;
                continue;
            };
            if self.blocks.last().is_none_or(|block| block.ids.len() == BLOCK) {
                self.blocks.push(Arc::new(Block::new(words)));
            }
            let last = self.blocks.last_mut().expect("one was just seen to be there");
            Arc::make_mut(last).push(*id, *page, &code);
            self.len += 1;
        }
        refused
    }

    fn remove(&mut self, ids: &[i64]) {
        for id in ids {
            let Some((at, place)) = self.find(*id) else { continue };
            let block = Arc::make_mut(&mut self.blocks[at]);
            block.pages[place] = GONE;
            block.gone += 1;
            self.len -= 1;
            if block.gone * GONE_SHARE > block.ids.len() {
                self.pack(at);
            }
        }
    }

    fn contains(&self, id: i64) -> bool {
        self.find(id).is_some()
    }

    fn nearest(&self, query: &[f32], k: usize, filter: Option<&PageFilter>) -> Vec<Candidate> {
        let Some(query) = self.query(query) else { return Vec::new() };
        let square = dot_i8(&query, &query);
        let likely = self.likely(&query, FEWEST.max(k.saturating_mul(FOR_EACH)).max(self.len / ONE_IN), filter);
        let mut best = Best::new(k);
        for (number, (block, at)) in likely.iter().enumerate() {
            let block = &self.blocks[*block];
            best.offer(number as i64, cosine_of(dot_i8(&query, block.code(*at)), square, block.squares[*at]));
        }
        let found = best.found.into_iter().map(|(number, similarity)| {
            let (block, at) = likely[number as usize];
            Candidate { id: self.blocks[block].ids[at], page: self.blocks[block].pages[at], similarity }
        });
        found.collect()
    }

    fn state(&self) -> IndexState {
        IndexState::NotNeeded { vectors: self.len as u64 }
    }
}

/// How many signs of each vector differ from the query's: one distance for each of `distances`.
fn differing_signs(signs: &[u64], query: &[u64], distances: &mut [u16]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f") && has!("avx512vpopcntdq") {
            // SAFETY: the one requirement is that the processor has what was just asked for; so below.
            return unsafe { differing_avx512(signs, query, distances) };
        }
        if has!("avx2") && has!("popcnt") {
            // SAFETY: as above.
            return unsafe { differing_avx2(signs, query, distances) };
        }
    }
    differing(signs, query, distances);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn differing_avx512(signs: &[u64], query: &[u64], distances: &mut [u16]) {
    differing(signs, query, distances);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn differing_avx2(signs: &[u64], query: &[u64], distances: &mut [u16]) {
    differing(signs, query, distances);
}

/// Vectors at a time: their sums stay in registers.
const STRIP: usize = 32;

#[inline(always)]
fn differing(signs: &[u64], query: &[u64], distances: &mut [u16]) {
    for (strip, distances) in distances.chunks_mut(STRIP).enumerate() {
        let mut sums = [0_u64; STRIP];
        for (word, query) in query.iter().enumerate() {
            // Blocks have room for whole strips, also where the last is not full.
            let from = word * BLOCK + strip * STRIP;
            for (sum, bits) in sums.iter_mut().zip(&signs[from..from + STRIP]) {
                *sum += u64::from((bits ^ query).count_ones());
            }
        }
        for (distance, sum) in distances.iter_mut().zip(sums) {
            *distance = sum as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_pack_blocks_and_lose_nobody() {
        let mut index = ScanIndex::new(3);
        let entry = |id: i64| Entry { id, page: id, vector: vec![id as f32, 1.0, -1.0] };
        let all: Vec<_> = (1..=3 * BLOCK as i64).map(entry).collect();
        assert_eq!(index.insert(&all), 0);
        let shared = index.clone();
        let gone: Vec<i64> = (1..=3 * BLOCK as i64).filter(|id| id % 5 != 0).collect();
        index.remove(&gone);
        index.remove(&gone);
        assert_eq!((index.len(), index.blocks.len()), (3 * BLOCK / 5, 1), "three blocks have room in one");
        assert!(index.contains(10) && !index.contains(11) && shared.contains(11));
        let mut ids = Vec::new();
        index.each_after(0, |id, _| {
            ids.push(id);
            true
        });
        assert_eq!(ids, (1..=3 * BLOCK as i64).filter(|id| id % 5 == 0).collect::<Vec<_>>());
        index.remove(&ids);
        assert!(index.is_empty() && index.blocks.is_empty());
        assert_eq!(index.insert(&all[..1]), 0);
    }

    #[test]
    fn more_than_there_are_takes_room_for_no_more() {
        let mut index = ScanIndex::new(3);
        index.insert(&[Entry { id: 1, page: 1, vector: vec![1.0, 1.0, -1.0] }]);
        assert_eq!(index.nearest(&[1.0, 1.0, -1.0], usize::MAX, None).len(), 1);
    }

    #[test]
    fn every_instruction_set_counts_the_same_signs() {
        let mut numbers = 1_u64;
        let mut next = || {
            numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            numbers ^ numbers >> 29
        };
        let signs: Vec<u64> = (0..2 * BLOCK).map(|_| next()).collect();
        let query = [next(), next()];
        let (mut plain, mut fast) = (vec![0; 100], vec![0; 100]);
        differing(&signs, &query, &mut plain);
        differing_signs(&signs, &query, &mut fast);
        assert_eq!(plain, fast);
        assert_eq!(
            u32::from(plain[99]),
            (signs[99] ^ query[0]).count_ones() + (signs[BLOCK + 99] ^ query[1]).count_ones()
        );
    }
}
