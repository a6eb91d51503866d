package resp

import (
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Protocol is RESP as a client. The zero value is version 3 without credentials, database 0.
// It is a part of the pool's key: who has other fields has other connections.
type Protocol struct {
	// Version is 2 or 3. 0 is 3, which Redis 6 and newer speak.
	Version int
	// Username and Password are given on each new connection, if Password is not empty.
	// Without Username they are those of the user "default".
	Username, Password string
	// DB is the database that is selected on each new connection. Default 0.
	DB int
	// ClientName is what CLIENT LIST shows.
	ClientName string
	// Tracking asks, in version 3, to be told which keys of anybody have changed (CLIENT
	// TRACKING ON BCAST): each connection is told of each, in a push.
	Tracking bool
	// Blocking allows commands that wait on the server, such as BLPOP. All behind one on its
	// connection wait with it: use a pool with WithMaxVirConnsPerConn(1), and give each call
	// more time than the command waits.
	Blocking bool
	// Pushes hears of what the server sends unasked. Nil: it is counted and dropped.
	Pushes *Pushes
}

// Pushes hears of pushes, such as those of Tracking.
type Pushes struct {
	// Handle is called by the goroutine that reads the connection: until it returns, nothing
	// is read. push is its own to keep. It must be safe for concurrent use.
	Handle func(push Value)
}

var _ interface {
	transport.Protocol
	muxpool.Orderer
	muxpool.FrameClassifier
	muxpool.KeepAliver
	muxpool.Handshaker
	muxpool.Measurer
	muxpool.Answerer
} = Protocol{}

// InOrder implements muxpool.Orderer.
func (Protocol) InOrder() {}

// AppendRequest implements transport.Protocol: the body is one whole command, as EncodeCommand
// makes it.
func (p Protocol) AppendRequest(dst []byte, _ uint32, req *transport.Message) ([]byte, error) {
	if err := p.check(req.Body); err != nil {
		return nil, err
	}
	return append(dst, req.Body...), nil
}

// ParseResponse implements transport.Protocol: the body is the reply as it came.
func (Protocol) ParseResponse(frame []byte, resp *transport.Message) error {
	switch typ := first(frame); typ {
	case '-', '!', '|': // behind an attribute may be an error, too
		v, err := Parse(frame)
		if err != nil {
			return err
		}
		if v.Kind == KindError {
			return failure(string(v.Text))
		}
	}
	resp.Body = frame
	return nil
}

// ClassifyFrame implements muxpool.FrameClassifier.
func (p Protocol) ClassifyFrame(_ uint32, frame []byte) muxpool.FrameKind {
	switch {
	case first(frame) != '>':
		return muxpool.FrameLast
	case p.Pushes == nil:
		return muxpool.FrameUnsolicited
	}
	return muxpool.FrameRequest // which AppendAnswer gets, and does not answer
}

// AppendAnswer implements muxpool.Answerer: it hands on a push.
func (p Protocol) AppendAnswer(dst []byte, _ uint32, frame []byte) []byte {
	if v, err := Parse(append([]byte(nil), frame...)); err == nil && p.Pushes != nil && p.Pushes.Handle != nil {
		p.Pushes.Handle(v)
	}
	return dst
}

// AppendKeepAlive implements muxpool.KeepAliver. The pool's Ping and PreWarm ask with it.
func (Protocol) AppendKeepAlive(dst []byte, _ uint32) []byte {
	return append(dst, "*1\r\n$4\r\nPING\r\n"...)
}

func first(frame []byte) byte {
	if len(frame) == 0 {
		return 0
	}
	return frame[0]
}
