package faulttest_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// insideEnv names the story that this process is to tell in the namespace that it was
// started in: the pool's own dialer makes its sockets where the process is.
const insideEnv = "MUXPOOL_INSIDE"

// nameStories are told with the pool's defaults, but for handshakeTime, of a name at addresses of
// their own.
var nameStories = map[string]func(*named){
	"the first of two addresses is silent": firstSilent,
	"the name moves, TCP":                  func(n *named) { n.moves("tcp") },
	"the name moves, UDP":                  func(n *named) { n.moves("udp") },
	"one address of two falls silent, UDP": func(n *named) { n.fallsSilent("udp") },
	"one address of two falls silent, TCP": func(n *named) { n.fallsSilent("tcp") },
}

// TestFaultKernel_Names: what becomes of a node whose address is a name.
func TestFaultKernel_Names(t *testing.T) {
	if name := os.Getenv(insideEnv); name != "" {
		nameStories[name](newNamed(t))
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if world.Full {
		bounded.Long(t) // many at once
	}
	rows := make(map[string]func(*testing.T))
	for name := range nameStories {
		for round := range world.Often(20, 1) {
			rows[fmt.Sprintf("%s, %d", name, round)] = func(t *testing.T) {
				ns := newNetns(t)
				ns.need("ip address add 10.9.0.1/32 dev lo")
				ns.need("ip address add 10.9.0.2/32 dev lo")
				ns.firewall()
				cmd := exec.Command(exe, "-test.run=^TestFaultKernel_Names$", "-test.timeout=9m")
				cmd.Env = append(os.Environ(), insideEnv+"="+name)
				var out strings.Builder
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := ns.start(cmd); err != nil {
					t.Fatal(err)
				}
				if err := cmd.Wait(); err != nil {
					t.Errorf("%v\n%s", err, out.String())
				}
			}
		}
	}
	world.AtOnce(t, rows)
}

// named is a story about the name node.test, in this process's namespace.
type named struct {
	*testing.T
	addrs atomic.Pointer[[]netip.Addr] // that the name has
	pool  *muxpool.Multiplexed
}

const namedPort = ":4000"

var first, second = netip.MustParseAddr("10.9.0.1"), netip.MustParseAddr("10.9.0.2")

func newNamed(t *testing.T) *named {
	n := &named{T: t}
	dns, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dns.Close() })
	go n.serve(dns)
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, "udp", dns.LocalAddr().String())
		if err == nil { // the resolver would wait for an answer longer than this process lives
			t.Cleanup(func() { nc.Close() })
		}
		return nc, err
	}}
	if n.pool, err = muxpool.New(muxpool.WithDialTimeout(handshakeTime())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.pool.Close() })
	return n
}

// serve answers each question for addresses (RFC 1035) with those of the name.
func (n *named) serve(dns net.PacketConn) {
	buf := make([]byte, 512)
	for {
		size, from, err := dns.ReadFrom(buf)
		if err != nil {
			return
		}
		end := 12
		for end < size && buf[end] != 0 {
			end += int(buf[end]) + 1
		}
		if end += 5; end > size {
			continue
		}
		answer := append([]byte{buf[0], buf[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, buf[12:end]...)
		if buf[end-3] == 1 { // A
			for _, a := range *n.addrs.Load() {
				answer[7]++
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				answer = append(answer, a.AsSlice()...)
			}
		}
		_, _ = dns.WriteTo(answer, from)
	}
}

// points has the name point to these addresses, from now on.
func (n *named) points(addrs ...netip.Addr) { n.addrs.Store(&addrs) }

// peer starts a peer at an address.
func (n *named) peer(network string, at netip.Addr) *muxtest.Peer {
	n.Helper()
	p := muxtest.NewPeer(nil)
	n.Cleanup(func() { p.Close() })
	if _, err := p.Listen(network, at.String()+namedPort, nil); err != nil {
		n.Fatal(err)
	}
	return p
}

// swallow drops the packets to an address, and counts them.
func (n *named) swallow(at netip.Addr) (dropped func() bool) {
	n.Helper()
	n.run("nft add rule inet faults input ip daddr " + at.String() + " counter drop")
	return func() bool { return !strings.Contains(n.run("nft list chain inet faults input"), "packets 0 ") }
}

func (n *named) run(command string) string {
	n.Helper()
	words := strings.Fields(command)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		n.Fatalf("%s: %v: %s", command, err, out)
	}
	return string(out)
}

// call makes one call and tells from which address the answer came.
func (n *named) call(network string, d time.Duration) (at netip.Addr, err error) {
	ctx, cancel := context.WithTimeout(n.Context(), d)
	defer cancel()
	mc, err := muxtest.NewCaller(n.pool, network, "node.test"+namedPort, muxtest.Parser{}).Get(ctx)
	if err != nil {
		return at, err
	}
	defer mc.Close()
	return netip.MustParseAddrPort(mc.RemoteAddr().String()).Addr(), muxtest.Exchange(mc, nil)
}

// until calls until a call is answered from an address. Each has more time than the one before:
// how much one takes, the machine decides.
func (n *named) until(network string, at netip.Addr) {
	n.Helper()
	limit := new(bounded.Limit)
	for each := 300 * time.Millisecond; ; each += each / 8 {
		got, err := n.call(network, each)
		if err == nil && got == at {
			return
		}
		if limit.Over() {
			n.Fatalf("no answer from %s: %v", at, err)
		}
		time.Sleep(10 * time.Millisecond) // between two calls
	}
}

// firstSilent: a call with more time than a dial may take succeeds, by the second address.
func firstSilent(n *named) {
	n.peer("tcp", second)
	dropped := n.swallow(first)
	n.points(first, second)
	if at, err := n.call("tcp", time.Minute); err != nil || at != second {
		n.Fatalf("answered by %v: %v", at, err)
	}
	if !dropped() {
		n.Error("the silent address was not tried")
	}
	if s := n.pool.Stats(); s.DialFailures > 0 {
		n.Errorf("%d dials failed", s.DialFailures)
	}
}

// moves: packets to where the name pointed are lost from now on, and it points elsewhere.
func (n *named) moves(network string) {
	n.peer(network, first)
	n.peer(network, second)
	n.points(first)
	n.until(network, first)
	n.swallow(first)
	n.points(second)
	n.until(network, second)
	for range 10 { // the other connection follows when calls on it time out
		n.until(network, second)
	}
}

// fallsSilent: it is the one that is used; the name goes on to point to both.
func (n *named) fallsSilent(network string) {
	peers := map[netip.Addr]*muxtest.Peer{first: n.peer(network, first), second: n.peer(network, second)}
	n.points(first, second)
	at, err := n.call(network, time.Minute)
	if err != nil || peers[at] == nil {
		n.Fatalf("answered by %v: %v", at, err)
	}
	n.swallow(at)
	both := []netip.Addr{first, second}
	n.until(network, both[1-slices.Index(both, at)])
}
