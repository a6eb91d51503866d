package transport_test

import (
	"bufio"
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
)

// TestHowLongTheUntoldAreWaitedFor: a client that can be told of the end by an answer only has a
// second without a call until its connection ends, and that after the two in which calls are still
// run, if it had one in the five seconds before, or has one now: it may have others, and learn of the
// end by a call that is refused there. Any other has a tenth of that second. What came until then is
// looked for 5 ms more.
func TestHowLongTheUntoldAreWaitedFor(t *testing.T) {
	const shortly, stay, longer, look = 100 * time.Millisecond, 2 * time.Second, time.Second, 5 * time.Millisecond
	for name, p := range untold {
		for what, row := range map[string]struct {
			calls    bool
			takes    time.Duration // the call
			quiet    time.Duration // from its answer until Shutdown, or from its beginning if it is under way then
			underWay bool
			ends     time.Duration // from Shutdown on
		}{
			"no call":                         {ends: shortly + look},
			"no call for long":                {quiet: 10 * time.Second, ends: shortly + look},
			"a call just now":                 {calls: true, ends: stay + longer + look},
			"a call a while ago":              {calls: true, quiet: 5*time.Second - 1, ends: stay + longer + look},
			"a call longer ago":               {calls: true, quiet: 5 * time.Second, ends: shortly + look},
			"a call under way, the first one": {calls: true, takes: 3300 * time.Millisecond, quiet: 2 * time.Second, underWay: true, ends: stay + longer + look},
			"a call under way, a long one":    {calls: true, takes: 4300 * time.Millisecond, quiet: 2 * time.Second, underWay: true, ends: 2300*time.Millisecond + longer + look},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					pipes, s, stop := servePipesOf(t, p, map[string]*transport.Server{"M": rawServer(func(_ context.Context, r any) (any, error) {
						time.Sleep(row.takes)
						return r, nil
					})}, transport.ServiceIdleTimeout(time.Hour))
					defer stop()
					nc, c := pipes.dial(t), scripted(p)
					defer nc.Close()
					in := bufio.NewReader(nc)
					time.Sleep(time.Minute)
					if row.calls {
						if _, err := nc.Write(c.request(1)); err != nil {
							t.Fatal(err)
						}
					}
					if row.calls && !row.underWay {
						if _, _, err := c.answer(in); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(row.quiet)
					began, down := time.Now(), make(chan error, 1)
					go func() { down <- s.Shutdown(context.Background()) }()
					_, _ = io.Copy(io.Discard, in)
					if took := time.Since(began); took != row.ends {
						t.Errorf("it ends %v after Shutdown, want %v", took, row.ends)
					}
					if err := bounded.Receive(t, down); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}
