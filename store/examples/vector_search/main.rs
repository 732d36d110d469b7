//! What a search by meaning costs and finds, with made-up vectors of 384 values.
//!
//! `cargo run --release -p pagestream-store --example vector_search -- COMMAND`:
//! - `make COUNT FILE QUERIES [PLAIN]`: vectors and 1,000 queries as 32-bit numbers, for this and other programs. Ten vectors are as near to
//!   each other as .67, a hundred of these ten as .33; a query is as near to one as .89. With `PLAIN` nothing is near to anything.
//! - `index FILE QUERIES [graph]`: an index alone: time, memory, recall@10; also after 30% were removed and as many updated.
//! - `store PAGES`: a store of so many pages with a vector each: to open and to search, at rest and while pages are committed.

mod made_up;
mod store;

use std::{
    collections::HashSet,
    fs,
    time::{Duration, Instant},
};

use made_up::{DIMENSIONS, MadeUp};
use pagestream_store::vectors::{Entry, GraphIndex, ScanIndex, VectorIndex};

/// Vectors that are compared exactly for each search, as the store does.
const CANDIDATES: usize = 40;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", count, file, queries, ref rest @ ..] => make(count.parse().expect("a number"), file, queries, rest),
        ["index", file, queries, ref rest @ ..] => index(&read(file), &read(queries), rest == ["graph"]),
        ["store", pages] => store::measure(pages.parse().expect("a number")),
        _ => panic!("make COUNT FILE QUERIES [PLAIN] | index FILE QUERIES [graph] | store PAGES"),
    }
}

fn make(count: usize, file: &str, queries: &str, rest: &[&str]) {
    let made_up = MadeUp::new(rest.is_empty());
    let bytes = |vectors: &mut dyn Iterator<Item = Vec<f32>>| -> Vec<u8> {
        vectors.flat_map(|vector| vector.into_iter().flat_map(f32::to_le_bytes)).collect()
    };
    fs::write(file, bytes(&mut (0..count as u64).map(|at| made_up.vector(at)))).expect("written");
    let step = (count as u64 / 1_000).max(1);
    fs::write(queries, bytes(&mut (0..1_000).map(|at| made_up.query(at * step)))).expect("written");
}

fn read(file: &str) -> Vec<Vec<f32>> {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    values.chunks_exact(DIMENSIONS).map(<[f32]>::to_vec).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 32];
    for (a, b) in a.as_chunks::<32>().0.iter().zip(b.as_chunks::<32>().0) {
        (0..32).for_each(|at| sums[at] += a[at] * b[at]);
    }
    sums.iter().sum()
}

/// Times in milliseconds, and share of the ten nearest that were found.
fn search(index: &dyn VectorIndex, vectors: &[Entry], queries: &[Vec<f32>]) -> (f64, f64, f64) {
    let by_id = |id: i64| &vectors[vectors.binary_search_by_key(&id, |entry| entry.id).expect("it is there")].vector;
    let mut times = Vec::new();
    let mut found = Vec::new();
    for query in queries {
        let start = cpu_time();
        let candidates = index.nearest(query, CANDIDATES, None);
        let mut near: Vec<(f32, i64)> =
            candidates.iter().map(|candidate| (dot(query, by_id(candidate.id)), candidate.id)).collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.truncate(10);
        times.push(cpu_time() - start);
        found.push(near.into_iter().map(|(_, id)| id).collect::<HashSet<_>>());
    }
    // The truth for every fifth: it takes longer than all else.
    let (mut right, mut wanted) = (0, 0);
    for (query, found) in queries.iter().zip(&found).step_by(5) {
        let mut exact: Vec<(f32, i64)> = vectors.iter().map(|entry| (dot(query, &entry.vector), entry.id)).collect();
        exact.select_nth_unstable_by(10, |a, b| b.0.total_cmp(&a.0));
        wanted += 10;
        right += exact[..10].iter().filter(|(_, id)| found.contains(id)).count();
    }
    let (p50, p99) = percentiles(times);
    (p50, p99, f64::from(right as u32) / f64::from(wanted))
}

pub fn percentiles(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    (at(0.5), at(0.99))
}

fn index(vectors: &[Vec<f32>], queries: &[Vec<f32>], graph: bool) {
    let mut entries: Vec<Entry> =
        vectors.iter().zip(1..).map(|(vector, id)| Entry { id, page: id, vector: vector.clone() }).collect();
    let before = resident();
    let (start, cpu) = (Instant::now(), process_cpu_time());
    let mut index: Box<dyn VectorIndex> = match graph {
        true => Box::new(GraphIndex::new(DIMENSIONS, 1)),
        false => Box::new(ScanIndex::new(DIMENSIONS)),
    };
    for entries in entries.chunks(1_024) {
        index.insert(entries);
    }
    index.settle();
    println!(
        "{} vectors, {}: {:.1} s, {:.1} CPU s to build, {} MB",
        entries.len(),
        if graph { "graph" } else { "scan" },
        start.elapsed().as_secs_f64(),
        (process_cpu_time() - cpu).as_secs_f64(),
        (resident().saturating_sub(before)) >> 20,
    );
    let tell = |what: &str, (p50, p99, recall): (f64, f64, f64)| {
        println!("{what}: p50 {p50:.2}, p99 {p99:.2} CPU ms; recall@10 {recall:.4}");
    };
    tell("at first", search(&*index, &entries, queries));

    // Of ten, three go; of ten, three others come back with the direction of their neighbour, a little changed.
    let gone: Vec<i64> = entries.iter().map(|entry| entry.id).filter(|id| id % 10 < 6).collect();
    let updated = entries.iter().filter(|entry| (3..6).contains(&(entry.id % 10)));
    let updated: Vec<Entry> = updated
        .zip(entries.len() as i64 + 1..)
        .map(|(entry, id)| {
            let other = &entries[(entry.id as usize + 5) % entries.len()].vector;
            let vector: Vec<f32> = entry.vector.iter().zip(other).map(|(a, b)| a + 0.5 * b).collect();
            let length = dot(&vector, &vector).sqrt();
            Entry { id, page: id, vector: vector.into_iter().map(|value| value / length).collect() }
        })
        .collect();
    let start = Instant::now();
    for ids in gone.chunks(100) {
        index.remove(ids);
        index.tend();
    }
    for entries in updated.chunks(100) {
        index.insert(entries);
        index.tend();
    }
    index.settle();
    let took = start.elapsed().as_secs_f64();
    entries.retain(|entry| entry.id % 10 >= 6);
    entries.extend(updated);
    tell(&format!("30% removed and 30% updated in {took:.1} s"), search(&*index, &entries, queries));
}

/// Bytes of this process in memory.
pub fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}

/// What this thread has computed: other processes of a busy machine do not count.
pub fn cpu_time() -> Duration {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// What all threads have.
pub fn process_cpu_time() -> Duration {
    clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn clock(which: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes a timespec, which `time` is.
    assert_eq!(unsafe { libc::clock_gettime(which, &raw mut time) }, 0);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
