#!/usr/bin/env bash
# moka 0.12.16: a value heavier than the whole cache is refused when its key is new; when its key is there already, the cache
# empties itself: every other entry goes too. One would guess that it is refused both times, or that only its key is lost.
# Needs cargo.
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
moka = { version = "=0.12.16", features = ["sync"] }
TOML
cat > src/main.rs <<'RS'
use moka::sync::Cache;

fn say(cache: &Cache<u32, u32>, when: &str) {
    cache.run_pending_tasks();
    println!("{when}: {} entries, weight {}", cache.entry_count(), cache.weighted_size());
}

fn main() {
    let cache = Cache::builder().max_capacity(1_000).weigher(|_, weight: &u32| *weight).build();
    for key in 0..10 {
        cache.insert(key, 10);
    }
    say(&cache, "ten small ones");
    cache.insert(99, 5_000);
    say(&cache, "one of weight 5000 under a new key");
    cache.insert(3, 5_000);
    say(&cache, "one of weight 5000 under a key that is there");
}
RS
seen=$(cargo run -q)
expected='ten small ones: 10 entries, weight 100
one of weight 5000 under a new key: 10 entries, weight 100
one of weight 5000 under a key that is there: 0 entries, weight 0'

printf 'moka 0.12.16, capacity 1000\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
