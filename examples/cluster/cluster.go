package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// How many there are of each. One member of etcd is in the south, so that the north has the majority. Of the clients of a
// zone one prefers its nodes.
const (
	members        = 3
	nodesOfAZone   = 3
	clientsOfAZone = 2
)

// setting is what can be set of it.
type setting struct {
	rate          int // calls a second of each client
	lease, outage time.Duration
}

// cluster is all processes.
type cluster struct {
	dir string
	setting
	zones    []*zone
	partable error // why the zones cannot be parted; nil: they can

	members, nodes, clients []*process
	addresses               string            // of the members, for clients of etcd's
	started                 int               // nodes, for their names
	zoneOf                  map[string]string // of each node that there was, by its address
	unclean                 []error           // how processes ended that did not in good order
}

// build starts all, etcd first.
func build(dir string, s setting) (c *cluster, err error) {
	c = &cluster{dir: dir, setting: s, zoneOf: make(map[string]string)}
	c.zones, c.partable = newZones()
	defer func() {
		if err != nil {
			err = errors.Join(err, c.end())
		}
	}()
	if err := c.startEtcd(); err != nil {
		return c, err
	}
	for range nodesOfAZone {
		if _, err := c.grow(c.zones...); err != nil {
			return c, err
		}
	}
	for i := range clientsOfAZone {
		for _, z := range c.zones {
			if err := c.startClient(z, fmt.Sprintf("client-%s-%d", z.name, i+1), i == 0); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// startEtcd starts the members, and waits until they have a leader.
func (c *cluster) startEtcd() error {
	var clients, together []string
	for i := range members {
		z := c.zones[i/2]
		serves, err1 := z.free()
		peers, err2 := z.free()
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		name := fmt.Sprintf("etcd-%d", i+1)
		clients, together = append(clients, serves), append(together, name+"=http://"+peers)
		c.members = append(c.members, &process{what: actMember, name: name, zone: z, log: logIn(c.dir, name),
			args: []string{"-address", serves, "-peers", peers, "-dir", filepath.Join(c.dir, name)}})
	}
	c.addresses = strings.Join(clients, ",")
	for _, m := range c.members {
		m.args = append(m.args, "-together", strings.Join(together, ","))
	}
	return c.restart()
}

// restart starts the members that do not run, and nodes that do not, and waits until the members have a leader.
func (c *cluster) restart(nodes ...*process) error {
	var down []*process
	for _, m := range c.members {
		if m.cmd == nil {
			down = append(down, m)
		}
	}
	if err := atOnce(slices.Concat(down, nodes), (*process).again); err != nil {
		return err
	}
	return atOnce(down, func(m *process) error { return m.ask("await", nil) })
}

// leader is the member that the others follow.
func (c *cluster) leader() (*process, error) {
	for _, m := range c.members {
		var leads bool
		if err := m.ask("leader", &leads); err != nil || leads {
			return m, err
		}
	}
	return nil, errors.New("etcd has no leader")
}

// grow starts a node in each of the zones, and returns when they are registered.
func (c *cluster) grow(zones ...*zone) (added []*process, err error) {
	for _, z := range zones {
		c.started++
		name := fmt.Sprintf("node-%s-%d", z.name, c.started)
		added = append(added, &process{what: actNode, name: name, zone: z, log: logIn(c.dir, name),
			args: []string{"-address", net.JoinHostPort(z.host, "0"), "-etcd", c.addresses, "-lease", c.lease.String(), "-ledger", c.ledger()}})
	}
	c.nodes = append(c.nodes, added...)
	err = atOnce(added, (*process).start)
	for _, n := range added {
		c.zoneOf[n.address] = n.zone.name
		n.args[1] = n.address // where it is to be if it is started again
	}
	return added, err
}

// shrink ends nodes with SIGTERM: they say that they go.
func (c *cluster) shrink(nodes []*process) {
	c.forget(nodes...)
	var mu sync.Mutex // guards c.unclean
	_ = atOnce(nodes, func(n *process) error {
		if unclean := n.terminate(); unclean != nil {
			mu.Lock()
			defer mu.Unlock()
			c.unclean = append(c.unclean, unclean)
		}
		return nil
	})
}

func (c *cluster) forget(nodes ...*process) {
	c.nodes = slices.DeleteFunc(slices.Clone(c.nodes), func(n *process) bool { return slices.Contains(nodes, n) })
}

// startClient starts a client in a zone, whose nodes it may prefer. The socket of its page is made here, so that it can be reached from outside
// of the zone.
func (c *cluster) startClient(z *zone, name string, prefers bool) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	page, err := l.(*net.TCPListener).File()
	if err = errors.Join(err, l.Close()); err != nil {
		return err
	}
	defer page.Close()
	p := &process{what: actClient, name: name, zone: z, page: page, prefers: prefers, log: logIn(c.dir, name),
		args: []string{"-etcd", c.addresses, "-rate", fmt.Sprint(c.rate), "-prefers=" + fmt.Sprint(prefers)}}
	c.clients = append(c.clients, p)
	return p.start()
}

// ledger is the file in which nodes note what may be run only once.
func (c *cluster) ledger() string { return filepath.Join(c.dir, "ledger") }

// at are the addresses of nodes.
func at(nodes []*process) map[string]bool {
	all := make(map[string]bool)
	for _, n := range nodes {
		all[n.address] = true
	}
	return all
}

// in are those of the processes that are in a zone.
func in(z *zone, all []*process) (there []*process) {
	for _, p := range all {
		if p.zone == z {
			there = append(there, p)
		}
	}
	return there
}

// phase begins another phase with each client.
func (c *cluster) phase() error {
	return atOnce(c.clients, func(p *process) error { return p.ask("phase", nil) })
}

// await waits until each client's state is as it must be.
func (c *cluster) await(ctx context.Context, what string, yes func(*process, state) bool) error {
	for end := time.Now().Add(patience); ; {
		missing := ""
		for _, p := range c.clients {
			var s state
			if err := p.ask("state", &s); err != nil {
				return err
			}
			if !yes(p, s) {
				missing = fmt.Sprintf("%s: %+v", p, s)
				break
			}
		}
		if missing == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("in vain for %v: %s; %s", patience, what, missing)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// settled waits until each client sees just the nodes that there are, and all of them take its calls, those of its zone all calls if
// it prefers that.
func (c *cluster) settled(ctx context.Context) error {
	all := at(c.nodes)
	return c.await(ctx, "each client calls the nodes that there are", func(_ *process, s state) bool {
		return len(s.Nodes) == len(all) && maps.Equal(s.take(""), all) && s.Stays == 1
	})
}

// called waits until n calls of each client's that began in this phase have ended.
func (c *cluster) called(ctx context.Context, n int) error {
	return c.await(ctx, "calls end", func(_ *process, s state) bool { return s.Calls >= n })
}

// registered waits until each node is.
func (c *cluster) registered(ctx context.Context) error {
	for end := time.Now().Add(patience); ; {
		out := ""
		for _, n := range c.nodes {
			var is bool
			if err := n.ask("registered", &is); err != nil {
				return err
			}
			if !is {
				out = n.String()
			}
		}
		if out == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is not registered for %v", out, patience)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// end kills all processes.
func (c *cluster) end() error {
	all := slices.Concat(c.clients, c.nodes, c.members)
	err := atOnce(all, (*process).kill)
	endZones(c.zones)
	return err
}

// atOnce does something to several processes at once.
func atOnce(processes []*process, do func(*process) error) error {
	errs := make([]error, len(processes))
	var all sync.WaitGroup
	for i, p := range processes {
		all.Go(func() { errs[i] = do(p) })
	}
	all.Wait()
	return errors.Join(errs...)
}
