package transport_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestWhenAClientHearsTheSettings: with the first answer, or with its hundredth call in flight; and once.
func TestWhenAClientHearsTheSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p, _, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
			<-release
			return r, nil
		})})
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		frames := make(chan muxpool.FrameKind, 1000)
		go func() {
			for {
				id, frame, err := native.Protocol{}.Parse(nc)
				if err != nil {
					return
				}
				frames <- native.Protocol{}.ClassifyFrame(id, frame)
			}
		}()
		hears := func(when string, want ...muxpool.FrameKind) {
			t.Helper()
			synctest.Wait()
			if len(frames) != len(want) {
				t.Errorf("%s: %d frames, want %d", when, len(frames), len(want))
			}
			for _, kind := range want {
				if got := bounded.Receive(t, frames); got != kind {
					t.Errorf("%s: a frame of kind %v, want %v", when, got, kind)
				}
			}
		}
		send := func(frames []byte) {
			t.Helper()
			if _, err := nc.Write(frames); err != nil {
				t.Fatal(err)
			}
		}
		send(batch(t, 99, "M"))
		hears("99 calls")
		send(request(t, 100, "M", ""))
		hears("100 calls", muxpool.FrameSettings)
		release <- struct{}{}
		hears("an answer", muxpool.FrameLast)
		send(request(t, 101, "M", ""))
		hears("100 calls again")
		close(release)
		synctest.Wait()
		if n := len(frames); n != 100 {
			t.Errorf("%d frames in the end, want an answer to each call", n)
		}
		for range len(frames) {
			if kind := bounded.Receive(t, frames); kind != muxpool.FrameLast {
				t.Errorf("a frame of kind %v", kind)
			}
		}
	})
}
