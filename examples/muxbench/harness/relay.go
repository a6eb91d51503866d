package harness

import (
	"net"
	"sync"
	"time"
)

// A relay between client and server, for the network Relay, as many a router and proxy
// is: it carries RelayRate in each direction, and connections that have something to send
// get equal shares of it. Two connections are twice the share of one.
//
//	client <-> relay <-> server      a goroutine for each direction of a connection reads a
//	                                 chunk, waits for its turn, and passes it on

// RelayRate is in bytes a second, in each direction.
const RelayRate = 100 << 20

// relayChunk is what a connection may pass on in its turn.
const relayChunk = 16 << 10

type relay struct {
	listener net.Listener
	to       string
	up, down *turns
	wg       sync.WaitGroup
	mu       sync.Mutex
	conns    []net.Conn // to close at the end; mu guards it
	stopped  bool       // mu guards it
}

func startRelay(to string, rate int) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, to: to, up: newTurns(rate), down: newTurns(rate)}
	r.wg.Go(r.up.run)
	r.wg.Go(r.down.run)
	r.wg.Go(r.accept)
	return r, nil
}

func (r *relay) addr() string { return r.listener.Addr().String() }

// stop ends all connections and waits for the relay's goroutines.
func (r *relay) stop() {
	r.listener.Close()
	r.mu.Lock()
	r.stopped = true
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.up.stop()
	r.down.stop()
	r.wg.Wait()
}

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.wg.Go(func() { r.connect(client) })
	}
}

// connect joins a client's connection to one of the server.
func (r *relay) connect(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer server.Close()
	r.mu.Lock()
	if r.stopped {
		r.mu.Unlock()
		return
	}
	r.conns = append(r.conns, client, server)
	r.mu.Unlock()
	r.wg.Go(func() {
		defer client.Close()
		defer server.Close()
		r.up.pass(server, client)
	})
	r.down.pass(client, server)
}

// turns gives those who wait their turn one after the other, each for as long as its
// bytes take at the rate.
type turns struct {
	rate    int // bytes/s
	waiting chan turn
	done    chan struct{} // closed by stop: there are no more turns
}

// turn is for so many bytes; granted is sent to when it has come.
type turn struct {
	bytes   int
	granted chan<- struct{}
}

func newTurns(rate int) *turns {
	return &turns{rate: rate, waiting: make(chan turn, 1024), done: make(chan struct{})}
}

func (t *turns) stop() { close(t.done) }

// turnAhead is how much time the bytes that were let through may be ahead of the clock
// before the next turn waits: shorter sleeps would not be exact.
const turnAhead = time.Millisecond

// run gives turns until stop. What was not used of the rate is not saved up.
func (t *turns) run() {
	free := time.Now() // when the bytes so far are through
	for {
		select {
		case next := <-t.waiting:
			now := time.Now()
			if free.Before(now) {
				free = now
			}
			if ahead := free.Sub(now); ahead > turnAhead {
				time.Sleep(ahead)
			}
			free = free.Add(time.Duration(next.bytes) * time.Second / time.Duration(t.rate))
			next.granted <- struct{}{}
		case <-t.done:
			return
		}
	}
}

// pass copies from one connection to the other, a turn for each chunk, until one ends.
func (t *turns) pass(to, from net.Conn) {
	chunk := make([]byte, relayChunk)
	granted := make(chan struct{}, 1)
	for {
		n, err := from.Read(chunk)
		if err != nil {
			return
		}
		select {
		case t.waiting <- turn{n, granted}:
		case <-t.done:
			return
		}
		select {
		case <-granted:
		case <-t.done:
			return
		}
		if _, err := to.Write(chunk[:n]); err != nil {
			return
		}
	}
}
