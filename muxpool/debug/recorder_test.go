package debug

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// scripted is a pool whose state and events are the test's.
type scripted struct {
	stats muxpool.Stats

	mu        sync.Mutex
	listeners map[int]func(muxpool.Event)
	next      int
}

func (s *scripted) Stats() muxpool.Stats { return s.stats }

func (s *scripted) Subscribe(f func(muxpool.Event)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners == nil {
		s.listeners = map[int]func(muxpool.Event){}
	}
	s.next++
	id := s.next
	s.listeners[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, id)
	}
}

func (s *scripted) happens(ev muxpool.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.listeners {
		f(ev)
	}
}

var node = muxpool.Node{Network: "tcp", Address: "10.0.0.1:80"}

// attempts are the Attempts of what a recorder keeps.
func attempts(r *Recorder) []int {
	var all []int
	for _, e := range r.Events() {
		all = append(all, e.Attempt)
	}
	return all
}

func TestRecorderKeepsTheLastEvents(t *testing.T) {
	var pool scripted
	one, three, byDefault := NewRecorder(&pool, 1), NewRecorder(&pool, 3), NewRecorder(&pool, 0)
	for n := 1; n <= 2*DefaultEvents+1; n++ {
		pool.happens(muxpool.Event{Kind: muxpool.DialFailed, Node: node, Attempt: n})
		want := []int{max(1, n-2), max(1, n-1), n}
		if got := attempts(three); !slices.Equal(got, slices.Compact(want)) {
			t.Fatalf("after %d events: %v, want %v", n, got, want)
		}
	}
	if got := attempts(one); !slices.Equal(got, []int{2*DefaultEvents + 1}) {
		t.Errorf("of one: %v", got)
	}
	if got := attempts(byDefault); len(got) != DefaultEvents || got[0] != DefaultEvents+2 || !slices.IsSorted(got) {
		t.Errorf("by default %d events from %d on", len(got), got[0])
	}
}

func TestRecorderCloses(t *testing.T) {
	var pool scripted
	r := NewRecorder(&pool, 3)
	pool.happens(muxpool.Event{Kind: muxpool.ConnUp, Node: node, Attempt: 1})
	r.Close()
	r.Close()
	pool.happens(muxpool.Event{Kind: muxpool.ConnUp, Node: node, Attempt: 2})
	if got := attempts(r); !slices.Equal(got, []int{1}) || len(pool.listeners) != 0 {
		t.Errorf("kept %v, %d subscriptions left", got, len(pool.listeners))
	}
}

func TestRecorderBoundsText(t *testing.T) {
	var pool scripted
	r := NewRecorder(&pool, 1)
	long := strings.Repeat("é", 1<<19) // a cut falls into the middle of one
	for _, text := range []string{long, "x" + long, "\x1b[2J\r\nnodes: 0" + long, "\u009b31m", "\u202egnp", "\xff\xfe", "a\tb"} {
		pool.happens(muxpool.Event{
			Kind: muxpool.NodeExpelled, Reason: muxpool.ReasonProtocolError,
			Node: muxpool.Node{Network: "unix", Address: text}, Err: errors.New(text), Time: time.Unix(1, 0),
		})
		e := r.Events()[0]
		for what, got := range map[string]string{"error": e.Error, "address": e.Address} {
			if len(got) > 4*maxText+16 || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r >= 0x7f && r != 'é' }) {
				t.Errorf("%s of %.40q: %.80q", what, text, got)
			}
		}
	}
}

func TestRecorderIsSafeForConcurrentUse(t *testing.T) {
	var pool scripted
	r := NewRecorder(&pool, 7)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 200 {
				pool.happens(muxpool.Event{Kind: muxpool.ConnDown, Node: node, Attempt: n, Err: fmt.Errorf("cause %d", n)})
				if got := len(r.Events()); got > 7 {
					t.Errorf("%d events", got)
				}
			}
		})
	}
	wg.Go(r.Close)
	bounded.Wait(t, wg.Wait)
}
