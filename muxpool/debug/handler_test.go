package debug

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// get asks h, and returns the answer and its body.
func get(t *testing.T, h http.Handler, method, target, accept string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

// state is a pool with a node that works and one that was expelled.
func state() *scripted {
	local, remote := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 7}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}
	return &scripted{stats: muxpool.Stats{
		InFlight: 3,
		Counters: muxpool.Counters{Dials: 12, DialFailures: 10, DialDuration: 1500 * time.Millisecond, Waits: 17, WaitDuration: time.Minute,
			Expelled: 2, ConnsClosed: muxpool.Closed{muxpool.ReasonIdle: 4}, Bulk: muxpool.Traffic{BytesRead: 77}, Traffic: muxpool.Traffic{Calls: muxpool.Calls{Started: 55, TimedOut: 44}}},
		EventsLost: 19,
		Nodes: []muxpool.NodeStats{
			{Node: muxpool.Node{Network: "tcp", Address: "10.0.0.2:80"}, State: muxpool.NodeDown, Counters: muxpool.Counters{DialFailures: 10}},
			{Node: node, State: muxpool.NodeUp, InFlight: 3, Waiting: 4, Conns: []muxpool.ConnStats{
				{LocalAddr: local, RemoteAddr: remote, State: muxpool.ConnOpen, Bulk: true, InFlight: 3, Reserved: 5, QueuedFrames: 6, QueuedBytes: 789, Frames: 321,
					Peer: muxpool.Settings{MaxFrameSize: 65432, MinVersion: 2, MaxVersion: 3}, Traffic: muxpool.Traffic{BytesRead: 98765}},
				{State: muxpool.ConnDraining}, // of a connection that knows no addresses
			}},
		},
	}}
}

