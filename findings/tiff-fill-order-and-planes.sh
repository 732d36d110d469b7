#!/usr/bin/env bash
# tiff 0.11.3 (the crate): two tags of baseline TIFF are passed over without an error. FillOrder 2 (bits of a byte from the low
# end; fax machines write it) comes unturned, so every group of eight pixels is mirrored. PlanarConfiguration 2 (one plane for
# each colour) gives the first plane only, while `colortype` says RGB: a third of the bytes that one expects.
# Needs cargo and python3.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"
export CARGO_TARGET_DIR="$dir/target"

cat > make.py <<'PY'
import struct


def tiff(path, width, bits, photometric, extra, strips):
    """A little-endian, uncompressed TIFF of one row, its strips in `strips`."""
    data, places = b"II*\0", []
    body = bytearray()
    for strip in strips:
        places.append(8 + len(body))
        body += strip + b"\0" * (len(strip) % 2)
    def put(values):  # what does not fit into an entry stands in the body
        place = 8 + len(body)
        body.extend(b"".join(struct.pack("<I", v) for v in values))
        return place
    count = len(strips)
    offsets = places[0] if count == 1 else put(places)
    sizes = len(strips[0]) if count == 1 else put([len(s) for s in strips])
    entries = {256: (4, 1, width), 257: (4, 1, 1), 259: (3, 1, 1), 262: (3, 1, photometric), 273: (4, count, offsets),
               277: (3, 1, count), 278: (4, 1, 1), 279: (4, count, sizes), **extra}
    if count == 3:
        entries[258] = (3, 3, 8 + len(body))
        body += struct.pack("<4H", bits, bits, bits, 0)
    else:
        entries[258] = (3, 1, bits)
    directory = struct.pack("<H", len(entries))
    for tag, (kind, number, value) in sorted(entries.items()):
        directory += struct.pack("<HHII", tag, kind, number, value)
    open(path, "wb").write(data + struct.pack("<I", 8 + len(body)) + body + directory + b"\0\0\0\0")


# White, then seven black pixels: the first pixel is the high bit, or the low one with FillOrder (266) 2.
tiff("high-first.tif", 8, 1, 1, {266: (3, 1, 1)}, [bytes([0b1000_0000])])
tiff("low-first.tif", 8, 1, 1, {266: (3, 1, 2)}, [bytes([0b0000_0001])])
# Four pixels of red 10, green 20, blue 30, a plane for each (284 = 2).
tiff("planes.tif", 4, 8, 2, {284: (3, 1, 2)}, [bytes([10] * 4), bytes([20] * 4), bytes([30] * 4)])
PY
python3 make.py
# Another reader says that the files are as they should be.
python3 -m venv venv && venv/bin/pip install -q --disable-pip-version-check --no-compile pillow==13.0.0
venv/bin/python - > other <<'PY'
from PIL import Image
for name in ("high-first", "low-first", "planes"):
    print(f"Pillow 13.0.0, {name}:", Image.open(name + ".tif").getpixel((0, 0)))
PY

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
tiff = "=0.11.3"
TOML
cat > src/main.rs <<'RS'
use tiff::decoder::{Decoder, DecodingResult};

fn main() {
    for name in ["high-first", "low-first", "planes"] {
        let mut decoder = Decoder::new(std::fs::File::open(format!("{name}.tif")).unwrap()).unwrap();
        let kind = decoder.colortype().unwrap();
        let DecodingResult::U8(bytes) = decoder.read_image().unwrap() else { panic!("not of bytes") };
        println!("tiff 0.11.3, {name}: {kind:?} {bytes:?}");
    }
}
RS
seen=$(cat other; cargo run -q)
expected='Pillow 13.0.0, high-first: 255
Pillow 13.0.0, low-first: 255
Pillow 13.0.0, planes: (10, 20, 30)
tiff 0.11.3, high-first: Gray(1) [128]
tiff 0.11.3, low-first: Gray(1) [1]
tiff 0.11.3, planes: RGB(8) [10, 10, 10, 10]'

printf '%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
