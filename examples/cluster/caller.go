package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool/deadline"
)

// callTimeout is how long a call waits for an answer, all its attempts.
const callTimeout = 5 * time.Second

// payEvery: of so many calls one may be run only once.
const payEvery = 4

// caller is a process that calls the service at a fixed rate, as many independent callers do: that some wait for a
// sick node does not keep the others from calling. Its calls belong to phases, which its parent begins.
type caller struct {
	client *client
	page   *http.Server
	rate   int

	stop  context.CancelFunc // nil: no calls are made
	calls sync.WaitGroup     // and who makes them

	mu     sync.Mutex // guards all below; nothing is called under it
	phases []phase    // the last is the current one
}

// phase is a part of a scene: of the calls that begin in it.
type phase struct {
	Calls  []call         `json:"calls"`  // that have ended
	Chosen map[string]int `json:"chosen"` // by a node's address: how often it was for an attempt, in this phase
	Fewest int            `json:"fewest"` // the fewest nodes that there were when a call began
}

// call is what became of one.
type call struct {
	Method string        `json:"method"`
	Nonce  string        `json:"nonce"`
	Node   string        `json:"node,omitempty"` // who answered
	Fate   fate          `json:"fate"`
	Err    string        `json:"err,omitempty"`
	Late   time.Duration `json:"late"` // after it was due, when it was made
}

// newCaller returns one whose page is served on the socket that is its first extra file.
func newCaller(t told, logs io.Writer) (actor, string, error) {
	f := os.NewFile(3, "page")
	l, err := net.FileListener(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, "", err
	}
	c := &caller{rate: t.rate, phases: []phase{{}}}
	if !t.prefers {
		t.zone = ""
	}
	if c.client, err = newClient(t.zone, t.etcd, logs, c.chosen); err != nil {
		return nil, "", errors.Join(err, l.Close())
	}
	c.page = &http.Server{Handler: c.client, ReadHeaderTimeout: 5 * time.Second}
	go c.page.Serve(l)
	return c, l.Addr().String(), nil
}

// do: "start" has it make calls; "phase" begins another phase; "stop" lets every call end, and its answer are all phases;
// "state" asks for a look.
func (c *caller) do(word string) (any, error) {
	switch word {
	case "start":
		c.begin(false)
		ctx, cancel := context.WithCancel(context.Background())
		c.stop = cancel
		c.calls.Go(func() { c.run(ctx) })
		return nil, nil
	case "phase":
		c.begin(true)
		return nil, nil
	case "stop":
		if c.stop != nil {
			c.stop()
			c.calls.Wait()
			c.stop = nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.phases, nil
	case "state":
		return c.look(), nil
	}
	return nil, errWord(word)
}

// begin begins a phase, the first, or one after those before.
func (c *caller) begin(after bool) {
	next := phase{Chosen: make(map[string]int), Fewest: len(c.client.set.Nodes())}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !after {
		c.phases = nil
	}
	c.phases = append(c.phases, next)
}

// state is what a client sees now.
type state struct {
	Nodes []seen  `json:"nodes"`
	Calls int     `json:"calls"` // of this phase that have ended
	Stays float64 `json:"stays"` // the part of the calls that stays in the zone that the client prefers; 1 if it prefers none
}

// seen is a node as a client sees it.
type seen struct {
	Address string `json:"address"`
	Zone    string `json:"zone"`
	Open    bool   `json:"open"` // its breaker takes no call
}

func (c *caller) look() state {
	s := state{Stays: 1}
	now := c.client.set.Stats()
	for _, m := range now.Methods {
		s.Stays = min(s.Stays, m.InZone)
	}
	for _, n := range now.Nodes {
		s.Nodes = append(s.Nodes, seen{n.Node.Address, n.Instance.Zone, n.Open != nil})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Calls = len(c.phases[len(c.phases)-1].Calls)
	return s
}

// run makes calls until ctx ends. When it is late it catches up.
func (c *caller) run(ctx context.Context) {
	every := time.Second / time.Duration(c.rate)
	for i, due := 0, time.Now(); sleep(ctx, time.Until(due)) == nil; i, due = i+1, due.Add(every) {
		name := read
		if i%payEvery == 0 {
			name = pay
		}
		there := len(c.client.set.Nodes())
		c.mu.Lock()
		of := len(c.phases) - 1
		c.phases[of].Fewest = min(c.phases[of].Fewest, there)
		c.mu.Unlock()
		c.calls.Go(func() { c.call(name, of, due) })
	}
}

// call makes one call, under a deadline of its own: the end of a scene cuts none.
func (c *caller) call(name string, of int, due time.Time) {
	made := call{Method: name, Nonce: rand.Text(), Late: time.Since(due)}
	ctx, cancel := deadline.WithTimeout(context.Background(), callTimeout) // cheaper than package context's
	defer cancel()
	answer, err := c.client.methods[name](ctx, Request{Nonce: made.Nonce})
	if err == nil && answer.Nonce != made.Nonce {
		err = fmt.Errorf("%w: %+v", errWrongAnswer, answer)
	}
	if made.Fate = fateOf(err); err != nil {
		made.Err = err.Error()
	} else {
		made.Node = answer.Node
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phases[of].Calls = append(c.phases[of].Calls, made)
}

// chosen notes that a node is, for an attempt.
func (c *caller) chosen(node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.phases[len(c.phases)-1].Chosen; now != nil {
		now[node]++
	}
}

func (c *caller) end() error { return c.close() }

func (c *caller) close() error {
	if c.stop != nil {
		c.stop()
		c.calls.Wait()
	}
	return errors.Join(c.page.Close(), c.client.close())
}

// take are the nodes that take calls, as a client sees it, by their addresses; of one zone, or of all for "".
func (s state) take(zone string) map[string]bool {
	taking := make(map[string]bool)
	for _, n := range s.Nodes {
		if !n.Open && (zone == "" || n.Zone == zone) {
			taking[n.Address] = true
		}
	}
	return taking
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
