#!/usr/bin/env bash
# Checks the compiled binary as a user would run it: ./verify.sh [BINARY]
#
# BINARY is dist/sluice unless given, and is built when it is missing and Deno is there. All runs are
# in a temporary folder, with an empty environment, no program on the PATH and, where that is
# permitted, no network. Prints a line for each thing that it checks, the counts last; exit code 1
# when a check failed, 2 when nothing could be checked.
#
# Needs bash, coreutils and findutils. Needs sqlite3 to look into the database and the log: without
# it those checks are skipped, and so is, by name, whatever this machine or file system cannot do.
set -uo pipefail
export LC_ALL=C

here=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
passed=0 failed=0 skipped=0

# --- reporting ------------------------------------------------------------------------------------

section() { printf '\n%s\n' "$1"; }

ok() {
  passed=$((passed + 1))
  printf 'ok       %s\n' "$1"
}

skip() {
  skipped=$((skipped + 1))
  printf 'skipped  %s: %s\n' "$1" "$2"
}

# check WHAT COMMAND...: ok when the command succeeds; what it printed is shown when it does not.
check() {
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then
    ok "$what"
    return 0
  fi
  failed=$((failed + 1))
  printf 'FAILED   %s\n' "$what"
  if [[ -n $said ]]; then printf '%s\n' "$said" | head -n 12 | cut -c 1-300 | sed 's/^/         | /'; fi
  return 1
}

# equal WANTED FOUND
equal() {
  [[ $1 == "$2" ]] && return 0
  printf 'wanted: %s\nfound:  %s\n' "$1" "$2"
  return 1
}

# has TEXT PART
has() {
  [[ $1 == *"$2"* ]] && return 0
  printf 'not in it: %s\nit is:     %s\n' "$2" "$1"
  return 1
}

# --- the binary -----------------------------------------------------------------------------------

binary=${1:-$here/dist/sluice}
if [[ ! -e $binary && $# -eq 0 ]]; then
  if ! command -v deno >/dev/null; then
    echo "verify.sh: dist/sluice is missing and there is no deno to build it with;" \
      "build it (npx -y deno@2.9.6 task compile) or name a binary: ./verify.sh BINARY" >&2
    exit 2
  fi
  (cd "$here" && deno task compile) || exit 2
fi
if [[ ! -f $binary || ! -x $binary ]]; then
  echo "verify.sh: $binary is not an executable file" >&2
  exit 2
fi
binary=$(cd -P "$(dirname "$binary")" && pwd)/$(basename "$binary")

work=$(mktemp -d) && work=$(cd -P "$work" && pwd) || exit 2
running=""
finish() {
  [[ -n $running ]] && kill -9 "$running" 2>/dev/null
  chmod -R u+rwx "$work" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work/bin"

# The binary gets no network: no interface of the new network namespace is up.
network=()
if unshare -n true 2>/dev/null; then network=(unshare -n)
elif unshare -r -n true 2>/dev/null; then network=(unshare -r -n); fi
isolated=("${network[@]}" env -i "PATH=$work/bin" "$binary")

# run ARGS...: runs the binary to its end in $place; sets code, out and err.
run() {
  (cd "$place" && exec "${isolated[@]}" "$@") >"$work/out" 2>"$work/err" </dev/null
  code=$?
  out=$(tr -d '\0' <"$work/out")
  err=$(tr -d '\0' <"$work/err")
}

# start ARGS...: runs the binary in the background; its process is $running.
start() {
  started=$(starts)
  # with job control, the signals of a job are as a terminal's user has them
  set -m
  (cd "$place" && exec "${isolated[@]}" "$@") >"$work/out" 2>"$work/err" </dev/null &
  running=$!
  set +m
}

# finished: waits for what start began; sets code, out and err.
finished() {
  wait "$running" 2>/dev/null
  code=$?
  running=""
  out=$(<"$work/out")
  err=$(<"$work/err")
}

# until_true SECONDS COMMAND...: tries a command until it succeeds.
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS > end)) && return 1
    sleep 0.02
  done
}

# time_of_start: what it takes now, in ms, to start the binary: 50 where nothing else goes on, and ten
# times that on a machine that is busy, which is no fault of a run that takes longer there.
time_of_start() {
  local began
  began=$(date +%s%N)
  "${isolated[@]}" --version >"$work/version"
  echo $((($(date +%s%N) - began) / 1000000))
}

# fresh: an empty place with a source and a destination.
fresh() {
  place=$(mktemp -d "$work/place-XXXX")
  src=$place/source dst=$place/destination db=$place/sluice.db log=$place/sluice-audit.jsonl
  mkdir "$src" "$dst"
}

# --- looking at trees -----------------------------------------------------------------------------

