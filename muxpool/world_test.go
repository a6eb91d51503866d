package muxpool_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// A test binary is also the peer process of its tests.
func init() { muxtest.PeerMain() }

// full makes the long rows run as often as the fault matrix says: CI sets it.
var full = os.Getenv("MUXPOOL_FULL") != ""

// often returns n, or less where the tests should be quick.
func often(n, quick int) int {
	if full {
		return n
	}
	return min(n, quick)
}

func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// settings are those of the fault matrix.
func settings(more ...muxpool.PoolOption) []muxpool.PoolOption {
	return append([]muxpool.PoolOption{
		muxpool.WithConnectNumber(2),
		muxpool.WithQueueSize(1024),
		muxpool.WithDialTimeout(time.Second),
		muxpool.WithKeepAlive(2 * time.Second),
		muxpool.WithWriteTimeout(3 * time.Second),
		muxpool.WithReconnect(10, 5*time.Millisecond, 50*time.Millisecond),
		muxpool.WithMaxFrameSize(1 << 20),
	}, more...)
}

// setup says what a world is made of.
type setup struct {
	parser muxpool.FrameParser  // default muxtest.Parser
	act    muxtest.Action       // what the victim does, default muxtest.Echo
	opts   []muxpool.PoolOption // on top of the settings
	tls    *tls.Config          // what the victim speaks on sockets, nil: plaintext
	alone  bool                 // no healthy node beside: for tests that count allocations or goroutines
}

// world is a pool, a node to which things happen, and a healthy one that is
// called all the while and must not notice.
type world struct {
	*testing.T
	pool    *muxpool.Multiplexed
	victim  *muxtest.Peer
	caller  muxtest.Caller // calls the victim
	tally   muxtest.Tally  // of its calls
	healthy *muxtest.Peer
	lag     *muxtest.Lag // nil in a bubble, where no time passes by itself

	mu     sync.Mutex // guards events
	events []muxpool.Event
}

// classified is what most tests want of a parser: the pool knows which answer
// is the last.
type classified struct {
	muxtest.Parser
	muxtest.Kinds
}

// alive has the protocol's own keepalive too.
type alive struct {
	muxtest.Parser
	muxtest.Kinds
	muxtest.KeepAlive
}

// greeted has a handshake too.
type greeted struct {
	muxtest.Parser
	muxtest.Kinds
	muxtest.Greeting
}

// spaced has few ids.
type spaced struct {
	muxtest.Parser
	muxtest.Kinds
	muxtest.IDs
}

// inBubble tells the story in memory, with a clock that only moves when
// everything waits, and checks I1 to I6 after it. The bubble itself proves that
// no goroutine is left.
func inBubble(t *testing.T, s setup, story func(*world)) {
	t.Helper()
	muxtest.CheckLeaks(t)
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, victim: muxtest.NewPeer(s.act), healthy: muxtest.NewPeer(nil)}
		peers := muxtest.Network{"victim:1": w.victim, "healthy:1": w.healthy}
		opts := append([]muxpool.PoolOption{muxpool.WithDialContext(peers.DialContext)}, s.opts...)
		w.run(s, "tcp", "victim:1", "healthy:1", opts, story)
	})
}

// onSockets tells the story on loopback TCP.
func onSockets(t *testing.T, s setup, story func(*world)) {
	t.Helper()
	onNetwork(t, "tcp", s, story)
}

func onNetwork(t *testing.T, network string, s setup, story func(*world)) {
	t.Helper()
	muxtest.CheckLeaks(t)
	w := &world{T: t, victim: muxtest.NewPeer(s.act), healthy: muxtest.NewPeer(nil), lag: muxtest.WatchLag()}
	defer w.lag.Stop()
	victim := w.must(w.victim.Listen(network, "127.0.0.1:0", s.tls))
	healthy := w.must(w.healthy.Listen(network, "127.0.0.1:0", nil))
	w.run(s, network, victim, healthy, s.opts, story)
}

