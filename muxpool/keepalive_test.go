package muxpool

import (
	"testing"
	"testing/synctest"
	"time"
)

// pausingParser has two ids, and a keepalive during whose making something happens.
type pausingParser struct {
	oneFreeParser
	made func()
}

func (p *pausingParser) AppendKeepAlive(dst []byte, id uint32) []byte {
	p.made()
	return p.oneFreeParser.AppendKeepAlive(dst, id)
}

// pinging tells whether a keepalive is unanswered, and how many ids are reserved.
func (c *conn) pingState() (pinging bool, reserved int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.health.pinging, c.ids.reserved.len()
}

// TestKeepAliveNeedsAnID: one that is its own until the answer has come, and anybody's after that. Without
// a free one nobody is asked.
func TestKeepAliveNeedsAnID(t *testing.T) {
	withWorld(t, askingParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
		c := func() *conn { m := w.mustGet(t.Context()); defer m.Close(); return m.conn }()
		for range 2 {
			c.sendKeepAlive()
		}
		for left := 1; left >= 0; left-- {
			w.says(worldFrame(worldAlive, 0, 0))
			if _, reserved := c.pingState(); reserved != left {
				t.Errorf("%d ids are reserved, want %d", reserved, left)
			}
		}
		if k := w.pool.Stats().Counters; k.Late+k.Unknown+k.Unsolicited != 0 {
			t.Errorf("the answers are counted as something else: %+v", k)
		}
		var calls []*muxConn
		for range askingIDs {
			calls = append(calls, w.getNow())
		}
		c.sendKeepAlive()
		synctest.Wait()
		if pinging, reserved := c.pingState(); pinging || reserved != 0 || len(w.peers[0].got) != 2 {
			t.Errorf("without a free id: asked %v, %d reserved, and the peer got %x", pinging, reserved, w.peers[0].got)
		}
		for _, m := range calls {
			m.Close()
		}
		c.sendKeepAlive()
		synctest.Wait()
		if pinging, reserved := c.pingState(); !pinging || reserved != 1 || len(w.peers[0].got) != 3 {
			t.Errorf("with one: asked %v, %d reserved, and the peer got %x", pinging, reserved, w.peers[0].got)
		}
	})
}

// TestUnsentKeepAliveHandsItsIDOn: to who has begun to wait for it meanwhile.
func TestUnsentKeepAliveHandsItsIDOn(t *testing.T) {
	parser := new(pausingParser)
	opts := []PoolOption{WithConnectNumber(1), WithQueueSize(1), WithWriteTimeout(time.Hour), WithKeepAlive(time.Hour)}
	withWorld(t, parser, opts, func(t *testing.T, w *world) {
		w.dials = 3 // a peer that reads nothing
		m := w.mustGet(t.Context())
		defer m.Close()
		w.mustWrite(m, 1)
		synctest.Wait()
		w.mustWrite(m, 2)
		var got <-chan *muxConn
		parser.made = func() {
			if got = w.getLater(t); len(got) > 0 {
				t.Error("a call has the id of the keepalive")
			}
		}
		m.conn.sendKeepAlive()
		if synctest.Wait(); len(got) == 0 {
			t.Error("who waits for its id is not served")
		}
	})
}
