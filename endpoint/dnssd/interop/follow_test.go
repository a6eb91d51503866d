//go:build peers

package interop

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/dnssd"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

const name = "_stock._tcp.example.org"

func srv(ttl, priority, weight, port int, target string) string {
	return fmt.Sprintf("%s. %d IN SRV %d %d %d %s", name, ttl, priority, weight, port, target)
}

// quick are options with which nothing takes long.
func quick(c *coredns) []dnssd.Option {
	return []dnssd.Option{dnssd.WithServers(c.address), dnssd.WithInterval(100*time.Millisecond, 0), dnssd.WithTimeout(time.Second)}
}

func newSRV(t *testing.T, c *coredns) *dnssd.Instancer {
	t.Helper()
	i, err := dnssd.NewSRV(name, quick(c)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	return i
}

// shown is an instance without its label, which tells the priority.
func shown(in muxendpoint.Instance) string {
	if in.Weight == 0 {
		return in.Address
	}
	return fmt.Sprintf("%s*%d", in.Address, in.Weight)
}

// Weights and priorities are those of the zone, which changes as its file does; a file that is spoilt changes nothing; a name that is
// gone is an empty list.
func TestSRVOfAZone(t *testing.T) {
	c := startCoreDNS(t, "", srv(1, 10, 200, 80, "a"), srv(1, 10, 0, 81, "b"))
	w := discoverytest.Watch(t, newSRV(t, c), shown)
	w.Sees(t, "a.example.org.:80*200 b.example.org.:81*1")
	c.zone(t, srv(1, 10, 2, 80, "a"), srv(1, 20, 7, 82, "c"), srv(1, 10, 65535, 81, "b"))
	w.Sees(t, "a.example.org.:80*131074 b.example.org.:81*4294967295 c.example.org.:82*1")
	w.History()
	c.zone(t, srv(1, 10, 2, 80, "a b c"))
	c.says(t, "Parsing zone") // CoreDNS goes on with what it had
	c.zone(t, srv(1, 0, 1, 80, "d"))
	w.Sees(t, "d.example.org.:80*1")
	if h := slices.Compact(w.History()); len(h) != 1 {
		t.Errorf("of a file that cannot be read it made %q", h)
	}
	c.zone(t)
	w.Sees(t, "")
	c.zone(t, srv(1, 0, 0, 0, "."))
	w.Sees(t, "")
	c.zone(t, srv(1, 0, 3, 80, "a"))
	w.Sees(t, "a.example.org.:80*3")
}

// Both kinds of addresses, of a name and of what it is another name of; one kind is taken away, then the other.
func TestAddressesOfAZone(t *testing.T) {
	c := startCoreDNS(t, "", "stock 1 IN CNAME nodes", "nodes 1 IN A 10.0.0.2", "nodes 1 IN A 10.0.0.1", "nodes 1 IN AAAA fd00::1")
	i, err := dnssd.NewAddresses("stock.example.org", 8080, quick(c)...)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Stop()
	w := discoverytest.Watch(t, i, shown)
	w.Sees(t, "10.0.0.1:8080 10.0.0.2:8080 [fd00::1]:8080")
	c.zone(t, "stock 1 IN CNAME nodes", "nodes 1 IN A 10.0.0.3")
	w.Sees(t, "10.0.0.3:8080")
	c.zone(t, "stock 1 IN AAAA fd00::2", "nodes 1 IN A 10.0.0.3")
	w.Sees(t, "[fd00::2]:8080")
	c.zone(t, "nodes 1 IN A 10.0.0.3")
	w.Sees(t, "")
}

// Nobody asks before the time to live is over, unless a Set wants a look; a cache says what is left of it.
func TestTheTimeToLive(t *testing.T) {
	c := startCoreDNS(t, "", srv(3600, 0, 1, 80, "a"))
	i := newSRV(t, c)
	w := discoverytest.Watch(t, i, shown)
	w.Sees(t, "a.example.org.:80*1")
	w.History()
	c.zone(t, srv(3600, 0, 1, 80, "b"))
	c.serves(t) // which takes several times as long as WithInterval
	if h := w.History(); len(h) != 0 {
		t.Errorf("it has asked within the hour: %q", h)
	}
	i.Refresh()
	w.Sees(t, "b.example.org.:80*1")

	c = startCoreDNS(t, "cache {\nsuccess 100 3600 0\ndenial 100 1 0\n}", srv(3, 0, 1, 80, "a"))
	w = discoverytest.Watch(t, newSRV(t, c), shown)
	w.Sees(t, "a.example.org.:80*1")
	c.zone(t, srv(3, 0, 1, 80, "b"))
	w.Sees(t, "b.example.org.:80*1")
}

// More than a datagram holds comes by TCP.
func TestManyRecords(t *testing.T) {
	var records, want []string
	for n := range 300 {
		records = append(records, srv(1, 0, 1, 80, fmt.Sprintf("node-%03d", n)))
		want = append(want, fmt.Sprintf("node-%03d.example.org.:80*1", n))
	}
	slices.Sort(want)
	c := startCoreDNS(t, "", records...)
	w := discoverytest.Watch(t, newSRV(t, c), shown)
	w.Sees(t, strings.Join(want, " "))
}

// A server that is killed, or stopped for longer than it has time, and comes back.
func TestAServerThatIsAway(t *testing.T) {
	c := startCoreDNS(t, "", srv(1, 0, 1, 80, "a"))
	w := discoverytest.Watch(t, newSRV(t, c), shown)
	w.Sees(t, "a.example.org.:80*1")
	c.process.Kill()
	w.Fails(t, "a.example.org.:80*1", "by udp")
	c.start(t)
	w.Sees(t, "a.example.org.:80*1")
	if err := c.process.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.Fails(t, "a.example.org.:80*1", "i/o timeout")
	if err := c.process.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.Sees(t, "a.example.org.:80*1")
	c.zone(t, srv(1, 0, 1, 80, "b"))
	w.Sees(t, "b.example.org.:80*1")
}
