#!/usr/bin/env bash
# Augmented views and decoded JPEG images per second and core beside torchvision and Pillow on this machine: ours and
# theirs in turn, so that a drift of the machine meets both. Prints tables of medians, ratios and spread, and writes them
# to tools/bench/results/DATE-data.md.
#   usage: tools/bench/data.sh [PAIRS]     pairs of runs (default 3)
#   environment: AMCL_TORCH   a Python with torch, torchvision and numpy (default: a virtual environment in
#                             ~/.cache/amcl, made when missing)
# torchvision is measured on PIL images and on tensors of 8 bits and of floats; the best median counts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/bench/figures.sh
source tools/bench/figures.sh

pairs=${1:-3}
find_amcl
find_python_with torch torchvision numpy

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for ((pair = 0; pair < pairs; ++pair)); do
  "$amcl" bench data --workers 1 --write-images "$work/jpegs" >>"$work/ours"
  "$python" tools/bench/data_torchvision.py --jpegs "$work/jpegs" >>"$work/theirs"
done

# Median (minimum to maximum) of the lines of file $1 that match all further arguments.
rates() {
  local lines
  lines=$(cat "$work/$1")
  for pattern in "${@:2}"; do lines=$(grep "\"$pattern\"" <<<"$lines"); done
  field views_per_s_per_core <<<"$lines" | spread
}

# "MEDIAN (MINIMUM to MAXIMUM)" as rates() finds them, for a cell; sets `median` too.
cell() {
  local low high
  read -r low median high < <(rates "$@")
  printf -v text '%.0f (%.0f to %.0f)' "$median" "$low" "$high"
}

# The share of the floor that a case reaches.
share() { grep "\"$1\"" "$work/ours" | field share_of_floor | spread | awk '{printf "%.2f", $2}'; }

views_row() {
  local case=$1 row best=0 ours
  cell ours "$case"
  ours=$median row="| $case | $text |"
  for way in pil v2_uint8 v2_float; do
    cell theirs "$case" "$way"
    row+=" $text |"
    best=$(awk -v a="$best" -v b="$median" 'BEGIN {print (a > b ? a : b)}')
  done
  echo "$row $(ratio "$ours" "$best") | $(share "$case") |"
}

# A case of amcl's beside one of Pillow's, made in the way $3.
jpeg_row() {
  local case=$1 ours row
  cell ours "$case"
  ours=$median row="| $case | $text |"
  cell theirs "$2" "$3"
  echo "$row $text | $(ratio "$ours" "$median") | $(share "$case") |"
}

# Median of field $2 of case $1.
median_of() { grep "\"$1\"" "$work/ours" | field "$2" | spread | awk '{printf "%.'"$3"'f", $2}'; }

# Images from files: the first one, loose files, is what the others are compared with.
files_row() {
  local case=$1
  cell ours "$case"
  loose=${loose:-$median}
  echo "| $case | $(($(median_of "$case" image_bytes 0) / 1000)) KB | $text | $(ratio "$median" "$loose")" \
    "| $(median_of "$case" reading_microseconds 1) | $(($(median_of "$case" floor_bytes 0) / 1000)) KB | $(share "$case") |"
}

results=tools/bench/results/$(date +%F)-data.md
mkdir -p tools/bench/results
{
  echo "# Augmented views and decoding on the CPU, $(date +%F)"
  echo
  machine_line
  echo "- $("$amcl" --version | head -n 1)"
  echo "- torchvision $("$python" -c 'import torchvision; print(torchvision.__version__)')," \
    "Pillow $("$python" -c 'import PIL; print(PIL.__version__)')"
  echo "- command: \`tools/bench/data.sh $pairs\`, runs in turn, one core, views per second: median (minimum to maximum)"
  echo
  echo "The recipe of SimCLR with blur; 32 px from 32 x 32, 224 px from decoded images of 500 x 375:"
  echo
  echo "| case | amcl | torchvision, PIL | tensors, 8 bits | tensors, float | amcl / best of these | share of the floor |"
  echo "| --- | --- | --- | --- | --- | --- | --- |"
  for case in views_32 views_224; do views_row "$case"; done
  echo
  bytes=$(grep jpeg_whole "$work/ours" | field image_bytes | head -n 1)
  echo "JPEG images of 500 x 375 ($((bytes / 1000)) KB on average; made up, with the statistics of photographs), decoded," \
    "cropped and resized. amcl gives the pixels of the whole image; \`reduced\` is \`--reduce-decoding\`, beside" \
    "Pillow's \`draft\`: both decode smaller where the crop is at least twice the view, never of these images at 224 px." \
    "The floor is the entropy decoding down to the crop's end:"
  echo
  echo "| case | amcl | Pillow | amcl / Pillow | share of the floor |"
  echo "| --- | --- | --- | --- | --- |"
  jpeg_row jpeg_whole jpeg_whole pillow
  for size in 224 96; do
    jpeg_row "jpeg_crop_$size" "jpeg_crop_$size" pillow
    jpeg_row "jpeg_crop_${size}_reduced" "jpeg_crop_$size" pillow_draft
  done
  echo
  echo "Views of 224 px by the crop alone, of 256 files that the system has in its cache: the same JPEG images as files of a" \
    "folder and in a packed set, and a packed set of their pixels, the shorter side resized to 256 (\`data pack --size 256\`)." \
    "Reading is what getting an image's bytes takes, in microseconds. The floor is entropy decoding as above; of pixels, the" \
    "copying of the bytes of crop and view:"
  echo
  echo "| case | image | amcl | beside loose files | reading | least bytes per view | share of the floor |"
  echo "| --- | --- | --- | --- | --- | --- | --- |"
  for case in files_loose_224 files_packed_224 files_packed_u8_224; do files_row "$case"; done
} | tee "$results"
echo "written to $results" >&2
