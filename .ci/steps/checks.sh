# Steps that look at the source.

STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.8.2 # 2026.2.2

step_format() {
  local bad
  bad=$(find . -name '*.go' -not -path './.git/*' -print0 | xargs -0 gofmt -l)
  [ -z "$bad" ] || { printf 'not formatted by gofmt:\n%s\n' "$bad"; return 1; }
}

step_vet() {
  each_module run nice go vet -tags peers,browser,muxguard ./...
  # shellcheck disable=SC2046 # one word each
  run nice go vet $(tools)
}

step_staticcheck() {
  each_module run nice go run "$STATICCHECK" -tags peers,browser,muxguard ./...
  # shellcheck disable=SC2046 # one word each
  run nice go run "$STATICCHECK" $(tools)
}

# go.mod and go.sum say what the code needs, neither more nor less.
step_tidy() { each_module run nice go mod tidy -diff; }

# Imports run downward, and go.mod requires what it may: see .ci/floors. The other
# programs of .ci are tested here as well.
step_floors() {
  # shellcheck disable=SC2046 # one word each
  tests $(tools)
  run go run ./.ci/floors
}

# What the modules promise is what it was at the last release, or docs/changelog.md says that it is broken: see .ci/api.
step_api() { run nice go run ./.ci/api; }

# What the documents say can be checked: code is compiled, commands are run, links and names lead somewhere, and
# each page is on the index. See internal/pages.
step_docs() { tests -count=1 ./internal/pages; }
