package muxpool_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// workingParser takes its time for a large frame, when it has come.
type workingParser struct {
	muxtest.Parser
	muxtest.Kinds
}

// workingAlive has a keepalive, too.
type workingAlive struct {
	workingParser
	muxtest.KeepAlive
}

func (p workingParser) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := p.Parser.Parse(r)
	if len(frame) > 100<<10 {
		time.Sleep(20 * time.Second) // of bubble time
	}
	return id, frame, err
}

// TestParserAtWorkIsNoSilence: while the pool's own read loop is at work on what has come,
// the peer is not found silent: by no keepalive, no call that has timed out, no frame that
// has begun.
func TestParserAtWorkIsNoSilence(t *testing.T) {
	for name, parser := range map[string]muxpool.FrameParser{"keepalive": workingAlive{}, "no keepalive": workingParser{}} {
		t.Run(name, func(t *testing.T) {
			world.InBubble(t, world.Setup{Parser: parser, Opts: world.OneConn, Alone: true}, func(w *world.World) {
				large := w.Get(context.Background())
				defer large.Close()
				done := make(chan error, 1)
				go func() { done <- muxtest.Exchange(large, make([]byte, 500<<10)) }()
				time.Sleep(time.Second)
				w.WantError(w.CallFor(time.Second), context.DeadlineExceeded, true) // its answer lies unread
				if err := <-done; err != nil {
					w.Error(err)
				}
				if err := w.Call(); err != nil {
					w.Error(err)
				}
				if downs := w.Heard(muxpool.ConnDown); len(downs) > 0 {
					w.Errorf("the connection ended: %v", downs)
				}
			})
		})
	}
}
