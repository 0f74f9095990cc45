#!/usr/bin/env bash
# The loss over all pairs of large batches, with its gradients, beside PyTorch's dense form on this machine: ours and
# theirs in turn, so that a drift of the machine meets both. Prints a table of medians and writes it to
# tools/bench/results/DATE-pairs.md.
#   usage: tools/bench/pairs.sh [REPEATS [ROWS...]]    timed repeats of a case (default 3); rows of a batch, both views
#                                                      together (default 1024 4096 16384)
#   environment: AMCL_TORCH   a Python with torch (default: a virtual environment in ~/.cache/amcl, made when missing)
# AMCL-NT-Xent with adaptive temperatures of the dot form, 128 features, 1, 3 and 5 heads. What would not fit into the
# machine's memory is not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/bench/figures.sh
source tools/bench/figures.sh

repeats=${1:-3}
shift || true
rows=("$@")
[[ ${#rows[@]} -gt 0 ]] || rows=(1024 4096 16384)
find_amcl
find_python_with torch

# The row of one case.
row() {
  local ours theirs
  ours=$("$amcl" bench pairs --rows "$1" --heads "$2" --repeats "$repeats")
  theirs=$("$python" tools/bench/pairs_torch.py --rows "$1" --heads "$2" --repeats "$repeats")
  local ms peak gflop floor share their_ms
  ms=$(field ms <<<"$ours") peak=$(field peak_mib <<<"$ours") gflop=$(field gflop <<<"$ours")
  floor=$(field floor_ms <<<"$ours") share=$(field share_of_floor <<<"$ours")
  their_ms=$(field ms <<<"$theirs")
  if [[ -n $their_ms ]]; then
    theirs="$their_ms | $(field peak_mib <<<"$theirs") | $(ratio "$their_ms" "$ms")"
  else
    theirs="does not fit | $(field needed_gib <<<"$theirs") GiB needed | "
  fi
  echo "| $1 | $2 | $ms | $peak | $gflop | $floor | $share | $theirs |"
}

results=tools/bench/results/$(date +%F)-pairs.md
mkdir -p tools/bench/results
{
  echo "# Loss over all pairs on the CPU, $(date +%F)"
  echo
  machine_line
  echo "- $("$amcl" --version | head -n 1)"
  echo "- PyTorch $("$python" -c 'import torch; print(torch.__version__)')"
  echo "- command: \`tools/bench/pairs.sh $repeats ${rows[*]}\`; median of $repeats, loss with gradients, runs in turn"
  echo "- AMCL-NT-Xent, temperatures by phi(u) . phi(v), d = e = 128; M rows, C heads, f32"
  echo "- peak: amcl all tensors at once; PyTorch the growth of the process by the loss"
  echo "- GFLOP of the products: 6 C M^2 (d + e) and what phi takes; floor: these at the machine's rate of products"
  echo "- a pair matrix is 4 C M^2 bytes; PyTorch has 8 at once, amcl four tiles of 256 rows"
  echo
  echo "| M | C | amcl ms | peak MiB | GFLOP | floor ms | share of the floor | PyTorch ms | peak MiB | PyTorch / amcl |"
  echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
  for count in "${rows[@]}"; do
    for heads in 1 3 5; do row "$count" "$heads"; done
  done
} | tee "$results"
echo "written to $results" >&2
