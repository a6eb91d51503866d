package debug

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/muxkit/muxkit/muxpool"
)

// Page is what a Handler writes as JSON.
type Page struct {
	Time     time.Time `json:"time"`
	InFlight int       `json:"in_flight"` // MuxConns on connections
	Counters Counters  `json:"counters"`  // of all nodes, forgotten ones included
	Nodes    []Node    `json:"nodes"`     // by network and address
	Events   []Event   `json:"events,omitempty"`
}

// Node is a node of a Page.
type Node struct {
	Network  string   `json:"network"`
	Address  string   `json:"address"`
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
	InFlight     int    `json:"in_flight"`
	Reserved     int    `json:"reserved_ids"` // whose answer is still to come, to a caller that has left
	QueuedFrames int    `json:"queued_frames"`
	QueuedBytes  int    `json:"queued_bytes"`
	Frames       uint64 `json:"frames"` // that arrived
}

// Counters are muxpool.Counters.
type Counters struct {
	Dials        uint64 `json:"dials"`
	DialFailures uint64 `json:"dial_failures"`
	Late         uint64 `json:"late"`
	Duplicate    uint64 `json:"duplicate"`
	Unknown      uint64 `json:"unknown"`
	Unsolicited  uint64 `json:"unsolicited"`
	Overflowed   uint64 `json:"overflowed"`
	Malformed    uint64 `json:"malformed"`
	Refused      uint64 `json:"refused"`
}

func newPage(s muxpool.Stats, now time.Time) Page {
	p := Page{Time: now, InFlight: s.InFlight, Counters: Counters(s.Counters), Nodes: make([]Node, 0, len(s.Nodes))}
	for _, n := range s.Nodes {
		p.Nodes = append(p.Nodes, newNode(n))
	}
	slices.SortStableFunc(p.Nodes, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Address, b.Address))
	})
	return p
}

func newNode(s muxpool.NodeStats) Node {
	n := Node{
		Network: clean(s.Node.Network), Address: clean(s.Node.Address), State: s.State.String(),
		InFlight: s.InFlight, Waiting: s.Waiting, Counters: Counters(s.Counters), Conns: make([]Conn, 0, len(s.Conns)),
	}
	for _, c := range s.Conns {
		n.Conns = append(n.Conns, Conn{
			Local: address(c.LocalAddr), Remote: address(c.RemoteAddr), State: c.State, InFlight: c.InFlight,
			Reserved: c.Reserved, QueuedFrames: c.QueuedFrames, QueuedBytes: c.QueuedBytes, Frames: c.Frames,
		})
	}
	slices.SortStableFunc(n.Conns, func(a, b Conn) int { return cmp.Compare(a.Local, b.Local) })
	return n
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

// clean makes text of others harmless: cut to maxText bytes, and quoted if it
// holds anything that does not print.
func clean(s string) string {
	cut := ""
	if len(s) > maxText {
		n := maxText
		for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		s, cut = s[:n], "..."
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		s = strconv.Quote(s)
	}
	return s + cut
}
