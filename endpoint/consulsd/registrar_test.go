package consulsd

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
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
		if d.Address != "fd00::2" || d.Port != 80 || d.Weights.Passing != 7 || d.Meta["zone"] != "z" || d.Meta["k"] != "v" || d.Meta[metaOwner] == "" || d.Tags[0] != "mux" ||
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