random() { head -c "$1" /dev/urandom; }

# manifest DIR: kinds, times to the nanosecond, sizes and link targets; NUL after each.
manifest() {
  (cd "$1" && find . \( -type d -printf 'd %T@ %P\0' \) -o \( -type l -printf 'l %T@ %P -> %l\0' \) \
    -o \( -type f -printf 'f %T@ %s %P\0' \) | sort -z)
}

hashes() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r "${2:-sha256sum}" -z --); }

# same_lists A B: the same NUL-separated lists.
same_lists() {
  cmp -s "$1" "$2" && return 0
  comm -3 -z "$1" "$2" | tr '\0\n' '\n?' | head -n 8
  return 1
}

# In a shell without cmp (it is not of coreutils) the hash does as well.
if ! command -v cmp >/dev/null; then
  cmp() { [[ $(sha256sum <"$2") == "$(sha256sum <"$3")" ]]; }
fi

same_trees() {
  manifest "$1" >"$work/a" && manifest "$2" >"$work/b" && same_lists "$work/a" "$work/b" || return 1
  hashes "$1" >"$work/a" && hashes "$2" >"$work/b" && same_lists "$work/a" "$work/b"
}

no_temporaries() { equal "" "$(find "$1" -name '.sluice-*' | head -n 3)"; }

# state DIR: what any touch of something in it would change. What SQLite puts beside a database in
# order to read it does not count.
state() {
  (cd "$1" && find . -mindepth 1 ! -name '*.db-shm' ! -name '*.db-wal' \
    -printf '%i %C@ %T@ %s %P\0' | sort -z | sha256sum)
}

time_of() { stat -c %.9Y -- "$1"; }
access_time_of() { stat -c %.9X -- "$1"; }

# --- looking at the database and the log ----------------------------------------------------------

sql() { sqlite3 -batch -bail -readonly "$db" "$1"; }

# log_sql QUERY: asks the tables line (number, text) and record (a row for each line).
log_sql() {
  cp "$log" "$work/log" && (cd "$work" && sqlite3 -batch -bail :memory: 2>&1) <<SQL
CREATE TABLE raw (text TEXT);
.mode ascii
.separator "\001" "\n"
.import log raw
.mode list
.separator "|" "\n"
CREATE VIEW line AS SELECT rowid AS number, text FROM raw;
CREATE TEMP TABLE record AS SELECT number,
  json_extract(text, '\$.type') AS type, json_extract(text, '\$.run') AS run,
  json_extract(text, '\$.action') AS action, json_extract(text, '\$.status') AS status,
  json_extract(text, '\$.source') AS source, json_extract(text, '\$.kind') AS kind,
  json_extract(text, '\$.size') AS size, json_extract(text, '\$.reason') AS reason, text
  FROM line WHERE json_valid(text);
$1;
SQL
}

sql_says() { equal "$2" "$(sql "$1" 2>&1)"; }
log_says() { equal "$2" "$(log_sql "$1")"; }

have_sqlite=""
command -v sqlite3 >/dev/null && have_sqlite=yes

# check_db WHAT QUERY WANTED and check_log WHAT QUERY WANTED
check_db() {
  if [[ -n $have_sqlite ]]; then check "database: $1" sql_says "$2" "$3"
  else skip "database: $1" "sqlite3 is missing"; fi
}
check_log() {
  if [[ -n $have_sqlite ]]; then check "log: $1" log_says "$2" "$3"
  else skip "log: $1" "sqlite3 is missing"; fi
}

# The hash of every file as the database has it and as the tool of coreutils computes it.
hashes_agree() {
  local tool=$1
  (cd "$place" && sqlite3 -batch -readonly "$db" "SELECT writefile('$work/recorded',
    CAST(group_concat(hash || '  ' || source_path || char(30), '') AS BLOB))
    FROM files WHERE source_path NOT LIKE '\$''%'") >/dev/null || return 1
  tr '\036' '\0' <"$work/recorded" | sort -z >"$work/a"
  # a name that is not UTF-8 is in the notation of the shell, which reads it back
  local hash path
  while IFS='|' read -r hash path; do
    eval "path=$path"
    printf '%s  %s\0' "$hash" "$path"
  done < <(sql "SELECT hash || '|' || source_path FROM files WHERE source_path LIKE '\$''%'") |
    sort -z - "$work/a" >"$work/b"
  find "$src" -type f -print0 | xargs -0 -r "$tool" -z -- | sort -z >"$work/a"
  same_lists "$work/a" "$work/b"
}

check_hashes() {
  if [[ -n $have_sqlite ]]; then check "database: $1" hashes_agree "$2"
  else skip "database: $1" "sqlite3 is missing"; fi
}

