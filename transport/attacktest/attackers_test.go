package attacktest

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// addressEnv is where the attackers find the server.
const addressEnv = "MUXKIT_ATTACK_ADDRESS"

// attack is one kind of attacker.
type attack struct {
	name   string
	only   string // the protocol in which it can be done; empty: any
	conns  int    // at once; each comes again when it was cut
	reads  bool   // what the server says is read, and forgotten
	attack func(a *attacker)
}

// bombBytes is what a bomb unpacks to that is within the limit.
const bombBytes = 3 << 20

// attacks are all kinds. With as many connections as they have, and as many bytes as two
// processors send, each of them alone is enough to hurt who has no limit against it.
var attacks = []attack{
	{name: "half frames", conns: 300, attack: func(a *attacker) {
		a.send(a.announce(7, 4<<20))
		a.send(make([]byte, 100<<10))
		a.awaitEnd()
	}},
	{name: "headers only", conns: 400, attack: func(a *attacker) { a.send(a.announce(7, 4<<20)); a.awaitEnd() }},
	{name: "slow bytes", conns: 200, attack: func(a *attacker) {
		for _, b := range a.request(7, echoMethod, 1<<10) {
			a.send([]byte{b})
			time.Sleep(100 * time.Millisecond) // the pace of the attack
		}
	}},
	{name: "large requests", conns: 20, reads: true, attack: func(a *attacker) { a.repeat(a.request(0, holdMethod, 2<<20)) }},
	{name: "requests of a page", conns: 50, reads: true, attack: func(a *attacker) { a.repeat(a.request(0, holdMethod, 64<<10)) }},
	{name: "small requests", conns: 4, reads: true, attack: func(a *attacker) { a.repeat(a.batch(0, 500, holdMethod, 10)) }},
	{name: "never reads", conns: 20, attack: func(a *attacker) { a.repeat(a.request(0, echoMethod, 60<<10)) }},
	{name: "cancels", only: "native", conns: 4, reads: true, attack: func(a *attacker) { a.repeat(a.cancelled(0, 500)) }},
	{name: "pings", only: "native", conns: 4, reads: true, attack: func(a *attacker) {
		for pings := a.pings(1000); a.send(pings); {
		}
	}},
	{name: "pings, never reads", only: "native", conns: 4, attack: func(a *attacker) {
		for pings := a.pings(1000); a.send(pings); {
		}
	}},
	{name: "many connections", conns: 1000, reads: true, attack: func(a *attacker) {
		for id := uint32(1); a.send(a.request(id, holdMethod, 4<<10)); id++ {
			time.Sleep(time.Second) // likewise
		}
	}},
	{name: "come and go", conns: 10, attack: func(a *attacker) { a.send(a.request(7, holdMethod, 100)) }},
	{name: "ids twice", conns: 4, attack: func(a *attacker) {
		a.send(append(a.request(7, holdMethod, 10), a.request(7, holdMethod, 10)...))
		a.awaitEnd()
	}},
	{name: "too large, passed over", conns: 4, reads: true, attack: func(a *attacker) {
		for id := uint32(1); a.send(a.announce(id, 6<<20)) && a.send(make([]byte, 6<<20-len(a.announce(id, 6<<20)))); id++ {
		}
	}},
	{name: "far too large", conns: 4, attack: func(a *attacker) { a.send(a.announce(7, 1<<30)); a.awaitEnd() }},
	{name: "metadata", conns: 4, reads: true, attack: func(a *attacker) { a.repeat(a.pairs(0)) }},
	{name: "bombs", only: "trpc", conns: 20, reads: true, attack: func(a *attacker) { a.repeat(a.bomb(0, bombBytes)) }},
	{name: "bombs over the limit", only: "trpc", conns: 10, reads: true, attack: func(a *attacker) { a.repeat(a.bomb(0, 4*bombBytes)) }},
	{name: "garbage", conns: 4, attack: func(a *attacker) { a.send([]byte("GET / HTTP/1.1\r\n\r\n")); a.awaitEnd() }},
}

// attacker is one connection of an attack.
type attacker struct {
	forge
	nc    net.Conn
	ended bool
	sent  *atomic.Int64 // bytes, by all of the attack
	most  int64         // when those are sent it ends; 0: never
}

// send reports whether the connection takes more.
func (a *attacker) send(b []byte) bool {
	if a.ended {
		return false
	}
	n, err := a.nc.Write(b)
	sent := a.sent.Add(int64(n))
	a.ended = err != nil || a.most > 0 && sent >= a.most
	return !a.ended
}

// repeat sends the same requests for ever, with other ids. A frame with the id of the
// one before it, such as a cancel, goes on having that.
func (a *attacker) repeat(frames []byte) {
	type place struct {
		at   int
		same bool
	}
	var places []place
	for i := 0; i < len(frames); {
		_, total, _ := a.measure(frames[i:])
		p := place{at: i}
		if n := len(places); n > 0 {
			p.same = a.id(frames[places[n-1].at:]) == a.id(frames[i:])
		}
		places, i = append(places, p), i+int(total)
	}
	for id := uint32(0); ; {
		for _, p := range places {
			if !p.same {
				id++
			}
			a.setID(frames[p.at:], id)
		}
		if !a.send(frames) {
			return
		}
	}
}

// awaitEnd waits until the server cuts the connection.
func (a *attacker) awaitEnd() { _, _ = io.Copy(io.Discard, a.nc) }

// attackersMain attacks until its standard input ends. Asked, it tells how many bytes each
// kind has sent.
func attackersMain() {
	name := os.Getenv(protocolEnv)
	f := newForge(name)
	for _, n := range []int{bombBytes, 4 * bombBytes} { // they take work, for which there is no time among the attackers
		f.bomb(0, n)
	}
	sent := make(map[string]*atomic.Int64)
	for _, kind := range attacks {
		if kind.only != "" && kind.only != name {
			continue
		}
		n := new(atomic.Int64)
		sent[kind.name] = n
		for range kind.conns {
			go kind.run(f, n)
		}
	}
	answers(func(string) string {
		bytes := make(map[string]int64)
		for name, n := range sent {
			bytes[name] = n.Load()
		}
		text, _ := json.Marshal(bytes)
		return string(text)
	})
}

// run makes one connection after the other.
func (k *attack) run(f forge, sent *atomic.Int64) {
	for ; ; time.Sleep(20 * time.Millisecond) {
		nc, err := net.Dial("tcp", os.Getenv(addressEnv))
		if err != nil {
			continue
		}
		_ = nc.(*net.TCPConn).SetLinger(0) // ports come back at once
		if k.reads {
			go func() { _, _ = io.Copy(io.Discard, nc) }()
		}
		k.attack(&attacker{forge: f, nc: nc, sent: sent})
		_ = nc.Close()
	}
}
