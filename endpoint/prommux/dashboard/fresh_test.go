package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/prommux"
	"github.com/muxkit/muxkit/muxpool"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// What is committed is what is made.
func TestFilesAreFresh(t *testing.T) {
	for name, make := range files {
		want, err := make()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what is made: run go generate ./... in this folder", name)
		}
	}
}

// Whoever asks for a metric asks for one that prommux has, and each panel asks something.
func TestQuestionsNameMetrics(t *testing.T) {
	there := known(t)
	name := regexp.MustCompile(`\b(muxkit|rpc)_[a-z_]+`)
	check := func(who, expr string) {
		names := name.FindAllString(expr, -1)
		if len(names) == 0 {
			t.Errorf("%s asks for no metric: %s", who, expr)
		}
		for _, n := range names {
			for _, part := range []string{"_bucket", "_count"} {
				if strings.HasPrefix(n, "rpc_") || strings.HasPrefix(n, "muxkit_client") {
					n = strings.TrimSuffix(n, part)
				}
			}
			if !there[n] && n != "rpc_method" {
				t.Errorf("%s asks for %s, which prommux does not have", who, n)
			}
		}
	}
	for _, r := range rows {
		for _, p := range r.panels {
			for _, l := range p.lines {
				asked := l.asked(selection, "$__rate_interval")
				check(p.title, l.expr)
				if !strings.Contains(asked, "$job") || regexp.MustCompile(`[{,]S}|\[T\]`).MatchString(asked) {
					t.Errorf("%s asks %s", p.title, asked)
				}
			}
		}
	}
	for _, a := range alerts {
		check(a.name, a.expr)
	}
	var d struct {
		Panels []struct{ Type, Title string }
	}
	text, err := grafana()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	panels := 0
	for _, p := range d.Panels {
		if p.Type != "row" {
			panels++
		}
	}
	want := 0
	for _, r := range rows {
		want += len(r.panels)
	}
	if panels != want {
		t.Errorf("the dashboard has %d panels of %d", panels, want)
	}
}

// known are the metrics that prommux describes.
func known(t *testing.T) map[string]bool {
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	group := breaker.NewGroup()
	defer group.Close()
	set := muxendpoint.NewSet(muxendpoint.FixedInstances{{Address: "10.0.0.1:1"}}, nil)
	defer set.Close()
	descs := make(chan *prometheus.Desc, 1000)
	for _, c := range []prometheus.Collector{prommux.Pool(pool), prommux.Breakers(group), prommux.Set(set),
		prommux.Service(muxtransport.NewService(native.Protocol{})), prommux.NewCalls()} {
		c.Describe(descs)
	}
	close(descs)
	there := make(map[string]bool)
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	for d := range descs {
		there[name.FindStringSubmatch(d.String())[1]] = true
	}
	return there
}

// docs/telemetry.md says of each alert what to do, and of none that is not there.
func TestAlertsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for _, n := range regexp.MustCompile("`(Muxkit[A-Za-z]+)`").FindAllStringSubmatch(string(text), -1) {
		documented[n[1]] = true
	}
	for _, a := range alerts {
		if !documented[a.name] {
			t.Errorf("docs/telemetry.md does not tell %s", a.name)
		}
		delete(documented, a.name)
	}
	for name := range documented {
		t.Errorf("docs/telemetry.md tells %s, which is no alert", name)
	}
}