# What must hold for every log: all runs of it together.
check_log_form() {
  check_log "every line is JSON, the last one ends" \
    "SELECT count(*) FROM line WHERE NOT json_valid(text)" 0
  check "log: the last byte is a line end" equal 0a "$(tail -c 1 "$log" | od -An -tx1 | tr -d ' ')"
  check_log "seq counts every line" \
    "SELECT count(*) FROM line WHERE json_extract(text, '\$.seq') IS NOT number" 0
}

# --- test data ------------------------------------------------------------------------------------

make_source() {
  local i
  mkdir -p "$src"/{docs,photos/2020/summer,deep/1/2/3/4/5/6/7/8,empty,"also empty"/inside}
  for i in {1..60}; do random $((i * 37)) >"$src/docs/report $i.txt"; done
  for i in 0 1 4095 4096 4097 65536 1048577; do random $i >"$src/photos/2020/size-$i"; done
  random $((5 * 1024 * 1024)) >"$src/photos/one block"
  random $((12 * 1024 * 1024 + 1)) >"$src/photos/2020/summer/film.mp4"
  random 10 >"$src/deep/1/2/3/4/5/6/7/8/file"
  truncate -s 3M "$src/sparse"
  ln "$src/docs/report 1.txt" "$src/docs/hard link"
  ln -s "docs/report 1.txt" "$src/link"
  ln -s photos "$src/link to a directory"
  ln -s nowhere "$src/dangling"
  ln -s /etc/hostname "$src/absolute"
  touch -d '2019-03-04 05:06:07.123456789 UTC' "$src/docs/report 1.txt"
  touch -d '1965-01-02 03:04:05.000000001 UTC' "$src/docs/report 2.txt"
  touch -d '1970-01-01 00:00:00 UTC' "$src/docs/report 3.txt"
  touch -d '2100-12-31 23:59:59.999999999 UTC' "$src/docs/report 4.txt"
  touch -a -d '2011-11-11 11:11:11.111111111 UTC' "$src/docs/report 5.txt"
  touch -h -d '2001-02-03 04:05:06.700000007 UTC' "$src/dangling"
}

# Returns the number of names; each file has its own content.
make_names() {
  local n=0 name
  mkdir "$src/names" "$src/names/"$'a\nb' "$src/names/-r"
  # non-ASCII in bytes, as the locale of this script has no other characters
  local emoji=$'\xf0\x9f\x98\x80' joiner=$'\xe2\x80\x8d'
  local utf8=(
    $'new\nline' $'\n' "it's" 'say "hi"' '`id`' '$HOME' '$(id)' 'back\slash' '\n' '-rf' '--' '-'
    '~' '#x' ' leading' 'trailing ' 'a  b' '*' '?' '[a]' '{a,b}' 'a;b' 'a|b' 'a&b' '<a>' '%s%n' '...'
    '.hidden' $'tab\t' $'bell\a' $'esc\e[31m' $'del\x7f' 'CON' 'name.' ':' 'Case' 'case'
    "$emoji" $'family-\xf0\x9f\x91\xa8'"$joiner"$'\xf0\x9f\x91\xa9' $'right-\xe2\x80\xaeto-left'
    $'zero\xe2\x80\x8bwidth' $'caf\xc3\xa9' $'cafe\xcc\x81' $'\xef\xbb\xbfmark'
    $'\xe2\x84\xab' $'\xc3\x85' $'A\xcc\x8a' $'high-\xf4\x8f\xbf\xbd' $'\xef\xbf\xbd'
    '.sluice-notes.part' "\$'quoted'"
    "$(printf '%0255d' 0)" "$(printf '%0251d' 0)$emoji" "$(printf '%0254d' 1)x"
  )
  for name in "${utf8[@]}"; do
    printf '%s' "$name" >"$src/names/$name" || return 1
  done
  printf x >"$src/names/"$'a\nb/in a directory'
  printf y >"$src/names/-r/-f"
  touch -h -d '2005-05-05 05:05:05.555555555 UTC' -- "$src/names/"*
  ln -s $'new\nline' "$src/names/"$'link\nto a line'
  ln -s -- "-r" "$src/names/-link"
}

make_raw_names() {
  local name
  for name in $'\xff\xfe' $'latin-\xe9' $'cut-\xe2\x82' $'over-\xc0\xaf' $'half-\xed\xa0\x80' \
    $'\xff'"'"$'\\'; do
    printf '%s' "$name" >"$src/names/$name" 2>/dev/null || return 1
  done
  mkdir "$src/names/"$'dir-\xfe' && printf z >"$src/names/"$'dir-\xfe/file' &&
    ln -s $'\xff\xfe' "$src/names/"$'link-\xfd'
}

# --- the checks -----------------------------------------------------------------------------------

