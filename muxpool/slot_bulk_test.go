package muxpool

import (
	"context"
	"net"
)

// stateful is a protocol whose handshake gives each connection a state.
type stateful struct{ askingParser }

func (stateful) HandshakeSession(context.Context, net.Conn) (any, error) { return "token", nil }

var slotBulk = []slotRow{
	// It is dialed if asked for, beside others that are up.
	{"bulk, nothing is up", conns(1), "bulk", "dialing: dialing; dials 1; queued 1", ""},
	{"bulk, who waited for the first asks for it", conns(1), "bulk, accept", "ready: bulk dialing, up 1; dials 2", "up ready"},
	{"bulk beside up", conns(1), "get, accept, bulk, bulk", "ready: bulk dialing, up 1; dials 2", "up ready"},
	{"bulk beside up, connects", conns(1), "get, accept, bulk, accept, bulk, get", "ready: bulk up 1, up 1; dials 2", "up ready bulk up"},
	{"bulk, one more than the others, that grow besides", conns(1, WithMaxVirConnsPerConn(1), WithMaxIdleConnsPerHost(1), WithMaxConnsPerHost(2)),
		"get, accept, bulk, accept, call 1, call 2, call, call, accept",
		"ready: bulk up 1, up 1, up 1; dials 3; queued 1", "up ready bulk up up"},
	{"bulk, where connections have a state", conns(1), "stateful, get, accept, bulk", "ready: up 1; dials 1", "up ready"},
	{"bulk on UDP", conns(1), "udp, get, accept, bulk", "ready: up 1; dials 1", "up ready"},
	{"bulk dialing, the others are lost", conns(1), "get, accept, bulk, close 1, get",
		"reconnecting: bulk dialing, dialing 1; dials 3; queued 1", "up ready down(peer closed)"},
	{"bulk dialing, the others are lost, connects: it serves who waits", conns(1), "get, accept, bulk, close 1, get, accept",
		"ready: bulk up 1, dialing 1; dials 3", "up ready down(peer closed) bulk up"},
	{"bulk dialing, the pool is closed", conns(1), "get, accept, bulk, quit", "reconnecting: bulk empty, empty 1; dials 2", "up ready down(pool closed)"},

	// A peer that takes no more connections is no sick one.
	{"bulk, refused", conns(1), "get, accept, bulk, refuse, bulk, 999999999ns, bulk",
		"ready: bulk resting 1, up 1; dials 2", "up ready bulk failed 1"},
	{"bulk, refused, rested: dialed if asked for", conns(1), "get, accept, bulk, refuse, 1s, get", "ready: bulk empty 1, up 1; dials 2", "up ready bulk failed 1"},
	{"bulk, refused again: it rests for longer", conns(1), "get, accept, bulk, refuse, 1s, bulk, refuse, 1.999999999s, bulk",
		"ready: bulk resting 2, up 1; dials 3", "up ready bulk failed 1 @1s bulk failed 2"},
	{"bulk, closed at once: the first time is none", conns(1), "get, accept, bulk, accept, close 2, bulk",
		"ready: bulk dialing 1, up 1; dials 3", "up ready bulk up bulk down(peer closed)"},
	{"bulk, closed at once, again: it rests", conns(1), "get, accept, bulk, accept, close 2, bulk, accept, close 3, bulk, 999999999ns, bulk",
		"ready: bulk resting 2, up 1; dials 3", "up ready bulk up bulk down(peer closed) bulk up bulk down(peer closed)"},
	{"bulk, closed at once, with calls of a proven peer", conns(1), "get, accept, frame 1, bulk, accept, call 2, close 2, bulk, 999999999ns, bulk",
		"ready: bulk resting 1, up; dials 2", "up ready bulk up bulk down(conn lost)"},

	// It ends, beside others: whoever needs it asks for it.
	{"bulk, closed with a call", conns(1), "get, accept, bulk, accept, frame 2, call 2, close 2",
		"ready: bulk empty, up; dials 2", "up ready bulk up bulk down(conn lost)"},
	{"bulk, closed with a call, asked for", conns(1), "get, accept, bulk, accept, frame 2, call 2, close 2, bulk",
		"ready: bulk dialing, up; dials 3", "up ready bulk up bulk down(conn lost)"},
	{"bulk, stalls", conns(1), "get, accept, bulk, accept, silence 2", "ready: bulk resting 1, up 1; dials 2", "up ready bulk up @3s bulk down(stalled)"},
	{"bulk, junk", conns(1), "get, accept, bulk, accept, junk 2", "ready: bulk empty 1, up 1; dials 2", "up ready bulk up bulk down(protocol error)"},
	{"bulk, going away with a call that ends", conns(1), "get, accept, bulk, accept, frame 2, call 2, leave 2, end",
		"ready: bulk empty, up; dials 2", "up ready bulk up bulk down(going away)"},
	{"bulk, going away with a call that is lost", conns(1), "get, accept, bulk, accept, frame 2, call 2, leave 2, close 2",
		"ready: bulk empty, up; dials 2", "up ready bulk up bulk down(conn lost)"},
	{"bulk, going away, asked for", conns(1), "get, accept, bulk, accept, frame 2, call 2, leave 2, bulk, accept, end",
		"ready: bulk up 1, up; dials 3", "up ready bulk up bulk up bulk down(going away)"},
	{"bulk, idle for long, the others are not", conns(1), "get, accept, bulk, accept, call 1, 11m",
		"ready: bulk empty 1, up 1; dials 2", "up ready bulk up @10m0s bulk down(idle)"},
	{"bulk, the pool is closed", conns(1), "get, accept, bulk, accept, call 2, quit",
		"idle: bulk empty 1, empty 1; dials 2", "up ready bulk up down(pool closed) bulk down(pool closed)"},
	{"bulk, the pool is shut down with a call that ends", conns(1), "get, accept, bulk, accept, call 2, shutdown, end",
		"idle: bulk empty 1, empty 1; dials 2", "up ready bulk up down(pool closed) bulk down(pool closed)"},

	// The others end beside it: the node is up, and any call is served.
	{"bulk beside closed idle, a Get comes", conns(1), "get, accept, bulk, accept, close 1, get",
		"ready: bulk up 1, dialing 1; dials 3", "up ready bulk up down(peer closed)"},
	{"bulk beside lost, Gets come", conns(1), "get, accept, bulk, accept, call 1, close 1, get, bulk",
		"ready: bulk up 1, waiting 1; dials 2", "up ready bulk up down(conn lost)"},
	{"bulk beside lost, redialed to the limit", conns(1), "get, accept, bulk, accept, call 1, close 1, back, refuse, back, refuse, get",
		"ready: bulk up 1, resting 3; dials 4", "up ready bulk up down(conn lost) @2s failed 2 @6s failed 3 limit 3(dial failed)"},
	{"bulk beside two, one is lost: it is redialed", conns(2), "get, accept, accept, bulk, accept, call 1, close 1",
		"ready: bulk up 1, up 1, waiting 1; dials 3", "up ready up bulk up down(conn lost)"},

	{"bulk, gone, beside others that grew: its slot stays", growing(2), "get, accept, bulk, accept, close 2, call, call, accept",
		"ready: bulk empty 1, up 1, up 1; dials 3", "up ready bulk up bulk down(peer closed) up"},

	// It is the last.
	{"bulk alone, closed idle", conns(1), "get, accept, bulk, accept, close 1, close 2",
		"idle: bulk empty 1, empty 1; dials 2", "up ready bulk up down(peer closed) bulk down(peer closed)"},
	{"bulk alone, closed with a call", conns(1), "get, accept, bulk, accept, call 2, close 1, close 2",
		"reconnecting: bulk waiting 1, empty 1; dials 2", "up ready bulk up down(peer closed) bulk down(conn lost)"},
	{"bulk alone, closed with a call, a Get comes", conns(1), "get, accept, bulk, accept, call 2, close 1, close 2, get",
		"reconnecting: bulk waiting 1, dialing 1; dials 3; queued 1", "up ready bulk up down(peer closed) bulk down(conn lost)"},
	{"bulk alone, junk: the node is out", conns(1), "get, accept, bulk, accept, close 1, junk 2",
		"expelled: bulk empty 1, empty 1; dials 2", "up ready bulk up down(peer closed) bulk down(protocol error) expelled(protocol error)"},
	{"bulk alone, junk, a Get comes", conns(1), "get, accept, bulk, accept, close 1, junk 2, bulk",
		"dialing: bulk empty 1, dialing 1; dials 3; queued 1",
		"up ready bulk up down(peer closed) bulk down(protocol error) expelled(protocol error)"},
	{"bulk rests, the others are refused: who has tried least is not it", conns(1),
		"get, accept, frame 1, bulk, refuse, call 1, close 1, back, refuse, back, refuse, back, refuse, get",
		"dialing: bulk empty, dialing 3; dials 6; queued 1",
		"up ready bulk failed 1 down(conn lost) @1s failed 1 @3s failed 2 @7s failed 3 limit 3(dial failed) expelled(reconnect limit)"},
}
