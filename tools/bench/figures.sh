# What the reports of this folder read out of JSON lines and count; sourced by them.
# shellcheck shell=bash

# The number that each JSON line of standard input calls $1.
field() { sed -nE "s/.*\"$1\": *([0-9.]+).*/\1/p"; }
# Minimum, median and maximum of the numbers on standard input.
spread() { sort -n | awk '{v[NR] = $1} END {print v[1], v[int((NR + 1) / 2)], v[NR]}'; }
# $1 / $2 with two decimals.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
# The line of a report that names the machine.
machine_line() { echo "- machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"; }
