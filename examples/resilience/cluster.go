package main

import (
	"errors"
	"fmt"
	"strings"
)

// cluster is three nodes, each a process, and whom they need.
type cluster struct {
	nodes      []*process
	dependency *process  // nil if the nodes need nobody
	firewall   *firewall // nil if there is none of our own
	relay      *process  // before the victim, where a firewall is needed and missing
	addresses  []string  // where the nodes are reached
}

// unlucky is the index of the node that falls sick.
const unlucky = 1

// startCluster starts the nodes of a scene. relay says that no firewall is to be used
// where the path to one is to swallow packets.
func startCluster(s scene, relay bool) (c *cluster, err error) {
	c = &cluster{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.end())
		}
	}()
	args := []string{"takes=" + s.nodes.takes.String()}
	if s.nodes.depends {
		if c.dependency, err = startNode(args...); err != nil {
			return c, err
		}
		args = append(args, "depends="+c.dependency.address)
	}
	for i := range 3 {
		p, err := startNode(append(args, s.nodes.limitOf(i)...)...)
		if err != nil {
			return c, err
		}
		c.nodes = append(c.nodes, p)
		c.addresses = append(c.addresses, p.address)
	}
	if !s.dark {
		return c, nil
	}
	if f, ok := onStage(); ok && !relay {
		c.firewall = f
	} else {
		if c.relay, err = startRelay(c.victim().address); err != nil {
			return c, err
		}
		c.addresses[unlucky] = c.relay.address
	}
	return c, nil
}

// limitOf is the limit of node i, of the two kinds in turn.
func (s setup) limitOf(i int) []string {
	switch {
	case s.limit == 0:
		return nil
	case i%2 == 0:
		return []string{fmt.Sprint("service-limit=", s.limit)}
	}
	return []string{fmt.Sprint("middleware-limit=", s.limit)}
}

func (c *cluster) victim() *process { return c.nodes[unlucky] }

// goDark swallows all packets to and from the victim, or what comes next to that.
func (c *cluster) goDark() error {
	if c.firewall != nil {
		return c.firewall.swallow(c.addresses[unlucky])
	}
	return c.relay.stop()
}

func (c *cluster) goLight() error {
	if c.firewall != nil {
		return c.firewall.pass()
	}
	return c.relay.resume()
}

func (c *cluster) killDependency() error    { return c.dependency.kill() }
func (c *cluster) restartDependency() error { return c.dependency.restart() }

// repeated asks the nodes how many puts came twice. A node that was killed knows of
// those since then only.
func (c *cluster) repeated() (n int, err error) {
	seen := make(map[string]bool)
	for _, p := range c.nodes {
		puts, err := p.tell("puts")
		if err != nil {
			return n, err
		}
		for _, put := range strings.Fields(puts) {
			if seen[put] {
				n++
			}
			seen[put] = true
		}
	}
	return n, nil
}

// end kills all processes.
func (c *cluster) end() (err error) {
	for _, p := range append(c.nodes, c.dependency, c.relay) {
		if p != nil {
			err = errors.Join(err, p.kill())
		}
	}
	if c.firewall != nil {
		err = errors.Join(err, c.firewall.pass())
	}
	return err
}
