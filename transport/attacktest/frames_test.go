package attacktest

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"strings"
	"sync"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// forge makes the frames of attackers.
type forge struct {
	p      transport.ServerProtocol
	native bool

	mu     *sync.Mutex
	packed map[int][]byte // the bodies of bombs, by what they unpack to; guarded by mu
}

func newForge(protocol string) forge {
	return forge{protocols[protocol], protocol == "native", new(sync.Mutex), make(map[int][]byte)}
}

// request is the frame of a request with a body of n bytes.
func (f forge) request(id uint32, method string, n int) []byte {
	frame, err := f.p.AppendRequest(nil, id, &transport.Message{Method: method, Body: make([]byte, n)})
	if err != nil {
		panic(err)
	}
	return frame
}

// announce is the beginning of a request of n bytes in all.
func (f forge) announce(id uint32, n int) []byte {
	frame := f.request(id, echoMethod, 0)
	if f.native {
		binary.BigEndian.PutUint32(frame, uint32(n-4))
	} else {
		binary.BigEndian.PutUint32(frame[4:], uint32(n))
	}
	return frame
}

// batch is n requests with the ids from first on.
func (f forge) batch(first uint32, n int, method string, size int) (frames []byte) {
	for i := range uint32(n) {
		frames = append(frames, f.request(first+i, method, size)...)
	}
	return frames
}

// cancelled is n requests, each followed by its cancel.
func (f forge) cancelled(first uint32, n int) (frames []byte) {
	for i := range uint32(n) {
		frames = append(frames, f.request(first+i, holdMethod, 10)...)
		frames = native.Protocol{}.AppendCancel(frames, first+i)
	}
	return frames
}

// cancels is n cancels, of ids that nobody uses.
func (f forge) cancels(first uint32, n int) (frames []byte) {
	for i := range uint32(n) {
		frames = native.Protocol{}.AppendCancel(frames, first+i)
	}
	return frames
}

func (f forge) pings(n int) (frames []byte) {
	for i := range uint32(n) {
		frames = native.Protocol{}.AppendKeepAlive(frames, i+1)
	}
	return frames
}

// pairs is a request with 65,535 empty pairs of metadata, or, where these cannot be
// forged, with as much metadata as a head takes.
func (f forge) pairs(id uint32) []byte {
	if !f.native {
		frame, err := f.p.AppendRequest(nil, id, &transport.Message{Method: echoMethod,
			Metadata: map[string]string{"x": strings.Repeat("x", 60<<10)}})
		if err != nil {
			panic(err)
		}
		return frame
	}
	frame := append(f.request(id, echoMethod, 0), make([]byte, 4*65_535)...)
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	binary.BigEndian.PutUint16(frame[14:], 65_535)
	return frame
}

// hollow is n requests that announce 65,535 pairs of metadata and have none.
func (f forge) hollow(n int) (frames []byte) {
	frame := f.request(0, "", 0)
	binary.BigEndian.PutUint16(frame[14:], 65_535)
	return bytes.Repeat(frame, n)
}

// bomb is a tRPC request of a few KiB that unpacks to n bytes.
func (f forge) bomb(id uint32, n int) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.packed[n] == nil {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write(make([]byte, n))
		_ = w.Close()
		f.packed[n] = packed.Bytes()
	}
	frame := f.request(id, holdMethod, 0)
	frame = append(frame, 11<<3, 1) // the head goes on: content_encoding, gzip
	binary.BigEndian.PutUint16(frame[8:], uint16(len(frame)-16))
	frame = append(frame, f.packed[n]...)
	binary.BigEndian.PutUint32(frame[4:], uint32(len(frame)))
	return frame
}
