#!/usr/bin/env bash
# Images per second of an encoder beside PyTorch (eager with channels last, and torch.compile), ONNX Runtime and OpenVINO,
# all in f32 on two threads, in turn, so that a drift of the machine meets all; and from files to features beside PyTorch's
# own loader and model. Prints a table and writes it to tools/bench/results/DATE-embed.md.
#   usage: tools/bench/embed.sh [ROUNDS]      of each program (default 3)
#   environment: AMCL_TORCH   a Python with the packages (default: a virtual environment in ~/.cache/amcl, made when missing)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/bench/figures.sh
source tools/bench/figures.sh

rounds=${1:-3}
find_amcl
find_python_with torch torchvision safetensors onnxruntime openvino
peers=tools/bench/embed_peers.py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cases=("--backbone resnet18 --size 32 --batch 128" "--backbone resnet50 --size 224 --batch 16")
programs=(torch compile onnxruntime openvino)
results=tools/bench/results/$(date +%F)-embed.md
{
  echo "# Features of images on the CPU, $(date +%F)"
  echo
  machine_line
  echo "- $("$amcl" --version | head -n 1)"
  echo "- $("$python" -c 'import torch, onnxruntime, openvino
print("PyTorch", torch.__version__, "ONNX Runtime", onnxruntime.__version__, "OpenVINO", openvino.__version__)')"
  echo "- command: \`tools/bench/embed.sh $rounds\`: random weights of torchvision's ResNet, the same file for all but amcl, whose"
  echo "  \`bench encoder\` makes its own; f32, two threads, programs in turn; images per second, median of the rounds"
  echo
  echo "| case | amcl | PyTorch | torch.compile | ONNX Runtime | OpenVINO | amcl / the best of them |"
  echo "| --- | --- | --- | --- | --- | --- | --- |"
} | tee "$results"

for i in "${!cases[@]}"; do
  read -ra shape <<<"${cases[$i]}"
  "$python" "$peers" make "$work/net.safetensors" "${shape[@]}"
  "$amcl" export "$work/net.safetensors" --out "$work/net.onnx" --fold-batch-norm --overwrite >"$work/export.log" 2>&1
  for ((round = 0; round < rounds; ++round)); do
    "$amcl" bench encoder "${shape[@]}" --threads 2 | field images_per_s >>"$work/amcl.$i"
    for program in "${programs[@]}"; do
      "$python" "$peers" model "$program" "${shape[@]}" --onnx "$work/net.onnx" | field images_per_s >>"$work/$program.$i"
    done
  done
  read -r _ ours _ < <(spread <"$work/amcl.$i" | xargs)
  row="| ${cases[$i]//--/} | $ours |"
  best=0
  for program in "${programs[@]}"; do
    read -r _ theirs _ < <(spread <"$work/$program.$i" | xargs)
    row+=" $theirs |"
    best=$(awk -v a="$best" -v b="$theirs" 'BEGIN {print (a > b ? a : b)}')
  done
  echo "$row $(ratio "$ours" "$best") |" | tee -a "$results"
done

# From files: JPEG images of 500 x 375, as photographs are.
"$amcl" bench data --seconds 0.05 --write-images "$work/photos/all" >"$work/data.log"
for copy in a b c d; do cp -r "$work/photos/all" "$work/photos/$copy"; done
"$python" "$peers" make "$work/net.safetensors" --backbone resnet50 --size 224
for ((round = 0; round < rounds; ++round)); do
  "$amcl" embed "$work/net.safetensors" --data "$work/photos" --out "$work/rows.npy" --overwrite --threads 2 \
    --mean 0.485,0.456,0.406 --deviation 0.229,0.224,0.225 2>"$work/embed.log" |
    sed -nE 's/.* ([0-9.]+) images\/s.*/\1/p' >>"$work/amcl.files"
  "$python" "$peers" folder "$work/photos" --backbone resnet50 --size 224 --batch 16 | field images_per_s >>"$work/torch.files"
done
read -r _ ours _ < <(spread <"$work/amcl.files" | xargs)
read -r _ theirs _ < <(spread <"$work/torch.files" | xargs)
{
  echo
  echo "From files to features, ResNet-50 at 224 pixels, $(find "$work/photos" -name '*.jpg' | wc -l) JPEG images: amcl $ours images/s," \
    "PyTorch's ImageFolder and DataLoader $theirs: $(ratio "$ours" "$theirs")."
} | tee -a "$results"
