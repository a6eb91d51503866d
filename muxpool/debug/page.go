package debug

import (
	"cmp"
	"net"
	"slices"
	"time"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
)

// Page is what a Handler writes as JSON.
type Page struct {
	Time       time.Time `json:"time"`
	InFlight   int       `json:"in_flight"`   // MuxConns on connections
	Counters   Counters  `json:"counters"`    // of all nodes, forgotten ones included
	EventsLost uint64    `json:"events_lost"` // that a subscriber did not get
	Nodes      []Node    `json:"nodes"`       // by network and address
	Events     []Event   `json:"events,omitempty"`
}

// Node is a node of a Page, for one identity.
type Node struct {
	Network  string   `json:"network"`
	Address  string   `json:"address"`
	Identity string   `json:"identity"` // the parser, the local address, TLS
	State    string   `json:"state"`
	InFlight int      `json:"in_flight"`
	Waiting  int      `json:"waiting"` // Gets that wait for a connection or a slot
	Conns    []Conn   `json:"conns"`
	Counters Counters `json:"counters"`
}

// Conn is a connection of a Page.
type Conn struct {
	Local        string `json:"local"`
	Remote       string `json:"remote"`
	State        string `json:"state"`
	Bulk         bool   `json:"bulk,omitempty"` // for calls that move much
	InFlight     int    `json:"in_flight"`
	Reserved     int    `json:"reserved_ids"` // whose answer is still to come, to a caller that has left
	QueuedFrames int    `json:"queued_frames"`
	QueuedBytes  int    `json:"queued_bytes"`
	Frames       uint64 `json:"frames"` // that arrived
	AgeMS        int64  `json:"age_ms"`
	Peer         *Peer  `json:"peer_settings,omitempty"` // nil: it has told none
	Traffic
}

// Peer is what the peer of a connection says that it takes (muxpool.Settings); zero: it
// does not say.
type Peer struct {
	MaxFrameSize     int    `json:"max_frame_size,omitempty"`
	MaxCalls         int    `json:"max_calls,omitempty"`
	MaxMetadataPairs int    `json:"max_metadata_pairs,omitempty"`
	MaxMetadataBytes int    `json:"max_metadata_bytes,omitempty"`
	Features         uint64 `json:"features,omitempty"`
	MinVersion       uint8  `json:"min_version,omitempty"`
	MaxVersion       uint8  `json:"max_version,omitempty"`
}

// Traffic is muxpool.Traffic.
type Traffic struct {
	BytesRead    uint64 `json:"bytes_read"`
	BytesWritten uint64 `json:"bytes_written"`
	Reads        uint64 `json:"reads"`
	Writes       uint64 `json:"writes"`
	Calls        Calls  `json:"calls"`
}

// Calls are muxpool.Calls.
type Calls struct {
	Started    uint64 `json:"started"`
	Answered   uint64 `json:"answered"`
	Abandoned  uint64 `json:"abandoned"`
	Canceled   uint64 `json:"canceled"`
	TimedOut   uint64 `json:"timed_out"`
	Overflowed uint64 `json:"overflowed"`
	TooLarge   uint64 `json:"too_large"`
	Lost       uint64 `json:"lost"`
	TakenBack  uint64 `json:"taken_back"`
}

// Counters are muxpool.Counters.
type Counters struct {
	Dials        uint64            `json:"dials"`
	DialFailures uint64            `json:"dial_failures"`
	DialMS       int64             `json:"dial_ms"` // of all together
	Waits        uint64            `json:"waits"`   // Gets that had to
	WaitMS       int64             `json:"wait_ms"` // of all together
	Expelled     uint64            `json:"expelled"`
	ConnsClosed  map[string]uint64 `json:"conns_closed,omitempty"` // by the reason
	Late         uint64            `json:"late"`
	Duplicate    uint64            `json:"duplicate"`
	Unknown      uint64            `json:"unknown"`
	Unsolicited  uint64            `json:"unsolicited"`
	Overflowed   uint64            `json:"overflowed"`
	Malformed    uint64            `json:"malformed"`
	Refused      uint64            `json:"refused"`
	Bulk         *Traffic          `json:"bulk,omitempty"` // of bulk connections; nil: there was none
	Traffic
}

