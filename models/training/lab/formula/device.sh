#!/bin/bash
# For a lent machine that has a GPU but no TeX: unpacks the TeX that `bundle.sh` packed, lets some processes draw formulas for as long as the machine
# is held, and trains on what they draw.   device.sh CARRIED OUT GENERATORS ARGUMENTS-OF-TRAIN...
set -e
carried=$(realpath -m "$1") out=$2 generators=$3
shift 3
cd "$(dirname "$0")/../.."
export LAB_WORK=/root/lab OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1 PATH=$PATH:/opt/tex/bin TMPDIR=/dev/shm LAB_WITHOUT="euler sans" LAB_TEX_SECONDS=12 PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True
mkdir -p $LAB_WORK/formula-shards
if [ ! -e $LAB_WORK/ready ]; then
  tar xJf "$carried/tex.tar.xz" -C /
  cp -r "$carried"/formulas.json "$carried"/formula-validation $LAB_WORK/
  cp "$carried"/shards/*.npz $LAB_WORK/formula-shards/ || true
  touch $LAB_WORK/ready
fi
for ((k = 0; k < generators; k++)); do # what is there already is skipped
  nice -n 5 python3 -m lab.formula.generate --first $((100000 + k * 1000)) --count 999 > $LAB_WORK/generate-$k.log 2>&1 < /dev/null &
done
nvidia-smi --query-gpu=name,memory.total --format=csv,noheader; nproc; free -g | sed -n 2p; df -h /dev/shm | tail -1
python3 -m lab.formula.train --out "$out" "$@" 2>&1 | tee "$out/train.log"
kill $(jobs -p) || true; tail -qn2 $LAB_WORK/generate-*.log; cat $LAB_WORK/generate-*.log | grep -c only || true; ls $LAB_WORK/formula-shards | wc -l; cp $LAB_WORK/runs/*/log.jsonl "$out/" ; uptime
