package trpcpool_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"trpc.group/trpc-go/trpc-go/errs"
	"trpc.group/trpc-go/trpc-go/pool/multiplexed"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/pages"
	"github.com/muxkit/muxkit/muxpool"
)

// The two programs of docs/from-trpc-go.md: a call in a protocol of one's own, before and
// after.

// frames is the parser of both: length u32 | id u32 | body.
type frames struct{}

func (frames) Parse(r io.Reader) (uint32, []byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(r, body)
	return binary.BigEndian.Uint32(head[4:]), body, err
}

func request(id uint32, body []byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	return append(binary.BigEndian.AppendUint32(head, id), body...)
}

var lastID atomic.Uint32

func before(ctx context.Context, pool multiplexed.Pool, address string, body []byte) ([]byte, error) {
	id := lastID.Add(1) // the caller sees to it that nobody else has it
	opts := multiplexed.NewGetOptions()
	opts.WithFrameParser(frames{})
	opts.WithVID(id)
	mc, err := pool.GetMuxConn(ctx, "tcp", address, opts)
	if err != nil {
		return nil, err
	}
	defer mc.Close()
	if err := mc.Write(request(id, body)); err != nil {
		return nil, codeBefore(err)
	}
	answer, err := mc.Read()
	return answer, codeBefore(err)
}

func codeBefore(err error) error {
	if err == context.DeadlineExceeded {
		return errs.NewFrameError(errs.RetClientTimeout, "timeout")
	}
	return err
}

func after(ctx context.Context, pool muxpool.Pool, address string, body []byte) ([]byte, error) {
	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(frames{})
	mc, err := pool.GetMuxConn(ctx, "tcp", address, opts)
	if err != nil {
		return nil, codeAfter(err)
	}
	defer mc.Close()
	if err := mc.Write(request(mc.VID(), body)); err != nil {
		return nil, codeAfter(err)
	}
	answer, err := mc.Read()
	return answer, codeAfter(err)
}

func codeAfter(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errs.NewFrameError(errs.RetClientTimeout, "timeout")
	}
	return err
}

func TestFromPage(t *testing.T) {
	if n := pages.Compiled(t, "../../../docs/from-trpc-go.md", "from_test.go", "example_test.go"); n < 4 {
		t.Errorf("%d blocks of code", n)
	}
}

// TestProgramsOfThePage: the same calls of the same server, over each pool, at once.
func TestProgramsOfThePage(t *testing.T) {
	address := echoFrames(t)
	pool, err := muxpool.New(muxpool.WithConnectNumber(2))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	old := multiplexed.New(multiplexed.WithConnectNumber(2))
	for name, call := range map[string]func(ctx context.Context, body []byte) ([]byte, error){
		"before": func(ctx context.Context, body []byte) ([]byte, error) { return before(ctx, old, address, body) },
		"after":  func(ctx context.Context, body []byte) ([]byte, error) { return after(ctx, pool, address, body) },
	} {
		t.Run(name, func(t *testing.T) {
			var callers sync.WaitGroup
			for i := range 16 {
				callers.Go(func() {
					for j := range 50 {
						nonce := fmt.Sprintf("call %d of %d", j, i)
						ctx, cancel := context.WithTimeout(t.Context(), waitTime)
						if got, err := call(ctx, []byte(nonce)); err != nil || string(got) != nonce {
							t.Errorf("%s: got %q, %v", nonce, got, err)
						}
						cancel()
					}
				})
			}
			bounded.Wait(t, callers.Wait)
			ctx, cancel := context.WithTimeout(t.Context(), 0)
			defer cancel()
			_, err := call(ctx, nil)
			if code := errs.Code(err); name == "after" && int(code) != int(errs.RetClientTimeout) {
				t.Errorf("its time is over: %v", err)
			}
		})
	}
}

// echoFrames serves frames, each with its own id and body, until the test has ended.
func echoFrames(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { nc.Close() })
			serving.Go(func() {
				for {
					id, body, err := frames{}.Parse(nc)
					if err != nil {
						return
					}
					if _, err := nc.Write(request(id, body)); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
