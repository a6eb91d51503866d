package ttheader

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// serveBytes starts a Service with a method Echo, of bytes, which counts its calls.
func serveBytes(t *testing.T, options ...transport.ServiceOption) (*transport.Service, transport.Node, *atomic.Int64) {
	t.Helper()
	ran := new(atomic.Int64)
	s := transport.NewService(Protocol{}, options...)
	s.Handle("Echo", transport.NewServer(func(_ context.Context, request any) (any, error) {
		ran.Add(1)
		return request, nil
	}, transport.DecodeBytes, transport.EncodeBytes))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close() //nolint:errcheck // what matters is what Serve returned
		if err := bounded.Receive(t, served); !errors.Is(err, transport.ErrServiceClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return s, transport.Node{Network: "tcp", Address: l.Addr().String()}, ran
}

// A request with more pairs, of whatever kind, or more bytes in them than the Service takes is
// refused, and not run; one within the limits is.
func TestMetadataIsBounded(t *testing.T) {
	named := func(n, size int) transport.Metadata {
		md := make(transport.Metadata)
		for i := range n {
			md[fmt.Sprint("name", i)] = strings.Repeat("v", size)
		}
		return md
	}
	numbered := func(n, size int) *Head {
		h := new(Head)
		for range n {
			h.Set(KeyLogID, strings.Repeat("v", size))
		}
		return h
	}
	for form, p := range map[string]Protocol{"TTHeader": {}, "framed in it": {Form: FormTTHeaderFramed}} {
		s, node, ran := serveBytes(t, transport.ServiceMaxMetadata(100, 10_000))
		pool, err := muxpool.New()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { pool.Close(); bounded.Receive(t, pool.Done()) })
		call := func(md transport.Metadata, head *Head) error {
			hook := transport.ClientBefore(func(ctx context.Context, m *transport.Message) context.Context {
				m.Metadata, m.Tag = md, head
				return ctx
			})
			_, err := transport.NewClient(pool, node, p, "Echo", transport.EncodeBytes, transport.DecodeBytes, hook,
				transport.ClientTimeout(time.Minute)).Endpoint()(t.Context(), []byte{typeStop})
			return err
		}
		refused := 0
		for name, c := range map[string]struct {
			md    transport.Metadata
			head  *Head
			limit string
		}{
			"named":             {named(100, 0), nil, "at most 100 are"}, // and the timeout
			"numbered":          {nil, numbered(100, 0), "at most 100 are"},
			"of both kinds":     {named(50, 0), numbered(50, 0), "at most 100 are"},
			"bytes of named":    {named(50, 200), nil, "at most 10000 are"},
			"bytes of numbered": {nil, numbered(50, 200), "at most 10000 are"},
			"the token":         {transport.Metadata{MetadataACLToken: strings.Repeat("t", 10_000)}, nil, "at most 10000 are"},
		} {
			refused++
			err := call(c.md, c.head)
			if e := (*transport.Error)(nil); !errors.As(err, &e) || e.Code != transport.CodeTooLarge || !e.NotRun || !strings.Contains(e.Message, c.limit) {
				t.Errorf("%s, %s: %v", form, name, err)
			}
		}
		if n := s.Stats().Refused.Metadata; ran.Load() != 0 || n != uint64(refused) {
			t.Errorf("%s: %d were run, %d of %d are counted as refused", form, ran.Load(), n, refused)
		}
		md := named(48, 80)
		md[MetadataACLToken] = "token"
		if err := call(md, numbered(50, 80)); err != nil || ran.Load() != 1 {
			t.Errorf("%s, within the limits: %v, %d were run", form, err, ran.Load())
		}
	}
}

// What a header has under numbers is kept for the endpoint, and counts beside its frame as long as the call is in flight.
func TestNumbersCount(t *testing.T) {
	const size = 60_000
	held, release := make(chan struct{}), make(chan struct{})
	s, node, _ := serveBytes(t)
	s.Handle("Hold", transport.NewServer(func(_ context.Context, request any) (any, error) {
		close(held)
		<-release
		return request, nil
	}, transport.DecodeBytes, transport.EncodeBytes))
	head := new(Head)
	head.Set(KeyLogID, strings.Repeat("v", size))
	frame, err := Protocol{}.AppendRequest(nil, 1, &transport.Message{Method: "Hold", Tag: head})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial(node.Network, node.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(time.Minute))
	if _, err := nc.Write(frame); err != nil {
		t.Fatal(err)
	}
	bounded.Receive(t, held)
	if n := s.Stats().Bytes; n < int64(len(frame)+size) {
		t.Errorf("%d bytes are in use, want %d and %d at least", n, len(frame), size)
	}
	close(release)
	if _, _, err := (Protocol{}).Parse(nc); err != nil {
		t.Error(err)
	}
}
