package muxpool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWriteFailsOnAConnThatDrains: why is told to the calls that are on it still, and once.
func TestWriteFailsOnAConnThatDrains(t *testing.T) {
	for name, before := range map[string]func(*conn){
		"open":       func(*conn) {},
		"going away": func(c *conn) { c.drain(ReasonGoingAway, nil) },
		"old":        func(c *conn) { c.drain(ReasonRetired, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
				m := w.mustGet(context.Background())
				defer m.Close()
				w.mustWrite(m, 1)
				before(m.conn)
				broken := errors.New("broken pipe")
				m.conn.writeFailed(broken)
				_, err := m.Read()
				if !errors.Is(err, broken) || !errors.Is(err, ErrConnLost) || strings.Count(err.Error(), "broken pipe") != 1 {
					t.Errorf("got %v, want the cause, once", err)
				}
			})
		})
	}
}

// TestDueCallsOfAConnThatEnds: it sets its timer no more, which would keep it until the last deadline.
func TestDueCallsOfAConnThatEnds(t *testing.T) {
	withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		m := w.mustGet(context.Background(), func(o *GetOptions) { o.WithTimeout(time.Hour) })
		defer m.Close()
		c := m.conn
		n := c.node
		n.mu.Lock() // here close waits, with the call on the conn still
		go c.close(ReasonConnLost, fmt.Errorf("%w: reset", ErrConnLost))
		for ended := false; !ended; {
			c.mu.Lock()
			ended = c.state == connClosed
			c.mu.Unlock()
		}
		c.endDue()
		c.mu.Lock()
		set := c.deadlines.timer.Stop()
		c.mu.Unlock()
		n.mu.Unlock()
		if synctest.Wait(); set {
			t.Error("the timer of a conn that has ended is set")
		}
	})
}

// TestLongestAge: a connection that may be as old as there is time for is not old from the beginning.
func TestLongestAge(t *testing.T) {
	for range 100 {
		if age := jittered(math.MaxInt64); age < math.MaxInt64/10*9 {
			t.Fatalf("drew %v", age)
		}
	}
}

// pickyParser refuses a frame with a large nonce.
type pickyParser struct{ worldParser }

func (p pickyParser) Parse(r io.Reader) (uint32, []byte, error) {
	head, err := r.(FrameReader).Peek(worldLen)
	if err == nil && binary.BigEndian.Uint32(head[5:]) == math.MaxUint32 {
		return 0, nil, ErrFrameTooLarge
	}
	return p.worldParser.Parse(r)
}

func (pickyParser) Measure(header []byte) (uint32, int64, bool) {
	return binary.BigEndian.Uint32(header[1:]), worldLen, true
}

// TestPluginsLimitBelowALargeOne: a frame that only the plug-in finds too large fails its call alone, however
// large the pool's own limit is.
func TestPluginsLimitBelowALargeOne(t *testing.T) {
	for _, limit := range []int{1 << 20, math.MaxInt} {
		withWorld(t, pickyParser{}, []PoolOption{WithConnectNumber(1), WithMaxFrameSize(limit)}, func(t *testing.T, w *world) {
			m := w.mustGet(context.Background())
			defer m.Close()
			w.mustWrite(m, 1)
			if _, err := w.peers[0].nc.Write(worldFrame(worldAnswer, m.id, math.MaxUint32)); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Read(); !errors.Is(err, ErrFrameTooLarge) || errors.Is(err, ErrConnLost) {
				t.Errorf("with a limit of %d: %v", limit, err)
			}
		})
	}
}
