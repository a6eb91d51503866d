package muxpool_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// TestSentIsATruth: the context, the connection or the MuxConn ends while Write is
// at work. Whatever comes of it, no peer ever sees a call whose error says that
// it was not sent.
func TestSentIsATruth(t *testing.T) {
	opts := []muxpool.PoolOption{muxpool.WithMaxVirConnsPerConn(100)} // so that the pool watches contexts
	for name, end := range map[string]func(*world.World, muxpool.MuxConn, context.CancelFunc){
		"context":    func(_ *world.World, _ muxpool.MuxConn, cancel context.CancelFunc) { cancel() },
		"MuxConn":    func(_ *world.World, mc muxpool.MuxConn, _ context.CancelFunc) { mc.Close() },
		"connection": func(w *world.World, _ muxpool.MuxConn, _ context.CancelFunc) { w.Victim.ResetConns() },
	} {
		t.Run(name, func(t *testing.T) {
			world.Both(t, world.Setup{Parser: world.Classified{}, Opts: opts, Alone: true}, func(w *world.World) {
				seen := seenNonces{set: make(map[uint64]struct{})}
				w.Victim.Do(seen.note(muxtest.Echo))
				claims := make(map[uint64]error)
				rounds := 2000
				if name == "connection" {
					rounds = world.Often(rounds, 150) // each makes new ones
				}
				for range rounds {
					nonce, err := endDuring(w, end)
					var e *muxpool.Error
					if errors.As(err, &e) && !e.Sent() {
						claims[nonce] = err
					}
				}
				w.Pool.Close()
				w.Victim.Close()
				bad := 0
				for nonce, err := range claims {
					if seen.has(nonce) {
						if bad++; bad == 1 {
							w.Errorf("the peer has seen the call that ended with: %v", err)
						}
					}
				}
				if bad > 0 {
					w.Errorf("%d of %d claims not to be sent were wrong", bad, len(claims))
				}
			})
		})
	}
}

// endDuring makes a call, and lets end run at the same time as Write.
func endDuring(w *world.World, end func(*world.World, muxpool.MuxConn, context.CancelFunc)) (nonce uint64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.Allowed(10*time.Second))
	defer cancel()
	mc, err := w.Caller.Get(ctx)
	if err != nil {
		return 0, err
	}
	defer mc.Close()
	call := muxtest.NewCall(mc, []byte("call"))
	var both sync.WaitGroup
	both.Go(func() { end(w, mc, cancel) })
	both.Go(func() {
		if err = mc.Write(muxtest.AppendFrame(nil, call)); err == nil {
			err = muxtest.Expect(mc, call)
		}
	})
	both.Wait()
	return call.Nonce, err
}
