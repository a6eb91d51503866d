package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a service in this process.
type node struct {
	*transport.Service
	address string
	noted   chan string // the bodies that Note got
	calls   atomic.Int64
}

// serve starts a node whose methods are Echo, Meta, Left, Refuse, Late, Break, Evil, Bytes,
// Type, Empty and Note.
func serve(t *testing.T, protocol transport.ServerProtocol, options ...transport.ServiceOption) *node {
	t.Helper()
	n := serveNothing(t, protocol, options...)
	for method, e := range map[string]func(ctx context.Context, body []byte) ([]byte, error){
		"Echo": func(_ context.Context, body []byte) ([]byte, error) { return body, nil },
		"Meta": func(ctx context.Context, _ []byte) ([]byte, error) {
			return []byte(`"` + ctx.Value(metaKey{}).(transport.Metadata)["tenant"] + `"`), nil
		},
		"Left": func(ctx context.Context, _ []byte) ([]byte, error) {
			if end, ok := ctx.Deadline(); !ok || time.Until(end) > time.Hour {
				return []byte("false"), nil
			}
			return []byte("true"), nil
		},
		"Refuse": func(context.Context, []byte) ([]byte, error) {
			return nil, transport.Business(7, "no such user\x1b[31m")
		},
		"Late":  func(context.Context, []byte) ([]byte, error) { return nil, context.DeadlineExceeded },
		"Break": func(context.Context, []byte) ([]byte, error) { return nil, errors.New("the disk is full") },
		"Evil": func(context.Context, []byte) ([]byte, error) {
			return []byte("{ \"a\": \"\u202e\u009b\u007f\xff😀\U000e0001\" }"), nil
		},
		"Bytes": func(context.Context, []byte) ([]byte, error) { return []byte("\x1b[2J\n"), nil },
		"Type": func(ctx context.Context, _ []byte) ([]byte, error) {
			return fmt.Append(nil, ctx.Value(typeKey{})), nil
		},
		"Empty": func(context.Context, []byte) ([]byte, error) { return []byte{}, nil },
		"Note":  func(_ context.Context, body []byte) ([]byte, error) { n.noted <- string(body); return []byte{}, nil },
	} {
		n.Handle(method, transport.NewServer(n.counted(e), transport.DecodeBytes, transport.EncodeBytes,
			transport.ServerBefore(func(ctx context.Context, m *transport.Message) context.Context {
				if head, ok := m.Tag.(*trpc.Head); ok {
					ctx = context.WithValue(ctx, typeKey{}, head.ContentType)
				}
				return context.WithValue(ctx, metaKey{}, m.Metadata)
			}), transport.ServerErrorEncoder(func(ctx context.Context, err error, resp *transport.Message) {
				transport.DefaultErrorEncoder(ctx, err, resp)
				resp.Body = []byte("\"more\u202e\"")
			}), transport.ServerAfter(transport.SetResponseMetadata("who", "node\x1b"))))
	}
	return n
}

// serveNothing starts a node without methods.
func serveNothing(t *testing.T, protocol transport.ServerProtocol, options ...transport.ServiceOption) *node {
	t.Helper()
	n := &node{Service: transport.NewService(protocol, options...), noted: make(chan string, 1)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- n.Serve(l) }()
	t.Cleanup(func() {
		n.Close() //nolint:errcheck // what matters is what Serve returned
		if err := bounded.Receive(t, served); !errors.Is(err, transport.ErrServiceClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return n
}

type (
	metaKey struct{}
	typeKey struct{} // tRPC's content type
)

func (n *node) counted(e func(context.Context, []byte) ([]byte, error)) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		n.calls.Add(1)
		body, err := e(ctx, request.([]byte))
		if err != nil {
			return nil, err
		}
		return body, nil
	}
}

// ran is how a command ended.
type ran struct {
	code     int
	out, err string
}

// command runs muxcall with these arguments and this on its stdin.
func command(t *testing.T, stdin string, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, streams{in: strings.NewReader(stdin), out: &out, err: &errs})
	return ran{code, out.String(), errs.String()}
}

// check compares what it can of r with what is wanted: stderr holds all of says.
func (r ran) check(t *testing.T, code int, out string, says ...string) {
	t.Helper()
	if r.code != code || r.out != out {
		t.Errorf("exit code %d, want %d; stdout %q, want %q; stderr:\n%s", r.code, code, r.out, out, r.err)
		return
	}
	for _, say := range says {
		if !strings.Contains(r.err, say) {
			t.Errorf("stderr lacks %q:\n%s", say, r.err)
		}
	}
	if len(says) == 0 && r.err != "" {
		t.Errorf("stderr is not empty:\n%s", r.err)
	}
	if strings.ContainsAny(r.err, "\x1b\u009b\u202e") {
		t.Errorf("a terminal would obey this: %q", r.err)
	}
}
