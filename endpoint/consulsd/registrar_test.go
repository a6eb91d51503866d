package consulsd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// holder is an agent with room for one registration, for what is asked of it step by step; what a real one does is in interop.
type holder struct {
	mu     sync.Mutex // guards what follows
	there  *definition
	broken error
}

// has changes what there is, and returns it.
func (h *holder) has(change func()) *definition {
	h.mu.Lock()
	defer h.mu.Unlock()
	if change != nil {
		change()
	}
	return h.there
}

func (h *holder) answer(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.broken != nil:
		return nil, h.broken
	case r.URL.Path == "/v1/agent/service/register":
		d := new(definition)
		if err := json.NewDecoder(r.Body).Decode(d); err != nil {
			return nil, err
		}
		d.Service, d.Name = d.Name, ""
		h.there = d
		return said(200, ""), nil
	case h.there == nil:
		return said(404, "unknown service"), nil
	case strings.HasPrefix(r.URL.Path, "/v1/agent/service/deregister/"):
		h.there = nil
		return said(200, ""), nil
	case strings.HasPrefix(r.URL.Path, "/v1/agent/check/pass/") && h.there.Check == nil:
		return said(404, "unknown check"), nil
	}
	text, err := json.Marshal(h.there)
	return said(200, string(text)), err
}

func TestWhatARegistrarAsksFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h holder
		s := newScript()
		s.spoils(h.answer)
		r, err := NewRegistrar("stock", muxendpoint.Instance{Address: "[fd00::2]:80", Weight: 7, Zone: "z", Labels: map[string]string{"k": "v"}},
			WithHTTPClient(&http.Client{Transport: s}), WithTTL(9*time.Second), WithTags("mux"))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Deregister()
		const get, put, pass = "GET /v1/agent/service/stock-%5Bfd00::2%5D:80", "PUT /v1/agent/service/register", "PUT /v1/agent/check/pass/service:stock-%5Bfd00::2%5D:80"
		asked := func(what string, want ...string) {
			t.Helper()
			if got := s.heard(); strings.Join(got, "; ") != strings.Join(want, "; ") {
				t.Errorf("%s: it asked %q", what, got)
			}
		}
		next := func() { time.Sleep(3 * time.Second) }
		r.Register()
		asked("at first", get, put, pass)
		d := h.has(nil)
		if d.Address != "fd00::2" || d.Port != 80 || d.Weights != (weights{7, 1}) || d.Meta["zone"] != "z" || d.Meta["k"] != "v" || d.Meta[metaOwner] == "" || d.Tags[0] != "mux" ||
			d.Check.TTL != "9s" || d.Check.Status != "passing" || d.Check.DeregisterCriticalServiceAfter != "1m0s" {
			t.Errorf("registered %+v, %+v", d, d.Check)
		}
		next()
		asked("all is well", get, pass)
		h.has(func() { h.there.Check = nil })
		next()
		asked("its check is gone", get, pass, put, pass)
		h.has(func() { h.there = nil })
		next()
		asked("it is gone", get, put, pass)
		// The interval begins anew: of intervals of up to a quarter less, a fifth may end within the fourth 3 s.
		if err := r.Update(muxendpoint.Instance{Address: "[fd00::2]:80"}); err != nil {
			t.Fatal(err)
		}
		asked("another weight", get, put, pass)
		if d := h.has(nil); d.Weights != (weights{1, 1}) {
			t.Errorf("without a weight: %+v", d.Weights)
		}
		if err := r.Update(muxendpoint.Instance{Address: "none"}); !errors.Is(err, ErrInvalidOption) {
			t.Errorf("what is no node: %v", err)
		}
		asked("nothing is changed by that")
		h.has(func() { h.there.Port = 81 })
		next()
		asked("somebody has changed it", get, put, pass)

		h.has(func() { h.broken = errDown })
		next()
		if got := s.heard(); len(got) == 0 || !errors.Is(r.Err(), errDown) {
			t.Errorf("the agent is away: %q, %v", got, r.Err())
		}
		h.has(func() { h.broken = nil })
		next()
		s.heard()
		h.has(func() { h.there.Meta[metaOwner] = "another" })
		next()
		if got := s.heard(); strings.Contains(strings.Join(got, " "), "PUT") || !errors.Is(r.Err(), ErrTaken) {
			t.Errorf("another process has it: %q, %v", got, r.Err())
		}
		r.Deregister()
		if h.has(nil) == nil || !errors.Is(r.Err(), ErrNotRegistered) {
			t.Errorf("what is another's went with it, or %v", r.Err())
		}
		r.Register()
		if h.has(nil).Meta[metaOwner] == "another" || r.Err() != nil {
			t.Errorf("who comes last has not got it: %v", r.Err())
		}
		r.Deregister()
		if h.has(nil) != nil {
			t.Error("it is still there")
		}
	})
}

