package peertest

import (
	"encoding/json"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Client gives orders to a real client, and gets the outcome of each. It is safe for concurrent use.
type Client[O, R any] struct {
	t testing.TB

	mu      sync.Mutex // guards the rest
	orders  *json.Encoder
	last    int
	waiting map[int]chan R // each has room for its outcome
	ended   bool
}

// What they send each other, a line of JSON for each.
type (
	order[O any] struct {
		ID    int
		Order O
	}
	outcome[R any] struct {
		ID      int
		Outcome R
	}
)

// StartClient runs a peer that is a client.
func StartClient[O, R any](t testing.TB, cmd *exec.Cmd) *Client[O, R] {
	t.Helper()
	p := StartPeer(t, cmd)
	c := &Client[O, R]{t: t, orders: json.NewEncoder(p.In), waiting: map[int]chan R{}}
	go c.receive(json.NewDecoder(p.Out))
	return c
}

func (c *Client[O, R]) receive(outcomes *json.Decoder) {
	for {
		var r outcome[R]
		err := outcomes.Decode(&r)
		c.mu.Lock()
		if err != nil {
			c.ended = true
			for _, done := range c.waiting {
				close(done)
			}
			c.mu.Unlock()
			return
		}
		done := c.waiting[r.ID]
		delete(c.waiting, r.ID)
		c.mu.Unlock()
		done <- r.Outcome
	}
}

// Begin has a call made; its outcome comes on the channel, which is closed if the client ends before.
func (c *Client[O, R]) Begin(o O) <-chan R {
	done := make(chan R, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	if c.ended || c.orders.Encode(order[O]{c.last, o}) != nil {
		close(done)
		return done
	}
	c.waiting[c.last] = done
	return done
}

// End waits for an outcome. Without one the test has failed, and goes on.
func (c *Client[O, R]) End(done <-chan R) (r R) {
	c.t.Helper()
	select {
	case r, ok := <-done:
		if !ok {
			c.t.Error("the real client has ended")
		}
		return r
	case <-time.After(Patience):
		c.t.Error("the real client does not come back")
		return r
	}
}

// Call makes a call.
func (c *Client[O, R]) Call(o O) R {
	c.t.Helper()
	return c.End(c.Begin(o))
}
