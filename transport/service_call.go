package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// serverCall is one call on a server. It is used again for another once it is done;
// what outlives a call, if its endpoint keeps it, is its context.
type serverCall struct {
	*requestContext
	req, resp Message
	id        uint32
	from      caller
	server    *Server
	counts    *methodCounts
	outcome   outcome
	account   *account
	arrived   time.Time
	held      int64       // bytes of account that the call has
	inline    bool        // runs on the goroutine that reads
	inFlight  bool        // it was counted in, and not answered
	listed    bool        // its connection finds it by its id
	queued    *serverCall // behind this one in a runQueue, or a line
	ahead     *serverCall // before it in a line; guarded by its mutex
	waits     bool        // in a line; likewise
}

var serverCallPool = sync.Pool{New: func() any { return new(serverCall) }}

// caller is where a call came from.
type caller interface {
	// ready is called before the answer is encoded. It may wait, while the client
	// does not read, and return what is to be called after send, or instead of it.
	ready(call *serverCall) (sent func())
	// send takes ownership of frame, which is from wire.Alloc, and may wait while
	// the client does not read.
	send(call *serverCall, frame []byte) error
	// unanswerable is called instead of send where err is why there is no frame, not even
	// one that says so.
	unanswerable(err error)
	// maxAnswer is the size of the largest frame that can be sent, in bytes.
	maxAnswer() int
	// listening reports whether a call whose connection's context has ended is to be
	// run and answered still.
	listening() bool
	// leaving reports whether the client is asked for no new calls.
	leaving() bool
	// finished is called last, once for each call.
	finished(*serverCall)
}

// parse reads a request that has arrived at that time. The error, if any, is the
// answer.
func (s *Service) parse(conn context.Context, from caller, id uint32, frame []byte, arrived time.Time) (*serverCall, error) {
	call := serverCallPool.Get().(*serverCall)
	call.id, call.from, call.arrived = id, from, arrived
	call.req.routes, call.req.frame = *s.routes.Load(), frame
	call.req.limits = &s.limits
	err := s.protocol.ParseRequest(frame, &call.req)
	var end time.Time
	if err == nil && call.req.Timeout > 0 {
		end = arrived.Add(call.req.Timeout)
	}
	call.requestContext = &requestContext{method: call.req.Method, size: len(frame), attempt: call.req.attempt()}
	call.Init(conn, end)
	call.resp.Method = call.method
	if err != nil {
		return call, fmt.Errorf("method %s: %w", quote(call.method, 80), asInvalid(err))
	}
	r := call.req.route
	if r == nil || r.method != call.req.Method {
		r = call.req.routes[call.req.Method]
	}
	if r == nil {
		r = s.own[call.req.Method]
	}
	call.req.routes, call.req.route = nil, nil
	if r == nil {
		return call, &Error{Code: CodeUnimplemented, Message: "unknown method " + quote(call.method, 80), refused: unknownMethod}
	}
	call.server, call.counts = r.server, &r.counts
	return call, nil
}

// drop forgets a call that was not counted in.
func (c *serverCall) drop() {
	c.Cancel()
	*c = serverCall{}
	serverCallPool.Put(c)
}

// turnAway answers a call that is not run.
func (s *Service) turnAway(call *serverCall, err error) {
	defer call.done()
	_, ended := s.observe(call)
	s.door.count(err)
	s.reports.report(call.requestContext, err)
	call.resp.Err = answerOf(err)
	call.resp.stamp(false)
	_ = s.answer(call)
	ended(&call.resp)
}

// run runs a call, on the goroutine that was chosen for it.
func (s *Service) run(call *serverCall) {
	if err := s.door.queue.begin(call.arrived); err != nil {
		s.turnAway(call, err)
		return
	}
	call.counts.begun.Add(1)
	defer call.ran()
	ctx, ended := s.observe(call)
	defer func() { ended(call.answerSent()) }()
	defer call.server.recovered(ctx) // of what no other recover has seen, such as an error whose methods panic
	answering := false
	defer func() {
		if !answering { // runtime.Goexit, which no recover sees
			s.exited(ctx, call)
		}
	}()
	err := call.left()
	if err == nil {
		err = call.unpack()
	}
	report := call.server.report
	if err != nil { // it waited too long, nobody waits for it any more, or it cannot be unpacked
		if err = call.server.answerError(ctx, err, false, &call.resp); !errors.Is(err, ErrPanicked) {
			report = s.reports.report // the client's doing, as often as it likes
		}
	} else {
		ctx, err = call.server.serve(ctx, &call.req, &call.resp)
	}
	answering = true
	if err = both(err, s.answer(call)); err != nil {
		report(ctx, err)
	}
	call.outcome = outcomeOf(&call.resp)
	call.server.finalize(ctx, err)
}