first_run() {
  section "A first run"
  fresh
  make_source
  make_names || skip "some of the names" "this file system refuses them"
  raw=""
  if make_raw_names 2>/dev/null; then raw=yes
  else skip "names that are not UTF-8" "this file system refuses them"; fi
  local twins
  twins=$(find "$src/names" -name $'caf*' | tr -cd '\n' | wc -c)
  if [[ $twins -ne 2 ]]; then skip "names in NFC and NFD" "this file system merges them"; fi
  mkfifo "$src/fifo"
  # the directories' own times last: what is put into them changes them
  find "$src" -depth -type d -exec touch -d '2015-06-07 08:09:10.987654321 UTC' {} +
  local files bytes atime
  files=$(find "$src" -type f -printf x | wc -c)
  bytes=$(find "$src" -type f -printf '%s\n' | { s=0; while read -r n; do s=$((s + n)); done; echo $s; })
  atime=$(access_time_of "$src/docs/report 5.txt")
  run source destination
  check "exit code 0" equal 0 "$code"
  check "nothing on stderr" equal "" "$err"
  check "the output says that it is in sync" has "$out" "in sync"
  check "the output has no control codes" equal "" "$(tr -cd '\033\r\b' <"$work/out")"
  check "the time of access is kept" equal "$atime" "$(access_time_of "$dst/docs/report 5.txt")"
  check "every file, directory and link is there, with content and times to the nanosecond" \
    same_trees "$src" "$dst"
  check "empty directories are there" test -d "$dst/also empty/inside" -a -d "$dst/empty"
  check "a directory has the source's time" equal "$(time_of "$src/deep/1")" "$(time_of "$dst/deep/1")"
  check "the destination itself has the source's time" equal "$(time_of "$src")" "$(time_of "$dst")"
  check "links are links, with their targets" equal nowhere "$(readlink "$dst/dangling")"
  check "a special file is not copied" test ! -e "$dst/fifo"
  check "a name with a line end holds its own content" \
    equal 6e65770a6c696e65 "$(od -An -tx1 "$dst/names/"$'new\nline' | tr -d ' \n')"
  check "no temporary is left" no_temporaries_but_ours
  check "nothing else was made beside the database and the log" equal \
    "destination sluice-audit.jsonl sluice.db sluice.db-lock source" "$(cd "$place" && echo *)"

  check_db "one row for each file" "SELECT count(*) FROM files" "$files"
  check_db "every one is synced" "SELECT count(*) FROM files WHERE status <> 'synced'" 0
  check_db "paths are unique" "SELECT count(*) - count(DISTINCT source_path) +
    count(*) - count(DISTINCT dest_path) FROM files" 0
  check_db "sizes add up" "SELECT sum(size) FROM files" "$bytes"
  check_db "times are nanoseconds" "SELECT modified_at FROM files
    WHERE source_path = '$src/docs/report 1.txt'" 1551675967123456789
  check_db "each row has algorithm, attempts and no error" "SELECT count(*) FROM files
    WHERE hash_algorithm IS NOT 'sha256' OR attempts <> 1 OR error IS NOT NULL
    OR permissions IS NULL OR changed_at IS NULL" 0
  check_hashes "the hash of each file is what sha256sum says" sha256sum
  check_db "is sound" "PRAGMA integrity_check" ok

  check_log_form
  check_log "one start and one end record" "SELECT sum(type = 'start'), sum(type = 'end'),
    min(number) FILTER (WHERE type = 'start'), max(number) - max(number) FILTER (WHERE type = 'end')
    FROM record" "1|1|1|0"
  check_log "one record for each file" "SELECT count(*), count(DISTINCT source), sum(size) FROM record
    WHERE type = 'operation' AND kind = 'file' AND status = 'success'" "$files|$files|$bytes"
  check_log "the special file is skipped by name" "SELECT source, status FROM record
    WHERE action = 'skip'" "$src/fifo|skipped"
  check_log "totals are those of its records" "SELECT json_extract(text, '\$.totals.copied_files'),
    json_extract(text, '\$.totals.copied_bytes') = $bytes, json_extract(text, '\$.totals.failed'),
    json_extract(text, '\$.exit_code') FROM record WHERE type = 'end'" \
    "$(find "$src" \( -type f -o -type l \) -printf x | wc -c)|1|0|0"
  check_log "checksums are those of the database" "ATTACH '$db' AS d;
    SELECT count(*) FROM record r JOIN d.files f ON f.source_path = r.source
    WHERE r.kind = 'file' AND json_extract(r.text, '\$.checksum') = f.hash" "$files"
}

# A file of the user may begin like a temporary; it is no temporary and stays.
no_temporaries_but_ours() {
  equal ".sluice-notes.part" "$(find "$dst" -name '.sluice-*' -printf '%f\n')"
}

