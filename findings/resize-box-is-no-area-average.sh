#!/usr/bin/env bash
# fast_image_resize 6.1.0 and Pillow 13.0.0: making an image smaller with the Box filter is no area average unless the sizes
# divide. Whole source pixels go to one target pixel or the other, so the middle one of three counts in the left target only,
# and a thin stroke moves by up to half a target pixel. OpenCV's INTER_AREA is what one would guess that Box is.
# Needs cargo and python3 with venv.
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
fast_image_resize = "=6.1.0"
TOML
cat > src/main.rs <<'RS'
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images::Image};

fn shrink(row: &[u8]) -> Vec<u8> {
    let source = Image::from_vec_u8(row.len() as u32, 1, row.to_vec(), PixelType::U8).unwrap();
    let mut target = Image::new(2, 1, PixelType::U8);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box));
    Resizer::new().resize(&source, &mut target, &options).unwrap();
    target.into_vec()
}

fn main() {
    println!("fast_image_resize Box: {:?} {:?}", shrink(&[0, 255, 0]), shrink(&[0, 0, 255, 0, 0]));
}
RS
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check --no-compile pillow==13.0.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
cat > other.py <<'PY'
import cv2
import numpy as np
from PIL import Image

rows = [np.array([row], np.uint8) for row in ([0, 255, 0], [0, 0, 255, 0, 0])]
print("Pillow BOX:", *[np.asarray(Image.fromarray(row).resize((2, 1), Image.BOX))[0].tolist() for row in rows])
print("OpenCV INTER_AREA:", *[cv2.resize(row, (2, 1), interpolation=cv2.INTER_AREA)[0].tolist() for row in rows])
PY
seen=$(cargo run -q; venv/bin/python other.py)
expected='fast_image_resize Box: [128, 0] [85, 0]
Pillow BOX: [128, 0] [85, 0]
OpenCV INTER_AREA: [85, 85] [51, 51]'

printf 'three and five pixels, white in the middle, to two pixels:\n%s\n' "$seen"
[[ $seen == "$expected" ]] || { printf 'This has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