// registrarOf is a Registrar of the node b:80 with an agent of the script's.
func registrarOf(t *testing.T, s http.RoundTripper, opts ...Option) *Registrar {
	t.Helper()
	r, err := NewRegistrar("stock", muxendpoint.Instance{Address: "b:80", Labels: map[string]string{"k": "v"}},
		append([]Option{WithHTTPClient(&http.Client{Transport: s}), WithTTL(9 * time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// refusing answers requests that begin so, by method and path, with a code.
func refusing(begin string, code int, words string, h *holder) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.Method+" "+r.URL.Path, begin) {
			return said(code, words), nil
		}
		return h.answer(r)
	}
}

// What the agent refuses is told, step by step, and what is asked behind it is not asked.
func TestWhatARegistrarIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		refused string
		code    int
		words   string
		want    string
		asked   int // at first
		again   int // when all was well before
	}{
		"the look":                   {"GET ", 500, "no leader", `consul: id "stock-b:80": 500 Internal Server Error: no leader`, 1, 1},
		"a look that cannot be read": {"GET ", 200, "{", `consul: id "stock-b:80": an answer that cannot be read: unexpected end of JSON input`, 1, 1},
		"the registration":           {"PUT /v1/agent/service/register", 403, "Permission denied", `consul: registering id "stock-b:80": 403 Forbidden: Permission denied`, 2, 0},
		"its check":                  {"PUT /v1/agent/check/pass/", 500, "not now", `consul: the check of id "stock-b:80": 500 Internal Server Error: not now`, 3, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h holder
				s := newScript()
				s.spoils(refusing(c.refused, c.code, c.words, &h))
				r := registrarOf(t, s)
				defer r.Deregister()
				r.Register()
				if err := r.Err(); err == nil || err.Error() != c.want {
					t.Errorf("%v, want %s", err, c.want)
				}
				if got := s.heard(); len(got) != c.asked {
					t.Errorf("it asked %q", got)
				}
				s.spoils(h.answer)
				time.Sleep(3 * time.Second)
				if err := r.Err(); err != nil || h.has(nil) == nil {
					t.Errorf("then %v, and the agent has %v", err, h.has(nil))
				}
				if c.again == 0 {
					return
				}
				s.heard()
				s.spoils(refusing(c.refused, c.code, c.words, &h))
				if err := r.Update(muxendpoint.Instance{Address: "b:80", Labels: map[string]string{"k": "v"}}); err != nil { // has it look
					t.Fatal(err)
				}
				if got := s.heard(); len(got) != c.again || r.Err() == nil || r.Err().Error() != c.want {
					t.Errorf("on renewal it asked %q, %v", got, r.Err())
				}
			})
		})
	}
}

