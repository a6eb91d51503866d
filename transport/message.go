package transport

import (
	"maps"
	"sync"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// Message is a request or an answer as hooks and codecs see it: what a Protocol
// turns into a frame, and a frame into.
//
// It belongs to one call. A hook or a codec may change it while it runs and must
// not keep it, nor Body, afterwards.
type Message struct {
	// Method is the name that the call is routed by. In an answer it is that of
	// the request.
	Method string
	// Metadata travels beside the body where the protocol can carry it. It may
	// be nil; Set makes it.
	Metadata Metadata
	// Body is what the codec made or is to read.
	Body []byte
	// Timeout is the time that the caller has left for the call, counted from
	// the arrival of the message on the server. Zero: no limit is known.
	Timeout time.Duration
	// OneWay says that no answer is expected, nor may be sent.
	OneWay bool
	// Err, in an answer, makes it an error answer. The server's ErrorEncoder sets
	// it, and a ServerProtocol sends it. On the client ParseResponse returns the *Error;
	// the hooks of ClientAfter find it here, with the node and the method of the call,
	// and must not change it: the endpoint returns it.
	Err *Error
	// GoingAway, in an answer, says that the server asks for no new calls on the
	// connection. A Service sets it; a protocol without a frame for that (GoingAwayer) can
	// put it into its answers, and a Client's pool heeds what ParseResponse reads.
	GoingAway bool
	// Tag is the protocol's own: what its AppendRequest, or ParseRequest on the server,
	// knows of the request, and its ParseResponse or AppendResponse needs for the answer.
	// What it keeps of Body it copies.
	Tag any
	// Session is what the handshake of the connection has learned, in requests and answers
	// of a client (see muxpool.SessionHandshaker). All calls of the connection share it,
	// at once. Before the connection is known, as in codecs and ClientBefore hooks, it is nil.
	Session any

	limits  *ServiceLimits    // set by a Service
	copied  int64             // see Copied
	most    int               // bytes of a body that is unpacked; 0: no limit
	packed  *packed           // a body that a Service unpacks later
	routes  map[string]*route // set by a Service, for SetMethod
	route   *route            // what SetMethod found
	frame   []byte            // what Body may lie in
	release bool              // nothing refers to frame: once the decode function returned, or the answer is made
}

// Metadata are the name and value pairs that travel beside a body. Names are
// case-sensitive; what a protocol cannot carry, its documentation says.
type Metadata map[string]string

// Set sets one pair of the message's metadata.
func (m *Message) Set(name, value string) {
	if m.Metadata == nil {
		m.Metadata = make(Metadata)
	}
	m.Metadata[name] = value
}

// SetMethod is for ParseRequest: it sets Method to a copy of name, without an
// allocation where a Service has that method.
func (m *Message) SetMethod(name []byte) {
	if m.route = m.routes[string(name)]; m.route != nil {
		m.Method = m.route.method
		return
	}
	m.Method = string(name)
}

// put is Set for a message whose Metadata may be a map of the user's, which is left
// as it is.
func (m *Message) put(name, value string) { m.putAll(Metadata{name: value}) }

// putAll is put of several pairs.
func (m *Message) putAll(pairs Metadata) {
	if len(pairs) == 0 {
		return
	}
	md := make(Metadata, len(m.Metadata)+len(pairs)+1)
	maps.Copy(md, m.Metadata)
	maps.Copy(md, pairs)
	m.Metadata = md
}

// Get returns the value of name, empty if there is none.
func (m *Message) Get(name string) string { return m.Metadata[name] }

// ReleaseBody is for decode functions: it says that what the function returns
// does not refer to Body's memory, which is then used again. Without it the
// memory is left to the garbage collector. The ready codecs call it where it
// holds. Body stays readable until the decode function returns.
func (m *Message) ReleaseBody() { m.release = true }

// AllocBody is for encode functions: it makes Body n bytes of unspecified content, in memory
// that is used again once the frame was made, and returns them. A Body that is
// assigned afterwards, such as one that grew out of that memory, is sent all the same.
func (m *Message) AllocBody(n int) []byte {
	m.frame = wire.Alloc(n)
	m.Body, m.release = m.frame, true
	return m.Body
}

var messages = sync.Pool{New: func() any { return new(Message) }}

// newMessage returns an empty Message, for free to take back.
func newMessage() *Message { return messages.Get().(*Message) }

// free gives back the Message, and its frame if it may be. Nobody may use it any more.
func (m *Message) free() {
	m.recycle()
	*m = Message{}
	messages.Put(m)
}

// recycle gives the frame back if the codec allowed it. What a codec has taken over is
// not looked at any more.
func (m *Message) recycle() {
	if m.release && m.frame != nil {
		muxpool.Release(m.frame)
	}
	if m.release || m.frame == nil {
		m.Body = nil
	}
	m.frame = nil
}

// keep puts the pairs of before that a hook or codec lost, by assigning the
// Metadata field, into a copy of the map that it assigned. A pair that was
// deleted from the map itself stays deleted, since before is that map.
func (m *Message) keep(before Metadata) {
	copied := false
	for name, value := range before {
		if _, ok := m.Metadata[name]; ok {
			continue
		}
		if !copied {
			merged := make(Metadata, len(before)+len(m.Metadata))
			maps.Copy(merged, m.Metadata)
			m.Metadata, copied = merged, true
		}
		m.Metadata[name] = value
	}
}
