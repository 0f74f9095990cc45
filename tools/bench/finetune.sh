#!/usr/bin/env bash
# What pre-training is worth with few labels, on CIFAR-10: pre-trains ResNet-18 of width 16 on all 50,000 images, without
# labels, for as many epochs as an hour of this machine allows, and then trains a classifier from 1 % and 10 % (three
# draws each) and 100 % (one) of the labels: the whole network from the pre-trained weights, a linear layer on frozen
# ones, and the whole network from random weights. Test accuracy of the checkpoint that is best on a held-out tenth of
# the labels. Prints a Markdown table and writes it to tools/bench/results/DATE-finetune.md.
#   usage: tools/bench/finetune.sh CIFAR10 RUNS [small]
# `small` proves the script within minutes: 2,000 images, an epoch of each. Five hours on two quiet cores otherwise.
# Stopped or killed, the same command goes on; what is finished is not made again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tools/bench/figures.sh
source tools/bench/figures.sh

usage='usage: tools/bench/finetune.sh CIFAR10 RUNS [small]'
data=${1:?$usage}
runs=${2:?$usage}
size=${3:-whole}
[[ $size == whole || $size == small ]] || { echo "$usage" >&2; exit 2; }
find_amcl
mkdir -p "$runs"

images=50000
declare -A epochs=([1%]=100 [10%]=50 [all]=20)
declare -A seeds=([1%]="1 2 3" [10%]="1 2 3" [all]="1")
if [[ $size == small ]]; then
  images=2000
  epochs=([1%]=2 [10%]=1 [all]=1)
fi

# Epochs of an hour, by the time of a step; kept, so that the command that goes on means the same run.
hour_of_epochs() {
  if [[ ! -f $runs/epochs ]]; then
    local count=1
    if [[ $size == whole ]]; then
      count=$("$amcl" bench step --backbone resnet18 --width 16 --batch 128 --heads 3 --temperature adaptive \
        --steps 20 --warmup 3 | field pairs_per_s | awk -v n="$images" '{ printf "%d", 3600 * $1 / n }')
    fi
    echo "$count" >"$runs/epochs"
  fi
  cat "$runs/epochs"
}

# Makes the run $1 with the command that follows, or goes on with it, unless it is finished.
make_run() {
  local run=$runs/$1 command=$2
  if grep -qs '"status": "finished"' "$run/summary.json"; then return; fi
  echo "$run" >&2
  if [[ -f $run/config.toml ]]; then
    "$amcl" "$command" --resume "$run" >>"$run.log" 2>&1
  else
    "$amcl" "${@:2}" --out "$run" >"$run.log" 2>&1
  fi
}

# "mean +- standard error" of the test accuracies of the form $1 from the labels $2.
cell() {
  local seed
  for seed in ${seeds[$2]}; do field test_top1 <"$runs/$1-${2%\%}-s$seed/summary.json"; done |
    awk '{ sum += $1; squares += $1 * $1; ++n }
         END { mean = sum / n
               printf "%.2f", mean
               if (n > 1) { spread = squares / n - mean * mean
                            printf " +- %.2f", sqrt((spread > 0 ? spread : 0) / (n - 1)) } }'
}

pretrain_epochs=$(hour_of_epochs)
make_run encoder pretrain --data "$data" --limit "$images" --width 16 --epochs "$pretrain_epochs" --eval-every 0

declare -A flags=([tuned]="" [frozen]="--freeze" [scratch]="--random-init --lr 0.1")
for labels in 1% 10% all; do
  for seed in ${seeds[$labels]}; do
    for form in tuned frozen scratch; do
      read -ra form_flags <<<"${flags[$form]}"
      make_run "$form-${labels%\%}-s$seed" finetune "$runs/encoder" --data "$data" --limit "$images" --labels "$labels" \
        --seed "$seed" --epochs "${epochs[$labels]}" "${form_flags[@]}"
    done
  done
done

results=tools/bench/results/$(date +%F)-finetune.md
[[ $size == small ]] && results=$runs/finetune.md
{
  echo "# A classifier from few labels, CIFAR-10, $(date +%F)"
  echo
  machine_line
  echo "- $("$amcl" --version | head -n 1)"
  echo "- command: \`tools/bench/finetune.sh\`: pre-trained on $images images without labels, $pretrain_epochs epochs,"
  echo "  $(field seconds <"$runs/encoder/summary.json") s; ResNet-18 of width 16, every other setting as it comes"
  echo "- test accuracy in percent, mean +- standard error over draws of labels, of the checkpoint that is best on a"
  echo "  held-out tenth of the labels; epochs of fine-tuning: ${epochs[1%]}, ${epochs[10%]} and ${epochs[all]}; from scratch with \`--lr 0.1\`"
  echo
  echo "| labels | draws | fine-tuned | frozen, linear layer | from scratch |"
  echo "| --- | --- | --- | --- | --- |"
  for labels in 1% 10% all; do
    read -ra drawn <<<"${seeds[$labels]}"
    echo "| $labels | ${#drawn[@]} | $(cell tuned "$labels") | $(cell frozen "$labels") | $(cell scratch "$labels") |"
  done
} | tee "$results"
echo "written to $results" >&2
