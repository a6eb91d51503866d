package muxpool_test

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

const age = 10 * time.Minute

// retired is how many connections have been.
func retired(k muxpool.Counters) uint64 { return k.ConnsClosed.By(muxpool.ReasonRetired) }

// aged is a world whose connections may be ten minutes old, and are idle for longer.
func aged(n int, opts ...muxpool.PoolOption) world.Setup {
	return world.Setup{Alone: true, Opts: append([]muxpool.PoolOption{muxpool.WithConnectNumber(n), muxpool.WithMaxConnAge(age),
		muxpool.WithIdleTimeout(time.Hour)}, opts...)}
}

// TestMaxConnAge: what becomes of connections that are old. Each has answered a call. The
// figures are those when eleven minutes and a half have passed, by which each is old, give
// or take a tenth, and its successor is not.
func TestMaxConnAge(t *testing.T) {
	off := world.Setup{Alone: true, Opts: append([]muxpool.PoolOption{muxpool.WithIdleTimeout(time.Hour)}, world.OneConn...)}
	for _, row := range []struct {
		name    string
		setup   world.Setup
		conns   int
		story   func(w *world.World)
		dials   uint64
		retired uint64
		told    string
	}{
		{"off by default", off, 1, nil, 1, 0, ""},
		{"one", aged(1), 1, nil, 2, 1, "conn up, conn down(retired)"},
		{"each of two", aged(2), 2, nil, 4, 2, "conn up, conn down(retired), conn up, conn down(retired)"},
		{"the new one takes its time", aged(1, muxpool.WithDialTimeout(time.Hour)), 1,
			func(w *world.World) { w.Victim.OnDial(world.StalledDial) }, 2, 0, ""},
		{"beyond WithConnectNumber: it just goes; the other is replaced", aged(1, muxpool.WithMaxVirConnsPerConn(1), muxpool.WithMaxIdleConnsPerHost(2)), 1,
			func(w *world.World) {
				w.Victim.Do(muxtest.Delay(time.Second))
				w.Calls(2, time.Minute).Land()
			}, 3, 2, "conn up, conn down(retired), conn up, conn down(retired)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			world.InBubble(t, row.setup, func(w *world.World) {
				prove(w, row.conns)
				w.Settle()
				before := len(w.Heard(0))
				if row.story != nil {
					row.story(w)
				}
				time.Sleep(age * 23 / 20)
				w.Settle()
				told := words(w, before)
				if s := w.Pool.Stats(); s.Dials != row.dials || retired(s.Counters) != row.retired || told != row.told {
					w.Errorf("%d dials, %d retired, told %q;\nwant %d, %d, %q", s.Dials, retired(s.Counters), told, row.dials, row.retired, row.told)
				}
				if open := w.Victim.Stats().Open; open != row.conns || len(w.Node().Conns) != row.conns {
					w.Errorf("%d connections are open, %d in the pool, want %d", open, len(w.Node().Conns), row.conns)
				}
			})
		})
	}
}

// prove makes calls until n connections have answered.
func prove(w *world.World, n int) {
	w.Helper()
	w.Until(time.Second, "connections that have answered", func() bool {
		if failed := w.Calls(n, time.Second).Land(); len(failed) > 0 {
			w.Fatal(failed[0])
		}
		conns := w.Node().Conns
		return len(conns) == n && !slices.ContainsFunc(conns, func(c muxpool.ConnStats) bool { return c.Frames == 0 })
	})
}

// words are the events from the n-th on.
func words(w *world.World, n int) string {
	var told []string
	for _, e := range w.Heard(0)[n:] {
		word := e.Kind.String()
		if e.Reason != muxpool.ReasonNone {
			word += "(" + e.Reason.String() + ")"
		}
		if told = append(told, word); e.Reason == muxpool.ReasonRetired && e.Reason.Failure() {
			w.Errorf("a breaker would count %v", e)
		}
	}
	return strings.Join(told, ", ")
}

