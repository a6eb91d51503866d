package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	kittransport "github.com/go-kit/kit/transport"

	"github.com/muxkit/muxkit/internal/text"
)

const (
	// reportsPerSecond bounds what the ServiceErrorHandler hears: what a peer can
	// provoke must not flood a log.
	reportsPerSecond = 10
	// reportsPerPeer is how many of them are about one peer, so that others are heard
	// of: the first, and the end of what began with it.
	reportsPerPeer = 3
	// maxReports is how many may wait for it.
	maxReports = 32
	// maxReport bounds the text of a report, in bytes.
	maxReport = 2 * maxMessage
)

// reports passes errors on, within bounds, one at a time, on a goroutine of its own that
// lives while there are some: who reports never waits for the handler, and neither its
// panics nor its blocking is felt by anybody else.
type reports struct {
	handler kittransport.ErrorHandler

	// mu is a leaf. It guards the rest.
	mu      sync.Mutex
	window  time.Time            // when the current second began
	passed  int                  // in this second
	peers   map[netip.Prefix]int // how many of those are about each peer
	left    int                  // left out since the last one that passed
	queue   []report
	telling bool // a goroutine takes from queue, or is about to
}

type report struct {
	ctx  context.Context
	err  error
	left int // before it
}

// report has the handler hear of err, unless it has heard too much lately.
func (r *reports) report(ctx context.Context, err error) {
	addr, _ := ctx.Value(ContextKeyRemoteAddr).(net.Addr)
	about, ok := peerOf(addr)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Sub(r.window) >= time.Second {
		r.window, r.passed = now, 0
		clear(r.peers)
	}
	if r.passed >= reportsPerSecond || len(r.queue) >= maxReports || ok && !r.spare(about) {
		r.left++
		return
	}
	r.queue = append(r.queue, report{ctx, err, r.left})
	r.passed++
	r.left = 0
	if !r.telling {
		r.telling = true
		go r.tell()
	}
}

// spare counts a report about a peer, and says whether it is to be told. mu is held.
func (r *reports) spare(about netip.Prefix) bool {
	if r.peers == nil {
		r.peers = make(map[netip.Prefix]int)
	}
	r.peers[about]++
	return r.peers[about] <= reportsPerPeer
}

// tell is the goroutine that calls the handler. Another takes its place if the handler
// ends it.
func (r *reports) tell() {
	ended := true
	defer func() {
		if ended {
			go r.tell()
		}
	}()
	for {
		next, ok := r.next()
		if !ok {
			break
		}
		r.handle(next)
	}
	ended = false
}

// next takes the report that has waited longest.
func (r *reports) next() (next report, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.queue, r.telling = nil, false
		return report{}, false
	}
	next = r.queue[0]
	r.queue[0] = report{}
	r.queue = r.queue[1:]
	return next, true
}

// handle calls the handler. If that panics, or the error's own methods do, nobody is left
// to tell.
func (r *reports) handle(next report) {
	defer func() { _ = recover() }()
	err := next.err
	if addr, _ := next.ctx.Value(ContextKeyRemoteAddr).(net.Addr); addr != nil {
		err = fmt.Errorf("%v: %w", addr, err)
	}
	if next.left > 0 {
		err = fmt.Errorf("%w (and %d more that were not reported)", err, next.left)
	}
	r.handler.Handle(next.ctx, text.Error(err, maxReport))
}
