#!/usr/bin/env bash
# Set-up, build and the main job: an encoder learns shapes10 without labels (AMCL, three heads), and
# k nearest neighbours show what it learnt. About three minutes on two cores after the build.
#   usage: tools/demo.sh [RUN_DIRECTORY]      (runs/demo by default; the run in it is replaced)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
run=${1:-runs/demo}

tools/setup.sh
cmake --preset release
cmake --build --preset release --target amcl
amcl=build/release/bin/amcl

# The percentage that evaluate's JSON record calls knn_top1.
knn() {
  "$amcl" evaluate "$@" --data shapes10 --protocol knn --k 20 --json |
    sed -nE 's/.*"knn_top1": *([0-9.]+).*/\1/p'
}

SECONDS=0
"$amcl" pretrain --data shapes10 --method simclr --heads 3 --temperature adaptive \
  --backbone resnet18 --width 16 --stem cifar --head-hidden 128 --head-dim 64 \
  --epochs 10 --batch 64 --lr 0.06 --warmup-epochs 1 --crop-scale 0.5,1 \
  --out "$run" --overwrite

pixels=$(knn "$run" --features pixels)
untrained=$(knn "$run" --random-init)
trained=$(knn "$run" --neighbours "$run/neighbours.png")

cat <<END

shapes10, ten classes, no labels used in training; accuracy of k nearest neighbours (k = 20):
  raw pixels          $pixels %
  untrained encoder   $untrained %
  trained encoder     $trained %
in $SECONDS seconds. The run: $run   Images and their nearest neighbours: $run/neighbours.png
On your own CIFAR-10 or CIFAR-100 (binary version):  $amcl pretrain --data DIR --out runs/mine
END
