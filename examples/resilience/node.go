package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"
	"github.com/go-kit/kit/sd"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// act is the process of a node or a relay, told what it is and where it listens, or
// whom it forwards to. It prints the address that it listens on, and lives until in
// ends.
func act(told string, in io.Reader, out io.Writer) error {
	words := strings.Fields(told)
	if words[0] == "relay" {
		return relay(words[1], in, out)
	}
	return node(words[1], words[2:], in, out)
}

// node serves the store on address. It obeys args, and then the lines on in, each
// of which it answers with "ok" or an error's text. It ends when in does, and in good
// order at SIGTERM.
func node(address string, args []string, in io.Reader, out io.Writer) (err error) {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	l, err := listen(address)
	if err != nil {
		return err
	}
	n := &nodeConfig{}
	for _, arg := range args {
		if err := n.set(arg); err != nil {
			return err
		}
	}
	s := &store{takes: n.takes}
	if n.ledger != "" {
		if s.ledger, err = os.OpenFile(n.ledger, os.O_APPEND|os.O_WRONLY, 0); err != nil {
			return err
		}
		defer s.ledger.Close()
	}
	if n.depends != "" {
		dependency, err := newClient(sd.FixedInstancer{n.depends}, muxendpoint.RoundRobin, judged, idle{})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, dependency.close()) }()
		s.dependency = dependency.users[good][methodGet]
	}
	service := muxtransport.NewService(native.Protocol{}, muxtransport.ServiceMaxInFlight(0, n.serviceLimit))
	middlewares := muxtransport.ServerMiddleware(n.limit(), authenticate)
	for method, e := range s.methods() {
		service.Handle(method, muxtransport.NewServer(e, muxtransport.DecodeBytes, muxtransport.EncodeBytes,
			muxtransport.ServerBefore(readToken), middlewares))
	}
	ended := make(chan error, 1)
	go func() { ended <- service.Serve(l) }()

	fmt.Fprintln(out, l.Addr())
	released := make(chan struct{})
	go func() {
		defer close(released)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			answer, err := s.obey(lines.Text())
			if err != nil {
				answer = err.Error()
			}
			fmt.Fprintln(out, answer)
		}
	}()
	select {
	case <-released:
		_ = service.Close()
	case <-terminated:
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		if err := service.Shutdown(ctx); err != nil {
			return err
		}
	}
	if err := <-ended; !errors.Is(err, muxtransport.ErrServiceClosed) {
		return err
	}
	return nil
}

// handedOver is the address of a node that gets its listening socket from its parent.
const handedOver = "handed-over"

func listen(address string) (net.Listener, error) {
	if address != handedOver {
		return net.Listen("tcp", address)
	}
	f := os.NewFile(3, address) // the first of a process's extra files
	defer f.Close()
	return net.FileListener(f)
}

// nodeConfig is what a node is told at its start, each as "name=value".
type nodeConfig struct {
	takes           time.Duration
	serviceLimit    int    // calls at once, that the Service allows
	middlewareLimit int    // and that a middleware of the node's own allows
	depends         string // the address of what methodJoin needs
	ledger          string // the path of the file that puts are noted in
}

func (n *nodeConfig) set(arg string) (err error) {
	switch name, value, _ := strings.Cut(arg, "="); name {
	case "takes":
		n.takes, err = time.ParseDuration(value)
	case "service-limit":
		_, err = fmt.Sscan(value, &n.serviceLimit)
	case "middleware-limit":
		_, err = fmt.Sscan(value, &n.middlewareLimit)
	case "depends":
		n.depends = value
	case "ledger":
		n.ledger, err = url.QueryUnescape(value)
	default:
		err = fmt.Errorf("unknown argument %q", arg)
	}
	return err
}

// limit refuses calls over the limit as go-kit's rate limiters do. All methods share
// the places.
func (n *nodeConfig) limit() endpoint.Middleware {
	if n.middlewareLimit == 0 {
		return func(next endpoint.Endpoint) endpoint.Endpoint { return next }
	}
	places := make(chan struct{}, n.middlewareLimit)
	return func(next endpoint.Endpoint) endpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
				return next(ctx, request)
			default:
				return nil, ratelimit.ErrLimited
			}
		}
	}
}

// The token that opens the store travels beside the request.
const (
	tokenName = "token"
	goodToken = "sesame"
)

type tokenKey struct{}

func readToken(ctx context.Context, request *muxtransport.Message) context.Context {
	return context.WithValue(ctx, tokenKey{}, request.Get(tokenName))
}

func writeToken(ctx context.Context, request *muxtransport.Message) context.Context {
	token, _ := ctx.Value(tokenKey{}).(string)
	request.Set(tokenName, token)
	return ctx
}

func authenticate(next endpoint.Endpoint) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		if ctx.Value(tokenKey{}) != goodToken {
			return nil, &muxtransport.Error{Code: muxtransport.CodeUnauthenticated, Message: "store: not with this token"}
		}
		return next(ctx, request)
	}
}
