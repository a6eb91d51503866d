package transport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func TestAsFrameReaderLeavesFrameReadersAlone(t *testing.T) {
	r := wire.NewReader(strings.NewReader("abc"), 0)
	if got := transport.AsFrameReader(r); got != muxpool.FrameReader(r) {
		t.Errorf("got another: %T", got)
	}
}

// TestAsFrameReaderOfAPlainReader: a story of peeks, reads and ends, and not a byte more is
// taken than was asked for.
func TestAsFrameReaderOfAPlainReader(t *testing.T) {
	for name, slow := range map[string]func(io.Reader) io.Reader{
		"at once": func(r io.Reader) io.Reader { return r }, "a byte at a time": iotest.OneByteReader, "the error with the data": iotest.DataErrReader,
	} {
		t.Run(name, func(t *testing.T) {
			src := strings.NewReader("abcdefgh")
			fr := transport.AsFrameReader(slow(src))
			looked := 0 // of the first bytes
			peek := func(n int, want string) {
				t.Helper()
				if b, err := fr.Peek(n); err != nil || string(b) != want || cap(b) != n {
					t.Fatalf("Peek(%d): %q (%d), %v, want %q", n, b, cap(b), err, want)
				}
				if looked = max(looked, n); name == "at once" && 8-src.Len() > looked {
					t.Fatalf("Peek(%d) has read ahead: %d bytes are gone, %d were looked at", n, 8-src.Len(), looked)
				}
			}
			peek(2, "ab")
			peek(1, "a")
			peek(3, "abc")
			looked = 8 // from here on others read, too
			if n, err := fr.Discard(1); n != 1 || err != nil {
				t.Fatalf("Discard: %d, %v", n, err)
			}
			peek(1, "b")
			b := make([]byte, 3)
			if n, err := fr.Read(b); n != 2 || err != nil || string(b[:n]) != "bc" {
				t.Fatalf("Read of what was looked at: %q, %v", b[:n], err)
			}
			if n, err := io.ReadFull(fr, b[:1]); n != 1 || err != nil || b[0] != 'd' {
				t.Fatalf("Read behind it: %q, %v", b[:n], err)
			}
			if n, err := fr.Discard(2); n != 2 || err != nil {
				t.Fatalf("Discard of what was not looked at: %d, %v", n, err)
			}
			if b, err := fr.Peek(3); err != io.ErrUnexpectedEOF || string(b) != "gh" {
				t.Fatalf("Peek over the end: %q, %v", b, err)
			}
			if n, err := fr.Discard(3); n != 0 || err != io.ErrUnexpectedEOF {
				t.Fatalf("Discard over the end: %d, %v", n, err)
			}
			if n, err := fr.Discard(2); n != 2 || err != nil {
				t.Fatalf("Discard to the end: %d, %v", n, err)
			}
			if b, err := fr.Peek(1); err != io.EOF || len(b) != 0 {
				t.Fatalf("Peek at the end: %q, %v", b, err)
			}
		})
	}
}

func TestAsFrameReaderTellsTheReadersError(t *testing.T) {
	broken := errors.New("broken")
	fr := transport.AsFrameReader(io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(broken)))
	if b, err := fr.Peek(3); err != broken || string(b) != "ab" {
		t.Errorf("got %q, %v", b, err)
	}
	if b, err := fr.Alloc(-1); err == nil {
		t.Errorf("Alloc of less than nothing: %d bytes", len(b))
	}
	for _, n := range []int{0, 1, 5} {
		if b, err := fr.Alloc(n); err != nil || len(b) != n {
			t.Errorf("Alloc(%d): %d bytes, %v", n, len(b), err)
		}
	}
}

// peeking is the native protocol with a Parse that returns what Peek gave.
type peeking struct{ native.Protocol }

func (p peeking) Parse(r io.Reader) (uint32, []byte, error) {
	fr := transport.AsFrameReader(r)
	head, err := fr.Peek(16)
	if err != nil {
		return 0, nil, err
	}
	_, total, ok := p.Measure(head)
	if !ok {
		return 0, nil, errors.New("no frame")
	}
	frame, err := fr.Peek(int(total))
	if err != nil {
		return 0, nil, err
	}
	id, _, err := p.Protocol.Parse(bytes.NewReader(frame))
	if err == nil {
		_, err = fr.Discard(len(frame))
	}
	return id, frame, err
}

// A frame in the memory that a Service reads ahead into is copied, before the next one comes
// there.
func TestServiceCopiesPeekedFrames(t *testing.T) {
	const calls = 20
	for _, network := range []string{"tcp", "udp"} {
		var arrived atomic.Int32
		all := make(chan struct{})
		server := transport.NewServer(echo, func(_ context.Context, m *transport.Message) (any, error) {
			if arrived.Add(1) == calls {
				close(all)
			}
			<-all
			return bytes.Clone(m.Body), nil
		}, transport.EncodeBytes)
		var s *service
		if network == "tcp" {
			s = serveProtocol(t, peeking{}, map[string]*transport.Server{"Echo": server})
		} else {
			s = servePacketProtocol(t, peeking{}, map[string]*transport.Server{"Echo": server})
		}
		call := rawClient(newPool(t), s.node, "Echo")
		var wg sync.WaitGroup
		for i := range calls {
			wg.Go(func() {
				nonce := fmt.Sprintf("nonce %d", i)
				if got, err := call(testContext(t), []byte(nonce)); err != nil || string(got.([]byte)) != nonce {
					t.Errorf("%s: sent %s, got %q, %v", network, nonce, got, err)
				}
			})
		}
		bounded.Wait(t, wg.Wait)
	}
}
