package protocoltest

import (
	"github.com/muxkit/muxkit/transport"
)

// Option adapts the checks to a protocol.
type Option func(*kit)

// Method sets the method that the checks call. Default "Test.Echo".
func Method(name string) Option { return func(k *kit) { k.method = name } }

// Bodies sets the bodies of requests and answers that the checks use; they must
// differ from each other. Default: short JSON strings, which most protocols can
// carry, and one of 20 KiB.
func Bodies(bodies ...[]byte) Option { return func(k *kit) { k.bodies = bodies } }

// Answer says how the peer of a protocol without a server side answers: it appends
// the frame that answers id with body.
func Answer(f func(dst []byte, id uint32, body []byte) []byte) Option {
	return func(k *kit) {
		k.answer = func(dst []byte, id uint32, body []byte) ([]byte, error) { return f(dst, id, body), nil }
	}
}

// Garbage adds bytes that Parse must refuse. Each is followed by more than enough
// zeros.
func Garbage(frames ...[]byte) Option {
	return func(k *kit) { k.garbage = append(k.garbage, frames...) }
}

// Seeds are frames to start a fuzz test of Parse with: whole ones, and pieces.
func Seeds(p transport.Protocol, options ...Option) [][]byte {
	k := newKit(p, options)
	var seeds [][]byte
	for _, id := range k.ids() {
		frame, err := k.request(id, k.bodies[0])
		if err != nil {
			continue
		}
		seeds = append(seeds, frame, frame[:len(frame)/2], frame[:len(frame)-1])
		if k.answer == nil {
			continue
		}
		if frame, err = k.answer(nil, id, k.bodies[0]); err == nil {
			seeds = append(seeds, frame, append(frame, frame...))
		}
	}
	return seeds
}
