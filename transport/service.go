package transport

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// ErrServiceClosed is what Serve and ServePacket return after Shutdown or Close.
var ErrServiceClosed = errors.New("transport: service closed")

// Service serves methods over connections. It is safe for concurrent use.
type Service struct {
	serviceOptions
	protocol   ServerProtocol
	kinds      RequestClassifier // nil if every frame is a request
	ponger     Ponger
	goingAway  GoingAwayer
	handshaker ServerHandshaker
	separator  Separator
	settler    muxpool.Settler
	farewell   Farewell
	measurer   muxpool.Measurer
	batcher    Batcher
	reports    reports
	own        map[string]*route // of the protocol's own methods; nil: it is not answered
	health     health

	door    admission
	peers   peers
	space   muxpool.IDSpace // ids outside of it belong to no call
	workers workers
	stopped chan struct{} // closed by Shutdown and Close: accepting ends

	routes atomic.Pointer[map[string]*route] // replaced, never changed

	// mu guards the rest, and is the outermost lock of this package: nothing is
	// called under it.
	mu       sync.Mutex
	entries  map[io.Closer]chan struct{} // what is being served; closed when it is not any more
	sessions map[session]struct{}        // until their last call ended
	open     int                         // connections, handshakes included
	closing  bool                        // no new listeners and sessions
	empty    chan struct{}               // closed when closing, without entries and sessions
	failures []error                     // of Handle
}

// session is one connection, or one datagram socket.
type session interface {
	drain()     // tell the peer, finish the calls, then end
	stop(error) // end at once
}

// route is a method and who serves it.
type route struct {
	method string
	server *Server
	counts methodCounts
}

// NewService returns a Service without methods. What is wrong with its options is
// told by Err and by Serve.
func NewService(protocol ServerProtocol, options ...ServiceOption) *Service {
	s := &Service{
		serviceOptions: defaultServiceOptions(),
		protocol:       protocol,
		stopped:        make(chan struct{}),
		entries:        make(map[io.Closer]chan struct{}),
		sessions:       make(map[session]struct{}),
		empty:          make(chan struct{}),
	}
	if protocol == nil {
		s.invalid = append(s.invalid, fmt.Errorf("%w: NewService: the protocol is nil", ErrInvalidOption))
	}
	for _, option := range options {
		if option == nil {
			s.invalid = append(s.invalid, fmt.Errorf("%w: NewService: a nil ServiceOption", ErrInvalidOption))
			continue
		}
		option(&s.serviceOptions)
	}
	if err := s.limits.settle(); err != nil {
		s.invalid = append(s.invalid, err)
	}
	s.door.limits = s.limits
	s.door.queue.target, s.door.queue.born = s.limits.QueueTarget, time.Now()
	s.door.unpackers = make(chan struct{}, runtime.GOMAXPROCS(0))
	s.door.line.free.Store(int64(s.limits.Workers))
	s.settleTLS()
	s.measurer, _ = protocol.(muxpool.Measurer)
	s.space.Max = math.MaxUint32
	if p, ok := protocol.(muxpool.IDSpacer); ok {
		s.space = p.IDSpace()
	}
	s.kinds, _ = protocol.(RequestClassifier)
	s.ponger, _ = protocol.(Ponger)
	s.goingAway, _ = protocol.(GoingAwayer)
	s.handshaker, _ = protocol.(ServerHandshaker)
	s.separator, _ = protocol.(Separator)
	s.settler, _ = protocol.(muxpool.Settler)
	s.farewell, _ = protocol.(Farewell)
	s.batcher, _ = protocol.(Batcher)
	s.own = make(map[string]*route)
	if h, ok := protocol.(Healther); ok {
		s.own[h.HealthMethod()] = &route{method: h.HealthMethod(), server: s.healthServer()}
	}
	s.settleDescribe()
	if s.maxAge > 0 && s.goingAway == nil && protocol != nil {
		s.invalid = append(s.invalid, fmt.Errorf("%w: ServiceMaxConnAge(%v): %T cannot tell a client that a connection goes away",
			ErrInvalidOption, s.maxAge, protocol))
	}
	s.reports.handler = s.errorHandler
	s.routes.Store(new(map[string]*route))
	return s
}

// Handle makes server serve method, also while connections are being served. An
// empty or repeated method, one that begins with "mux." or is the protocol's own (Healther,
// Describer), a nil server, or one made of nil functions, is an error told by Err and by Serve.
func (s *Service) Handle(method string, server *Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.routes.Load()
	_, own := s.own[method]
	var fault string
	switch {
	case method == "":
		fault = "the method is empty"
	case strings.HasPrefix(method, "mux."):
		fault = "names that begin with mux. are the transport's own"
	case own:
		fault = "the name is the protocol's own"
	case server == nil:
		fault = "the server is nil"
	case server.e == nil || server.dec == nil || server.enc == nil:
		fault = "its endpoint, decode or encode function is nil"
	case server.errorEncoder == nil || server.errorHandler == nil:
		fault = "its error encoder or error handler is nil"
	case server.hasNil():
		fault = "one of its options or hooks is nil"
	case old[method] != nil:
		fault = "the method has a server already"
	}
	if fault != "" {
		s.failures = append(s.failures, fmt.Errorf("%w: Handle(%s): %s", ErrInvalidOption, quote(method, 80), fault))
		return
	}
	routes := make(map[string]*route, len(old)+1)
	maps.Copy(routes, old)
	routes[method] = &route{method: method, server: server}
	s.routes.Store(&routes)
}

// Err returns what is wrong with the options of NewService and the arguments of
// Handle, or nil.
func (s *Service) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(errors.Join(s.invalid...), errors.Join(s.failures...))
}

// enter registers what Serve or ServePacket serves.
func (s *Service) enter(l io.Closer) error {
	if err := s.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return ErrServiceClosed
	}
	s.entries[l] = make(chan struct{})
	s.listens()
	return nil
}

func (s *Service) leave(l io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := s.entries[l]; left != nil {
		delete(s.entries, l)
		close(left)
		s.listens()
		s.checkEmpty()
	}
}

// listens tells the health whether somebody is served. s.mu is held.
func (s *Service) listens() {
	entries, closing := len(s.entries), s.closing
	s.health.change(func(h *health) { h.entries, h.closing = entries, closing })
}

// admit counts a new connection in, unless there are too many or the end came. Until its
// listener is closed, a connection may have been made before that.
func (s *Service) admit(c session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing && len(s.entries) == 0 {
		return ErrServiceClosed
	}
	if s.open >= s.limits.MaxConns {
		s.door.refused[tooManyConns].Add(1)
		return fmt.Errorf("%w: connection refused, %d are open", errOverloaded, s.open)
	}
	s.open++
	s.sessions[c] = struct{}{}
	return nil
}

var errOverloaded = errors.New("transport: too many connections")

// closed counts a connection out; its calls may still be running.
func (s *Service) closed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}

// forget drops a session whose last call ended.
func (s *Service) forget(c session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, c)
	s.checkEmpty()
}

// checkEmpty closes empty at the right time. s.mu is held.
func (s *Service) checkEmpty() {
	if !s.closing || len(s.entries) > 0 || len(s.sessions) > 0 {
		return
	}
	select {
	case <-s.empty:
	default:
		close(s.empty)
	}
}
