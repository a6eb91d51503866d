# Steps that run by name only: those of the modules in by_name.txt, which no other step touches.

# consulsd against the real Consul, which the go command builds first and keeps: ten minutes with two processors to
# itself, and more than a GiB of modules and builds. MUXKIT_OUTAGE=60s has Consul away for a minute. What a run has
# shown is in docs/runs/consul.md.
step_consul() {
  cd endpoint/consulsd/interop
  run go mod tidy -diff
  run go vet ./...
  run go run "$STATICCHECK" ./...
  run go tool -n github.com/hashicorp/consul
  tests -race -count=1 -v -timeout 30m ./...
}

# kubesd against the real kube-apiserver, which also judges the YAML of the documents. To
# compile it takes tens of minutes, once. MUXKIT_OUTAGE is for how long it is away, 6s if not set.
step_kube() {
  cd endpoint/kubesd/interop
  run go mod tidy -diff
  run go vet ./...
  run go run "$STATICCHECK" ./...
  tests -race -count=1 -timeout 60m ./...
}