second_run() {
  section "A second run"
  local before
  before=$(state "$dst")
  run source destination
  check "exit code 0" equal 0 "$code"
  check "no file is touched" equal "$before" "$(state "$dst")"
  check_log "one more start and end record" \
    "SELECT sum(type = 'start'), sum(type = 'end') FROM record" "2|2"
  check_log "nothing is copied" "SELECT count(*) FROM record WHERE run = 2 AND status = 'success'" 0
  check_db "hashes are kept" "SELECT count(*) FROM files WHERE hash IS NULL" 0
}

changes() {
  section "Changes at the source"
  local hash untouched
  hash=$(sha256sum <"$src/docs/report 20.txt")
  untouched=$(stat -c '%i %z' "$dst/docs/report 40.txt")
  random $((20 * 37)) >"$src/docs/report 20.txt"
  touch -d '2020-02-02 02:02:02.222222222 UTC' "$src/docs/report 20.txt"
  truncate -s 100 "$src/docs/report 21.txt"
  : >"$src/docs/report 22.txt"
  random 300000 >>"$src/docs/report 23.txt"
  random 5000 >"$src/docs/new file"
  touch -d '2019-03-04 05:06:07.123456788 UTC' "$src/docs/report 1.txt"
  mkdir "$src/new directory"
  random 50 >"$src/new directory/file"
  ln -sfn "docs/report 2.txt" "$src/link"
  run source destination
  check "exit code 0" equal 0 "$code"
  check "the content of a file of the same size and another time" \
    cmp -s "$src/docs/report 20.txt" "$dst/docs/report 20.txt"
  check "a truncated file" cmp -s "$src/docs/report 21.txt" "$dst/docs/report 21.txt"
  check "an emptied file" equal 0 "$(stat -c %s "$dst/docs/report 22.txt")"
  check "a file that has grown" cmp -s "$src/docs/report 23.txt" "$dst/docs/report 23.txt"
  check "a new file" cmp -s "$src/docs/new file" "$dst/docs/new file"
  check "a time that differs by a nanosecond" \
    equal "$(time_of "$src/docs/report 1.txt")" "$(time_of "$dst/docs/report 1.txt")"
  check "a link that points elsewhere" equal "docs/report 2.txt" "$(readlink "$dst/link")"
  check "all is identical" same_trees "$src" "$dst"
  check "other files are not touched" equal "$untouched" "$(stat -c '%i %z' "$dst/docs/report 40.txt")"
  # report 1 has two names
  check_log "these are copied and no others" "SELECT sum(action = 'copy'), sum(action = 'overwrite')
    FROM record WHERE run = 3 AND status = 'success'" "2|7"
  check_hashes "hashes are those of the new content" sha256sum
  check "the old hash is not the new one" test "$hash" != "$(sha256sum <"$dst/docs/report 20.txt")"
}

mirror() {
  section "Mirror mode"
  rm -r "$src/deep" "$src/docs/report 30.txt" "$src/link to a directory"
  random 77 >"$dst/extra"
  mkdir -p "$dst/extras/in/depth"
  random 7 >"$dst/extras/in/depth/"$'a\nb'
  ln -s /etc "$dst/extras/link"
  run source destination
  check "without --delete-extras nothing is deleted" \
    test -e "$dst/extra" -a -e "$dst/docs/report 30.txt" -a -d "$dst/extras/in/depth" -a -d "$dst/deep/1"
  check "and the exit code is 0" equal 0 "$code"
  run source destination --delete-extras --dry-run
  check "a dry run deletes nothing" test -e "$dst/extra" -a -d "$dst/deep/1"
  check "and says what it would delete" has "$out" "extra"
  run source destination --delete-extras
  check "exit code 0" equal 0 "$code"
  check "files, links and directories that the source does not have are gone" same_trees "$src" "$dst"
  check "what a link pointed to is not" test -d /etc
  check_log "one record for each deletion" "SELECT count(*), count(DISTINCT source), sum(kind = 'file'),
    sum(kind = 'symlink'), sum(kind = 'directory') FROM record
    WHERE action = 'delete' AND status = 'success'" "18|18|4|2|12"
  check_db "what is gone from the source has no row" \
    "SELECT count(*) FROM files WHERE source_path GLOB '*/deep/*' OR source_path GLOB '*report 30*'" 0

  # the live look: what appears at the source after the scan is no extra any more
  random 3000000 >"$src/slow"
  random 90 >"$dst/late"
  random 91 >"$dst/gone"
  start source destination --delete-extras --bwlimit 600K
  if until_true 60 scanned; then
    random 90 >"$src/late"
    finished
    check "a file that appears at the source after the scan is not deleted" test -e "$dst/late"
    check "one that does not appear is" test ! -e "$dst/gone"
    check "a refusal is a failure: exit code 1" equal 1 "$code"
    check_log "the refusal has a record" "SELECT source, status FROM record
      WHERE run = (SELECT max(run) FROM record) AND action = 'refuse'" "$src/late|failure"
    run source destination --delete-extras
    check "the next run brings it" same_trees "$src" "$dst"
  else
    finished
    check "the scan has a record before the transfer begins" false
  fi
  check_log_form
}