// exited answers a call whose handler, hook or codec has ended its goroutine: its client
// would wait, and its id be taken, for as long as the connection lasts.
func (s *Service) exited(ctx context.Context, call *serverCall) {
	call.resp = Message{Method: call.method, Err: answerOf(ErrPanicked)}
	err := both(errHandlerExited, s.answer(call))
	call.outcome = outcomeOf(&call.resp)
	call.server.report(ctx, err)
	call.server.finalize(ctx, err)
}

var errHandlerExited = errors.New("transport: the call ended its goroutine (runtime.Goexit)")

// enter counts the call in, with its frame, its metadata and what its protocol has copied; taken of those bytes are
// counted already.
func (c *serverCall) enter(a *account, frame []byte, taken int) refusal {
	c.account = a
	c.held = callBytes + int64(cap(frame)) + c.req.copied
	for name, value := range c.req.Metadata {
		c.held += int64(len(name) + len(value) + pairBytes)
	}
	c.inFlight = true
	return a.enter(c.held - int64(taken))
}

// pairBytes is what a pair of metadata takes beside its name and value.
const pairBytes = 64

// answered counts the call out of those in flight, once.
func (c *serverCall) answered() {
	if c.inFlight {
		c.inFlight = false
		c.account.answered()
	}
}

// Hold lets the call take n more bytes, until it is done.
func (c *serverCall) Hold(n int) error {
	err := c.account.Hold(n)
	if err == nil {
		c.held += int64(n)
	}
	return err
}

// unpack makes the body of a compressed one. It runs on the call's goroutine. Its error
// says that the call is not run.
func (c *serverCall) unpack() error {
	if c.req.packed == nil {
		return nil
	}
	err := c.unpackInTurn()
	if errors.Is(err, wire.ErrFrameTooLarge) {
		err = &Error{Code: CodeTooLarge, Message: err.Error(), Err: err, refused: frameTooLarge}
	}
	if err != nil && c.left() == nil {
		err = asInvalid(err)
		c.account.door.count(err)
	}
	return err
}

// unpackInTurn unpacks, one call of a connection at a time, and on no more processors
// than there are: it is the most work that the fewest bytes make, and whose bodies are
// not compressed must not wait behind all of it.
func (c *serverCall) unpackInTurn() error {
	a := c.account
	for _, places := range [...]chan struct{}{a.unpacking, a.door.unpackers} {
		select {
		case places <- struct{}{}:
		default:
			select {
			case places <- struct{}{}:
			case <-c.Done():
				if err := c.left(); err != nil {
					return err
				}
				places <- struct{}{}
			}
		}
		defer func() { <-places }()
	}
	if err := c.left(); err != nil {
		return err
	}
	if err := a.Hold(unpackerBytes); err != nil {
		return err
	}
	defer a.Release(unpackerBytes)
	return c.req.unpackSafely(c.Hold)
}

// left tells how the call has ended, if nobody waits for it any more: a client that has closed
// its side only, as it seems, does.
func (c *serverCall) left() error {
	err := c.Err()
	if err != nil && c.from.listening() && !c.Canceled() && !c.late() {
		return nil
	}
	return err
}

// late reports whether the time that the request states is over.
func (c *serverCall) late() bool {
	end, ok := c.Deadline()
	return ok && !time.Now().Before(end)
}

// ran is done for a call that was run, or whose turn came at least.
func (c *serverCall) ran() {
	c.counts.ended[c.outcome].Add(1)
	c.done()
}

// done ends the call; nobody may use it any more.
func (c *serverCall) done() {
	c.Cancel()
	c.from.finished(c)
	c.resp.recycle()
	*c = serverCall{}
	serverCallPool.Put(c)
}
