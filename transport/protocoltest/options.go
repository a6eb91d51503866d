package protocoltest

import "net"

// Option adapts the checks to a protocol.
type Option func(*kit)

// Method sets the method that the checks call. Default "Test.Echo".
func Method(name string) Option { return func(k *kit) { k.method = name } }

// Bodies sets the bodies of requests and answers that the checks use; they must
// differ from each other. Default: short JSON strings, which most protocols can
// carry, and one of 20 KiB.
func Bodies(bodies ...[]byte) Option { return func(k *kit) { k.bodies = bodies } }

// LargeBody says how a valid body of at least so many bytes is made, for protocols that
// look at their bodies: frames over the limit are made of it. nil means that the protocol
// has none. Default: a JSON string.
func LargeBody(f func(bytes int) []byte) Option { return func(k *kit) { k.large = f } }

// Answer says how the peer of a protocol without a server side answers: it appends
// the frame that answers id with body, or the frames if there are several.
func Answer(f func(dst []byte, id uint32, body []byte) []byte) Option {
	return func(k *kit) {
		k.answer = func(dst []byte, id uint32, body []byte) ([]byte, error) { return f(dst, id, body), nil }
	}
}

// ErrorAnswer says how that peer answers with an error: it appends the frame that says to
// id that the service works and its answer is no.
func ErrorAnswer(f func(dst []byte, id uint32) []byte) Option {
	return func(k *kit) { k.errorAnswer = f }
}

// PeerHandshake is the peer's part of a muxpool.Handshaker, of a protocol without a
// server side.
func PeerHandshake(f func(nc net.Conn) error) Option { return func(k *kit) { k.handshake = f } }

// Garbage adds bytes that Parse must refuse. Each is followed by more than enough
// zeros.
func Garbage(frames ...[]byte) Option {
	return func(k *kit) { k.garbage = append(k.garbage, frames...) }
}
