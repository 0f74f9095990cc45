# A question of the study as run.sh and report.sh read it; sourced by them. QUESTION.toml holds
#   seeds     of every run
#   settings  of every run: key=value as `amcl pretrain --set` takes them, and preset=NAME
#   variants  name = "what it sets beside or instead"; seeds=1,2 there takes the place of the seeds above
# and QUESTION.tsv, beside it, a line for each finished run.
# shellcheck shell=bash disable=SC2034

# Sets `question` and `results` to the two files of $1, QUESTION or QUESTION.toml.
find_question() {
  question=${1%.toml}.toml
  results=${1%.toml}.tsv
  [[ -f $question ]] && return
  echo "$(basename "$0"): no such file: $question" >&2
  exit 66
}

# The runs of the question, first seeds first, so that a study that is cut off has something of every row:
# variant, seed and settings, with tabs between.
runs_of_question() {
  awk '
    /^seeds *=/ { gsub(/[^0-9,]/, ""); seeds = $0 }
    /^settings *=/ { split($0, quoted, "\""); settings = quoted[2] }
    /^[^#[]+=/ && variants { split($0, quoted, "\""); name = $1; own = quoted[2]
      list = seeds
      if (match(own, /seeds=[0-9,]+/)) {
        list = substr(own, RSTART + 6, RLENGTH - 6); sub(/ *seeds=[0-9,]+/, "", own)
      }
      count = split(list, seed, ",")
      for (i = 1; i <= count; i++) printf "%s\t%s\t%s %s\n", name, seed[i], settings, own
    }
    /^\[variants\]/ { variants = 1 }' "$question" | sort -s -t $'\t' -k 2,2n
}

# The columns of QUESTION.tsv. Of the metrics: medians over the run (gradient_norm) or the last value that was logged,
# over the heads their mean; online_knn is epoch:accuracy of every online evaluation.
columns=(run seed device precision knn linear gradient_norm loss chance_loss negative_similarity positive_temperature
  negative_temperature temperature_at_bound head_similarity_correlation online_knn)