# starts: how many runs have a start record in the log.
starts() { if [[ -e $log ]]; then grep -c '^{"type":"start"' "$log" || true; else echo 0; fi; }

# scanned: the run that is under way has a scan behind it, its own or an earlier one's, and is writing
# a file. (What it tries out at the destination before the scan has such names too.)
scanned() {
  (($(starts) > started)) && awk '/^{"type":"start"/ { done = /"resumed":true/ } /^{"type":"scan"/ { done = 1 }
    END { exit !done }' "$log" && [[ -n $(find "$dst" -name '.sluice-*-*.part' | head -n 1) ]]
}

# --- stopping in the middle -----------------------------------------------------------------------

# A tree that takes twelve seconds and more at 512 KiB a second, longer than anybody needs to kill the
# run; two of its files are already there.
make_slow_source() {
  local i
  mkdir -p "$src/large" "$src/small"/{a,b,c}
  for i in 1 2 3; do random 1500000 >"$src/large/$i"; done
  for i in {1..120}; do random 10000 >"$src/small/a/$i"; done
  for i in {1..40}; do random 15000 >"$src/small/b/$i"; done
  mkdir "$dst/large"
  random 1000 >"$dst/large/2"
  random 1500000 >"$dst/large/3"
  touch -d '2018-01-01 UTC' "$dst/large/2" "$dst/large/3"
  old2=$(sha256sum <"$dst/large/2")
  old3=$(sha256sum <"$dst/large/3")
}

# whole: each file at the destination is that of the source, or what was there before.
whole() {
  local name sum
  while IFS= read -r -d '' name; do
    cmp -s "$src/$name" "$dst/$name" && continue
    # a file that is renamed between two looks is read again
    sum=$(sha256sum 2>/dev/null <"$dst/$name")
    [[ $name == large/2 && $sum == "$old2" ]] && continue
    [[ $name == large/3 && $sum == "$old3" ]] && continue
    cmp -s "$src/$name" "$dst/$name" && continue
    echo "torn: $name ($(stat -c %s "$dst/$name") bytes)"
    return 1
  done < <(cd "$dst" && find . -name '.sluice-*.part' -prune -o -type f -printf '%P\0')
}

# watch SECONDS: looks at the destination again and again while a run goes on.
watch() {
  local looks=0 end
  end=$(($(date +%s%N) + $1 * 1000000))
  while (($(date +%s%N) < end)); do
    whole || return 1
    looks=$((looks + 1))
    sleep 0.02
  done
  ((looks > 0))
}

# Every row that says synced is of a file that is complete.
synced_is_true() {
  local path dest
  while IFS='|' read -r path dest; do
    cmp -s "$path" "$dest" || { echo "synced, and different: $dest"; return 1; }
  done < <(sql "SELECT source_path, dest_path FROM files WHERE status = 'synced'")
}

check_synced() {
  if [[ -n $have_sqlite ]]; then check "database: no row says synced for a file that is not" synced_is_true
  else skip "database: no row says synced for a file that is not" "sqlite3 is missing"; fi
}

killed() {
  section "Killed in the middle, and resumed"
  fresh
  make_slow_source
  local times=0 sofar
  for pause in 700 1300; do
    start source destination --bwlimit 512K
    until_true 60 scanned || check "the transfer begins" false
    check "while it runs, no torn file is at a final name" watch "$pause"
    check "it still runs when it is killed" kill -9 "$running"
    finished
    times=$((times + 1))
    check "after the kill, no torn file is at a final name" whole
    check_synced
  done
  check_log "both runs have a start and no end record" \
    "SELECT sum(type = 'start'), sum(type = 'end') FROM record" "2|0"
  sofar=$(find "$dst" -name '.sluice-*.part' | wc -l)
  check "the kill left temporaries ($sofar)" test "$sofar" -gt 0
  run source destination --progress plain
  check "the next run ends with exit code 0" equal 0 "$code"
  check "and says what it resumes" has "$out" "resuming: "
  check "no temporary is left" no_temporaries "$place"
  check "all is identical" same_trees "$src" "$dst"
  check_log_form
  check_log "every file is copied once, over all runs" "SELECT count(*), count(DISTINCT source)
    FROM record WHERE type = 'operation' AND kind = 'file' AND status = 'success'" "163|163"
  check_log "the third run does not scan" \
    "SELECT count(*) FROM record WHERE type = 'scan' AND run = 3" 0
  check_db "every row is synced" \
    "SELECT count(*), sum(status = 'synced') FROM files" "163|163"
  check_hashes "hashes are those of sha256sum" sha256sum
}

