package consulsd

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// Every option sets what it says, and what is not given is the default.
func TestWhatIsConfigured(t *testing.T) {
	type figures struct {
		address, tags, datacenter, id                                  string
		warning                                                        bool
		timeout, minBackoff, maxBackoff, wait, grace, ttl, reap, drain time.Duration
	}
	const ms = time.Millisecond
	usual := figures{address: "http://127.0.0.1:8500", timeout: 5 * time.Second, minBackoff: 100 * ms, maxBackoff: 10 * time.Second, wait: 30 * time.Second,
		grace: time.Minute, ttl: 10 * time.Second, reap: time.Minute, drain: time.Second}
	at := func(address string) figures { f := usual; f.address = address; return f }
	for name, c := range map[string]struct {
		environment string
		opts        []Option
		want        figures
	}{
		"nothing": {"", nil, usual},
		"zero": {"", []Option{WithAddress(""), WithTimeout(0), WithBackoff(0, 0), WithWait(0), WithGrace(0), WithTTL(0), WithDeregisterAfter(0), WithDrainDelay(0), WithID(""),
			WithTags(), nil}, usual},
		"all": {"b:2", []Option{WithAddress("a:1"), WithTimeout(1), WithBackoff(2, 3), WithWait(4 * time.Second), WithGrace(5), WithTTL(6 * time.Second), WithDeregisterAfter(7),
			WithDrainDelay(8), WithID("id"), WithTags("v1", "mux"), WithDatacenter("east"), WithWarning()},
			figures{"http://a:1", "v1 mux", "east", "id", true, 1, 2, 3, 4 * time.Second, 5, 6 * time.Second, 7, 8}},
		"the environment's address": {"b:2", nil, at("http://b:2")},
		"an address of TLS":         {"", []Option{WithAddress("https://a:1")}, at("https://a:1")},
		"a slash at its end":        {"https://b:2/", nil, at("https://b:2")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CONSUL_HTTP_ADDR", c.environment)
			cfg, err := config{}.with(c.opts)
			got := figures{cfg.address, strings.Join(cfg.tags, " "), cfg.datacenter, cfg.id, cfg.warning, cfg.timeout, cfg.minBackoff, cfg.maxBackoff, cfg.wait, cfg.grace,
				cfg.ttl, cfg.reap, cfg.drain}
			if err != nil || got != c.want {
				t.Errorf("%+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
	if cfg, err := (config{}).with([]Option{WithBackoff(time.Minute, 0)}); err != nil || cfg.maxBackoff != time.Minute {
		t.Errorf("pauses from a minute on are of up to %v, %v", cfg.maxBackoff, err)
	}
}

// wire is an agent that answers with bodies, and counts what is closed of them.
type wire struct {
	code   int
	header http.Header
	body   io.Reader
	asked  *http.Request // the last
	bodies atomic.Int64  // that were closed
	idle   atomic.Int64  // times that idle connections were
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.asked = r
	return &http.Response{StatusCode: w.code, Header: w.header, Body: wireBody{w.body, w}}, nil
}

func (w *wire) CloseIdleConnections() { w.idle.Add(1) }

type wireBody struct {
	io.Reader
	of *wire
}

func (b wireBody) Close() error { b.of.bodies.Add(1); return nil }

// Each answer is closed, so that its connection can be used again; and each request says who asks.
func TestAnswersAreClosed(t *testing.T) {
	w := &wire{}
	cfg, err := config{}.with([]Option{WithHTTPClient(&http.Client{Transport: w})})
	if err != nil {
		t.Fatal(err)
	}
	for n, code := range []int{http.StatusOK, http.StatusNotFound, http.StatusMovedPermanently} {
		w.code, w.body = code, strings.NewReader("x")
		if _, err := cfg.do(t.Context(), http.MethodGet, "/v1/x", nil, nil); (err == nil) != (code == http.StatusOK) {
			t.Errorf("%d: %v", code, err)
		}
		if got := w.bodies.Load(); got != int64(n+1) {
			t.Errorf("%d of %d answers were closed", got, n+1)
		}
		if got := w.asked.Header.Get("User-Agent"); got != "muxkit-consulsd" {
			t.Errorf("who asks is %q", got)
		}
	}
}

// Where Consul denies what it does not allow, that there are none is believed of whoever asks with a token.
func TestAnEmptyAnswer(t *testing.T) {
	for token, want := range map[string]error{"": errAnonymous, "secret": nil} {
		w := &wire{code: http.StatusOK, body: strings.NewReader("[]"), header: http.Header{"X-Consul-Index": {"7"}, "X-Consul-Default-Acl-Policy": {"deny"}}}
		cfg, err := config{}.with([]Option{WithHTTPClient(&http.Client{Transport: w}), WithToken(func() (string, error) { return token, nil })})
		if err != nil {
			t.Fatal(err)
		}
		if a, err := cfg.health(t.Context(), "stock", 0, 0); err != want || a.index != 7 {
			t.Errorf("with the token %q: %+v, %v", token, a, err)
		}
	}
}

// Who has made its client closes its connections in the end, and leaves those of the user's alone.
func TestIdleConnectionsAreTheirOwners(t *testing.T) {
	for _, own := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := &wire{code: http.StatusNotFound, body: strings.NewReader("")}
			r := registrarOf(t, w)
			r.cfg.own = own
			r.Register()
			r.Deregister()
			if got := w.idle.Load(); got != map[bool]int64{true: 1}[own] {
				t.Errorf("its own %v: a Registrar closed them %d times", own, got)
			}
			w.idle.Store(0)
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			i := Instancer{publisher: &muxendpoint.Publisher{}, service: "stock", cfg: r.cfg}
			i.run(ended, nil)
			if got := w.idle.Load(); got != map[bool]int64{true: 1}[own] {
				t.Errorf("its own %v: an Instancer closed them %d times", own, got)
			}
		})
	}
}
