package world

import (
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// World is a pool, a node to which things happen, and a healthy one that is
// called all the while and must not notice.
type World struct {
	*testing.T
	Pool    *muxpool.Multiplexed
	Victim  *muxtest.Peer
	Caller  muxtest.Caller // calls the victim
	Tally   muxtest.Tally  // of its calls
	healthy *muxtest.Peer
	real    bool // time passes by itself

	mu     sync.Mutex // guards events
	events []muxpool.Event
}

// InBubble tells the story in memory, with a clock that only moves when
// everything waits, and checks I1 to I6 after it. The bubble itself proves that
// no goroutine is left.
func InBubble(t *testing.T, s Setup, story func(*World)) {
	t.Helper()
	s.checkLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		w := &World{T: t, Victim: muxtest.NewPeer(s.Act), healthy: muxtest.NewPeer(nil)}
		peers := muxtest.Network{"victim:1": w.Victim, "healthy:1": w.healthy}
		opts := append([]muxpool.PoolOption{muxpool.WithDialContext(peers.DialContext)}, s.Opts...)
		w.run(s, "tcp", "victim:1", "healthy:1", opts, story)
	})
}

// OnSockets tells the story on loopback TCP.
func OnSockets(t *testing.T, s Setup, story func(*World)) {
	t.Helper()
	OnNetwork(t, "tcp", s, story)
}

// OnNetwork tells the story on loopback sockets of that network.
func OnNetwork(t *testing.T, network string, s Setup, story func(*World)) {
	t.Helper()
	s.checkLeaks(t)
	w := &World{T: t, Victim: muxtest.NewPeer(s.Act), healthy: muxtest.NewPeer(nil), real: true}
	if s.Inside == nil {
		s.Inside = func(f func() error) error { return f() }
	}
	var victim string
	err := s.Inside(func() (err error) {
		victim, err = w.Victim.Listen(network, "127.0.0.1:0", s.TLS)
		return err
	})
	w.must("", err)
	healthy := w.must(w.healthy.Listen(network, "127.0.0.1:0", nil))
	w.run(s, network, victim, healthy, s.Opts, story)
}

// Both tells the story in memory and on sockets. How long what happens takes is asserted in memory,
// where nothing but the story takes time; on sockets, that it happens.
func Both(t *testing.T, s Setup, story func(*World)) {
	t.Run("memory", func(t *testing.T) { InBubble(t, s, story) })
	t.Run("sockets", func(t *testing.T) { OnSockets(t, s, story) })
}

func (w *World) run(s Setup, network, victim, healthy string, opts []muxpool.PoolOption, story func(*World)) {
	w.Helper()
	if Full {
		bounded.Long(w) // who goes on for so many rounds is not stuck
	}
	if s.Parser == nil {
		s.Parser = muxtest.Parser{}
	}
	if w.real {
		opts = append(s.times(), opts...)
	}
	pool, err := muxpool.New(Settings(opts...)...)
	if err != nil {
		w.Fatal(err)
	}
	w.Pool = pool
	defer w.Victim.Close()
	defer w.healthy.Close()
	defer w.closePool()
	defer pool.Subscribe(w.hear)()
	w.Caller = muxtest.NewCaller(pool, network, victim, s.Parser)
	if !s.Alone {
		defer w.callHealthy(muxtest.NewCaller(pool, network, healthy, s.Parser))()
	}
	story(w)
	w.check("the victim's", &w.Tally)
}

// closePool closes the pool, unless the story did, and expects it to end at
// once.
func (w *World) closePool() {
	w.Helper()
	w.Within(time.Second, "Close of the pool", func() {
		if err := w.Pool.Close(); err != nil {
			w.Error("Close of the pool:", err)
		}
	})
}

// check asserts I1, I2, I6 and I7.
func (w *World) check(whose string, tally *muxtest.Tally) {
	w.Helper()
	bound := 100 * time.Millisecond
	if w.real {
		bound = math.MaxInt64
	}
	if err := tally.Check(bound); err != nil {
		w.Errorf("%s calls: %v", whose, err)
	}
	seen := make(map[string]bool) // thousands say the same
	for _, err := range tally.Errors() {
		e := (*muxpool.Error)(nil)
		if !errors.As(err, &e) || seen[err.Error()] {
			continue
		}
		seen[err.Error()] = true
		if fault := twice(err.Error(), e.Node); fault != "" {
			w.Errorf("the error of one of %s calls %s: %v", whose, fault, err)
		}
	}
}