// Whatever is told differently, the agent is told anew.
func TestWhatIsNotAsItShouldBe(t *testing.T) {
	for name, change := range map[string]func(d *definition){
		"its id":      func(d *definition) { d.ID = "other" },
		"its service": func(d *definition) { d.Service = "other" },
		"its tags":    func(d *definition) { d.Tags = []string{"mux", "more"} },
		"its address": func(d *definition) { d.Address = "c" },
		"its port":    func(d *definition) { d.Port++ },
		"its meta":    func(d *definition) { d.Meta["k"] = "w" },
		"its weight":  func(d *definition) { d.Weights.Passing++ },
		"the other":   func(d *definition) { d.Weights.Warning++ },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h holder
				s := newScript()
				s.spoils(h.answer)
				r := registrarOf(t, s, WithTags("mux"))
				defer r.Deregister()
				r.Register()
				s.heard()
				h.has(func() { change(h.there) })
				time.Sleep(3 * time.Second)
				if got := s.heard(); len(got) < 2 || got[1] != "PUT /v1/agent/service/register" {
					t.Errorf("it asked %q", got)
				}
			})
		})
	}
}

// The log says whether the agent has let the node go.
func TestHowARegistrarLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		refused string
		code    int
		gone    bool // before
		want    string
	}{
		"as it should":             {"none", 0, false, "deregistered"},
		"it is gone":               {"none", 0, true, "deregistered"},
		"it goes at that moment":   {"PUT /v1/agent/service/deregister/", 404, false, "deregistered"},
		"the agent does not":       {"PUT /v1/agent/service/deregister/", 500, false, "not deregistered: it is named until its time runs out"},
		"the agent is not to tell": {"GET ", 500, false, "not deregistered: it is named until its time runs out"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, w := holder{}, &discoverytest.Logger{}
				s := newScript()
				s.spoils(h.answer)
				r := registrarOf(t, s, WithLogger(w), WithDrainDelay(1))
				r.Register()
				if c.gone {
					h.has(func() { h.there = nil })
				}
				s.spoils(refusing(c.refused, c.code, "", &h))
				r.Deregister()
				if lines := w.Lines("deregistered"); len(lines) != 1 || !strings.HasPrefix(lines[0], "msg"+c.want) || !strings.HasSuffix(lines[0], "servicestockidstock-b:80") {
					t.Errorf("it said %q", lines)
				}
			})
		})
	}
}

// A check is renewed three times in its time, less up to a quarter by chance, and an agent that is away is asked no more rarely:
// 200 draws that miss the last part of it are chance once in 10⁹.
func TestTheIntervalsOfARegistrar(t *testing.T) {
	for name, away := range map[string]bool{"all is well": false, "the agent is away": true} {
		synctest.Test(t, func(t *testing.T) {
			var h holder
			var last time.Time
			most := time.Duration(0)
			s := newScript()
			s.spoils(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodGet {
					if !last.IsZero() {
						most = max(most, time.Since(last))
					}
					last = time.Now()
				}
				if away {
					return down(r)
				}
				return h.answer(r)
			})
			r := registrarOf(t, s)
			r.Register()
			time.Sleep(10 * time.Minute)
			r.keeper.Deregister()
			if most <= 2800*time.Millisecond || most > 3*time.Second {
				t.Errorf("%s: at most %v from one to the next", name, most)
			}
		})
	}
}

// The context of a renewal does not outlive it.
func TestTheContextOfARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h holder
		var asked context.Context
		s := newScript()
		s.spoils(func(r *http.Request) (*http.Response, error) { asked = r.Context(); return h.answer(r) })
		r := registrarOf(t, s)
		r.Register()
		synctest.Wait()
		if asked.Err() == nil {
			t.Error("it is there after the renewal")
		}
		r.Deregister()
	})
}

// A silent agent has a third of WithTTL, but a second at least, and no more than WithTimeout.
func TestTheTimeOfARegistrarsRequests(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{time.Second: time.Second, 3 * time.Second: time.Second, 9 * time.Second: 3 * time.Second, time.Minute: 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript()
			s.spoils(silent)
			r := registrarOf(t, s, WithTTL(ttl))
			began := time.Now()
			r.Register()
			if took := time.Since(began); took != want {
				t.Errorf("WithTTL(%v): Register took %v, want %v", ttl, took, want)
			}
			if err := r.Err(); !errors.Is(err, context.DeadlineExceeded) && ttl != time.Minute { // then Register has not waited for it
				t.Errorf("WithTTL(%v): %v", ttl, err)
			}
			r.Deregister()
		})
	}
}
