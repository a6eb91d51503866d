package main

import (
	"errors"
	"strings"
)

// cluster is three nodes, each a process. One of them falls sick.
type cluster struct {
	nodes     []*process
	firewall  *firewall // nil if there is none of our own
	relay     *process  // before the victim, where a firewall is needed and missing
	addresses []string  // where the nodes are reached
}

// unlucky is the index of the node that falls sick.
const unlucky = 1

// startCluster starts the nodes. dark says that the path to one is to swallow
// packets; relay, that no firewall is to be used for it.
func startCluster(dark, relay bool) (c *cluster, err error) {
	c = &cluster{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.end())
		}
	}()
	for range 3 {
		p, err := startNode()
		if err != nil {
			return c, err
		}
		c.nodes = append(c.nodes, p)
		c.addresses = append(c.addresses, p.address)
	}
	if !dark {
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
	for _, p := range c.nodes {
		err = errors.Join(err, p.kill())
	}
	if c.relay != nil {
		err = errors.Join(err, c.relay.kill())
	}
	if c.firewall != nil {
		err = errors.Join(err, c.firewall.pass())
	}
	return err
}
