// Package discoverytest is for tests of what follows a discovery system: a [Witness] of what an Instancer tells, a [Logger], a
// [Proxy] that can be cut, and a [Scene], in which a Set of native Services is called while nodes come, go and die, and the
// engine that names them is away. It is for tests only.
package discoverytest

import (
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// Eventually waits for what must happen, with a bound.
func Eventually(t testing.TB, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Minute); !yes(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("in vain: ", what)
		}
	}
}

// FreeAddress is an address on a host, as "127.0.0.1", at which nobody listens for TCP. Its port is below those that Linux gives
// away, to connections too, as a rule from 32768 on: a server that is killed finds it free when it starts again.
func FreeAddress(t testing.TB, host string) string {
	t.Helper()
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(12_000+rand.IntN(20_000)))); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal(err)
	return ""
}

// Outlast returns when an engine has been away for longer than what is registered with it lasts: after 6 s, or what
// MUXKIT_OUTAGE says.
func Outlast(t testing.TB) {
	d := 6 * time.Second
	if text := os.Getenv("MUXKIT_OUTAGE"); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(d)
}
