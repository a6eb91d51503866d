# Steps that run tests of the root module and of the nested ones.

# The README's test command, as a newcomer runs it.
step_test() { tests ./...; }

# The race detector, and memory that is given back is watched: muxpool/wire/guard_on.go.
step_race() { tests -race -tags muxguard -count=1 -timeout 12m ./...; }

# The nested modules: all their tests that need nobody else's program.
step_nested() { polite=nice each_nested nested; }

# nested runs those of the current module, if it has any.
nested() {
  local files
  files=$(go list -f '{{range .TestGoFiles}}{{.}} {{end}}{{range .XTestGoFiles}}{{.}} {{end}}' ./...) || return 1
  [ -z "$files" ] || tests -race -count=1 -timeout 12m ./...
}

# Those that need one have the build tag peers, and say in .ci/needs.txt what.
step_peers() {
  local file module
  polite=nice
  grep -rlE --include='*_test.go' '^//go:build .*\bpeers\b' . | while read -r file; do
    module=$(dirname "$file")
    until [ -e "$module/go.mod" ]; do module=$(dirname "$module"); done
    echo "$module $(dirname "$file")"
  done | sort -u >"$work/peers"
  found_some "$work/peers" 'test with the tag peers' || return 1
  while read -r module file; do
    (cd "$module" && tests -race -count=1 -tags peers -timeout 20m "./$(realpath --relative-to . "$OLDPWD/$file")") || echo "$file" >>"$work/peers.failed"
  done <"$work/peers"
  [ ! -e "$work/peers.failed" ]
}

# The page for operators in headless Chromium, without scripts: it needs node, for playwright-core, and its own minute.
step_browser() { tests -count=1 -tags browser -timeout 170s ./endpoint/admin; }

MIN_COVERAGE=90 # percent of muxpool's statements

# The rows of the fault matrix as often as it says, and the coverage of it all.
step_pool() {
  local covered
  echo "the full rows of the fault matrix: MUXPOOL_FULL=1"
  MUXPOOL_FULL=1 tests -count=1 -timeout 12m -coverprofile "$work/cover.out" -coverpkg ./muxpool,./muxpool/wire,./muxpool/deadline \
    ./muxpool ./muxpool/faulttest ./muxpool/wire ./muxpool/deadline
  MUXPOOL_FULL=1 tests -count=1 -timeout 5m -run TestRollingShutdown ./endpoint ./transport/jsonrpc
  MUXPOOL_FULL=1 tests -count=1 -timeout 5m -v -run TestADeployOfAllNodes ./endpoint # which tells what clients spend
  covered=$(go tool cover -func "$work/cover.out" | awk '$1 == "total:" { sub("%", "", $3); print $3 }')
  echo "coverage of muxpool, its wire and its deadline: $covered%, at least $MIN_COVERAGE% is wanted"
  awk -v c="$covered" -v m="$MIN_COVERAGE" 'BEGIN { exit !(c >= m) }'
}

# The randomised test of the pool at full length, under the race detector.
step_soak() { MUXPOOL_EXCHANGES=${EXCHANGES:-1000000} tests -race -count=1 -timeout 20m -run '^TestRandom' ./muxpool; }

# The quick tests once more under the race detector, on one processor and on four:
# a test that fails now and then should fail here.
step_repeat() {
  local quick
  quick=$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' \
    ./muxpool/... ./transport/... ./breaker ./endpoint)
  # shellcheck disable=SC2086 # one word each
  tests -race -short -count="${REPEAT:-1}" -cpu 1,4 -timeout 20m $quick
}

# Mistakes that no test notices: see .ci/mutate.
step_mutate() { run nice go run ./.ci/mutate -n "${MUTANTS:-2}" -seed "${SEED:-0}" -p "$(nproc)" -budget 20m; }

# The first tier with nothing in the caches: what it costs a new machine.
step_cold() {
  GOMODCACHE=$work/mod GOCACHE=$work/build GOFLAGS=-modcacherw bash .ci/run
}

# A server in a small container is attacked, for 15 s in each protocol.
step_attack() { MUXKIT_ATTACK="${ATTACK:-15s}" tests -count=1 -timeout 30m -v ./transport/attacktest; }