interrupted() {
  local signal=$1 wanted=$2
  section "Interrupted by SIG$signal, and resumed"
  fresh
  make_slow_source
  start source destination --bwlimit 512K
  until_true 60 scanned || check "the transfer begins" false
  if [[ $signal == INT ]]; then second_process; fi
  sleep 0.8
  local began
  began=$(date +%s%N)
  kill "-$signal" "$running"
  finished
  check "exit code $wanted" equal "$wanted" "$code"
  local took=$((($(date +%s%N) - began) / 1000000))
  check "within two seconds ($took ms)" test "$took" -lt $((2000 + 5 * $(time_of_start)))
  check "the summary says so" has "$out" "interrupted"
  check "no torn file is at a final name" whole
  check "no temporary is left" no_temporaries "$place"
  check_synced
  check_log "the run has its end record" "SELECT json_extract(text, '\$.outcome'),
    json_extract(text, '\$.exit_code') FROM record WHERE type = 'end'" "interrupted|$wanted"
  run source destination
  check "the next run resumes and ends with exit code 0" equal "0 resuming" \
    "$code $([[ $out == *resuming* ]] && echo resuming)"
  check "all is identical" same_trees "$src" "$dst"
  check_log "every file is copied once" "SELECT count(*), count(DISTINCT source)
    FROM record WHERE type = 'operation' AND kind = 'file' AND status = 'success'" "163|163"
  check_log_form
}

# A second process on the database of the one that runs.
second_process() {
  local stated
  stated=$(wc -c <"$log")
  (cd "$place" && exec "${isolated[@]}" source destination) >"$work/out2" 2>"$work/err2" </dev/null
  check "a second process on the same database is refused: exit code 2" equal 2 $?
  check "and is told which process holds it" has "$(<"$work/err2")" "process $running "
  check "in one line" equal 1 "$(wc -l <"$work/err2")"
  check "and writes nothing to the log" test "$(head -c "$stated" "$log" | wc -c)" -eq "$stated"
}

# --- other options --------------------------------------------------------------------------------

options() {
  section "Options"
  local pair name before began took
  fresh
  mkdir "$src/d"
  for name in a b "d/c"; do random 20000 >"$src/$name"; done
  before=$(state "$dst")
  run source destination --dry-run
  check "--dry-run: exit code 0" equal 0 "$code"
  check "--dry-run prints each operation with its reason" has "$out" "not at the destination"
  check "--dry-run touches nothing at the destination" equal "$before" "$(state "$dst")"
  check "--dry-run makes no database" test ! -e "$db"
  for pair in md5:md5sum sha1:sha1sum blake2b:b2sum; do
    name=${pair%:*}
    rm -rf "$dst" "$db"* "$log"
    mkdir "$dst"
    run source destination --checksum "$name" --block-size 4K --queue-capacity 1
    check "--checksum $name: exit code 0" equal 0 "$code"
    check_hashes "$name is what ${pair#*:} says" "${pair#*:}"
  done
  run source destination --db other.db --log other.jsonl --progress none -q
  check "--db and --log name other files, -q prints nothing" \
    equal "yes yes ''" "$(test -s "$place/other.db" && echo yes) $(test -s "$place/other.jsonl" && echo yes) '$out$err'"
  run source destination --progress json
  if [[ -n $have_sqlite ]]; then
    cp "$work/out" "$place/progress"
    check "--progress json: every line is JSON, the last one the summary" equal "0|in sync" "$(
      log=$place/progress
      log_sql "SELECT sum(NOT json_valid(text)), (SELECT json_extract(text, '\$.outcome') FROM line
        WHERE json_extract(text, '\$.type') = 'summary' ORDER BY number DESC LIMIT 1) FROM line"
    )"
  else skip "--progress json" "sqlite3 is missing"; fi
  rm -rf "$dst" "$db"* "$log"
  mkdir "$dst"
  random 8000000 >"$src/limited"
  began=$(date +%s%N)
  run source destination --bwlimit 4M
  took=$((($(date +%s%N) - began) / 1000000))
  # the bytes alone take 1.92 s; starting and scanning come on top
  check "--bwlimit 4M: 7.7 MiB take two seconds ($took ms)" \
    test "$took" -gt 1850 -a "$took" -lt $((2500 + 10 * $(time_of_start)))
  check "and all is identical" same_trees "$src" "$dst"
  run --version
  check "--version: exit code 0 and a version" equal "0 $(tr -d '\n' <<<"$out")" \
    "$code $(head -n 1 <<<"$out")"
  run --help
  check "--help: exit code 0, and fits on one screen" test "$code" -eq 0 -a "$(wc -l <"$work/out")" -lt 45
}

