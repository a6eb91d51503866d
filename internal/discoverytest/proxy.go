package discoverytest

import (
	"net"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// Proxy passes TCP connections on, until it is cut: it holds all bytes then, as a network
// does that drops packets, and both sides see connections on which nothing comes.
type Proxy struct {
	Address string // at which it listens

	target   string
	listener net.Listener

	mu    sync.Mutex
	open  chan struct{} // closed while bytes pass
	ended chan struct{} // closed with the proxy
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

// NewProxy passes connections on to target, from a port of its own on the same host, until the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: l.Addr().String(), target: target, listener: l, open: make(chan struct{}), ended: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	close(p.open)
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		close(p.ended)
		l.Close()
		p.Reset()
		bounded.Wait(t, p.wg.Wait)
	})
	return p
}

// Cut holds all bytes from now on.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

// Heal passes them on again, those that were held too.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.open)
}

// Reset ends all connections.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() {
			defer c.Close()
			if !p.pass() {
				return
			}
			to, err := net.Dial("tcp", p.target)
			if err != nil {
				return
			}
			defer to.Close()
			p.mu.Lock()
			p.conns[c], p.conns[to] = struct{}{}, struct{}{}
			p.mu.Unlock()
			p.wg.Go(func() { p.copy(c, to) })
			p.copy(to, c)
			p.mu.Lock()
			delete(p.conns, c)
			delete(p.conns, to)
			p.mu.Unlock()
		})
	}
}

// pass waits until bytes pass.
func (p *Proxy) pass() bool {
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	select {
	case <-open:
		return true
	case <-p.ended:
		return false
	}
}

func (p *Proxy) copy(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && p.pass() {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil || !p.pass() {
			return
		}
	}
}
