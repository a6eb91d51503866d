package muxpool_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// FuzzReadPath: whatever bytes a peer sends, in whatever pieces, nothing panics
// or hangs, a call gets a frame with its own id or an error of the pool's, and
// the pool serves on.
//
// The first byte of the input chooses the parser, the second the size of the
// pieces. The calls that wait have small ids.
func FuzzReadPath(f *testing.F) {
	answer := muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.Answer, Body: []byte("body")})
	f.Add(append([]byte{0, 0}, answer...))
	f.Add(append([]byte{1, 3}, answer...))
	f.Add(append([]byte{2, 1}, append(append([]byte(nil), answer...), answer...)...))
	f.Add(append([]byte{3, 7}, muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.GoAway})...))
	f.Add(append([]byte{2, 0}, muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.Pong, ID: 1})...))
	f.Add(append([]byte{0, 0}, muxtest.AppendFrame(nil, muxtest.Frame{Kind: muxtest.Answer, ID: 77})...))
	f.Add([]byte("\x00\x00HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Add([]byte("\x01\x00mx\x01\x01\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Add(append([]byte{0, 0}, answer[:muxtest.HeaderLen+1]...))
	f.Add([]byte{})
	parsers := []muxpool.FrameParser{muxtest.Parser{}, muxtest.PlainParser{}, world.Alive{}, world.Spaced{IDs: muxtest.IDs8}, greedy{}, liar{}}
	f.Fuzz(func(t *testing.T, input []byte) {
		var parser muxpool.FrameParser = muxtest.Parser{}
		size := 1 << 16
		if len(input) >= 2 {
			parser = parsers[int(input[0])%len(parsers)]
			size = max(1, int(input[1]))
			input = input[2:]
		}
		synctest.Test(t, func(t *testing.T) { feed(t, parser, input, size) })
	})
}

// liar is a parser that returns whatever it reads, an id of its own making, and
// at times nothing at all.
type liar struct{}

func (liar) Parse(r io.Reader) (uint32, []byte, error) {
	var b [3]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, nil, err
	}
	switch b[0] % 4 {
	case 0:
		return uint32(b[1]), nil, nil
	case 1:
		return uint32(b[1]), b[:], io.ErrNoProgress
	case 2:
		panic(b[2])
	}
	return uint32(b[1]), b[:], nil
}

// feed gives the input to a pool with four calls in flight.
func feed(t *testing.T, parser muxpool.FrameParser, input []byte, size int) {
	peer := muxtest.NewPeer(muxtest.Drop)
	defer peer.Close()
	pool, err := muxpool.New(world.Settings(muxpool.WithDialContext(peer.DialContext), muxpool.WithConnectNumber(1))...)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	pool.Subscribe(world.NoBug(t))
	caller := muxtest.NewCaller(pool, "tcp", "peer:1", parser)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	ended := make(chan error)
	for range 4 {
		mc, err := caller.Get(ctx)
		if err != nil {
			t.Fatal(err)
		}
		go func() { ended <- readAll(mc, parser) }()
	}
	synctest.Wait()
	c := peer.Conns()[0]
	for len(input) > 0 {
		n := min(size, len(input))
		if _, err := c.Write(input[:n]); err != nil {
			break
		}
		input = input[n:]
	}
	c.Close()
	for range 4 {
		if err := bounded.Receive(t, ended); err != nil {
			t.Error(err)
		}
	}
	if _, lies := parser.(liar); lies || parser == (greedy{}) {
		return
	}
	peer.Do(muxtest.Echo)
	if err := caller.Call(context.Background(), []byte("and now?")); err != nil {
		t.Error("a call after the input: ", err)
	}
}

// readAll reads until an error, and checks that every frame was for mc.
func readAll(mc muxpool.MuxConn, parser muxpool.FrameParser) error {
	defer mc.Close()
	if err := mc.Write(muxtest.AppendFrame(nil, muxtest.NewCall(mc, nil))); err != nil {
		return nil // the connection ended before
	}
	for {
		b, err := mc.Read()
		if err != nil {
			var e *muxpool.Error
			if !errors.As(err, &e) {
				return err
			}
			return nil
		}
		if _, lies := parser.(liar); lies {
			continue
		}
		f, err := muxtest.DecodeFrame(b)
		if err != nil {
			return err
		}
		if f.ID != mc.VID() {
			return errors.New("a frame for somebody else")
		}
	}
}
