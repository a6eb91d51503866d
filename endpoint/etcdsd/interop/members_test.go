//go:build peers

package interop

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/muxkit/muxkit/endpoint/etcdsd"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
	"github.com/muxkit/muxkit/internal/peertest"
)

// members are an etcd of three, each a process. Every one reaches each other by a proxy of the two's own, so that
// they can be parted; clients reach each by one, as with an etcd alone.
type members struct {
	all   []*etcd
	links map[[2]int]*discoverytest.Proxy // from, to
}

// host is by which the others know a member. No resolver is asked for it: a member's proxy for HTTP knows what is meant.
func host(i int) string { return fmt.Sprintf("member-%d.test", i) }

func startMembers(t *testing.T) *members {
	t.Helper()
	bounded.Long(t)
	m := &members{links: map[[2]int]*discoverytest.Proxy{}}
	var together []string
	for i := range 3 {
		m.all = append(m.all, newEtcd(t, fmt.Sprintf("m%d", i)))
		together = append(together, fmt.Sprintf("m%d=http://%s:2380", i, host(i)))
	}
	for i, e := range m.all {
		e.members = strings.Join(together, ",")
		for j, to := range m.all { // itself too: who becomes the leader may be about to ask the leader
			m.links[[2]int{i, j}] = discoverytest.NewProxy(t, to.peers)
		}
	}
	for i, e := range m.all {
		e.env = []string{"HTTP_PROXY=http://" + m.forward(t, i), "NO_PROXY="}
	}
	m.start(t, m.all...)
	for _, e := range m.all {
		e.proxy = discoverytest.NewProxy(t, e.clients)
	}
	return m
}

// forward is the proxy for HTTP that a member uses for its peers; all links are there.
func (m *members) forward(t *testing.T, from int) (address string) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		for to := range m.all {
			if strings.HasPrefix(address, host(to)) {
				var d net.Dialer
				return d.DialContext(ctx, network, m.links[[2]int{from, to}].Address)
			}
		}
		return nil, fmt.Errorf("who is %s?", address)
	}}
	server := &http.Server{Handler: &httputil.ReverseProxy{Transport: transport, FlushInterval: -1,
		Rewrite: func(*httputil.ProxyRequest) {}, ErrorLog: log.New(io.Discard, "", 0), ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }}}
	t.Cleanup(transport.CloseIdleConnections)
	return peertest.Serve(t, server, "127.0.0.1:0", http.ErrServerClosed)
}

// start starts members at once: none is ready before most are.
func (m *members) start(t *testing.T, those ...*etcd) {
	t.Helper()
	var starting sync.WaitGroup
	for _, e := range those {
		starting.Go(func() { e.start(t) })
	}
	bounded.Wait(t, starting.Wait)
}

// client is one that knows all members, each through its proxy.
func (m *members) client(t *testing.T) *clientv3.Client {
	return newClient(t, etcdsd.ClientConfig(m.addresses()...))
}

func (m *members) addresses() (all []string) {
	for _, e := range m.all {
		all = append(all, e.proxy.Address)
	}
	return all
}

// hands is a client for the test's own, of some of the members, which no proxy can cut.
func (m *members) hands(t *testing.T, of ...*etcd) *clientv3.Client {
	var all []string
	for _, e := range of {
		all = append(all, e.clients)
	}
	return newClient(t, etcdsd.ClientConfig(all...))
}

// split are the leader and the others.
func (m *members) split(t *testing.T) (leader *etcd, others []*etcd) {
	t.Helper()
	hands := m.hands(t, m.all...)
	discoverytest.Eventually(t, "there is a leader", func() bool {
		leader, others = nil, nil
		for _, e := range m.all {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			s, err := hands.Status(ctx, "http://"+e.clients)
			cancel()
			if err == nil && s.Leader == s.Header.MemberId {
				leader = e
			} else {
				others = append(others, e)
			}
		}
		return leader != nil && len(others) == 2
	})
	return leader, others
}

// part cuts a member off from the others, or ends that.
func (m *members) part(one *etcd, do func(*discoverytest.Proxy)) {
	for link, p := range m.links {
		if (m.all[link[0]] == one) != (m.all[link[1]] == one) {
			do(p)
		}
	}
}

