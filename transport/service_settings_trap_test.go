package transport_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
)

// TestSettingsThatFailBesideCalls: a protocol that panics, or ends the goroutine, when a client
// with many calls in flight is told the settings, ends that connection, with all that its calls
// have counted for.
func TestSettingsThatFailBesideCalls(t *testing.T) {
	for name, do := range map[string]func(){"panics": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var running atomic.Int64
				p := newPipes()
				s := transport.NewService(trapped{part: "settings", trap: &trap{do: do}})
				for method, server := range blocking(&running, release) {
					s.Handle(method, server)
				}
				served := make(chan error, 1)
				go func() { served <- s.Serve(p) }()
				nc := p.dial(t)
				defer nc.Close()
				answers := readAll(nc)
				if _, err := nc.Write(batch(t, 100, "M")); err != nil {
					t.Fatal(err)
				}
				for range answers { // until the connection ends
				}
				close(release)
				synctest.Wait()
				if stats := s.Stats(); stats.InFlight != 0 || stats.Bytes != 0 {
					t.Errorf("in the end the figures are %+v", stats)
				}
				if err := s.Shutdown(testContext(t)); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				if err := bounded.Receive(t, served); !errors.Is(err, transport.ErrServiceClosed) {
					t.Error(err)
				}
			})
		})
	}
}
