#!/usr/bin/env bash
# One training step beside PyTorch on this machine's CPU: ours and theirs in turn, so that a drift of the machine meets
# both. Prints a table of medians, ratios and spread and where our time goes, and writes it to
# tools/bench/results/DATE-cpu.md.
#   usage: tools/bench/cpu.sh [PAIRS]      pairs of runs for each case (default 5)
#   environment: AMCL_TORCH   a Python with torch (default: a virtual environment in ~/.cache/amcl, made when missing)
# PyTorch is measured with its default layout and with channels last; the better median counts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/bench/figures.sh
source tools/bench/figures.sh

pairs=${1:-5}
peer=tools/bench/simclr_step_torch.py
find_amcl
find_python_with torch

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One line of JSON of the peer, with the most memory that its process held.
peer_step() {
  "$python" - "$python" "$peer" "$@" <<'PYTHON'
import json, resource, subprocess, sys
line = json.loads(subprocess.run(sys.argv[1:], check=True, stdout=subprocess.PIPE, text=True).stdout)
line["peak_process_mib"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(json.dumps(line))
PYTHON
}

cases=("--backbone resnet18 --size 32 --width 16 --batch 128" "--backbone resnet18 --size 32 --width 64 --batch 64"
  "--backbone resnet50 --size 224 --width 64 --batch 8")
steps=(25 5 5)  # 5 steps or 5 seconds at least
for i in "${!cases[@]}"; do
  read -ra shape <<<"${cases[$i]}"
  for ((pair = 0; pair < pairs; ++pair)); do
    "$amcl" bench step "${shape[@]}" --steps "${steps[$i]}" --warmup 2 >>"$work/ours.$i"
    peer_step "${shape[@]}" --steps "${steps[$i]}" --warmup 2 >>"$work/default.$i"
    peer_step "${shape[@]}" --steps "${steps[$i]}" --warmup 2 --channels-last >>"$work/channels_last.$i"
  done
  "$amcl" bench step "${shape[@]}" --steps "${steps[$i]}" --warmup 2 --profile 2>"$work/profile.$i" >"$work/profiled.$i"
done

results=tools/bench/results/$(date +%F)-cpu.md
mkdir -p tools/bench/results
{
  echo "# Training step on the CPU, $(date +%F)"
  echo
  machine_line
  echo "- $("$amcl" --version | head -n 1)"
  echo "- PyTorch $("$python" -c 'import torch; print(torch.__version__)')," \
    "$("$python" -c 'import resource, torch; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)') MiB once loaded"
  echo "- command: \`tools/bench/cpu.sh $pairs\`, runs in turn, image pairs per second: median (minimum to maximum)"
  echo
  echo "| case | amcl | PyTorch default | PyTorch channels last | amcl / PyTorch's best | share of SGEMM rate | peak MiB | of PyTorch |"
  echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
  for i in "${!cases[@]}"; do
    row="| ${cases[$i]//--/} |"
    best=0
    for who in ours default channels_last; do
      read -r low middle high < <(field pairs_per_s <"$work/$who.$i" | spread)
      row+=" $middle ($low to $high) |"
      if [[ $who == ours ]]; then ours=$middle; else best=$(awk -v a="$best" -v b="$middle" 'BEGIN {print (a > b ? a : b)}'); fi
    done
    ratio=$(ratio "$ours" "$best")
    read -r _ share _ < <(field share_of_sgemm <"$work/ours.$i" | spread)
    read -r _ peak _ < <(field peak_process_mib <"$work/ours.$i" | spread)
    # Of the process, the library's own code included; the smaller of PyTorch's layouts.
    peer_peak=$(for who in default channels_last; do field peak_process_mib <"$work/$who.$i" | spread; done |
      awk '{print $2}' | sort -n | head -n 1)
    echo "$row $ratio | $share | $peak | $peer_peak |"
  done
  for i in "${!cases[@]}"; do
    echo
    echo "## Where a step goes: ${cases[$i]//--/}"
    echo
    echo "$(field step_gflop <"$work/profiled.$i") GFLOP as direct convolutions and products; SGEMM" \
      "$(field sgemm_gflops <"$work/profiled.$i") GFLOP/s."
    echo
    kernel_table "$work/profile.$i"
  done
} | tee "$results"
echo "written to $results" >&2
