//go:build peers

package dnssd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/muxkit/muxkit/internal/peertest"
)

// A real resolver caches by the time to live, truncates, is killed and started again; its authority fails, and says that there
// is no such name.
func TestUnbound(t *testing.T) {
	record := func(ttl, weight int, target string) string {
		return strings.Replace(srv(0, weight, 80, target), " 0 IN", fmt.Sprintf(" %d IN", ttl), 1)
	}
	authority := serve(t, record(1, 7, "a.example.org."))
	u := peertest.StartUnbound(t, authority.address)
	i, err := NewSRV("_stock._tcp.example.org", WithServers(u.Address), WithInterval(100*time.Millisecond, 0), WithTimeout(3*time.Second))
	w := watch(t, i, err)
	list := `{"address":"a.example.org.:80","weight":7}`
	w.Sees(t, list)

	authority.says(0, record(1, 7, "b.example.org."))
	w.Sees(t, strings.ReplaceAll(list, "a.example", "b.example"))

	var many []string
	var names []string
	for n := range 100 {
		many = append(many, record(1, 1, fmt.Sprintf("node-%03d.example.org.", n)))
		names = append(names, fmt.Sprintf(`{"address":"node-%03d.example.org.:80","weight":1}`, n))
	}
	authority.says(0, many...)
	list = strings.Join(names, " ")
	w.Sees(t, list) // by TCP

	u.Kill()
	w.Fails(t, list, "by udp")
	u.Start(t)
	w.Sees(t, list)

	authority.says(dns.RcodeServerFailure)
	w.Fails(t, list, "SERVFAIL")
	authority.says(0, many...)
	i.Refresh()
	w.Sees(t, list)

	authority.says(dns.RcodeNameError)
	w.Sees(t, "") // said twice
	authority.says(0, record(1, 7, "c.example.org."))
	w.Sees(t, `{"address":"c.example.org.:80","weight":7}`)
}
