package native_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func readV1(t testing.TB, name string) []byte { return readHex(t, filepath.Join("v1", name)) }

// TestVersion1RequestIsAnswered: with the bytes of the golden frame, which arrive whole
// before the end of the connection, however much the client has sent beside.
func TestVersion1RequestIsAnswered(t *testing.T) {
	request, farewell := readV1(t, "request"), readHex(t, "farewell")
	flood := bytes.Repeat(request, 1<<20/len(request))
	for _, over := range networks {
		for name, sent := range map[string][]byte{"alone": request, "one of many": append(bytes.Clone(request), flood...)} {
			t.Run(over+" "+name, func(t *testing.T) {
				s := serve(t, over)
				nc := s.dial(t)
				go func() { _, _ = nc.Write(sent) }() // the server may close before it is through
				got, err := io.ReadAll(nc)
				if err != nil || !bytes.Equal(got, farewell) {
					t.Errorf("got %q, %v, want %q", got, err, farewell)
				}
				if err := wait(t, "a report", s.reports); !strings.Contains(err.Error(), "native: the peer speaks version 1, this side version 2") {
					t.Errorf("reported as %v", err)
				}
			})
		}
	}
}

// Nothing but a request is answered, and that only if it wants an answer.
func TestFarewellIsForRequests(t *testing.T) {
	upgrade := appendRequest(t, 7, &transport.Message{Method: "Echo"})
	upgrade[4] = 3
	for name, sent := range map[string][]byte{
		"one-way": readV1(t, "request-full"), "ping": readV1(t, "ping"), "an answer": readV1(t, "answer"), "version 3": upgrade,
		"a TLS greeting": append([]byte{0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3}, make([]byte, 0xfc)...),
		"HTTP":           []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "tcp")
			nc := s.dial(t)
			write(t, nc, sent)
			if got, _ := io.ReadAll(nc); len(got) != 0 {
				t.Errorf("got %q", got)
			}
			wait(t, "a report", s.reports)
		})
	}
}

// A client that goes over to version 1 in the middle gets the answers that it has to
// get, and then the farewell.
func TestVersion1BehindVersion2(t *testing.T) {
	for _, over := range networks {
		t.Run(over, func(t *testing.T) {
			s := serve(t, over)
			nc := s.dial(t)
			write(t, nc, appendRequest(t, 9, &transport.Message{Method: "Echo"}))
			if a := read(t, nc); a.id != 9 || a.err != nil {
				t.Fatalf("got %+v", a)
			}
			write(t, nc, readV1(t, "request"))
			if got, err := io.ReadAll(nc); err != nil || !bytes.Equal(got, readHex(t, "farewell")) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// An old server is named in the error of the calls.
func TestClientNamesThePeersVersion(t *testing.T) {
	s := newScripted(t)
	c := s.call("a")
	s.request()
	s.write(readV1(t, "answer"))
	_, err := c.result()
	var e *muxpool.Error
	if !errors.As(err, &e) || !errors.Is(err, muxpool.ErrProtocol) || !strings.Contains(err.Error(), "native: the peer speaks version 1, this side version 2") {
		t.Errorf("got %v", err)
	}
}

func TestVersionErrors(t *testing.T) {
	for version, text := range map[byte]string{
		0: "something else, a version 0x0", 1: "the peer speaks version 1, this side version 2", 3: "the peer speaks version 3, this side version 2",
		15: "the peer speaks version 15", 16: "something else, a version 0x10", '/': "something else, a version 0x2f",
	} {
		frame := native.Protocol{}.AppendKeepAlive(nil, 1)
		frame[4] = version
		if _, _, err := (native.Protocol{}).Parse(bytes.NewReader(frame)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("version %d: %v, want %q", version, err, text)
		}
	}
}
