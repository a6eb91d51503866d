package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// maxDatagram is what a UDP datagram can carry over IPv4, in bytes.
const maxDatagram = 65507

// ServePacket serves requests of one datagram each from pc, and answers each to
// where it came from, until Shutdown or Close, then returns ErrServiceClosed. It
// closes pc. A datagram that cannot be parsed is dropped; an answer that does not
// fit into one is replaced by an error answer with CodeTooLarge.
//
// Datagrams have no connection: ServiceMaxInFlight's total is their bound, a
// cancellation is ignored, and the contexts of calls end with the time that the
// request states.
//
// Whoever can send from a forged address can make the answers go there: an answer may have
// 65,507 bytes, thousands of times as many as its request. Serve datagrams to networks
// that you trust, or bound the factor with ServiceMaxAmplification. What names no method is
// not answered, so that no answer is ever taken for a request.
func (s *Service) ServePacket(pc net.PacketConn) error {
	if pc == nil {
		return both(s.Err(), fmt.Errorf("%w: ServePacket(nil)", ErrInvalidOption))
	}
	p := newPacketServer(s, pc)
	err := s.enter(p)
	if err == nil && s.tls != nil {
		err = fmt.Errorf("%w: ServePacket: ServiceTLSConfig is for connections", ErrInvalidOption)
	}
	if err == nil {
		err = s.admit(p)
	}
	if err != nil {
		s.leave(p)
		return errors.Join(err, pc.Close())
	}
	defer s.leave(p)
	for exited := true; exited; {
		var reading sync.WaitGroup // on a goroutine of its own, which an inline handler may end
		reading.Go(func() { err = p.readAll(); exited = false })
		reading.Wait()
		if exited {
			s.reports.report(p.ctx, errExited)
		}
	}
	s.closed()
	if p.account.part() {
		p.left()
	}
	return err
}

// packetServer is a datagram socket with clients.
type packetServer struct {
	service *Service
	pc      net.PacketConn
	ctx     context.Context
	cancel  context.CancelCauseFunc
	reader  *wire.DatagramReader
	account account // its owner is the reader; the socket is closed when all have left
}

func newPacketServer(s *Service, pc net.PacketConn) *packetServer {
	p := &packetServer{service: s, pc: pc, reader: wire.NewDatagramReader(s.limits.MaxFrameSize)}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	p.account.open(&s.door, 0)
	return p
}

// Close implements io.Closer for end: reading stops, answers can still be sent.
func (p *packetServer) Close() error {
	return closeApart(func() error { return p.pc.SetReadDeadline(time.Unix(1, 0)) })
}

func (p *packetServer) drain() {}

func (p *packetServer) stop(cause error) {
	p.cancel(cause)
	_ = closeApart(p.pc.Close)
}

// left is called when the reader and all calls have left.
func (p *packetServer) left() {
	p.stop(ErrServiceClosed)
	p.service.forget(p)
}

// readAll reads datagrams until the service closes or the socket breaks.
func (p *packetServer) readAll() (err error) {
	defer func() {
		if v := recover(); v != nil { // the socket's own code
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	buf := make([]byte, min(p.service.limits.MaxFrameSize, maxDatagram)+1)
	for {
		n, from, err := p.pc.ReadFrom(buf)
		switch {
		case p.service.isClosing():
			return ErrServiceClosed
		case err == nil:
			err = p.handle(buf[:n], from)
			if err != nil {
				p.service.reports.report(&connContext{Context: p.ctx, local: p.pc.LocalAddr(), remote: from}, err)
			}
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("transport: read from %s: %w", p.pc.LocalAddr(), err)
		default: // such as a refusal that an earlier answer met
			p.service.reports.report(p.ctx, fmt.Errorf("transport: read from %s: %w", p.pc.LocalAddr(), err))
			if !p.service.pause(time.Millisecond) {
				return ErrServiceClosed
			}
		}
	}
}

// handle serves one datagram.
func (p *packetServer) handle(datagram []byte, from net.Addr) (err error) {
	defer func() {
		if v := recover(); v != nil { // the protocol's own code
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	s := p.service
	p.reader.Reset(datagram)
	id, frame, err := s.protocol.Parse(p.reader)
	if err != nil {
		return err
	}
	if s.kinds != nil {
		switch s.kinds.ClassifyRequest(id, frame) {
		case RequestPing:
			if s.ponger == nil {
				return nil
			}
			pong := s.ponger.AppendPong(nil, id, frame)
			if len(pong) > s.mostFor(len(frame)) {
				return nil
			}
			_, err := p.pc.WriteTo(pong, from)
			return err
		case RequestCancel, RequestIgnored, RequestSettings:
			return nil
		}
	}
	p.accept(id, wire.Own(frame, p.reader), from)
	return nil
}

// accept starts a call.
func (p *packetServer) accept(id uint32, frame []byte, from net.Addr) {
	s := p.service
	now := time.Now()
	ctx := &connContext{Context: p.ctx, local: p.pc.LocalAddr(), remote: from, protocol: s.protocol, since: now, datagram: true}
	where := &packetCall{p, from, s.mostFor(len(frame))}
	most := p.account.mostCalls()
	batched := s.requests(frame, most)
	if len(batched) > 0 && len(batched) <= most {
		s.acceptBatch(ctx, where, &p.account, frame, 0, batched, now, p.start)
		return
	}
	call, err := s.parse(ctx, where, id, frame, now)
	if refused := call.enter(&p.account, frame, 0); refused != admitted && err == nil {
		err = s.limits.refuse(refused)
	}
	if len(batched) > 0 {
		err = errBatch(most)
	}
	p.start(call, err)
}

// start runs a call that was counted in, or answers it with err.
func (p *packetServer) start(call *serverCall, err error) {
	s := p.service
	if call.method == "" {
		// What names no method may be an answer. One that is answered may go on for ever,
		// between two servers, or between one and itself: if somebody forges one address once.
		call.req.OneWay = true
	}
	switch {
	case err != nil:
	case call.server.inline:
		s.run(call)
	case call.server.apart, s.limits.Workers == 0:
		s.start(single{call})
	default:
		err = s.dispatch(&p.account, call)
	}
	if err != nil {
		s.turnAway(call, err)
	}
}

// mostFor is how large an answer to a datagram of n bytes may be.
func (s *Service) mostFor(n int) int {
	most := min(s.limits.MaxFrameSize, maxDatagram)
	if s.amplification > 0 {
		most = min(most, s.amplification*n)
	}
	return most
}

// single is a call that runs on a goroutine of its own.
type single struct{ *serverCall }

// work implements job.
func (j single) work(s *Service) { s.run(j.serverCall) }

// packetCall is where one datagram came from.
type packetCall struct {
	*packetServer
	from net.Addr
	most int // bytes of an answer
}

// ready implements caller.
func (p *packetCall) ready(*serverCall) func() { return nil }

// send implements caller.
func (p *packetCall) send(call *serverCall, frame []byte) error {
	call.answered()
	_, err := p.pc.WriteTo(frame, p.from)
	wire.Free(frame)
	return err
}

// unanswerable implements caller: nothing is sent, and the client's call ends by its time.
func (p *packetCall) unanswerable(error) {}

// maxAnswer implements caller.
func (p *packetCall) maxAnswer() int { return p.most }

// listening implements caller.
func (p *packetCall) listening() bool { return false }

// leaving implements caller.
func (p *packetCall) leaving() bool { return false }

// finished implements caller.
func (p *packetCall) finished(call *serverCall) {
	call.answered()
	if p.account.leave(call.held) {
		p.left()
	}
}
