package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/cloudwego/gopkg/protocol/thrift"
	kitexheader "github.com/cloudwego/gopkg/protocol/ttheader"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// change is a frame in which one thing is wrong.
func change(b []byte, at int, to ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], to)
	return b
}

// requestTo is a frame of a request with this id, and where its message begins.
func requestTo(t *testing.T, id uint32) (frame []byte, message int) {
	t.Helper()
	frame, err := ttheader.Protocol{}.AppendRequest(nil, id, &transport.Message{Method: "Echo", Body: structOf(1, "text")})
	if err != nil {
		t.Fatal(err)
	}
	return frame, 14 + 4*int(binary.BigEndian.Uint16(frame[12:]))
}

// What no client sends, sent to our Service; Kitex's codec reads what it says to that.
func TestFromWireBadInput(t *testing.T) {
	service := serveAt(t, "127.0.0.1:0")
	dial := func() net.Conn {
		nc, err := net.Dial("tcp", service.address)
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(patience))
		return nc
	}
	nc := dial()
	defer nc.Close()
	frame, message := requestTo(t, 5)
	for _, row := range []struct {
		name  string
		frame []byte
		kind  int32
	}{
		{"a type that is none", change(frame, message+3, 9), 2},
		{"transforms", change(frame, 15, 1), 8},
		{"the compact protocol", change(frame, 14, 2), 9},
		{"TTHeader streaming", change(frame, 7, 2), 10},
		{"a header that is longer than the frame", change(frame, 12, 0xff, 0xff), 7},
		{"an unknown method", change(frame, message+8, 'X'), 1},
	} {
		answer := exchange(t, nc, row.frame)
		h, err := kitexheader.DecodeFromBytes(context.Background(), answer)
		if err != nil || h.SeqID != 5 {
			t.Fatalf("%s: Kitex reads %+v, %v", row.name, h, err)
		}
		_, _, err = thrift.UnmarshalFastMsg(answer[h.HeaderLen:], nil)
		if e, ok := err.(*thrift.ApplicationException); !ok || e.TypeID() != row.kind {
			t.Errorf("%s: Kitex reads %v", row.name, err)
		}
	}
	answer := exchange(t, nc, frame) // the connection is in use still
	if err := (ttheader.Protocol{}).ParseResponse(answer, &transport.Message{Method: "Echo"}); err != nil {
		t.Error(err)
	}
	for name, b := range map[string][]byte{
		"HTTP": []byte("GET / HTTP/1.1\r\n\r\n"), "the longest length": {0xff, 0xff, 0xff, 0xff}, "not strict": {0, 0, 1, 0, 0, 0, 0, 4, 'E', 'c', 'h', 'o'},
	} {
		nc := dial()
		if _, err := nc.Write(b); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(nc); len(b) > 0 || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: it answers %x, %v", name, b, err)
		}
		nc.Close()
	}
}

func exchange(t *testing.T, nc net.Conn, frame []byte) []byte {
	t.Helper()
	if _, err := nc.Write(frame); err != nil {
		t.Fatal(err)
	}
	_, answer, err := ttheader.Protocol{}.Parse(nc)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
