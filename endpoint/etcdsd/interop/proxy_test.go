package interop

import (
	"net"
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// proxy passes connections on, until it is cut: it holds all bytes then, as a network
// does that drops packets, and both sides see connections on which nothing comes.
type proxy struct {
	address, target string
	listener        net.Listener

	mu    sync.Mutex
	open  chan struct{} // closed while bytes pass
	ended chan struct{} // closed with the proxy
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: l.Addr().String(), target: target, listener: l, open: make(chan struct{}), ended: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	close(p.open)
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		close(p.ended)
		l.Close()
		p.reset()
		bounded.Wait(t, p.wg.Wait)
	})
	return p
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.open)
}

// reset ends all connections.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) accept() {
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
func (p *proxy) pass() bool {
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

func (p *proxy) copy(to, from net.Conn) {
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
