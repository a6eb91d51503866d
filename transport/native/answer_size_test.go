package native_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

const (
	largeFrames = 2000
	largeFrame  = 16 << 10
)

// answerLarge reads a request from nc and answers it with frames pieces of size bytes,
// each filled with its number.
func answerLarge(t testing.TB, nc net.Conn, frames, size int) error {
	id, _, err := native.Protocol{}.Parse(nc)
	for err == nil && id == 0 { // settings come before the first request
		id, _, err = native.Protocol{}.Parse(nc)
	}
	for i := range frames {
		if err != nil {
			return err
		}
		m := &transport.Message{Body: bytes.Repeat([]byte{byte(i)}, size)}
		if i < frames-1 {
			_, err = nc.Write(piece(t, id, m))
		} else {
			_, err = nc.Write(appendAnswer(t, id, m))
		}
	}
	return err
}

func checkLarge(got []byte, frames, size int) error {
	if len(got) != frames*size {
		return fmt.Errorf("%d bytes, want %d", len(got), frames*size)
	}
	for i := range frames {
		if part := got[i*size : (i+1)*size]; bytes.Count(part, []byte{byte(i)}) != size {
			return fmt.Errorf("piece %d is another", i)
		}
	}
	return nil
}

// TestLargeAnswerInPieces: 2000 frames of 16 KiB, eight times what may wait unread, as
// fast as the peer can.
func TestLargeAnswerInPieces(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newScripted(t)
			c := s.call("large")
			s.accept()
			if err := answerLarge(t, s.nc, largeFrames, largeFrame); err != nil {
				t.Error(err)
			}
			got, err := c.result()
			if err == nil {
				err = checkLarge([]byte(got), largeFrames, largeFrame)
			}
			if err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("sockets", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		answered := make(chan error, 1)
		go func() {
			nc, err := l.Accept()
			if err == nil {
				defer nc.Close()
				err = answerLarge(t, nc, largeFrames, largeFrame)
			}
			answered <- err
		}()
		slow := []muxpool.PoolOption{muxpool.WithKeepAlive(waitTime), muxpool.WithRecvWait(waitTime / 4)} // machines
		ask := call(newPool(t, slow...), transport.Node{Network: "tcp", Address: l.Addr().String()}, nil)
		got, err := ask(testContext(t), "M", nil)
		if err == nil {
			err = checkLarge(got, largeFrames, largeFrame)
		}
		if err != nil {
			t.Error(err)
		}
		if err := wait(t, "the peer", answered); err != nil {
			t.Error("the peer: ", err)
		}
	})
}

// TestAnswerSizeIsBounded: the frames of one answer are so many bytes together, and not
// one more; who exceeds that fails alone, and is told the bound.
func TestAnswerSizeIsBounded(t *testing.T) {
	const frames, size = 4, 1000
	whole := (frames-1)*len(piece(t, 1, body(strings.Repeat("x", size)))) + len(appendAnswer(t, 1, body(strings.Repeat("x", size))))
	for _, limit := range []int{whole, whole - 1} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			s := newScripted(t, muxpool.WithMaxAnswerSize(limit))
			c := s.call("large")
			s.accept()
			written := make(chan error, 1)
			go func() { written <- answerLarge(t, s.nc, frames, size) }()
			if err := wait(t, "the peer", written); err != nil {
				t.Fatal(err)
			}
			got, err := c.result()
			if limit == whole {
				if err != nil || len(got) != frames*size {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				return
			}
			var e *transport.Error
			if !errors.As(err, &e) || e.Code != transport.CodeTooLarge || !errors.Is(err, muxpool.ErrFrameTooLarge) ||
				!strings.Contains(err.Error(), fmt.Sprintf("an answer of %d bytes or more in several frames, at most %d", whole, limit)) {
				t.Errorf("got %v", err)
			}
			onlyConn(t, s.pool)
		})
	}
}
