package prommux

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/go-kit/kit/endpoint"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// whole is all that can be collected, of a program that has made a call to itself.
func whole(t *testing.T) *prometheus.Registry {
	calls, pool, group := NewCalls(), newPool(t), breaker.NewGroup()
	t.Cleanup(group.Close)
	breakers := Breakers(group)
	service, address := serve(t, map[string]endpoint.Endpoint{"M": echo}, calls.Server())
	set := newSet(t, muxendpoint.FixedInstances{{Address: address}}, muxendpoint.WithService("things"), muxendpoint.WithBreakers(group), calls.Client("things"))
	if _, err := set.Endpoint("M", clientOf(pool, "M"))(testContext(t), []byte("x")); err != nil {
		t.Fatal(err)
	}
	group.Trip(nodeOf(0), errors.New("an unknown one"))
	return registry(t, Pool(pool), breakers, Set(set), Service(service), calls)
}

// The names are as Prometheus advises.
func TestNamesAreClean(t *testing.T) {
	problems, err := testutil.GatherAndLint(whole(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// docs/telemetry.md tells each metric, and none that is not there.
func TestMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile("`((muxkit|rpc)_[a-z_]+)`").FindAllStringSubmatch(string(text), -1)
	documented := make(map[string]bool)
	for _, m := range told {
		documented[m[1]] = true
	}
	families, err := whole(t).Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
		if !documented[f.GetName()] {
			t.Errorf("docs/telemetry.md does not tell %s, %v: %s", f.GetName(), f.GetType(), f.GetHelp())
		}
	}
	for name := range documented {
		if !slices.Contains(names, name) {
			t.Errorf("docs/telemetry.md tells %s, which nobody collects", name)
		}
	}
}
