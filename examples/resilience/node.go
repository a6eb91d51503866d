package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/ratelimit"

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
// of which it answers with "ok", what it was asked for, or an error's text.
func node(address string, args []string, in io.Reader, out io.Writer) (err error) {
	l, err := net.Listen("tcp", address)
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
	if n.depends != "" {
		dependency, err := newClient([]string{n.depends}, muxendpoint.RoundRobin, judged, idle{})
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
	for lines := bufio.NewScanner(in); lines.Scan(); {
		answer, err := s.obey(lines.Text())
		if err != nil {
			answer = err.Error()
		}
		fmt.Fprintln(out, answer)
	}
	_ = service.Close()
	if err := <-ended; !errors.Is(err, muxtransport.ErrServiceClosed) {
		return err
	}
	return nil
}

// nodeConfig is what a node is told at its start, each as "name=value".
type nodeConfig struct {
	takes           time.Duration
	serviceLimit    int    // calls at once, that the Service allows
	middlewareLimit int    // and that a middleware of the node's own allows
	depends         string // the address of what methodJoin needs
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
