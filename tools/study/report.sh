#!/usr/bin/env bash
# Makes the report of a question from QUESTION.toml and QUESTION.tsv alone: QUESTION.md with a table of means, standard
# errors and numbers of seeds and a table of every run, and QUESTION.svg with curves of the online kNN accuracy. The
# best epoch is that of the online evaluation, chosen on test images as other projects do; it is shown beside the last
# epoch and is no result.
#   usage: tools/study/report.sh QUESTION [RUNS]    RUNS, where run.sh put its runs, says why one failed
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=question.sh
source "$(dirname "${BASH_SOURCE[0]}")/question.sh"
find_question "${1:?usage: tools/study/report.sh QUESTION [RUNS]}"
runs=${2:-}
report=${question%.toml}.md
[[ -s $results ]] || { echo "report.sh: no $results: no run of $question is finished" >&2; exit 66; }

# Means over seeds of a variant's columns, in the order of their names.
table_of_variants() {
  awk -F '\t' '
    function summary(name, digits,   i, n, s, q, m, v) {
      for (i = 1; i <= lines; i++) if ((v = cell[i, name]) != "") { n++; s += v; q += v * v }
      if (n == 0) return ""
      m = s / n
      if (n == 1) return sprintf("%.2f", m)
      return sprintf("%.2f +- %.2f", m, sqrt((q - n * m * m > 0 ? q - n * m * m : 0) / (n - 1) / n))
    }
    function flush() {
      if (lines) printf "| %s | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", variant, lines,
        summary("knn"), summary("linear"), summary("best"), summary("gradient_norm"), summary("loss"),
        summary("chance_loss"), summary("negative_similarity"), summary("positive_temperature"),
        summary("negative_temperature"), summary("temperature_at_bound"), summary("head_similarity_correlation")
      lines = 0
    }
    NR == 1 { for (i = 1; i <= NF; i++) column[i] = $i; next }
    $1 != variant { flush(); variant = $1 }
    { lines++
      for (i = 1; i <= NF; i++) cell[lines, column[i]] = $i
      best = ""
      count = split(cell[lines, "online_knn"], online, " ")
      for (i = 1; i <= count; i++) { split(online[i], pair, ":"); if (pair[2] + 0 > best + 0) best = pair[2] }
      cell[lines, "best"] = best }
    END { flush() }' <(head -n 1 "$results"; tail -n +2 "$results" | LC_ALL=C sort -t $'\t' -k 1,1 -k 2,2n)
}
# Every run of the question, whether it has a result or not.
table_of_runs() {
  local variant seed line
  while IFS=$'\t' read -r variant seed _; do
    line=$(awk -F '\t' -v v="$variant" -v s="$seed" \
      '$1 == v && $2 == s {printf "%s | %s | %s | %s | done", $3, $4, $5, $6}' "$results")
    echo "| $variant-s$seed | ${line:- | | | | $(state "$variant-s$seed")} |"
  done < <(runs_of_question | LC_ALL=C sort -t $'\t' -k 1,1 -k 2,2n)
}
# Why a run has no result: the last line that it printed.
state() { if [[ -n $runs && -f $runs/$1.log ]]; then tail -n 1 "$runs/$1.log"; else echo "not finished"; fi; }

{
  echo "# Study: $(basename "$question" .toml)"
  echo
  sed -nE 's/^# ?//p' "$question"
  echo
  echo "Mean +- standard error over seeds; kNN (k = 200, T = 0.1) and linear probe on backbone features of the test"
  echo "images after the last epoch, in percent. Best epoch: highest online kNN (k = 20, 1,024 test images). Gradient"
  echo "norm: median over the run. Loss, similarity and temperatures (tau) are means over the pairs and heads of the last"
  echo "step that was logged; at a bound: the share of positives; heads alike: how the similarities of two heads correlate"
  echo "over all pairs of a batch."
  echo
  echo "| run | seeds | kNN | linear probe | best epoch, online | gradient norm | last loss | of chance | similarity of negatives | tau of positives | of negatives | at a bound | heads alike |"
  echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
  table_of_variants
  echo
  echo "## Every run"
  echo
  echo "| run | device | precision | kNN | linear probe | state |"
  echo "| --- | --- | --- | --- | --- | --- |"
  table_of_runs
  echo
  echo "![online kNN accuracy by epoch]($(basename "${question%.toml}").svg)"
} >"$report"

# One curve of means over seeds for each variant.
awk -F '\t' '
  NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
  { if (!($1 in seen)) { seen[$1] = 1; order[++curves] = $1 }
    count = split($column["online_knn"], online, " ")
    for (i = 1; i <= count; i++) {
      split(online[i], pair, ":"); epoch = pair[1]; value = pair[2]
      key = $1 SUBSEP epoch; sum[key] += value; seeds[key]++
      if (epoch + 1 > last) last = epoch + 1
      if (low == "" || value < low) low = value
      if (value > high) high = value } }
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
        if (key in sum) points = points sprintf(" %.1f,%.1f", x(epoch + 1), y(sum[key] / seeds[key]))
      }
      printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", substr(points, 2), colour
      printf "<text x=\"635\" y=\"%d\" fill=\"%s\">%s</text>\n", 30 + 18 * c, colour, order[c]
    }
    print "</svg>"
  }' <(head -n 1 "$results"; tail -n +2 "$results" | LC_ALL=C sort -t $'\t' -k 1,1 -k 2,2n) >"${question%.toml}.svg"
echo "report.sh: $report" >&2
