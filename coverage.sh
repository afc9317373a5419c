#!/usr/bin/env bash
# Runs the tests with coverage and fails when too few lines of src/ are covered.
#
# Leaves coverage/lcov.info and coverage/html/index.html, and prints a table. Workers and the sluice
# processes that tests start count too.
#
# COVERAGE_THRESHOLD is the least line coverage in per cent (default: 90). COVERAGE_RAW is a folder
# of what a run of the tests has covered, which had it in DENO_COVERAGE_DIR: then only the report is
# made. More is written into the folder, and half-written files in it are removed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

threshold=${COVERAGE_THRESHOLD:-90}
raw=${COVERAGE_RAW:+$(realpath -- "$COVERAGE_RAW")}

if command -v deno >/dev/null; then
  deno=(deno)
else
  deno=(npx --yes --loglevel=error deno@2.9.6)
fi

if [[ -z $raw ]]; then
  rm -rf coverage
  raw=$PWD/coverage/raw
  mkdir -p "$raw"
  # The variable is for the processes that tests start: they inherit it, but not the flag.
  DENO_COVERAGE_DIR=$raw "${deno[@]}" test -A --quiet --parallel --coverage="$raw" \
    --coverage-raw-data-only tests/
elif [[ -z $(find "$raw" -maxdepth 1 -name '*.json' -print -quit) ]]; then
  echo "coverage: $raw holds nothing that a run of the tests has covered" >&2
  exit 1
fi
rm -rf coverage/html "$raw/html"
mkdir -p coverage

# Deno knows nothing of a module that no test loads, so a module without any test would not lower
# the figure. This one loads them all.
load_all=$PWD/coverage/load_all_test.ts
{
  # the entry of the worker keeps its library open, as it does in a worker
  echo 'Deno.test({ name: "every module of src/ loads", sanitizeOps: false, sanitizeResources: false,'
  echo 'fn: async () => {'
  find src -name '*.ts' | LC_ALL=C sort | while read -r module; do
    echo "  await import(\"../$module\").catch(() => {});"
  done
  echo '} });'
} >"$load_all"
"${deno[@]}" test -A --quiet --no-check --coverage="$raw" --coverage-raw-data-only "$load_all" \
  >/dev/null

# Tests kill processes at any moment, also one that is writing what it has covered: such a file is
# empty, or does not end as JSON does, and the report would fail on it.
find "$raw" -name '*.json' -print0 | xargs -0 -r perl -e '
  for my $file (@ARGV) {
    open(my $in, "<", $file) or die "$file: $!\n";
    my $last = "";
    read($in, $last, 1) if -s $in and seek($in, -1, 2);
    unlink($file) or die "$file: $!\n" if $last ne "}";
  }'

# Deno matches a pattern against the URL of a module. The path of the checkout is part of it, since
# another directory on the way to it may be called src too.
src="^file://$(printf %s "$PWD" | sed -e 's/[][\.*^$+?(){}|]/\\&/g' -e 's/ /%20/g')/src/"
report() {
  "${deno[@]}" coverage --quiet --include="$src" "$@" "$raw"
}
report --lcov --output=coverage/lcov.info
report --html >/dev/null
mv "$raw/html" coverage/html
echo
report
echo
echo "HTML report: coverage/html/index.html"

awk -F: -v threshold="$threshold" '
  $1 == "LF" { found += $2 }
  $1 == "LH" { hit += $2 }
  END {
    if (found == 0) {
      print "coverage: no line of src/ was recorded"
      exit 1
    }
    percent = 100 * hit / found
    printf "Line coverage of src/: %.2f %% (%d of %d lines)\n", percent, hit, found
    if (percent < threshold) {
      printf "coverage: below the threshold of %s %%\n", threshold
      exit 1
    }
  }
' coverage/lcov.info
