//go:build peers

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/peertest"
)

// The rules stay silent before, and fire when, in the time of promtool.
func TestRules(t *testing.T) {
	out, err := exec.Command("promtool", "test", "rules", "testdata/rules_test.yml").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// server is a Prometheus.
type server struct {
	url   string
	begun time.Time
	http  *http.Client
}

// free is an address that nobody listens at.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startPrometheus starts one that looks at pages four times a second, with the rules of
// alerts.yml, whose times are multiplied by scale.
func startPrometheus(t *testing.T, scale float64, pages map[string][]string) *server {
	dir := t.TempDir()
	text, err := rules(scale)
	if err != nil {
		t.Fatal(err)
	}
	config := "global:\n  scrape_interval: 250ms\n  scrape_timeout: 250ms\n  evaluation_interval: 250ms\nrule_files: [rules.yml]\nscrape_configs:\n"
	for job, addresses := range pages {
		config += fmt.Sprintf("  - job_name: %s\n    static_configs: [{targets: [%s]}]\n", job, strings.Join(addresses, ", "))
	}
	for name, content := range map[string][]byte{"rules.yml": text, "prometheus.yml": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := free(t)
	peertest.Start(t, exec.Command("prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn"))
	s := &server{url: "http://" + address, begun: time.Now(), http: &http.Client{Timeout: 30 * time.Second}}
	t.Cleanup(s.http.CloseIdleConnections)
	s.until(t, "ready", func() bool {
		resp, err := s.http.Get(s.url + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// waitTime bounds each wait. It is for a machine that does other things too.
const waitTime = 3 * time.Minute

// until waits until something holds.
func (s *server) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	defer cancel()
	for !holds() {
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", waitTime, what)
		}
	}
}

// sample is what Prometheus answers for one series.
type sample struct {
	Metric map[string]string
	Value  [2]any   // of query
	Values [][2]any // of query_range
}

func (s *server) ask(t *testing.T, path string, of url.Values) []sample {
	t.Helper()
	resp, err := s.http.Get(s.url + "/api/v1/" + path + "?" + of.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Status, Error string
		Data          struct{ Result []sample }
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s: %v %s", of.Get("query"), err, text)
	}
	return answer.Data.Result
}

// number is the value of the only series that query has, or 0.
func (s *server) number(t *testing.T, query string) float64 {
	t.Helper()
	for _, r := range s.ask(t, "query", url.Values{"query": {query}}) {
		return valueOf(r.Value)
	}
	return 0
}

func valueOf(v [2]any) float64 {
	text, _ := v[1].(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return n
}

// firing are the alerts that fire now, or, if ever, have fired since the server began.
func (s *server) firing(t *testing.T, ever bool) map[string]bool {
	t.Helper()
	query := `ALERTS{alertstate="firing"}`
	if ever {
		query = `max_over_time(` + query + `[1h])`
	}
	names := make(map[string]bool)
	for _, r := range s.ask(t, "query", url.Values{"query": {query}}) {
		names[r.Metric["alertname"]] = true
	}
	return names
}

// drawn reports whether a panel that asks this has shown anything since the server began.
func (s *server) drawn(t *testing.T, expr string) bool {
	t.Helper()
	stamp := func(at time.Time) string { return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64) }
	for _, r := range s.ask(t, "query_range", url.Values{"query": {expr}, "start": {stamp(s.begun)}, "end": {stamp(time.Now())}, "step": {"1"}}) {
		for _, v := range r.Values {
			if n := valueOf(v); !math.IsNaN(n) && !math.IsInf(n, 0) {
				return true
			}
		}
	}
	return false
}
