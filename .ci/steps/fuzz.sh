# Fuzzing. The seeds run with the ordinary tests.

# LONG matches the fuzz tests of the pool's read path and state machine, of the
# transports' parsers, and of the server's connections.
LONG='^\./(muxpool(/wire)?|transport(/[a-z]+)?) Fuzz'

step_fuzz() { fuzz_all . "${FUZZTIME:-5}" "${FUZZTIME_LONG:-5}"; }
step_fuzz_long() { fuzz_all '*' "${FUZZTIME:-10}" "${FUZZTIME_LONG:-60}"; }

# fuzz_all runs every fuzz test of some modules (a pattern of their folders), two at a time with one worker
# each: seconds for each, and for those that LONG matches. In the nested modules others' code, which is compared
# with ours, has to be built for that.
fuzz_all() {
  local list=$work/fuzz long others modules=$1 quick=$2 slow=$3
  grep -rHE --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's|^(.*)/[^/]+:func |\1 |' | sort |
    while read -r dir name; do
      local module=$dir
      until [ -e "$module/go.mod" ]; do module=$(dirname "$module"); done
      # shellcheck disable=SC2053 # a pattern
      if [[ $module == $modules ]]; then echo "$dir $name"; fi
    done >"$list"
  found_some "$list" 'fuzz test' || return 1
  long=$(grep -cE "$LONG" "$list") || true
  others=$(($(wc -l <"$list") - long))
  echo "$long fuzz tests of the pool and the transports, $slow s each, and $others others, $quick s each"
  while read -r dir name; do
    local time=$quick
    if [[ "$dir $name" =~ $LONG ]]; then time=$slow; fi
    echo "$dir $name ${time}s"
  done <"$list" | xargs -r -P 2 -L 1 bash -c 'fuzz_one "$@"' fuzz
}

# fuzz_one runs a fuzz test: package, name, time. What a story covers depends on the order of its
# goroutines, so that without a bound most of the time would go into making inputs smaller. Sometimes the go command takes
# the end of the time for a failure (go.dev/issue/75804, fixed in Go 1.27); one that it found itself
# names an input.
fuzz_one() {
  local log status
  log=$(nice go test -C "$1" -run '^$' -fuzz "^$2\$" -fuzztime "$3" -fuzzminimizetime 10x -parallel 1 . 2>&1)
  status=$?
  if [ $status -ne 0 ] && grep -qE '^ +context deadline exceeded$' <<<"$log" && ! grep -q 'Failing input' <<<"$log"; then
    status=0
  fi
  if [ $status -ne 0 ] || ! grep -q '^fuzz: elapsed' <<<"$log"; then # or nothing was fuzzed
    printf 'FAILED  %s %s\n%s\n' "$1" "$2" "$log"
    return 1
  fi
  printf 'ok  %s %s %s: %s\n' "$1" "$2" "$3" "$(grep -E '^fuzz: elapsed' <<<"$log" | tail -n 1)"
}
export -f fuzz_one
