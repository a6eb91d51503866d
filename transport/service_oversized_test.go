package transport_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// frameOf is the frame of a request that has so many bytes in all.
func frameOf(t *testing.T, size int, id uint32, method string) []byte {
	t.Helper()
	return request(t, id, method, strings.Repeat("x", size-len(request(t, id, method, ""))))
}

// TestWordsToWhoSendsTooMuch: up to sixteen times the limit a request is passed over; the first thing that
// its client hears is how much may be sent, and then how much that was. The connection stays in use.
func TestWordsToWhoSendsTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 1 << 10
		reports := make(chan error, 9)
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(sleeps)}, transport.ServiceMaxFrameSize(limit), reportTo(reports))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		send := func(frame []byte) {
			go func() { _, _ = nc.Write(frame) }()
		}
		for i, size := range []int{limit + 1, 16 * limit} {
			send(frameOf(t, size, uint32(i+1), "M"))
			if i == 0 {
				id, frame, err := native.Protocol{}.Parse(nc)
				if err != nil || (native.Protocol{}).ClassifyFrame(id, frame) != muxpool.FrameSettings {
					t.Errorf("the first frame is %x, %v", frame, err)
				}
			}
			a, err := readAnswer(nc)
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("a request of %d bytes, at most %d are allowed (ServiceMaxFrameSize)", size, limit)
			if e := asError(t, a.err); a.id != uint32(i+1) || e.Message != want || e.Code != transport.CodeTooLarge || !e.NotRun {
				t.Errorf("%d bytes: %+v, want %q", size, a, want)
			}
		}
		send(request(t, 3, "M", "5m")) // longer than a connection without calls is kept
		if a, err := readAnswer(nc); err != nil || a.body != "5m" {
			t.Errorf("a call after them: %+v, %v", a, err)
		}
		synctest.Wait()
		if st := s.Stats(); st.Refused != (transport.RefusedStats{FrameTooLarge: 2}) || st.InFlight != 0 || st.Bytes != 0 {
			t.Errorf("the figures are %+v", st)
		}
		for len(reports) > 0 {
			bounded.Receive(t, reports)
		}
		send(frameOf(t, 16*limit+1, 4, "M"))
		closesAfter(t, nc, 0)
		want := fmt.Sprintf("a frame of %d bytes, at most %d are allowed (ServiceMaxFrameSize): it is not passed over", 16*limit+1, limit)
		if err := bounded.Receive(t, reports); !strings.Contains(err.Error(), want) {
			t.Errorf("reported as %v, want %q", err, want)
		}
	})
}

// frugal is the native protocol, which takes frames of up to 512 bytes.
type frugal struct{ native.Protocol }

func (p frugal) Parse(r io.Reader) (uint32, []byte, error) {
	if fr, ok := r.(muxpool.FrameReader); ok {
		head, err := fr.Peek(4)
		if err != nil {
			return 0, nil, err
		}
		if n := binary.BigEndian.Uint32(head) + 4; n > 512 {
			return 0, nil, fmt.Errorf("frugal: %w: %d bytes", muxpool.ErrFrameTooLarge, n)
		}
	}
	return p.Protocol.Parse(r)
}

// TestLimitOfAProtocolItself: up to the Service's the client is told of it, beyond of that.
func TestLimitOfAProtocolItself(t *testing.T) {
	const limit = 1 << 10
	for size, want := range map[int]string{512: "", 513: "frugal: ", limit: "frugal: ", limit + 1: "a request of 1025 bytes, at most 1024"} {
		synctest.Test(t, func(t *testing.T) {
			p, _, stop := servePipesOf(t, frugal{}, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceMaxFrameSize(limit))
			defer stop()
			nc := p.dial(t)
			defer nc.Close()
			go func() { _, _ = nc.Write(frameOf(t, size, 7, "M")) }()
			a, err := readAnswer(nc)
			if err != nil {
				t.Fatal(err)
			}
			var e *transport.Error
			switch errors.As(a.err, &e); {
			case want == "":
				if a.err != nil {
					t.Errorf("%d bytes: %v", size, a.err)
				}
			case e == nil || e.Code != transport.CodeTooLarge || !e.NotRun || !strings.HasPrefix(e.Message, want):
				t.Errorf("%d bytes: %+v, want %q", size, a, want)
			}
		})
	}
}

// TestLargeFramesThatAreNoCalls: they are passed over, and nobody is answered.
func TestLargeFramesThatAreNoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := servePipes(t, map[string]*transport.Server{"M": rawServer(echo)}, transport.ServiceMaxFrameSize(1<<10))
		defer stop()
		nc := p.dial(t)
		defer nc.Close()
		answers := readAll(nc)
		ping := native.Protocol{}.AppendKeepAlive(nil, 5)
		ping = append(ping, make([]byte, 2<<10)...)
		binary.BigEndian.PutUint32(ping, uint32(len(ping)-4))
		if _, err := nc.Write(append(ping, request(t, 7, "M", "x")...)); err != nil {
			t.Fatal(err)
		}
		if a := bounded.Receive(t, answers); a.id != 7 || a.body != "x" {
			t.Errorf("got %+v", a)
		}
		synctest.Wait()
		if st := s.Stats(); st.Refused != (transport.RefusedStats{}) || st.InFlight != 0 || len(answers) != 0 {
			t.Errorf("%d answers, the figures are %+v", len(answers), st)
		}
		time.Sleep(2 * time.Minute) // of bubble time
		if n := s.Stats().Conns; n != 0 {
			t.Errorf("%d connections are not idle", n)
		}
	})
}