// both tells the story in memory and on sockets.
func both(t *testing.T, s setup, story func(*world)) {
	t.Run("memory", func(t *testing.T) { inBubble(t, s, story) })
	t.Run("sockets", func(t *testing.T) { onSockets(t, s, story) })
}

func (w *world) run(s setup, network, victim, healthy string, opts []muxpool.PoolOption, story func(*world)) {
	w.Helper()
	if s.parser == nil {
		s.parser = muxtest.Parser{}
	}
	pool, err := muxpool.New(settings(opts...)...)
	if err != nil {
		w.Fatal(err)
	}
	w.pool = pool
	defer w.victim.Close()
	defer w.healthy.Close()
	defer w.closePool()
	defer pool.Subscribe(w.hear)()
	w.caller = muxtest.NewCaller(pool, network, victim, s.parser)
	if !s.alone {
		defer w.callHealthy(muxtest.NewCaller(pool, network, healthy, s.parser))()
	}
	story(w)
	w.check("the victim's", &w.tally)
}

// closePool closes the pool, unless the story did, and expects it to end at
// once.
func (w *world) closePool() {
	w.Helper()
	w.within(time.Second, "Close of the pool", func() {
		if err := w.pool.Close(); err != nil {
			w.Error("Close of the pool:", err)
		}
	})
}

// check asserts I1, I2 and I6.
func (w *world) check(whose string, tally *muxtest.Tally) {
	w.Helper()
	if err := tally.Check(w.allowed(100 * time.Millisecond)); err != nil {
		w.Errorf("%s calls: %v", whose, err)
	}
}

// callHealthy calls the healthy node every 20 ms until the returned function is
// called, which asserts I5: all calls succeeded. The calls end by themselves
// once the story has closed the pool.
func (w *world) callHealthy(caller muxtest.Caller) (stop func()) {
	var (
		tally muxtest.Tally
		wg    sync.WaitGroup
		done  = make(chan struct{})
		ready = make(chan struct{})
	)
	one := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), w.allowed(5*time.Second))
		defer cancel()
		return tally.Call(ctx, caller, []byte("healthy"))
	}
	wg.Go(func() {
		one()
		close(ready)
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				one()
			}
		}
	})
	<-ready
	return func() {
		close(done)
		wg.Wait()
		for _, err := range tally.Errors() {
			if !errors.Is(err, muxpool.ErrPoolClosed) {
				w.Error("I5: the healthy node:", err)
				break
			}
		}
		if tally.OK() == 0 {
			w.Error("I5: the healthy node had no successful call")
		}
		w.check("the healthy node's", &tally)
	}
}

func (w *world) hear(e muxpool.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Node == w.caller.Node {
		w.events = append(w.events, e)
	}
}

// heard returns the victim's events so far of that kind; 0 means all.
func (w *world) heard(kind muxpool.EventKind) []muxpool.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []muxpool.Event
	for _, e := range w.events {
		if kind == 0 || e.Kind == kind {
			some = append(some, e)
		}
	}
	return some
}

// allowed is the bound to assert: itself in a bubble; on sockets more by what
// the machine was late meanwhile, and three times that under the race detector.
func (w *world) allowed(bound time.Duration) time.Duration {
	if w.lag == nil {
		return bound
	}
	if raceEnabled {
		bound *= 3
	}
	return bound + 2*w.lag.Worst()
}

// within asserts that f takes no longer than bound.
func (w *world) within(bound time.Duration, what string, f func()) {
	w.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took > w.allowed(bound) {
		w.Errorf("%s took %v, at most %v is allowed", what, took, bound)
	}
}

