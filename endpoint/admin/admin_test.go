package admin

import (
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
)

// scripted is a pool that a test plays.
type scripted struct {
	stats     muxpool.Stats
	hear      func(muxpool.Event)
	cancelled int
}

func (s *scripted) Stats() muxpool.Stats { return s.stats }

func (s *scripted) Subscribe(f func(muxpool.Event)) (cancel func()) {
	s.hear = f
	return func() { s.cancelled++ }
}

func TestOptions(t *testing.T) {
	pool, group := &scripted{}, breaker.NewGroup()
	defer group.Close()
	for _, c := range []struct {
		options []Option
		names   string // in the error
	}{
		{[]Option{WithSet(nil)}, "WithSet(nil)"},
		{[]Option{WithPool("a\nb", nil)}, `WithPool("a\nb", nil)`},
		{[]Option{WithBreakers("", nil)}, `WithBreakers("", nil)`},
		{[]Option{WithService("s", nil)}, `WithService("s", nil)`},
		{[]Option{WithPool("p", pool), WithPool("p", pool)}, `WithPool("p"): two`},
		{[]Option{WithBreakers("", group), WithBreakers("", group)}, `WithBreakers(""): two`},
		{[]Option{WithEvents(-1)}, "WithEvents(-1)"},
		{[]Option{WithEvents(10_001)}, "WithEvents(10001)"},
		{[]Option{WithEvents(-1), WithSet(nil)}, "WithSet(nil)"},
	} {
		h, err := New(c.options...)
		if h != nil || !errors.Is(err, ErrInvalidOption) || !strings.Contains(err.Error(), c.names) {
			t.Errorf("want %s, got %v", c.names, err)
		}
	}
	if pool.hear != nil {
		t.Error("a pool was subscribed to for a Handler that there is not")
	}
	for n, want := range map[int]int{0: 200, 7: 7, 10_000: 10_000} {
		if h := newHandler(t, WithEvents(n)); h.events.max != want {
			t.Errorf("%d events are %d", n, h.events.max)
		}
	}
}

// Close ends the subscriptions, once, and what comes all the same is not recorded.
func TestCloseEndsTheEvents(t *testing.T) {
	pool := &scripted{}
	h := newHandler(t, WithPool("", pool))
	ev := muxpool.Event{Kind: muxpool.ConnUp, Time: time.Unix(1, 0)}
	pool.hear(ev)
	h.Close()
	h.Close()
	pool.hear(ev)
	if got := h.events.told().Events; len(got) != 1 || got[0].Count != 1 || pool.cancelled != 1 {
		t.Errorf("events %+v, cancelled %d times", got, pool.cancelled)
	}
}

// Sets are measured until Close, and not for a page that leaves that out.
func TestSetsAreMeasuredUntilClose(t *testing.T) {
	set := muxendpoint.NewSet(sd.FixedInstancer{nodeA.Address}, nil)
	defer set.Close()
	measured := func() bool { return set.Stats().Nodes[0].Minute != nil }
	newHandler(t, WithSet(set), WithoutMeasuring())
	without := measured()
	h := newHandler(t, WithSet(set))
	with := measured()
	h.Close()
	if after := measured(); without || !with || after {
		t.Errorf("measured: %v by the page that leaves it out, %v by the other, %v after that", without, with, after)
	}
}

// What a listener of the breakers was not told of is told as not heard.
func TestChangesThatWereMissedAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := breaker.NewGroup()
		defer group.Close()
		free := make(chan struct{})
		defer group.Subscribe(func(breaker.Change) { <-free })()
		h := newHandler(t, WithBreakers("", group))
		for range 2100 { // more than wait for a listener that blocks
			group.Trip(nodeA, nil)
			group.Reset(nodeA)
		}
		time.Sleep(time.Second)
		if got, want := h.page(time.Now()).Events.NotHeard, group.Missed(); want == 0 || got != uint64(want) {
			t.Errorf("%d events were not heard, want %d", got, want)
		}
		close(free)
		synctest.Wait()
	})
}

// Pages are asked for while events come, and while the Handler is closed.
func TestPagesWhileEventsCome(t *testing.T) {
	pool := &scripted{}
	h := newHandler(t, WithPool("", pool), WithEvents(5))
	pool.hear(muxpool.Event{Kind: muxpool.NodeReady, Node: nodeA}) // Close may come before the others
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 100 {
				if g%2 == 0 {
					pool.hear(muxpool.Event{Kind: muxpool.EventKind(i % 7), Node: nodeA, Time: time.Unix(int64(i), 0)})
					continue
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/?format="+[]string{"json", "text", "html"}[i%3], nil))
				if w.Code != 200 {
					t.Errorf("page %d: %d", i, w.Code)
				}
				if i == 90 {
					h.Close()
				}
			}
		})
	}
	bounded.Wait(t, wg.Wait)
	if got := len(h.events.told().Events); got == 0 || got > 5 {
		t.Errorf("%d lines", got)
	}
}