// NewPage makes a Page without events of a pool's Stats, for who shows it among others.
func NewPage(s muxpool.Stats, now time.Time) Page {
	p := Page{Time: now, InFlight: s.InFlight, EventsLost: s.EventsLost, Counters: newCounters(s.Counters), Nodes: make([]Node, 0, len(s.Nodes))}
	for _, n := range s.Nodes {
		p.Nodes = append(p.Nodes, newNode(n, now))
	}
	slices.SortStableFunc(p.Nodes, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Identity, b.Identity))
	})
	return p
}

func newNode(s muxpool.NodeStats, now time.Time) Node {
	n := Node{
		Network: clean(s.Node.Network), Address: clean(s.Node.Address), Identity: clean(s.Identity.String()), State: s.State.String(),
		InFlight: s.InFlight, Waiting: s.Waiting, Counters: newCounters(s.Counters), Conns: make([]Conn, 0, len(s.Conns)),
	}
	for _, c := range s.Conns {
		n.Conns = append(n.Conns, newConn(c, now))
	}
	slices.SortStableFunc(n.Conns, func(a, b Conn) int { return cmp.Compare(a.Local, b.Local) })
	return n
}

func newConn(c muxpool.ConnStats, now time.Time) Conn {
	conn := Conn{
		Local: address(c.LocalAddr), Remote: address(c.RemoteAddr), State: c.State.String(), Bulk: c.Bulk, InFlight: c.InFlight,
		Reserved: c.Reserved, QueuedFrames: c.QueuedFrames, QueuedBytes: c.QueuedBytes, Frames: c.Frames,
		Traffic: newTraffic(c.Traffic),
	}
	if !c.Since.IsZero() {
		conn.AgeMS = now.Sub(c.Since).Milliseconds()
	}
	if s := c.Peer; s != (muxpool.Settings{}) {
		conn.Peer = &Peer{s.MaxFrameSize, s.MaxCalls, s.MaxMetadataPairs, s.MaxMetadataBytes, uint64(s.Features), s.MinVersion, s.MaxVersion}
	}
	return conn
}

func newTraffic(t muxpool.Traffic) Traffic {
	return Traffic{t.BytesRead, t.BytesWritten, t.Reads, t.Writes, Calls(t.Calls)}
}

func newCounters(k muxpool.Counters) Counters {
	c := Counters{
		Dials: k.Dials, DialFailures: k.DialFailures, DialMS: k.DialDuration.Milliseconds(),
		Waits: k.Waits, WaitMS: k.WaitDuration.Milliseconds(), Expelled: k.Expelled,
		Late: k.Late, Duplicate: k.Duplicate, Unknown: k.Unknown, Unsolicited: k.Unsolicited,
		Overflowed: k.Overflowed, Malformed: k.Malformed, Refused: k.Refused, Traffic: newTraffic(k.Traffic),
	}
	if k.Bulk != (muxpool.Traffic{}) {
		t := newTraffic(k.Bulk)
		c.Bulk = &t
	}
	for r, n := range k.ConnsClosed {
		if n > 0 {
			if c.ConnsClosed == nil {
				c.ConnsClosed = make(map[string]uint64)
			}
			c.ConnsClosed[muxpool.Reason(r).String()] = n
		}
	}
	return c
}

// address writes an address; those of unix sockets may be empty.
func address(a net.Addr) string {
	if a == nil {
		return ""
	}
	return clean(a.String())
}

// maxText bounds, in bytes, what a peer or a discovery system may add to a line.
const maxText = 256

// clean makes text of others harmless.
func clean(s string) string { return text.Shown(s, maxText) }
