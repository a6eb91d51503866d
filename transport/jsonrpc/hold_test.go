package jsonrpc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// account is a FrameReader of a server that counts what it holds.
type account struct {
	muxpool.FrameReader
	held, limit int
}

var errFull = errors.New("the account is full")

func (a *account) Hold(n int) error {
	if a.held+n > a.limit {
		return errFull
	}
	a.held += n
	return nil
}

// A text that grows is counted as it grows, and ends where no more is allowed.
func TestWhatAnAccountRefusesIsNotRead(t *testing.T) {
	text := `{"jsonrpc":"2.0","id":1,"method":"m","params":["` + strings.Repeat("x", 1<<20) + `"]}`
	a := &account{transport.AsFrameReader(strings.NewReader(text)), 0, 1 << 18}
	if _, _, err := (jsonrpc.Protocol{}).Parse(a); !errors.Is(err, errFull) {
		t.Errorf("got %v, want what the account says", err)
	}
	if a.held == 0 {
		t.Error("nothing was counted")
	}
	a = &account{transport.AsFrameReader(strings.NewReader(text)), 0, 1 << 22}
	if _, frame, err := (jsonrpc.Protocol{}).Parse(a); err != nil || len(frame) != len(text) || a.held < len(text) || a.held > 2*len(text) {
		t.Errorf("of %d bytes %d were read, %d counted, %v", len(text), len(frame), a.held, err)
	}
}

// full is a FrameReader without memory for a frame.
type full struct{ muxpool.FrameReader }

func (full) Alloc(int) ([]byte, error) { return nil, errFull }

func TestATextThatNoMemoryIsThereForIsNotRead(t *testing.T) {
	r := full{transport.AsFrameReader(strings.NewReader(`{"id":1}`))}
	if _, frame, err := (jsonrpc.Protocol{}).Parse(r); !errors.Is(err, errFull) {
		t.Errorf("got %s, %v, want what the reader says", frame, err)
	}
}
