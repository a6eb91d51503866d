package interop

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"
)

// realClient gives orders to the real client.
type realClient struct {
	t       *testing.T
	address string

	mu      sync.Mutex // guards the rest
	orders  *json.Encoder
	last    int
	waiting map[int]chan Outcome // each has room for its outcome
	ended   bool
}

func newRealClient(t *testing.T, address string) *realClient {
	p := start(t)
	c := &realClient{t: t, address: address, orders: json.NewEncoder(p.in), waiting: map[int]chan Outcome{}}
	go c.receive(json.NewDecoder(p.out))
	return c
}

func (c *realClient) receive(outcomes *json.Decoder) {
	for {
		var out Outcome
		err := outcomes.Decode(&out)
		c.mu.Lock()
		if err != nil {
			c.ended = true
			for _, done := range c.waiting {
				done <- Outcome{Failed: true, Message: "the real client has ended"}
			}
			c.mu.Unlock()
			return
		}
		done := c.waiting[out.ID]
		delete(c.waiting, out.ID)
		c.mu.Unlock()
		done <- out
	}
}

// begin has a call made; its outcome comes on the channel.
func (c *realClient) begin(o Order) <-chan Outcome {
	c.t.Helper()
	done := make(chan Outcome, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	if o.ID = c.last; o.Address == "" {
		o.Address = c.address
	}
	c.waiting[o.ID] = done
	if err := c.orders.Encode(o); err != nil || c.ended {
		delete(c.waiting, o.ID)
		done <- Outcome{Failed: true, Message: fmt.Sprint("the real client has ended: ", err)}
	}
	return done
}

func (c *realClient) call(o Order) Outcome {
	c.t.Helper()
	return c.end(c.begin(o))
}

// end waits for an outcome.
func (c *realClient) end(done <-chan Outcome) Outcome {
	c.t.Helper()
	select {
	case out := <-done:
		return out
	case <-time.After(patience):
		c.t.Error("the real client does not come back")
		return Outcome{Failed: true}
	}
}