// TestCallsKeepTheirOldConnection until they have ended, and new ones take the new one.
func TestCallsKeepTheirOldConnection(t *testing.T) {
	world.InBubble(t, aged(1), func(w *world.World) {
		hold := w.Hold()
		call := w.Calls(1, time.Hour)
		w.Settle()
		old := world.Link{Conn: w.Victim.Conns()[0]}
		w.Victim.Do(muxtest.Echo)
		time.Sleep(age * 23 / 20)
		if err := w.Call(); err != nil {
			w.Error("a new call: ", err)
		}
		if old.Ended() || old.Received() != 1 || w.Victim.Stats().Open != 2 {
			w.Errorf("the old connection has ended %v, got %d frames; %d are open", old.Ended(), old.Received(), w.Victim.Stats().Open)
		}
		hold.Release(nil)
		if failed := call.Land(); len(failed) > 0 {
			w.Error("the call on the old connection: ", failed[0])
		}
		w.Settle()
		if !old.Ended() || w.Victim.Stats().Open != 1 {
			w.Errorf("the old connection has ended %v; %d are open", old.Ended(), w.Victim.Stats().Open)
		}
	})
}

// TestOldConnectionStaysWhileNoneCanBeMade: nobody notices, and it is tried again after a
// minute, a tenth of the age, give or take a tenth.
func TestOldConnectionStaysWhileNoneCanBeMade(t *testing.T) {
	world.InBubble(t, aged(1), func(w *world.World) {
		prove(w, 1)
		w.Victim.OnDial(func(context.Context, int) error { return errors.New("refused") })
		time.Sleep(age * 2)
		refused := w.Heard(muxpool.DialFailed)
		if len(refused) < 8 || len(w.Heard(0)) != len(refused)+2 {
			w.Fatalf("told %v", w.Heard(0))
		}
		for i, e := range refused[1:] {
			if d := e.Time.Sub(refused[i].Time); d < 54*time.Second || d > 66*time.Second || e.Attempt != 1 {
				w.Errorf("attempt %d, %v after the one before", e.Attempt, d)
			}
		}
		dials := w.Pool.Stats().Dials
		for range 100 {
			if err := w.Call(); err != nil {
				w.Fatal(err)
			}
		}
		w.Victim.OnDial(nil)
		time.Sleep(66 * time.Second)
		w.Settle()
		if s := w.Pool.Stats(); retired(s.Counters) != 1 || s.Dials > dials+2 || w.Node().State != muxpool.NodeUp {
			w.Errorf("with the peer back: %d retired, %d dials more, %v", retired(s.Counters), s.Dials-dials, w.Node().State)
		}
	})
}

// TestUnusedConnectionsAreNotReplaced: those of a node that nobody calls close with age, and
// the node is as idle as one whose connections were idle for too long.
func TestUnusedConnectionsAreNotReplaced(t *testing.T) {
	world.InBubble(t, aged(2), func(w *world.World) {
		w.TwoConns()
		time.Sleep(3 * age)
		if s := w.Node(); s.State != muxpool.NodeIdle || len(s.Conns) != 0 || w.Victim.Stats().Open != 0 {
			w.Errorf("after three ages without a call: %v, %d connections, %d open", s.State, len(s.Conns), w.Victim.Stats().Open)
		}
		if dials := w.Pool.Stats().Dials; dials > 4 {
			w.Errorf("%d dials for two connections that hardly anybody used", dials)
		}
	})
}

