//! What every index of vectors must do, run against each of them.

use std::collections::{HashMap, HashSet};

use super::{
    Candidate, Entry, GraphIndex, IndexState, PageFilter, ScanIndex, VectorIndex,
    code::{cosine, scale_to_one},
};

const DIMENSIONS: usize = 96;

/// The same numbers for the same seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn vector(&mut self) -> Vec<f32> {
        // Sums of three are nearly as a normal distribution has them.
        (0..DIMENSIONS).map(|_| self.next() + self.next() + self.next()).collect()
    }
}

/// `count` vectors in clusters of about twenty, pages of three vectors, from `id` on.
fn clustered(count: usize, id: i64, seed: u64) -> Vec<Entry> {
    let mut numbers = Numbers(seed);
    let centers: Vec<Vec<f32>> = (0..count.div_ceil(20)).map(|_| numbers.vector()).collect();
    (0..count)
        .map(|at| {
            let center = &centers[at * 7 % centers.len()];
            let vector = center.iter().zip(numbers.vector()).map(|(center, own)| center + 0.7 * own).collect();
            let id = id + at as i64;
            Entry { id, page: (id + 2) / 3, vector }
        })
        .collect()
}

fn unit(entry: &Entry) -> Vec<f32> {
    scale_to_one(&entry.vector).unwrap()
}

/// Share of the ten nearest that are found, over some hundred of them as queries.
fn recall(index: &dyn VectorIndex, entries: &[Entry], filter: Option<&PageFilter>) -> f64 {
    let all: Vec<(i64, Vec<f32>)> = entries
        .iter()
        .filter(|entry| filter.is_none_or(|filter| filter.contains(entry.page)))
        .map(|entry| (entry.id, unit(entry)))
        .collect();
    let (mut found, mut wanted) = (0, 0);
    let places: HashMap<i64, usize> = all.iter().zip(0..).map(|((id, _), at)| (*id, at)).collect();
    for query in entries.iter().step_by((entries.len() / 101) | 1).map(unit) {
        let mut exact: Vec<(f32, i64)> = all.iter().map(|(id, vector)| (cosine(&query, vector), *id)).collect();
        exact.sort_by(|a, b| b.0.total_cmp(&a.0));
        exact.truncate(10);
        // As a search does it: more candidates, which are compared exactly.
        let candidates = index.nearest(&query, 40, filter);
        let by_id = |id: i64| cosine(&query, &all[places[&id]].1);
        let mut near: Vec<(f32, i64)> =
            candidates.iter().map(|candidate| (by_id(candidate.id), candidate.id)).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let near: HashSet<i64> = near.into_iter().take(10).map(|(_, id)| id).collect();
        wanted += exact.len();
        found += exact.iter().filter(|(_, id)| near.contains(id)).count();
    }
    found as f64 / wanted as f64
}

fn ids(found: &[Candidate]) -> Vec<i64> {
    found.iter().map(|candidate| candidate.id).collect()
}