// each is for what lies before the members: to cut all clients off, or to end that.
func (m *members) each(do func(*discoverytest.Proxy)) {
	for _, e := range m.all {
		do(e.proxy)
	}
}

// restore has a member whose data is lost join anew, as etcd's manual says.
func (m *members) restore(t *testing.T, lost *etcd, hands *clientv3.Client) {
	t.Helper()
	list, err := hands.MemberList(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, known := range list.Members {
		if known.Name == lost.name {
			if _, err := hands.MemberRemove(soon(t), known.ID); err != nil {
				t.Fatal(err)
			}
			discoverytest.Eventually(t, "the member may join", func() bool { // not before the others are known to be well
				_, err := hands.MemberAdd(soon(t), known.PeerURLs)
				return err == nil
			})
		}
	}
	if err := os.RemoveAll(lost.dir); err != nil {
		t.Fatal(err)
	}
	lost.cluster = "existing"
	lost.start(t)
}

// keys is how many there are.
func keys(t *testing.T, hands *clientv3.Client) int64 {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	r, err := hands.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return -1
	}
	return r.Count
}

// Whatever befalls members of an etcd of three, no call is lost, and discovery goes on, or works again.
func TestNoCallIsLostWhateverBefallsMembers(t *testing.T) {
	for _, c := range []struct {
		name  string
		stays bool // all nodes do meanwhile
		story func(t *testing.T, m *members, s *discoverytest.Scene)
	}{
		{"one is killed", true, func(t *testing.T, m *members, s *discoverytest.Scene) {
			_, others := m.split(t)
			others[0].kill()
			s.Works(t)
			others[0].start(t)
		}},
		{"the leader is killed", true, func(t *testing.T, m *members, s *discoverytest.Scene) {
			leader, _ := m.split(t)
			leader.kill()
			s.Works(t)
			leader.start(t)
		}},
		{"one is restored from nothing, and has a vote that counts", true, func(t *testing.T, m *members, s *discoverytest.Scene) {
			_, others := m.split(t)
			lost, left := others[0], others[1]
			lost.kill()
			m.restore(t, lost, m.hands(t, left))
			left.kill()
			s.Works(t)
			left.start(t)
		}},
		{"all are killed, and the data of none is lost", true, func(t *testing.T, m *members, _ *discoverytest.Scene) {
			for _, e := range m.all {
				e.kill()
			}
			discoverytest.Outlast(t)
			m.start(t, m.all...)
		}},
		{"all are killed, and leases have run out when they are reached again", false, func(t *testing.T, m *members, _ *discoverytest.Scene) {
			for _, e := range m.all {
				e.kill()
			}
			m.each((*discoverytest.Proxy).Cut)
			m.each((*discoverytest.Proxy).Reset)
			discoverytest.Outlast(t)
			m.start(t, m.all...)
			hands := m.hands(t, m.all...)
			discoverytest.Eventually(t, "all leases run out", func() bool { return keys(t, hands) == 0 })
			m.each((*discoverytest.Proxy).Heal)
			discoverytest.Eventually(t, "all keys are back", func() bool { return keys(t, hands) == 4 })
		}},
		{"they compact what happened while nobody reached them", false, func(t *testing.T, m *members, _ *discoverytest.Scene) {
			m.each((*discoverytest.Proxy).Cut)
			m.each((*discoverytest.Proxy).Reset)
			hands := m.hands(t, m.all...)
			discoverytest.Eventually(t, "all leases run out", func() bool { return keys(t, hands) == 0 })
			now, err := hands.Get(soon(t), prefix, clientv3.WithPrefix())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := hands.Compact(soon(t), now.Header.Revision); err != nil {
				t.Fatal(err)
			}
			m.each((*discoverytest.Proxy).Heal)
			discoverytest.Eventually(t, "all keys are back", func() bool { return keys(t, hands) == 4 })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := startMembers(t)
			s := newScene(t, m)
			fewest := s.EngineAway(t, func() { c.story(t, m, s) })
			if c.stays && fewest < 4 {
				t.Errorf("the Set had %d nodes meanwhile", fewest)
			}
		})
	}
}
