package trpc

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// bombRequest is a request to method whose 10 MiB are compressed to 10 KB.
func bombRequest(t *testing.T, id uint32, method string) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(make([]byte, 10<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	frame := appendHeader(nil, frameUnary, 0, id, version1)
	frame = appendVarint(frame, fieldRequestID, uint64(id))
	frame = appendBytes(frame, requestFunc, method)
	frame = appendVarint(frame, requestContentEncoding, encodingGzip)
	frame, err := finish(append(frame, packed.Bytes()...), 0, len(frame), math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// TestBombsStopAtTheOperatorsLimit: whatever Protocol.MaxFrame is, a Service unpacks no
// more than its largest frame, and nothing for a method that it does not have; or nothing
// at all, if the operator says so.
func TestBombsStopAtTheOperatorsLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		p      Protocol
		method string
		code   transport.Code
		text   string
	}{
		"limit":          {Protocol{}, "/s/M", transport.CodeTooLarge, "more than 65536 bytes"},
		"unknown method": {Protocol{}, "/s/N", transport.CodeUnimplemented, "unknown method"},
		"switched off":   {Protocol{RefuseCompressed: true}, "/s/M", transport.CodeInvalidArgument, "not taken"},
	} {
		t.Run(name, func(t *testing.T) {
			s := transport.NewService(tc.p, transport.ServiceMaxFrameSize(64<<10))
			s.Handle("/s/M", transport.NewServer(func(_ context.Context, r any) (any, error) {
				t.Errorf("the handler gets %d bytes", len(r.([]byte)))
				return r, nil
			}, transport.DecodeBytes, transport.EncodeBytes))
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var serving sync.WaitGroup
			serving.Go(func() { _ = s.Serve(l) })
			defer bounded.Wait(t, serving.Wait)
			defer s.Close()
			nc, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := nc.Write(bombRequest(t, 7, tc.method)); err != nil {
				t.Fatal(err)
			}
			id, frame, err := tc.p.Parse(nc)
			if err != nil || id != 7 {
				t.Fatalf("id %d, %v", id, err)
			}
			var e *transport.Error
			if err := tc.p.ParseResponse(frame, new(transport.Message)); !errors.As(err, &e) || e.Code != tc.code || !e.NotRun || !strings.Contains(e.Message, tc.text) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestBombsStopAtThePoolsLimit: the same for answers.
func TestBombsStopAtThePoolsLimit(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	bomb := compressed(t, encodingGzip, make([]byte, 1<<20))
	serving.Go(func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		for {
			id, _, err := Protocol{}.Parse(nc)
			if err != nil {
				return
			}
			binary.BigEndian.PutUint32(bomb[10:], id)
			if _, err := nc.Write(bomb); err != nil {
				return
			}
		}
	})
	pool, err := muxpool.New(muxpool.WithConnectNumber(1), muxpool.WithMaxFrameSize(64<<10))
	if err != nil {
		t.Fatal(err)
	}
	defer bounded.Wait(t, serving.Wait)
	defer l.Close()
	defer pool.Close()
	call := transport.NewClient(pool, transport.Node{Network: "tcp", Address: l.Addr().String()}, Protocol{}, "/s/M",
		transport.EncodeBytes, transport.DecodeBytes).Endpoint()
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := call(ctx, []byte("x"))
		cancel()
		if !errors.Is(err, muxpool.ErrFrameTooLarge) || !strings.Contains(err.Error(), "65536") {
			t.Errorf("got %v", err)
		}
	}
	if n := pool.Stats().Dials; n != 1 {
		t.Errorf("%d dials", n)
	}
}

// TestAttachmentsCount: an attachment is copied, and counts beside the frame in which it came,
// as the names of the two services do, as long as its call is in flight.
func TestAttachmentsCount(t *testing.T) {
	const size, caller, callee = 1<<20 - 40_000, 10_000, 20_000 // with its names, it nearly fills a class of memory
	s := transport.NewService(Protocol{})
	held, release := make(chan struct{}), make(chan struct{})
	s.Handle("/s/Hold", transport.NewServer(func(context.Context, any) (any, error) {
		close(held)
		<-release
		return []byte{}, nil
	}, transport.DecodeBytes, transport.EncodeBytes))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	defer bounded.Wait(t, serving.Wait)
	defer s.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	p := Protocol{Callee: strings.Repeat("c", callee)}
	frame, err := p.AppendRequest(nil, 1, &transport.Message{Method: "/s/Hold", Tag: &Head{Caller: strings.Repeat("c", caller), Attachment: make([]byte, size)}})
	if err != nil {
		t.Fatal(err)
	}
	_ = client.SetDeadline(time.Now().Add(time.Minute))
	if _, err := client.Write(frame); err != nil {
		t.Fatal(err)
	}
	bounded.Receive(t, held)
	if n, least := s.Stats().Bytes, int64(len(frame)+size+caller+callee); n < least || n > 3*size {
		t.Errorf("%d bytes are in use, want %d and a little more", n, least)
	}
	close(release)
	if _, _, err := (Protocol{}).Parse(client); err != nil {
		t.Error(err)
	}
	for end := time.Now().Add(time.Minute); s.Stats().Bytes != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are left", s.Stats().Bytes)
		}
	}
}
