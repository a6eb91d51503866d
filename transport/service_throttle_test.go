package transport_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// gated is a protocol whose answers are made when a test lets them.
type gated struct {
	native.Protocol
	*gates
}

type gates struct {
	mu    sync.Mutex
	waits map[uint32]chan struct{} // at its gate is the answer to this call
}

func (g gated) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	gate := make(chan struct{})
	g.mu.Lock()
	g.waits[id] = gate
	g.mu.Unlock()
	<-gate
	return g.Protocol.AppendResponse(dst, id, req, resp)
}

// at reports whether the answer to a call is made; of how many others that is so, count tells.
func (g *gates) at(id uint32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waits[id] != nil
}

func (g *gates) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waits)
}

func (g *gates) open(ids ...uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, gate := range g.waits {
		for _, want := range ids {
			if id == want || want == 0 {
				close(gate)
				delete(g.waits, id)
			}
		}
	}
}

// TestLargeAnswersAreMadeAFewAtATime: eight as they come, and one whose turn it is; where others wait
// for theirs, so does who comes later. Small answers wait for nobody, and when all is over there is
// as much room as before.
func TestLargeAnswersAreMadeAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every = 0
		g := &gates{waits: make(map[uint32]chan struct{})}
		p, s, stop := servePipesOf(t, gated{gates: g}, map[string]*transport.Server{"M": rawServer(echo)})
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		calls, last := 0, uint32(0)
		send := func(bodies ...string) {
			t.Helper()
			for _, body := range bodies {
				last++
				calls++
				if _, err := nc.Write(request(t, last, "M", body)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
		}
		made := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			if n := g.count(); n != want {
				t.Errorf("%s: %d answers are made at once, want %d", what, n, want)
			}
		}
		small, large := strings.Repeat("x", 4<<10-1), strings.Repeat("x", 4<<10)
		for range 2 {
			first := last + 1
			for range 20 {
				send(large)
			}
			made("twenty large ones", 9)
			send(small)
			made("and a small one", 10)
			for id := first; id < first+8; id++ {
				g.open(id)
			}
			g.open(last)
			made("those that came first are done", 1)
			send(large)
			made("another one", 1)
			if !g.at(first + 8) {
				t.Error("who came ninth has not the turn")
			}
			for range 13 {
				made("in turn", 1)
				g.open(every)
			}
			made("in the end", 0)
		}
		if len(answers) != calls {
			t.Errorf("%d of %d calls are answered", len(answers), calls)
		}
		for range 20 {
			send(large)
		}
		nc.Close()
		for synctest.Wait(); g.count() > 0; synctest.Wait() { // those that wait for their turn do no longer
			g.open(every)
		}
		if st := s.Stats(); st.InFlight+st.Working != 0 || g.count() != 0 {
			t.Errorf("left are %+v, %d answers are made", st, g.count())
		}
	})
}

// TestAnswersAreMadeAsBeforeOnceTheyAreRead: where answers had to wait for room, and then were read, as many
// are made at once as ever.
func TestAnswersAreMadeAsBeforeOnceTheyAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every, calls = 0, 20
		g := &gates{waits: make(map[uint32]chan struct{})}
		p, _, stop := servePipesOf(t, gated{gates: g}, map[string]*transport.Server{"M": rawServer(echo)},
			transport.ServiceMaxQueuedBytes(16<<10), transport.ServiceWriteTimeout(time.Hour))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		large, last := strings.Repeat("x", 4<<10), uint32(0)
		send := func() {
			t.Helper()
			for range calls {
				last++
				if _, err := nc.Write(request(t, last, "M", large)); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
		}
		send()
		g.open(every) // of which five or so find room
		synctest.Wait()
		answers := readAll(nc)
		for synctest.Wait(); g.count() > 0; synctest.Wait() {
			g.open(every)
		}
		send()
		if n := g.count(); n != 9 {
			t.Errorf("%d answers are made at once, want 9", n)
		}
		for synctest.Wait(); g.count() > 0; synctest.Wait() {
			g.open(every)
		}
		if len(answers) != 2*calls {
			t.Errorf("%d of %d calls are answered", len(answers), 2*calls)
		}
	})
}