// TestAgesDiffer: connections that were made at once are not replaced at once.
func TestAgesDiffer(t *testing.T) {
	const conns = 100
	world.InBubble(t, aged(conns), func(w *world.World) {
		w.Until(time.Second, "all are up", func() bool { w.Call(); return len(w.Node().Conns) == conns })
		var used []muxpool.MuxConn
		for range conns { // each on the one that is free
			mc := w.Get(context.Background())
			if err := muxtest.Exchange(mc, nil); err != nil {
				w.Fatal(err)
			}
			used = append(used, mc)
		}
		for _, mc := range used {
			mc.Close()
		}
		w.Settle()
		start, before := time.Now(), len(w.Heard(0))
		time.Sleep(age * 23 / 20)
		var first, last time.Duration
		n := 0
		for _, e := range w.Heard(0)[before:] {
			if e.Kind == muxpool.ConnDown {
				if last = e.Time.Sub(start); n == 0 {
					first = last
				}
				n++
			}
		}
		// That all 100 spare the first quarter of the time happens once in 10^12 times.
		if n != conns || first < age*89/100 || last > age*111/100 || first > age*95/100 || last < age*105/100 {
			w.Errorf("%d connections of %d were replaced, after %v to %v", n, conns, first, last)
		}
	})
}

// TestRetirementUnderLoadLosesNoCall: nor is one called late.
func TestRetirementUnderLoadLosesNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(muxtest.Delay(50 * time.Millisecond))
		defer peer.Close()
		peer.OnDial(func(context.Context, int) error { time.Sleep(400 * time.Millisecond); return nil })
		pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithMaxConnAge(2*time.Second), muxpool.WithDialContext(peer.DialContext))
		defer func() { // a dial may be under way, which does not hear of it
			_ = pool.Close()
			bounded.Receive(t, pool.Done())
		}()
		caller := muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{})
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := range 500 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					start := time.Now()
					err := caller.Call(ctx, nil)
					if took := time.Since(start); err != nil || took > 50*time.Millisecond && i > 0 {
						t.Errorf("worker %d, call %d: after %v: %v", worker, i, took, err)
					}
					cancel()
				}
			})
		}
		bounded.Wait(t, wg.Wait)
		if s := pool.Stats(); retired(s.Counters) < 9 || retired(s.Counters) > 14 || s.Dials > retired(s.Counters)+2 {
			t.Errorf("%d retired in 25 s, %d dials", retired(s.Counters), s.Dials)
		}
	})
}

// TestCertificateRotation: certificates that are replaced on disk are used when the
// connection is, without a call lost; the server has seen the old one, then the new one only.
func TestCertificateRotation(t *testing.T) {
	ca, err := muxtest.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	issue := func(name string) tls.Certificate {
		cert, err := ca.Issue(name, "127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	caDir, dir := t.TempDir(), t.TempDir()
	caFile, err := ca.WriteCA(caDir)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile, err := muxtest.WritePair(dir, issue("first"))
	if err != nil {
		t.Fatal(err)
	}
	newCert, newKey, err := muxtest.WritePair(dir, issue("second"))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []string // by the server, one for each connection
	server := &tls.Config{Certificates: []tls.Certificate{issue("server")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
		VerifyConnection: func(s tls.ConnectionState) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, s.PeerCertificates[0].DNSNames[0])
			return nil
		}}
	setup := world.Setup{TLS: server, Opts: append([]muxpool.PoolOption{muxpool.WithMaxConnAge(100 * time.Millisecond)}, world.OneConn...)}
	world.OnSockets(t, setup, func(w *world.World) {
		w.Caller.Opts.WithDialTLS(certFile, keyFile, caFile, "")
		w.Until(5*time.Second, "some connections", func() bool { w.Call(); return retired(w.Node().Counters) >= 3 })
		for old, file := range map[string]string{certFile: newCert, keyFile: newKey} { // a dial in between finds no pair, and fails
			if err := os.Rename(file, old); err != nil {
				w.Fatal(err)
			}
		}
		rotated := retired(w.Node().Counters)
		w.Until(5*time.Second, "some more", func() bool { w.Call(); return retired(w.Node().Counters) >= rotated+3 })
		if errs := w.Tally.Errors(); len(errs) > 0 {
			w.Errorf("%d calls failed: %v", len(errs), errs[0])
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(seen, "first") || seen[len(seen)-1] != "second" || !slices.IsSorted(seen) {
			w.Errorf("the server saw %v", seen)
		}
	})
}
