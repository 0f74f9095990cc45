#!/usr/bin/env bash
# Makes the report of a study from its run directories alone: REPORT.md with a table of means, standard errors and
# numbers of seeds, a table of every run, and curves of the online kNN accuracy as SVG.
#   usage: tools/study/report.sh STUDY RUNS OUT     OUT receives REPORT.md and curves.svg
# Runs NAME-s1, NAME-s2, ... of STUDY are seeds of one row NAME. The best epoch is that of the online evaluation,
# chosen on test images as other projects do; it is shown beside the last epoch and is no result.
set -euo pipefail

study=${1:?usage: tools/study/report.sh STUDY RUNS OUT}
runs=${2:?usage: tools/study/report.sh STUDY RUNS OUT}
out=${3:?usage: tools/study/report.sh STUDY RUNS OUT}
# shellcheck source=tools/bench/figures.sh
source "$(dirname "${BASH_SOURCE[0]}")/../bench/figures.sh"
compgen -G "$study/*.toml" >/dev/null || { echo "report.sh: no .toml files in $study" >&2; exit 66; }
mkdir -p "$out"

# "mean +- standard error" of the numbers on standard input.
summary() {
  awk '{n++; s += $1; q += $1 * $1} END {
    if (n == 0) { print ""; exit }
    m = s / n
    if (n == 1) printf "%.2f\n", m
    else printf "%.2f +- %.2f\n", m, sqrt((q - n * m * m > 0 ? q - n * m * m : 0) / (n - 1) / n)
  }'
}
# The last value called $1 of each finished run's metrics; of a list, one value per head, its mean.
last_metric() {
  for run in "${finished[@]}"; do
    sed -nE "s/.*\"$1\":\[?([-0-9.e,]+).*/\1/p" "$run/metrics.jsonl" | tail -n 1
  done | awk -F, '{s = 0; n = 0; for (i = 1; i <= NF; i++) if ($i != "") {s += $i; n++} if (n) print s / n}'
}

# The value of setting $1 in the configuration of the run $2.
setting() { sed -nE "s/^#? *$1 = \"?([^\"  ]*)\"?.*/\1/p" "$2/config.toml" | head -n 1; }
# Why the run $1 has no evaluation: the last line that it printed.
state() { if [[ -f $runs/$1.log ]]; then tail -n 1 "$runs/$1.log"; else echo "not started"; fi; }

mapfile -t names < <(for file in "$study"/*.toml; do basename "$file" .toml | sed -E 's/-s[0-9]+$//'; done | sort -u)
{
  echo "# Study: $(basename "$study")"
  echo
  echo "Mean +- standard error over seeds; kNN (k = 200, T = 0.1) and linear probe on backbone features of the test"
  echo "images after the last epoch, in percent. Best epoch: highest online kNN (k = 20, 1,024 test images). Temperatures"
  echo "(tau) are means over the pairs and heads of the last step that was logged; at a bound: the share of positives; heads"
  echo "alike: how the similarities of two heads correlate over all pairs of a batch."
  echo
  echo "| run | seeds | kNN | linear probe | best epoch, online | last loss | of chance | tau of positives | of negatives | at a bound | heads alike |"
  echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
  for name in "${names[@]}"; do
    finished=()
    for file in "$study/$name"-s*.toml; do
      run=$runs/$(basename "$file" .toml)
      if [[ -f $run/evaluation.json ]]; then finished+=("$run"); fi
    done
    ((${#finished[@]} > 0)) || continue
    knn=$(for run in "${finished[@]}"; do field knn_top1 <"$run/evaluation.json"; done | summary)
    linear=$(for run in "${finished[@]}"; do field linear_top1 <"$run/evaluation.json"; done | summary)
    best=$(for run in "${finished[@]}"; do field knn_top1 <"$run/metrics.jsonl" | sort -n | tail -n 1; done | summary)
    chance=$(field chance_loss <"${finished[0]}/summary.json" | summary)
    echo "| $name | ${#finished[@]} | $knn | $linear | $best | $(last_metric loss | summary) | $chance |" \
      "$(last_metric positive_temperature_mean | summary) | $(last_metric negative_temperature_mean | summary) |" \
      "$(last_metric temperature_at_bound | summary) | $(last_metric head_similarity_correlation | summary) |"
  done
  echo
  echo "## Every run"
  echo
  echo "| run | device | precision | kNN | linear probe | state |"
  echo "| --- | --- | --- | --- | --- | --- |"
  for file in "$study"/*.toml; do
    name=$(basename "$file" .toml)
    run=$runs/$name
    if [[ -f $run/evaluation.json ]]; then
      precision=$(setting precision "$run")
      echo "| $name | $(setting device "$run") | ${precision:-default} | $(field knn_top1 <"$run/evaluation.json") |" \
        "$(field linear_top1 <"$run/evaluation.json") | done |"
    else
      echo "| $name | | | | | $(state "$name") |"
    fi
  done
  echo
  echo "![online kNN accuracy by epoch](curves.svg)"
} >"$out/REPORT.md"

# One line "NAME EPOCH ACCURACY" for each online evaluation of each run, drawn as one curve of means for each NAME.
for name in "${names[@]}"; do
  for metrics in "$runs/$name"-s*/metrics.jsonl; do
    [[ -f $metrics ]] || continue
    sed -nE "s/.*\"epoch\":([0-9]+),\"knn_top1\":([0-9.]+).*/$name \1 \2/p" "$metrics"
  done
done | awk '
  { key = $1 SUBSEP $2; sum[key] += $3; count[key]++
    if (!($1 in seen)) { seen[$1] = 1; order[++curves] = $1 }
    if ($2 + 1 > last) last = $2 + 1
    if (low == "" || $3 < low) low = $3
    if ($3 > high) high = $3 }
  function x(epoch) { return 60 + 560 * epoch / (last > 0 ? last : 1) }
  function y(value) { return 20 + 340 * (high - value) / (high > low ? high - low : 1) }
  END {
    split("#1b6ca8 #d1495b #2e8b57 #8d5a97 #e08e1b #3c3c3c #00a6a6 #a0522d #6b8e23 #c71585", colours, " ")
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"840\" height=\"410\" font-family=\"sans-serif\" font-size=\"12\">"
    print "<rect width=\"840\" height=\"410\" fill=\"white\"/>"
    for (i = 0; i <= 4; i++) {
      v = low + (high - low) * i / 4
      printf "<path d=\"M60 %.1fH620\" stroke=\"#dddddd\"/><text x=\"52\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n", y(v), y(v) + 4, v
      e = int(last * i / 4 + 0.5)
      printf "<text x=\"%.1f\" y=\"380\" text-anchor=\"middle\">%d</text>\n", x(e), e
    }
    print "<text x=\"340\" y=\"400\" text-anchor=\"middle\">epoch</text><text x=\"60\" y=\"14\">online kNN, %</text>"
    for (c = 1; c <= curves; c++) {
      colour = colours[(c - 1) % 10 + 1]; points = ""
      for (epoch = 0; epoch < last; epoch++) {
        key = order[c] SUBSEP epoch
        if (key in sum) points = points sprintf(" %.1f,%.1f", x(epoch + 1), y(sum[key] / count[key]))
      }
      printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", substr(points, 2), colour
      printf "<text x=\"635\" y=\"%d\" fill=\"%s\">%s</text>\n", 30 + 18 * c, colour, order[c]
    }
    print "</svg>"
  }' >"$out/curves.svg"
echo "report.sh: $out/REPORT.md" >&2
