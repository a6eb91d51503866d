package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/endpoint/admin"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
)

// A page of a real admin handler, and one with all that rows are made of.
func TestTop(t *testing.T) {
	h, err := admin.New()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	empty := httptest.NewServer(h)
	defer empty.Close()
	if r := command(t, "", "top", "-n=1", empty.URL); r.code != exitOK || !strings.HasSuffix(strings.TrimSpace(r.out), "0 nodes, 0 out") {
		t.Errorf("of an empty page: %+v", r)
	}
	page, err := os.ReadFile("../../endpoint/admin/testdata/page.json")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan *http.Request, 16)
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		_, _ = w.Write(page)
	}))
	defer full.Close()
	r := command(t, "", "-top", "-n=2", "-interval=100ms", "-H", "Authorization=Bearer x", strings.TrimPrefix(full.URL, "http://")+"/debug/mux?refresh=0")
	if r.code != exitOK || r.err != "" || strings.Count(r.out, "4 nodes, 2 out") != 2 || strings.Contains(r.out, "\x1b") {
		t.Errorf("%+v", r)
	}
	if got := bounded.Receive(t, asked); got.URL.String() != "/debug/mux?format=json&refresh=0" || got.Header.Get("Authorization") != "Bearer x" {
		t.Errorf("it asked for %s, %v", got.URL, got.Header)
	}
	picture, _, _ := strings.Cut(r.out, "\n\n")
	lines := strings.Split(picture, "\n")
	if len(lines) != 6 {
		t.Fatalf("the picture has %d lines:\n%s", len(lines), picture)
	}
	for i, words := range []string{
		1: "SERVICE NODE STATE BACK FLYING CALLS/S FAILED P50 P99 WEIGHT ERROR",
		2: "stock 10.0.0.2:80 node expelled 2.5s 0 1.00 dial tcp 10.0.0.2:80: connection refused",
		3: "10.0.0.9:80 open: forced open",
		4: "stock 10.0.0.1:80 up 3 21.6 4 1.23ms 2.35s 1.00",
	} {
		if got := strings.Join(strings.Fields(lines[i]), " "); words != "" && got != words {
			t.Errorf("line %d is %q, want %q", i, got, words)
		}
	}
}

func TestTopOfWhatIsNoPage(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/401" {
			http.Error(w, "who are \x1b[2Jyou", http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "<html>\x1b")
	}))
	defer other.Close()
	command(t, "", "top", other.URL+"/401").check(t, exitRefused, "", "401 Unauthorized", `"who are \x1b[2Jyou"`)
	command(t, "", "top", other.URL).check(t, exitRefused, "", "is no admin page", `"<html>\x1b"`)
	command(t, "", "top", peertest.Nobody(t)).check(t, exitUnsent, "", "connection refused")
	_, caFile := authority(t)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = nil
	command(t, "", "top", "-ca", caFile, secure.URL).check(t, exitUnsent, "", "failed to verify certificate")
	command(t, "", "top", "-insecure", secure.URL).check(t, exitRefused, "", "WARNING", "404")
}

// On a terminal pictures are drawn over each other, and the terminal is given back whatever
// ends the command; a page that goes away meanwhile is told of beside what was known.
func TestTopOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	up := make(chan bool, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-up:
			fmt.Fprint(w, `{"time":"2026-01-02T03:04:05Z","pools":[{"nodes":[{"network":"tcp","address":"a:1","state":"ready","in_flight":2}]}]}`)
		default:
			http.Error(w, "gone", http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	up <- true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pictures, ended := make(lines, 16), make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"top", "-interval=100ms", s.URL}, streams{out: pictures, err: &errs, terminal: true})
	}()
	if got := bounded.Receive(t, pictures); !strings.HasPrefix(got, enter+home) || !strings.Contains(got, "a:1") || !strings.HasSuffix(got, clearRest) {
		t.Errorf("the first picture is %q", got)
	}
	if got := bounded.Receive(t, pictures); !strings.HasPrefix(got, home) || !strings.Contains(got, "NO ANSWER since") || !strings.Contains(got, "a:1") {
		t.Errorf("the second picture is %q", got)
	}
	cancel()
	if code := bounded.Receive(t, ended); code != exitInterrupted || errs.Len() > 0 {
		t.Errorf("exit code %d; it said %s", code, errs.String())
	}
	close(pictures)
	last := ""
	for p := range pictures {
		last = p
	}
	if last != leave {
		t.Errorf("the last it wrote is %q", last)
	}
}

func TestTopOnADumbTerminal(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"time":"2026-01-02T03:04:05Z"}`) }))
	defer s.Close()
	for _, kind := range []string{"dumb", ""} {
		t.Setenv("TERM", kind)
		var out bytes.Buffer
		if code := run(t.Context(), []string{"top", "-n=2", "-interval=100ms", s.URL}, streams{out: &out, err: &out, terminal: true}); code != exitOK ||
			strings.Contains(out.String(), "\x1b") || strings.Count(out.String(), "0 nodes") != 2 {
			t.Errorf("TERM=%q: exit code %d, %q", kind, code, out.String())
		}
	}
}

// Whatever nodes are called, a line is no wider than the terminal, and holds nothing that it
// would obey.
func TestNarrowAndHostileBoards(t *testing.T) {
	back := time.Date(2026, 1, 2, 3, 4, 10, 0, time.UTC)
	b := &board{url: "x", time: back.Add(-5 * time.Second), stale: strings.Repeat("down ", 50), rows: []row{
		{service: "stock", node: "tcp://10.0.0.2:80", state: "node expelled", err: strings.Repeat("long error ", 30), returns: &back, inFlight: 3, weight: 1, minute: &minute{123456.7, 4, 1.2, 9999}, out: true},
		{service: "店舗店舗店舗店舗店舗店舗店舗店舗", node: "tcp://節点節点節点節点節点節点節点節点節点節点節点節点節点節点:80", state: "up", inFlight: 12, weight: 0.5},
		{service: "a\x1b[2Jb", node: "n\u202eo\nd\te", state: "\u009b", err: "🚀🚀🚀\x00", inFlight: -1, weight: -1},
	}}
	for width := 1; width < 200; width++ {
		for _, line := range b.lines(width) {
			if columnsOf(line) > width || strings.ContainsAny(line, "\x1b\u009b\u202e\n\t\x00") {
				t.Fatalf("%d columns: %q", width, line)
			}
		}
	}
	for width, heads := range map[int]string{
		0:  "SERVICE NODE STATE BACK FLYING CALLS/S FAILED P50 P99 WEIGHT ERROR",
		70: "NODE STATE",
		20: "NODE",
	} {
		head := b.lines(width)[2]
		if got := strings.Join(strings.Fields(head), " "); got != heads {
			t.Errorf("%d columns show %s, want %s", width, got, heads)
		}
	}
}
