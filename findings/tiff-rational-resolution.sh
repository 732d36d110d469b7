#!/usr/bin/env bash
# tiff 0.11.3 (the crate): `get_tag_f64` refuses a RATIONAL, the type that baseline TIFF has for XResolution and YResolution, the
# usual tags that are fractions. A program that falls back to a default where it fails takes every scan for one of 72 dpi.
# `find_tag` gives both parts, which the caller divides. Needs cargo and python3.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
export CARGO_TARGET_DIR="$dir/target"

python3 - <<'PY'
import struct

# One white pixel at 300 dpi: pixel, XResolution as 300/1, directory.
body = b"\xff\0" + struct.pack("<II", 300, 1)
entries = [(256, 4, 1, 1), (257, 4, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1),
           (278, 4, 1, 1), (279, 4, 1, 1), (282, 5, 1, 10), (296, 3, 1, 2)]
directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
open("pixel.tif", "wb").write(b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory + b"\0\0\0\0")
PY

cargo init -q --vcs none --name finding .
cat >> Cargo.toml <<'TOML'
tiff = { version = "=0.11.3", default-features = false }
TOML
cat > src/main.rs <<'RS'
use tiff::{decoder::Decoder, tags::Tag};

fn main() {
    let mut decoder = Decoder::new(std::fs::File::open("pixel.tif").unwrap()).unwrap();
    println!("get_tag_f64: {}", decoder.get_tag_f64(Tag::XResolution).map_or_else(|e| format!("error: {e}"), |v| v.to_string()));
    println!("find_tag: {:?}", decoder.find_tag(Tag::XResolution).unwrap().unwrap());
}
RS
out=$(cargo run -q)
printf 'tiff 0.11.3, XResolution 300/1:\n%s\n' "$out"
case "$out" in
    'get_tag_f64: error'*'find_tag: Rational(300, 1)') ;;
    *) echo 'changed: the resolution is no longer refused' && exit 1 ;;
esac