func TestText(t *testing.T) {
	pool := state()
	r := NewRecorder(pool, 10)
	pool.happens(muxpool.Event{
		Kind: muxpool.NodeExpelled, Node: muxpool.Node{Network: "tcp", Address: "10.0.0.2:80"}, Attempt: 10, Bulk: true, Time: time.Unix(1, 5e6),
		Reason: muxpool.ReasonReconnectLimit, Err: errors.New("connection refused\x1b[2J"),
	})
	resp, body := get(t, Handler(pool, WithRecorder(r)), "GET", "/", "")
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("status %v, headers %v", resp.Status, resp.Header)
	}
	for _, want := range []string{
		"2 nodes, 3 calls in flight", "12 dials, 10 dial failures, 1500 ms of dials, 17 waits, 60000 ms of waits, 2 expels, 4 closed: idle, 55 calls, 44 timed out",
		"19 events did not reach", "65432 bytes a frame, versions 2 to 3", "98765", "tcp://10.0.0.2:80", "expelled", "ready", "draining",
		"\nNODE ", "\nCONNECTION OF ", "\nEVENT ", "10.0.0.9:7", "open, bulk", "321", "789", "node expelled, bulk", `reconnect limit: "connection refused\x1b[2J"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in:\n%s", want, body)
		}
	}
	first, second := strings.Index(body, "tcp://10.0.0.1:80"), strings.Index(body, "tcp://10.0.0.2:80")
	if first > second {
		t.Errorf("nodes are not in order:\n%s", body)
	}
	for lost, want := range map[uint64]bool{0: false, 1: true} {
		pool.stats.EventsLost = lost
		if _, body := get(t, Handler(pool), "GET", "/", ""); strings.Contains(body, "did not reach") != want {
			t.Errorf("%d events were lost:\n%s", lost, body)
		}
	}
	if strings.Contains(body, "\x1b") {
		t.Errorf("an escape code got through:\n%q", body)
	}
}

func TestJSON(t *testing.T) {
	pool := state()
	r := NewRecorder(pool, 10)
	pool.happens(muxpool.Event{Kind: muxpool.DialFailed, Node: node, Reason: muxpool.ReasonDialFailed, Err: errors.New("no route"), Attempt: 2, Bulk: true})
	resp, body := get(t, Handler(pool, WithRecorder(r)), "GET", "/?format=json", "")
	if resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", resp.Header)
	}
	var page Page
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if page.InFlight != 3 || page.Counters.DialFailures != 10 || len(page.Nodes) != 2 || len(page.Events) != 1 {
		t.Fatalf("page %+v", page)
	}
	if n := page.Nodes[0]; n.State != "ready" || n.Waiting != 4 || len(n.Conns) != 2 || n.Conns[1].Reserved != 5 || n.Conns[1].Remote != "10.0.0.1:80" {
		t.Errorf("node %+v", n)
	}
	if b := page.Counters.Bulk; b == nil || b.BytesRead != 77 || !page.Nodes[0].Conns[1].Bulk || page.Nodes[0].Conns[0].Bulk || !page.Events[0].Bulk {
		t.Errorf("bulk: %+v, %+v, %+v", b, page.Nodes[0].Conns, page.Events)
	}
	if e := page.Events[0]; e.Kind != "dial failed" || e.Reason != "dial failed" || e.Error != "no route" || e.Attempt != 2 {
		t.Errorf("event %+v", e)
	}
	if !strings.Contains(body, `"conns": []`) {
		t.Errorf("a node without connections has no empty list:\n%s", body)
	}
}

func TestFormatIsTheRequests(t *testing.T) {
	h := Handler(state())
	for _, c := range []struct{ target, accept, want string }{
		{"/", "", "text/plain"},
		{"/", "*/*", "text/plain"},
		{"/", "application/json", "application/json"},
		{"/", "Application/JSON; charset=utf-8, text/plain", "application/json"},
		{"/", "text/html,application/xhtml+xml,application/json", "text/plain"},
		{"/?format=text", "application/json", "text/plain"},
		{"/?format=json", "text/plain", "application/json"},
	} {
		resp, _ := get(t, h, "GET", c.target, c.accept)
		if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, c.want) || resp.StatusCode != 200 {
			t.Errorf("%s, Accept %q: %v, %q, want %q", c.target, c.accept, resp.Status, got, c.want)
		}
	}
	if resp, _ := get(t, h, "GET", "/?format=xml", ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown format: %v", resp.Status)
	}
	if resp, _ := get(t, h, "POST", "/", ""); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "" {
		t.Errorf("POST: %v, headers %v", resp.Status, resp.Header)
	}
}

func TestEmptyPool(t *testing.T) {
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	h := Handler(pool, WithRecorder(nil))
	for range 2 { // before and after Close
		if _, body := get(t, h, "GET", "/", ""); !strings.Contains(body, "0 nodes, 0 calls in flight") {
			t.Errorf("text %q", body)
		}
		if _, body := get(t, h, "GET", "/?format=json", ""); !strings.Contains(body, `"nodes": []`) {
			t.Errorf("JSON %q", body)
		}
		pool.Close()
	}
}

// The age of a connection is that at the page's time; one that is not up yet has none.
func TestAgeOfConnections(t *testing.T) {
	now := time.Unix(100, 0)
	for since, want := range map[time.Time]int64{now.Add(-1500 * time.Millisecond): 1500, {}: 0} {
		if got := newConn(muxpool.ConnStats{Since: since}, now).AgeMS; got != want {
			t.Errorf("since %v: %d ms, want %d", since, got, want)
		}
	}
}

// What is shown is of this moment, and a browser takes it for what it is.
func TestHeaders(t *testing.T) {
	for target, kind := range map[string]string{"/?format=text": "text/plain; charset=utf-8", "/?format=json": "application/json"} {
		resp, body := get(t, Handler(state()), "GET", target, "")
		if h := resp.Header; h.Get("Content-Type") != kind || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || body == "" {
			t.Errorf("%s: %v, %d bytes", target, h, len(body))
		}
	}
}

// The tables, to the letter.
func TestTables(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	var text strings.Builder
	Page{
		Time: at, InFlight: 1, EventsLost: 1, Counters: Counters{Dials: 1, ConnsClosed: map[string]uint64{"idle": 1}},
		Nodes: []Node{
			{Network: "tcp", Address: "10.0.0.1:80", State: "ready", InFlight: 1, Waiting: 2, Identity: "a", Counters: Counters{Dials: 1}},
			{Network: "unix", Address: "/b", State: "down"},
		},
		Events: []Event{
			{Time: at, Network: "unix", Address: "/b", Kind: "expelled", Attempt: 2, Reason: "dial failed", Error: "refused"},
			{Time: at, Network: "unix", Address: "/b", Kind: "up", Lost: 1},
			{Time: at, Network: "unix", Address: "/b", Kind: "down", Reason: "idle"},
		},
	}.writeText(&text)
	const want = `muxpool at 2026-01-02T03:04:05Z: 2 nodes, 1 calls in flight
since the pool was made: 1 dials, 1 closed: idle
1 events did not reach a subscriber

NODE               STATE  CONNS  IN FLIGHT  WAITING  IDENTITY  COUNTERS
tcp://10.0.0.1:80  ready  0      1          2        a         1 dials
unix:///b          down   0      0          0                  nothing counted

EVENT         NODE       WHAT      ATTEMPT  WHY
03:04:05.006  unix:///b  expelled  2        dial failed: refused
03:04:05.006  unix:///b  up                  (1 events before it were lost)
03:04:05.006  unix:///b  down               idle
`
	if got := text.String(); got != want {
		t.Errorf("shown is\n%s\nwant\n%s", got, want)
	}
}

// A reason for which a connection has ended is told from the first one on.
func TestReasonsAreCountedFromOne(t *testing.T) {
	pool := &scripted{stats: muxpool.Stats{Counters: muxpool.Counters{ConnsClosed: muxpool.Closed{muxpool.ReasonIdle: 1}}}}
	if got := NewPage(pool.Stats(), time.Now()).Counters.ConnsClosed; len(got) != 1 || got["idle"] != 1 {
		t.Errorf("%v", got)
	}
}
