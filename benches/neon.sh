#!/usr/bin/env bash
# Runs the property tests of the vector code on 64-bit Arm processors, which are emulated: that NEON gives the same tensors to
# the last bit as one number after the other, and networks in int8 the same bytes with NEON, with its sums of 8-bit products and
# with neither. What is needed is installed where it is missing (Debian and Ubuntu; asks for root). Says nothing about speed: an
# emulator's is not a processor's.
set -euo pipefail
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu

need() { command -v "$1" >/dev/null || missing+=("$2"); }
missing=()
need qemu-aarch64 qemu-user
need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
if ((${#missing[@]})); then
    as_root=()
    [[ $(id -u) == 0 ]] || as_root=(sudo)
    "${as_root[@]}" apt-get install --yes --no-install-recommends "${missing[@]}" libc6-dev-arm64-cross
fi
rustup target add "$target"

export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu'
# A processor without sums of 8-bit products, and one with everything that is emulated.
for processor in cortex-a72 max; do
    echo "$processor:"
    QEMU_CPU=$processor cargo test --release --target "$target" -p pagestream-models --features built-in-models --lib -- \
        every_instruction_set every_kind_of_instructions int8 a_limit_takes
done
