#!/usr/bin/env bash
# lopdf 0.47.0: `Document::load` of a file with a password gives a document without pages, and `decrypt` with the right password
# then answers Ok, clears the encryption and leaves it empty. Nothing is an error, so a program that loads, asks for the password
# and decrypts writes out an empty file. Only `load_with_password` reads the pages.
# Needs cargo and python3 with venv.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
export CARGO_TARGET_DIR="$dir/target"

python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile pypdf==7.1.1 cryptography==50.0.2
venv/bin/python - <<'PY'
from pypdf import PdfWriter
writer = PdfWriter()
for _ in range(2):
    writer.add_blank_page(300, 200)
writer.encrypt("secret", algorithm="AES-256")
writer.write("closed.pdf")
PY

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
lopdf = { version = "=0.47.0", default-features = false }
TOML
cat > src/main.rs <<'RS'
use lopdf::Document;

fn say(when: &str, document: &Document) {
    println!("{when}: encrypted {}, pages {}", document.is_encrypted(), document.get_pages().len());
}

fn main() {
    let mut document = Document::load("closed.pdf").unwrap();
    say("load", &document);
    println!("decrypt: {:?}", document.decrypt("secret"));
    say("then", &document);
    let document = Document::load_with_password("closed.pdf", "secret").unwrap();
    println!("load_with_password: pages {}", document.get_pages().len());
}
RS
seen=$(cargo run -q)
expected='load: encrypted true, pages 0
decrypt: Ok(())
then: encrypted false, pages 0
load_with_password: pages 2'

printf 'lopdf 0.47.0, a file of two pages\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
