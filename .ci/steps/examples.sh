# The programs that a reader runs.

# Every program of the examples, as its reader runs it.
step_examples() {
  local dir module path programs
  run go build -o "$work/quickstart" ./examples/quickstart
  run timeout 60 "$work/quickstart"
  run timeout 60 "$work/quickstart" -kill=false -duration 5s
  run go build -o "$work/" ./examples/stringsvc/server ./examples/stringsvc/client ./examples/muxcall
  two_processes
  grep -rlE --include='*.go' '^package main\b' examples | xargs -n 1 dirname | sort -u >"$work/programs"
  found_some "$work/programs" 'program'
  mapfile -t programs <"$work/programs"
  for dir in "${programs[@]}"; do
    if [ "$dir" = examples/cluster ]; then continue; fi # etcd takes a while to build: the step nested has it, and a test of the plan
    module=$dir
    until [ -e "$module/go.mod" ]; do module=$(dirname "$module"); done
    path=./$(realpath --relative-to "$module" "$dir")
    tells_its_arguments "$module" "$path"
    case $dir in
      examples/quickstart | examples/stringsvc/* | examples/muxcall) ;; # above
      examples/muxbench | examples/shop) run timeout 300 go run -C "$module" "$path" -plan ;; # takes long: it says what it would do
      *) run timeout 120 go run -C "$module" "$path" ;;
    esac
  done
}

# tells_its_arguments asks a program of a module how it is used. It says so and that is no failure.
tells_its_arguments() {
  echo "+ $2 -h, in $1"
  (cd "$1" && go run "$2" -h) >"$work/usage" 2>&1 || { cat "$work/usage"; return 1; }
  grep -qE '^(usage: |muxcall calls )' "$work/usage" || { echo "it does not say how it is used:"; cat "$work/usage"; return 1; }
}

# The shop with all that befalls it, each under load: about a minute.
step_shop() {
  run timeout 600 \
    go run -C examples/shop . -scenes all
}

# Many machines: an etcd of three members, six nodes, four clients, and what befalls them. Root can part the zones.
step_cluster() {
  run timeout 600 \
    go run -C examples/cluster . | tee "$work/cluster.log"
  if [ "$(id -u)" -eq 0 ] && grep 'LEFT OUT' "$work/cluster.log"; then return 1; fi
}

# two_processes runs the server of stringsvc, its client and muxcall against each other.
two_processes() {
  "$work/server" -listen 127.0.0.1:0 2>"$work/server.log" &
  local server=$! address='' answer counted listed state
  while [ -z "$address" ] && kill -0 $server 2>/dev/null; do
    sleep 0.1
    address=$(sed -nE 's/.*addr=([^ ]+).*/\1/p' "$work/server.log")
  done
  echo "+ client -nodes $address 'hello, world'"
  answer=$("$work/client" -nodes "$address" 'hello, world') || echo "the client failed"
  counted=$("$work/muxcall" "$address" stringsvc.Count '{"s":"hello"}') || echo "muxcall failed"
  listed=$("$work/muxcall" list "$address") || echo "muxcall list failed"
  state=$("$work/muxcall" health "$address") || echo "muxcall health failed"
  kill -INT $server
  wait $server
  cat "$work/server.log"
  echo "$answer"
  echo "$counted, $state, $listed"
  grep -qx 'HELLO, WORLD 12' <<<"$answer" && [ "$counted, $state" = '{"v":5}, serving' ] && grep -qx stringsvc.Count <<<"$listed"
}

