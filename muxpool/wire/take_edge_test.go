package wire

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
)

// hesitant is a source whose every other read brings nothing, and no error.
type hesitant struct {
	r     io.Reader
	again bool
}

func (h *hesitant) Read(p []byte) (int, error) {
	if h.again = !h.again; h.again {
		return 0, nil
	}
	return h.r.Read(p[:min(len(p), 1000)])
}

// TestReadsThatBringNothing: a read without a byte and without an error is no end, of a small
// frame or of a large one, whose bytes go past the buffer.
func TestReadsThatBringNothing(t *testing.T) {
	for _, n := range []int{100, directRead, 3 * directRead} {
		want := bytes.Repeat([]byte("frame"), n/5)
		r := NewReader(&hesitant{r: bytes.NewReader(want)}, 4*directRead)
		got, err := r.Take(len(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %d, %v", len(want), len(got), err)
		}
		r.Close()
	}
}

// TestWhatIsSentByReference: where each piece of a batch is a write or a record of its own, only
// large frames are worth one.
func TestWhatIsSentByReference(t *testing.T) {
	a, b := socketPair(t, "tcp")
	defer a.Close()
	defer b.Close()
	p, q := net.Pipe()
	defer p.Close()
	defer q.Close()
	for name, c := range map[string]struct {
		nc   net.Conn
		want int
	}{
		"a socket":                 {a, refMin},
		"a pipe":                   {p, refMinPlain},
		"TLS on a socket":          {tls.Client(BeneathTLS(a), nil), refMinPlain},
		"TLS of somebody else's":   {tls.Client(a, nil), refMinPlain},
		"a connection of a user's": {struct{ net.Conn }{a}, refMinPlain},
	} {
		if got := NewWriter(c.nc, WriterConfig{}).refMin; got != c.want {
			t.Errorf("%s: frames from %d bytes on are sent by reference, want %d", name, got, c.want)
		}
	}
}
