package transport_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// TestNilOptions: a nil option or function is an error that names it, not a panic.
func TestNilOptions(t *testing.T) {
	for want, option := range map[string]transport.ClientOption{
		"a nil ClientOption":                 nil,
		"a nil function for ClientBefore":    transport.ClientBefore(nil),
		"a nil function for ClientAfter":     transport.ClientAfter(nil),
		"a nil function for ClientFinalizer": transport.ClientFinalizer(nil),
		"ClientGetOptions(nil)":              transport.ClientGetOptions(nil),
	} {
		c := transport.NewClient(newPool(t), transport.Node{Network: "tcp", Address: "127.0.0.1:1"}, native.Protocol{}, "M",
			transport.EncodeBytes, transport.DecodeBytes, option)
		if err := c.Err(); !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), want) {
			t.Errorf("Err: %v, want %q", err, want)
		}
		if _, err := c.Endpoint()(t.Context(), []byte("x")); !errors.Is(err, transport.ErrInvalidOption) {
			t.Errorf("%s: a call: %v", want, err)
		}
	}
	for name, option := range map[string]transport.ServerOption{
		"nil":                  nil,
		"ServerBefore(nil)":    transport.ServerBefore(nil),
		"ServerAfter(nil)":     transport.ServerAfter(nil),
		"ServerFinalizer(nil)": transport.ServerFinalizer(nil),

		"ServerMiddleware(nil)": transport.ServerMiddleware(nil),
	} {
		s := transport.NewService(native.Protocol{})
		s.Handle("M", rawServer(echo, option))
		if err := s.Err(); !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), "Handle(M): one of its options or hooks is nil") {
			t.Errorf("%s: Err: %v", name, err)
		}
	}
	passes := transport.ServerMiddleware(func(next endpoint.Endpoint) endpoint.Endpoint { return next })
	for want, servers := range map[string][]*transport.Server{
		"its endpoint, decode or encode function is nil": {
			transport.NewServer(nil, transport.DecodeBytes, transport.EncodeBytes),
			transport.NewServer(nil, transport.DecodeBytes, transport.EncodeBytes, passes),
			transport.NewServer(echo, nil, transport.EncodeBytes),
			transport.NewServer(echo, transport.DecodeBytes, nil),
		},
		"its error encoder or error handler is nil": {rawServer(echo, transport.ServerErrorEncoder(nil)), rawServer(echo, transport.ServerErrorHandler(nil))},
	} {
		for i, server := range servers {
			s := transport.NewService(native.Protocol{})
			s.Handle("M", server)
			if err := s.Err(); !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), "Handle(M): "+want) {
				t.Errorf("%s, case %d: Err: %v", want, i, err)
			}
		}
	}
	if err := transport.NewService(native.Protocol{}, nil).Err(); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("a nil ServiceOption: %v", err)
	}
}

// TestOptionsBehindANilOne: they are looked at as well, and count.
func TestOptionsBehindANilOne(t *testing.T) {
	finalized := 0
	c := transport.NewClient(newPool(t), pipeNode, native.Protocol{}, "M", transport.EncodeBytes, transport.DecodeBytes, nil, transport.ClientTimeout(-1),
		transport.ClientFinalizer(func(_ context.Context, err error) {
			if finalized++; !errors.Is(err, transport.ErrInvalidOption) {
				t.Errorf("a finalizer is told %v", err)
			}
		}))
	if _, err := c.Endpoint()(t.Context(), []byte("x")); finalized != 1 || err == nil || !strings.Contains(err.Error(), "a nil ClientOption") || !strings.Contains(err.Error(), "ClientTimeout(-1ns)") {
		t.Errorf("a client: %v, %d finalizers have run", err, finalized)
	}
	s := transport.NewService(native.Protocol{}, nil, transport.ServiceMaxConns(-1))
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "a nil ServiceOption") || !strings.Contains(err.Error(), "ServiceMaxConns(-1)") {
		t.Errorf("a service: %v", err)
	}
}

// TestAgesThatNobodyIsTold: an age of connections is for protocols with a word for their end, and no
// protocol at all is one fault, not two.
func TestAgesThatNobodyIsTold(t *testing.T) {
	for _, row := range []struct {
		protocol transport.ServerProtocol
		age      time.Duration
		want     string
	}{
		{native.Protocol{}, time.Hour, ""},
		{trpc.Protocol{}, time.Hour, "ServiceMaxConnAge(1h0m0s): trpc.Protocol cannot tell a client that a connection goes away"},
		{trpc.Protocol{}, time.Nanosecond, "ServiceMaxConnAge(1ns): trpc.Protocol cannot tell a client that a connection goes away"},
		{trpc.Protocol{}, 0, ""},
		{nil, time.Hour, "NewService: the protocol is nil"},
	} {
		said := ""
		if err := transport.NewService(row.protocol, transport.ServiceMaxConnAge(row.age)).Err(); err != nil {
			said = strings.TrimPrefix(err.Error(), transport.ErrInvalidOption.Error()+": ")
		}
		if said != row.want {
			t.Errorf("%T, %v: %q, want %q", row.protocol, row.age, said, row.want)
		}
	}
}

// TestALongNameIsCut where it is refused.
func TestALongNameIsCut(t *testing.T) {
	for n, want := range map[int]string{80: strings.Repeat("m", 80), 81: strings.Repeat("m", 80) + "..."} {
		s := transport.NewService(native.Protocol{})
		s.Handle(strings.Repeat("m", n), nil)
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), "Handle("+want+"): the server is nil") {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
