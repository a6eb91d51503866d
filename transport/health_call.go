package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// anyHealth, in a request, says that the client knows nothing: the answer comes at once.
const anyHealth HealthStatus = 255

// healthRequest is the body of a request: what the client knows, then the name.
func healthRequest(known HealthStatus, name string) []byte {
	return append([]byte{byte(known)}, name...)
}

// maxWatch bounds how long a call waits for a change: for so long at most it keeps a
// connection that is to go.
const maxWatch = time.Minute

// answerHealth is the endpoint of HealthMethod: it answers at once what the client does not
// know yet, and otherwise at the next change, when the call's time is over, or after maxWatch. Once the
// Service shuts down it waits no more.
func (s *Service) answerHealth(ctx context.Context, request any) (any, error) {
	body := request.([]byte)
	known, name := anyHealth, ""
	if len(body) > 0 {
		known, name = HealthStatus(body[0]), string(body[1:])
	}
	late := time.NewTimer(maxWatch)
	defer late.Stop()
	for {
		status, changed := s.health.look(name, known != anyHealth)
		if status != known && known != anyHealth || changed == nil {
			return []byte{byte(status)}, nil
		}
		select {
		case <-changed:
		case <-late.C:
			return []byte{byte(status)}, nil
		case <-ctx.Done():
			return []byte{byte(status)}, nil
		}
	}
}

// healthServer serves HealthMethod.
func (s *Service) healthServer() *Server {
	server := NewServer(s.answerHealth, DecodeBytes, EncodeBytes)
	server.apart = true
	return server
}

// ErrNotServing is what Probe returns for a node that answers, and wants no calls.
var ErrNotServing = errors.New("transport: the peer says that it is not serving")

// Health asks the Client's node for the status of the service of that name; the empty name
// is the node as a whole. It is a call by itself, of the method that the protocol has for
// it (see Healther), without the Client's hooks; a protocol that has none, and a server that
// knows none, is an error with CodeUnimplemented.
func (c *Client) Health(ctx context.Context, name string) (HealthStatus, error) {
	return c.askHealth(ctx, anyHealth, name)
}

// WatchHealth returns the status of a service when it is another than known, or an error:
// that of a call, also if ctx ends. Whoever loops over it, and gives what it returned last,
// misses no state that lasts. Meanwhile one call is in flight on the server, a minute each.
func (c *Client) WatchHealth(ctx context.Context, name string, known HealthStatus) (HealthStatus, error) {
	for {
		next := time.NewTimer(watchPause)
		status, err := c.askHealth(ctx, known, name)
		if err != nil || status != known {
			next.Stop()
			return status, err
		}
		select {
		case <-next.C:
		case <-ctx.Done(): // the next call says so
			next.Stop()
		}
	}
}

// watchPause is the least time between two calls of a watch: a server that shuts down does
// not let them wait.
const watchPause = time.Second

func (c *Client) askHealth(ctx context.Context, known HealthStatus, name string) (HealthStatus, error) {
	if err := c.Err(); err != nil {
		return HealthUnknown, err
	}
	h, ok := c.protocol.(Healther)
	if !ok {
		return HealthUnknown, &Error{Code: CodeUnimplemented, Node: c.node, Message: fmt.Sprintf("the protocol %T has no method for health", c.protocol),
			found: &finding{verdict.Caller, verdict.NotSent}}
	}
	ask := *c // without what is for the Client's own calls
	ask.method, ask.enc, ask.dec, ask.opts = h.HealthMethod(), EncodeBytes, DecodeBytes, c.asks
	ask.before, ask.after, ask.finalizer = nil, nil, nil
	ask.timeout, ask.oneWay, ask.plain, ask.bulk = 0, false, true, new(bulk)
	answer, err := ask.call(ctx, healthRequest(known, name))
	if err != nil {
		return HealthUnknown, err
	}
	body := answer.([]byte)
	if len(body) == 0 {
		return HealthUnknown, ask.errHealth("is empty")
	}
	if status := HealthStatus(body[0]); status <= HealthNotServing {
		return status, nil
	}
	return HealthUnknown, ask.errHealth(fmt.Sprintf("has the status %d", body[0]))
}

func (c *Client) errHealth(why string) error {
	return &Error{Code: CodeBadResponse, Node: c.node, Method: c.method, Message: "the answer " + why, found: &finding{verdict.Method, verdict.Yes}}
}
