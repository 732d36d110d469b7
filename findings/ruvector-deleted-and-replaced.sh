#!/usr/bin/env bash
# ruvector-core 2.4.0, HNSW: (1) `score` is the cosine distance, so the best hit has the lowest. (2) Deleting hides an entry after the
# search: with the 150 nearest of 300 deleted, ten neighbours are asked for and none comes, though 150 entries are left. (3) An
# entry inserted again under its id is still found by its old vector, at distance 0, and comes twice in one answer. One would
# guess at a similarity, at the ten nearest that are left, and at the new vector only.
# Needs cargo; the build takes a few minutes.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
export CARGO_TARGET_DIR="$dir/target"

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
ruvector-core = { version = "=2.4.0", default-features = false, features = ["storage", "hnsw", "parallel"] }
TOML
cat > src/main.rs <<'RS'
use ruvector_core::{
    VectorDB,
    types::{DbOptions, DistanceMetric, HnswConfig, SearchQuery, VectorEntry},
};

/// Unit vectors on a quarter circle: a higher number is further from number 0.
fn vector(number: usize) -> Vec<f32> {
    let angle = number as f32 * 0.005;
    vec![angle.cos(), angle.sin(), 0.0]
}

fn put(db: &VectorDB, id: usize, vector: Vec<f32>) {
    db.insert(VectorEntry { id: Some(id.to_string()), vector, metadata: None }).unwrap();
}

fn nearest(db: &VectorDB, vector: Vec<f32>, k: usize) -> Vec<(String, f32)> {
    let found = db.search(SearchQuery { vector, k, filter: None, ef_search: Some(100) }).unwrap();
    found.into_iter().map(|hit| (hit.id, (hit.score * 1_000.0).round() / 1_000.0)).collect()
}

fn filled(entries: usize) -> VectorDB {
    let db = VectorDB::new(DbOptions {
        dimensions: 3,
        distance_metric: DistanceMetric::Cosine,
        storage_path: "memory://".into(),
        hnsw_config: Some(HnswConfig::default()),
        quantization: None,
    });
    let db = db.unwrap();
    (0..entries).for_each(|number| put(&db, number, vector(number)));
    db
}

fn main() {
    let db = filled(300);
    println!("nearest to itself: {:?}", nearest(&db, vector(0), 1));
    (0..150).for_each(|number| assert!(db.delete(&number.to_string()).unwrap()));
    println!("150 deleted, {} left, ten nearest: {:?}", db.len().unwrap(), nearest(&db, vector(0), 10));
    let db = filled(50);
    let new = vec![0.6, 0.0, 0.8];
    put(&db, 0, new.clone());
    println!("0 replaced: get {:?}", db.get("0").unwrap().unwrap().vector);
    println!("by its old vector: {:?}", nearest(&db, vector(0), 1));
    println!("by its new vector: {:?}", nearest(&db, new, 2));
}
RS
seen=$(cargo run -q 2> errors) || { cat errors >&2; exit 1; }
expected='nearest to itself: [("0", 0.0)]
150 deleted, 150 left, ten nearest: []
0 replaced: get [0.6, 0.0, 0.8]
by its old vector: [("0", 0.0)]
by its new vector: [("0", 0.0), ("0", 0.4)]'

printf 'ruvector-core 2.4.0\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