// until waits for a condition, at most bound.
func (w *world) until(bound time.Duration, what string, cond func() bool) {
	w.Helper()
	for end := time.Now().Add(w.allowed(bound)); ; time.Sleep(time.Millisecond) {
		if w.lag == nil {
			synctest.Wait()
		}
		if cond() {
			return
		}
		if time.Now().After(end) {
			w.Fatalf("not within %v: %s; stats: %+v, events: %v", bound, what, w.pool.Stats(), w.heard(0))
		}
	}
}

// settle waits until nothing moves; on sockets there is nothing to wait for.
func (w *world) settle() {
	if w.lag == nil {
		synctest.Wait()
	}
}

// call makes one call to the victim, which may take a second.
func (w *world) call() error { return w.callFor(time.Second) }

func (w *world) callFor(d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return w.tally.Call(ctx, w.caller, []byte("call"))
}

// calls makes n calls to the victim at once, each of which may take d.
func (w *world) calls(n int, d time.Duration) *flight {
	f := &flight{errs: make([]error, n)}
	f.wg.Add(n)
	for i := range n {
		go func() {
			defer f.wg.Done()
			f.errs[i] = w.callFor(d)
		}()
	}
	return f
}

// retry lets n callers call, each pause after its last call ended, with d for
// each call, until the returned function is called, or the story ends.
func (w *world) retry(n int, pause, d time.Duration) (stop func()) {
	var wg sync.WaitGroup
	done := make(chan struct{})
	stop = sync.OnceFunc(func() { close(done); wg.Wait() })
	w.Cleanup(stop)
	for range n {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(pause):
					w.callFor(d)
				}
			}
		})
	}
	return stop
}

// recovers expects a call to succeed within bound, when tried each millisecond.
func (w *world) recovers(bound time.Duration) {
	w.Helper()
	w.until(bound, "a call succeeds again", func() bool { return w.callFor(w.allowed(bound)) == nil })
}

// hold makes the victim keep what it gets.
func (w *world) hold() *muxtest.Hold {
	h := new(muxtest.Hold)
	w.victim.Do(h.Do)
	return h
}

// flight is a number of calls on their way.
type flight struct {
	wg   sync.WaitGroup
	errs []error
}

// land waits for the calls and returns the errors of those that failed.
func (f *flight) land() (failed []error) {
	f.wg.Wait()
	for _, err := range f.errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// get opens a virtual connection to the victim with options on top of the
// caller's, on ctx.
func (w *world) get(ctx context.Context, with ...func(*muxpool.GetOptions)) muxpool.MuxConn {
	w.Helper()
	c := w.caller
	for _, f := range with {
		f(&c.Opts)
	}
	mc, err := c.Get(ctx)
	if err != nil {
		w.Fatal(err)
	}
	return mc
}

func withVID(vid uint32) func(*muxpool.GetOptions) {
	return func(o *muxpool.GetOptions) { o.WithVID(vid) }
}

// node returns the victim's statistics.
func (w *world) node() muxpool.NodeStats {
	for _, n := range w.pool.Stats().Nodes {
		if n.Node == w.caller.Node {
			return n
		}
	}
	return muxpool.NodeStats{}
}

// reserved returns how many ids of a node wait for an answer whose caller left.
func reserved(s muxpool.NodeStats) (n int) {
	for _, c := range s.Conns {
		n += c.Reserved
	}
	return n
}

func (w *world) must(s string, err error) string {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// failed asserts that an error is of a kind, is the pool's own, and says
// whether the request was sent.
func (w *world) failed(err, kind error, sent bool) {
	w.Helper()
	var (
		pe *muxpool.Error
		s  interface{ Sent() bool }
	)
	switch {
	case !errors.Is(err, kind):
		w.Errorf("got the error %v, want %v", err, kind)
	case !errors.As(err, &pe) || pe.Node != w.caller.Node || pe.Err == nil:
		w.Errorf("not an *Error of the node: %#v", err)
	case !errors.As(err, &s) || s.Sent() != sent:
		w.Errorf("Sent() of %v is not %v", err, sent)
	}
}

// isTimeout reports whether err is the end of a context.
func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}