# refused WHAT ARGS...: exit code 2, one line on stderr, and nothing touched.
refused() {
  local what=$1
  shift
  run "$@"
  check "$what: exit code 2, one line, nothing touched" equal \
    "exit code 2, 1 lines on stderr, 0 bytes on stdout, ${untouched}" \
    "exit code $code, $(wc -l <"$work/err") lines on stderr, $(wc -c <"$work/out") bytes on stdout, $(state "$place")"
}

usage() {
  section "Wrong usage"
  fresh
  random 100 >"$src/file"
  mkdir "$src/inside" "$dst/inside"
  ln -s source "$place/the same"
  ln -s source/inside "$place/way in"
  echo "not a database" >"$place/foreign.txt"
  echo "not a log" >"$place/notes.txt"
  if [[ -n $have_sqlite ]]; then
    sqlite3 "$place/foreign.db" "CREATE TABLE t (x); INSERT INTO t VALUES (1)"
  fi
  untouched=$(state "$place")
  refused "no arguments"
  refused "no destination" source
  refused "three directories" source destination destination
  refused "an unknown option" source destination --no-such-option
  refused "a misspelt option" source destination --bwlimt 3M
  refused "a repeated option" source destination --bwlimit 1M --bwlimit 2M
  refused "an option without its value" source destination --bwlimit
  refused "a rate of zero" source destination --bwlimit 0
  refused "a negative rate" source destination --bwlimit=-1M
  refused "a rate that is none" source destination --bwlimit fast
  refused "a block size of zero" source destination --block-size 0
  refused "a block size beyond memory" source destination --block-size 4T
  refused "a queue of zero" source destination --queue-capacity 0
  refused "a queue of a half" source destination --queue-capacity 0.5
  refused "an unknown checksum" source destination --checksum crc32
  refused "an unknown progress" source destination --progress fancy
  refused "quiet and verbose" source destination -q -v
  refused "a source that is missing" missing destination
  refused "a destination that is missing" source missing
  refused "an empty name" "" destination
  refused "a source that is a file" source/file destination
  refused "a destination that is a file" source foreign.txt
  refused "the same directory twice" source source
  refused "the same directory by a link" source "the same"
  refused "the same directory in another spelling" source ./destination/../source/
  refused "a destination inside the source" source source/inside
  refused "a destination inside the source by a link" source "way in"
  refused "a source inside the destination" destination/inside destination
  refused "a database inside the source" source destination --db source/x.db
  refused "a database inside the destination" source destination --db destination/inside/x.db
  refused "a log inside the source" source destination --log source/x.jsonl
  refused "a log inside the destination" source destination --log destination/x.jsonl
  refused "the same file for both" source destination --db x --log x
  refused "a database in a missing directory" source destination --db missing/x.db
  refused "a log in a missing directory" source destination --log missing/x.jsonl
  refused "a log that is a directory" source destination --log source
  refused "a database that is a directory" source destination --db "$work"
  refused "a database that is none" source destination --db foreign.txt
  refused "a log that is none" source destination --log notes.txt
  if [[ -n $have_sqlite ]]; then
    refused "the database of another program" source destination --db foreign.db
  else skip "the database of another program" "sqlite3 is missing"; fi
  if [[ $(id -u) -ne 0 ]]; then
    mkdir -m 555 "$place/closed"
    untouched=$(state "$place")
    refused "a database in a closed directory" source destination --db closed/x.db
    refused "a log in a closed directory" source destination --log closed/x.jsonl
  else skip "a database or log in a closed directory" "nothing is closed to root"; fi
  mkdir "$place/third"
  run source destination
  untouched=$(state "$place")
  refused "the database of another pair" source third
  check "and is told which pair it has" has "$err" "$src"
  check_db "which it still has" "SELECT source, destination FROM pair" "$src|$dst"
}

# --- all of it ------------------------------------------------------------------------------------

echo "Checks $binary in $work"
if [[ ${#network[@]} -gt 0 ]]; then echo "It runs with an empty environment and no network"
else echo "It runs with an empty environment; taking the network away is not permitted here"; fi
place=$work
run --version
if ! check "it runs at all" equal 0 "$code"; then
  printf '%s\n' "$err" | head -n 5
else
  first_run
  second_run
  changes
  mirror
  killed
  interrupted INT 130
  interrupted TERM 143
  options
  usage
fi

echo
echo "$passed passed, $failed failed, $skipped skipped, in $SECONDS s"
[[ $failed -eq 0 ]]
