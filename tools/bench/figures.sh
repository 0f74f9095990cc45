# What the reports of this folder run, read out of JSON lines and count; sourced by them.
# shellcheck shell=bash

# Sets `amcl` to the program of the preset release; ends the script where there is none.
find_amcl() {
  amcl=build/release/bin/amcl
  [[ -x $amcl ]] && return
  echo "$(basename "$0"): no $amcl; build it first: tools/demo.sh, or the preset release" >&2
  exit 66
}
# Sets `python` to one that has the packages $*: AMCL_TORCH, or a virtual environment in ~/.cache/amcl, made when missing.
find_python_with() {
  python=${AMCL_TORCH:-${XDG_CACHE_HOME:-$HOME/.cache}/amcl/torch/bin/python}
  [[ -x $python ]] || python3 -m venv "${python%/bin/python}"
  "$python" -c "import $(IFS=, && echo "$*")" 2>/dev/null || "$python" -m pip install --quiet "$@"
}

# The number that each JSON line of standard input calls $1.
field() { sed -nE "s/.*\"$1\": *([0-9.]+).*/\1/p"; }
# Minimum, median and maximum of the numbers on standard input.
spread() { sort -n | awk '{v[NR] = $1} END {print v[1], v[int((NR + 1) / 2)], v[NR]}'; }
# $1 / $2 with two decimals.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
# The line of a report that names the machine.
machine_line() { echo "- machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"; }
# The profile $1 of `bench step --profile` as a Markdown table: kernels of one name together, the most expensive first.
kernel_table() {
  echo "| kernel | ms | share of the step | rate |"
  echo "| --- | --- | --- | --- |"
  awk 'NR > 1 {
    name = substr($0, 1, 62); sub(/  .*/, "", name); sub(/ +$/, "", name)
    split(substr($0, 63), v, " ")
    ms[name] += v[2]; share[name] += v[3]
    if (v[4] != "") { work[name] += v[4] * v[2]; unit[name] = v[5] }
  } END {
    for (name in ms)
      printf "| %s | %.1f | %.1f %% | %s |\n", name, ms[name], share[name],
        unit[name] == "" || ms[name] == 0 ? "" : sprintf("%.1f %s", work[name] / ms[name], unit[name])
  }' "$1" | sort -t '|' -k 3 -n -r | awk -F '|' '$3 >= 0.05'
}
