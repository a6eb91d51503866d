package interop

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	trpcgo "trpc.group/trpc-go/trpc-go"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// Frames that no real client makes, sent to our Service by hand.

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return nc
}

func TestFromWireUnparseableHead(t *testing.T) {
	s := serve(t)
	nc := dial(t, s.address)
	request := requestOf(t, nil)
	if _, err := nc.Write(append(unparseable(4294967295), request...)); err != nil {
		t.Fatal(err)
	}
	answers := map[uint32][]byte{}
	for range 2 { // the real parser reads our answers, in whatever order
		id, frame, err := trpcgo.DefaultFramerBuilder.Parse(nc)
		if err != nil {
			t.Fatal(err)
		}
		answers[id] = frame
	}
	var e *transport.Error
	err := trpc.Protocol{}.ParseResponse(answers[4294967295], new(transport.Message))
	if !errors.As(err, &e) || e.Status != 1 {
		t.Errorf("the unparseable head is answered with %v", err)
	}
	var echo transport.Message
	if err := (trpc.Protocol{}).ParseResponse(answers[1], &echo); err != nil || string(echo.Body) != "the body" {
		t.Errorf("the call after it gives %q, %v", echo.Body, err)
	}
}

func TestFromWireFramesThatEndTheConnection(t *testing.T) {
	wrongMagic := unparseable(1)
	wrongMagic[0]++
	tooLong := unparseable(1)
	binary.BigEndian.PutUint32(tooLong[4:], trpc.DefaultMaxFrame+1)
	longest := unparseable(1)
	binary.BigEndian.PutUint32(longest[4:], 1<<32-1)
	for name, frame := range map[string][]byte{"wrong magic": wrongMagic, "over 10 MiB": tooLong, "0xffffffff": longest} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			nc := dial(t, s.address)
			if _, err := nc.Write(frame); err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(nc); len(b) > 0 || isTimeout(err) {
				t.Errorf("it answers %x, %v", b, err)
			}
			body := nonce()
			if out := s.call(Order{Method: "Echo", Body: []byte(body)}); string(out.Body) != body {
				t.Errorf("another connection: %+v", out)
			}
		})
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
