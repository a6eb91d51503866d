package transport

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// batch is a frame that bears several calls. It is where they came from, in the place of
// the connection or datagram from which the frame did: it gathers their answers, and
// the last of them to end sends the frame.
type batch struct {
	caller
	service *Service
	account *account
	req     Message // what ParseRequest made of the frame

	mu      sync.Mutex // a leaf; guards the fields below until open is 0
	open    int        // calls that have not ended, and one for who starts them
	held    int64      // bytes of account that the batch has: the frame's and the answers'
	answers []byte     // gathered
	size    int        // of all answers; beyond maxAnswer they are dropped
	failed  error      // the protocol's own code panicked
}

// requests returns those that a frame bears as a batch, none if it is one by itself. Of
// a batch of more than most it returns one more than that.
func (s *Service) requests(frame []byte, most int) [][]byte {
	if s.batcher == nil {
		return nil
	}
	var list [][]byte // allocated, as the closure has it: only here
	s.batcher.Requests(frame, func(request []byte) bool {
		list = append(list, request)
		return len(list) <= most
	})
	return list
}

// mostCalls is how many calls of the account may be in flight.
func (a *account) mostCalls() int {
	if a.maxCalls > 0 {
		return int(min(a.maxCalls, int64(a.door.limits.MaxInFlight)))
	}
	return a.door.limits.MaxInFlight
}

// errBatch refuses a batch as a whole.
func errBatch(most int) error {
	return &Error{Code: CodeResourceExhausted, Message: fmt.Sprintf("a batch of more than %d calls", most), refused: tooManyOnConn}
}

// acceptBatch starts the calls of a batch, each as start does it. taken bytes of frame are
// counted already.
func (s *Service) acceptBatch(conn context.Context, from caller, a *account, frame []byte, taken int,
	requests [][]byte, arrived time.Time, start func(*serverCall, error)) {
	b := &batch{caller: from, service: s, account: a, open: len(requests) + 1, held: int64(cap(frame))}
	a.count(b.held - int64(taken))
	started := 0
	defer func() { b.begun(conn, len(requests)-started) }() // also if a call ends the goroutine
	_ = s.protocol.ParseRequest(frame, &b.req)              // for the answer to the whole
	b.req.Body = nil
	for _, request := range requests {
		call, err := s.parse(conn, b, 0, request, arrived)
		call.req.frame = nil // it is a part of the batch's
		if refused := call.enter(a, nil, 0); refused != admitted && err == nil {
			err = s.limits.refuse(refused)
		}
		started++
		start(call, err)
	}
}

// begun counts out who has started the calls, and those that were not. Where there are any
// the batch is answered as a whole.
func (b *batch) begun(conn context.Context, missing int) {
	if missing > 0 {
		b.unanswerable(errHandlerExited)
	}
	if b.leave(missing+1) && b.size > 0 {
		if err := b.end(&serverCall{from: b, inline: true}); err != nil {
			b.service.reports.report(conn, err)
		}
	}
}

// leave counts calls out; it reports whether those were the last. Then nobody else has b.
func (b *batch) leave(calls int) (last bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open -= calls
	if last = b.open == 0; last {
		b.account.count(-b.held)
	}
	return last
}

// ready implements caller: it is the batch's frame that waits.
func (b *batch) ready(*serverCall) func() { return nil }

// send implements caller.
func (b *batch) send(call *serverCall, frame []byte) error {
	call.answered()
	most := b.maxAnswer()
	b.mu.Lock()
	defer b.mu.Unlock()
	defer wire.Free(frame)
	if b.size += len(frame); b.size > most || b.failed != nil {
		b.answers = nil
		return nil
	}
	before := cap(b.answers)
	b.answers, b.failed = b.append(b.answers, frame)
	grown := cap(b.answers) - before
	b.held += int64(grown)
	b.account.backlog(grown)
	return b.failed
}

// unanswerable implements caller: a batch without one of its answers is none.
func (b *batch) unanswerable(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size++ // there is something to send
	b.failed = both(b.failed, err)
}

// append appends an answer to those gathered, or the end if it is nil.
func (b *batch) append(to, answer []byte) (joined []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if answer == nil {
		return b.service.batcher.EndBatch(to), nil
	}
	return b.service.batcher.AppendBatched(to, answer), nil
}

// finished implements caller.
func (b *batch) finished(call *serverCall) {
	if b.leave(1) && b.size > 0 {
		if err := b.end(call); err != nil {
			b.service.reports.report(call.requestContext, err)
		}
	}
	b.caller.finished(call)
}

// end sends the frame of the answers, in the place of the last call's own.
func (b *batch) end(last *serverCall) error {
	frame, err, most := b.answers, b.failed, b.maxAnswer()
	if err == nil && b.size <= most {
		frame, err = b.append(frame, nil)
	}
	if size := max(b.size, len(frame)); err == nil && size > most {
		err = fmt.Errorf("transport: the answers of a batch, together %w", &answerTooLarge{size, most})
	}
	if err != nil {
		whole := &serverCall{from: b.caller, req: b.req, resp: Message{Err: unsendable(err)}}
		var again error
		if frame, again = b.service.encode(whole); again != nil {
			err = both(err, again)
			b.caller.unanswerable(err)
			return err
		}
	}
	if sent := b.caller.ready(last); sent != nil {
		defer sent()
	}
	return both(err, b.caller.send(last, frame))
}
