#!/usr/bin/env bash
# Keyword search beside FTS5 as it comes and tantivy, in one run: what an index takes, how soon it answers, and what each finds of text as
# it is printed and read. Prints the Markdown tables of BENCHMARKS.md.
#
#   benches/words.sh [PAGES]     made-up pages, 30,000 if nothing is said
#
# tantivy is a dependency of a crate that is made in target/words, and of nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
root="$PWD"
crate="$root/target/words"
mkdir -p "$crate"
cat >"$crate/Cargo.toml" <<TOML
[package]
name = "words"
version = "0.0.0"
edition = "2024"

[[bin]]
name = "words"
path = "$root/benches/words/compare.rs"

[dependencies]
libc = "0.2"
pagestream-documents = { path = "$root/documents" }
pagestream-store = { path = "$root/store", default-features = false }
rusqlite = { version = "*", features = ["bundled"] }
serde_json = "1"
tantivy = "=0.27.0"
tempfile = "3"

[workspace]
TOML
cp Cargo.lock "$crate/Cargo.lock"
exec cargo run --release --quiet --manifest-path "$crate/Cargo.toml" -- "${1:-30000}"