fn contract(make: impl Fn() -> Box<dyn VectorIndex>) {
    let mut index = make();
    let query = Numbers(9).vector();

    // Nothing is in it.
    assert!(index.is_empty() && index.nearest(&query, 10, None).is_empty());
    index.remove(&[1, 2]);
    index.settle();

    // What cannot be compared is refused, and what is asked with it finds nothing.
    let mut bad = vec![0.0; DIMENSIONS];
    let zero = Entry { id: 1, page: 1, vector: bad.clone() };
    bad[3] = f32::NAN;
    let not_finite = Entry { id: 2, page: 1, vector: bad.clone() };
    bad[3] = f32::INFINITY;
    let infinite = Entry { id: 3, page: 1, vector: bad.clone() };
    let short = Entry { id: 4, page: 1, vector: vec![1.0; 3] };
    assert_eq!(index.insert(&[zero, not_finite, infinite, short]), 4);
    assert!(index.is_empty());

    // A few: more are asked for than there are.
    let mut entries = clustered(3_000, 10, 1);
    assert_eq!(index.insert(&entries[..5]), 0);
    assert_eq!(index.nearest(&query, 100, None).len(), 5);
    assert_eq!(index.nearest(&query, 0, None), []);
    assert!(index.nearest(&bad, 5, None).is_empty() && index.nearest(&query[1..], 5, None).is_empty());

    // Many: found as an exact scan finds them, nearest first; a vector is nearest to itself.
    index.insert(&entries[5..]);
    assert_eq!(index.insert(&entries[7..9]), 2, "no id comes twice");
    index.settle();
    assert!(index.contains(10) && !index.contains(9));
    let share = recall(&*index, &entries, None);
    assert!(share >= 0.98, "{share}");
    let found = index.nearest(&entries[77].vector, 10, None);
    assert_eq!((found[0].id, found[0].page), (entries[77].id, entries[77].page));
    assert!((found[0].similarity - 1.0).abs() < 1e-3);
    assert!(found.is_sorted_by(|a, b| a.similarity >= b.similarity));

    // A filter acts before the best are taken, also one that lets nearly nothing or nearly everything through.
    for (every, of) in [(500, 1_000), (1, 1_000), (999, 1_000), (0, 1)] {
        let filter: PageFilter = (0..2_000).filter(|page| page % of < every).collect();
        let found = index.nearest(&query, 30, Some(&filter));
        let there = entries.iter().filter(|entry| filter.contains(entry.page)).count();
        assert_eq!(found.len(), there.min(30), "{every} of {of}");
        assert!(found.iter().all(|candidate| filter.contains(candidate.page)));
        assert!(there == 0 || recall(&*index, &entries, Some(&filter)) >= 0.98);
    }

    // 30% go, a tenth of them to come back as others: an update is a removal and a new id.
    let gone: Vec<i64> = entries.iter().map(|entry| entry.id).filter(|id| id % 10 < 3).collect();
    index.remove(&gone);
    entries.retain(|entry| entry.id % 10 >= 3);
    let updated = clustered(300, 10_000, 2);
    index.insert(&updated);
    entries.extend(updated);
    index.settle();
    assert_eq!(index.len(), entries.len());
    let share = recall(&*index, &entries, None);
    assert!(share >= 0.98, "{share}");
    let gone: HashSet<i64> = gone.into_iter().collect();
    assert!(ids(&index.nearest(&query, 3_000, None)).iter().all(|id| !gone.contains(id)));

    // Identical vectors do not cut it apart, are all found, and leave one by one.
    let twins: Vec<Entry> = (0..400).map(|at| Entry { id: 20_000 + at, page: 9_000, vector: query.clone() }).collect();
    index.insert(&twins);
    index.settle();
    let found = index.nearest(&query, 400, None);
    assert_eq!(found.iter().filter(|candidate| candidate.page == 9_000).count(), 400);
    index.remove(&(20_000..20_399).collect::<Vec<_>>());
    index.settle();
    assert_eq!(index.nearest(&query, 1, None)[0].id, 20_399);
    let share = recall(&*index, &entries, None);
    assert!(share >= 0.98, "{share}");
    index.remove(&[20_399]);
    assert!(index.nearest(&query, 10, None).iter().all(|candidate| candidate.page != 9_000));

    // Many may ask at once, and all get the same.
    let expected = index.nearest(&query, 10, None);
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| index.nearest(&query, 10, None))).collect();
        asked.into_iter().for_each(|asked| assert_eq!(asked.join().unwrap(), expected));
    });

    // All go.
    let all: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
    index.remove(&all);
    index.settle();
    assert!(index.is_empty() && index.nearest(&query, 10, None).is_empty());
}

#[test]
fn the_scan_keeps_the_contract() {
    contract(|| Box::new(ScanIndex::new(DIMENSIONS)));
}

#[test]
fn signs_say_which_of_many_vectors_are_worth_a_look() {
    let mut index = ScanIndex::new(DIMENSIONS);
    let mut entries = clustered(40_000, 1, 4);
    index.insert(&entries);
    let share = recall(&index, &entries, None);
    assert!(share >= 0.98, "{share}");
    let gone: Vec<i64> = entries.iter().map(|entry| entry.id).filter(|id| id % 10 < 3).collect();
    index.remove(&gone);
    entries.retain(|entry| entry.id % 10 >= 3);
    let share = recall(&index, &entries, None);
    assert!(share >= 0.98, "{share}");
    let filter: PageFilter = (0..20_000).filter(|page| page % 10 < 9).collect();
    assert!(recall(&index, &entries, Some(&filter)) >= 0.98);
}

#[test]
fn the_graph_keeps_the_contract() {
    contract(|| Box::new(GraphIndex::new(DIMENSIONS, 1_000)));
}

#[test]
#[cfg(feature = "similarity")]
fn a_graph_takes_over_when_it_is_built_and_says_so() {
    let mut index = GraphIndex::new(DIMENSIONS, 1_000);
    let entries = clustered(1_500, 1, 3);
    index.insert(&entries[..999]);
    index.tend();
    assert_eq!(index.state(), IndexState::NotNeeded { vectors: 999 });
    index.insert(&entries[999..]);
    assert!(index.wants_tending());
    index.tend();
    assert!(matches!(index.state(), IndexState::Building { of: 1_500, .. }));
    // Removed while it is built.
    index.remove(&[1, 2, 3]);
    index.settle();
    assert_eq!(index.state(), IndexState::Ready { vectors: 1_497 });
    assert!(ids(&index.nearest(&entries[0].vector, 50, None)).iter().all(|id| *id > 3));
}
