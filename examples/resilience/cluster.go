package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-kit/kit/sd"
)

// cluster is some nodes, each a process, and whom they need.
type cluster struct {
	nodes      []*process
	dependency *process  // nil if the nodes need nobody
	firewall   *firewall // nil if there is none of our own
	relay      *process  // before the victim, where a firewall is needed and missing
	addresses  []string  // where the nodes are reached
	discovery  *discovery
	ledger     string // the path of the file in which nodes note the puts that began
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
	ledger, err := os.CreateTemp("", "resilience-puts-")
	if err != nil {
		return c, err
	}
	c.ledger = ledger.Name()
	if err := ledger.Close(); err != nil {
		return c, err
	}
	args := []string{"takes=" + s.nodes.takes.String(), "ledger=" + url.QueryEscape(c.ledger)}
	if s.nodes.depends {
		if c.dependency, err = startNode(false, args...); err != nil {
			return c, err
		}
		args = append(args, "depends="+c.dependency.address)
	}
	for i := range cmp.Or(s.nodes.count, 3) {
		p, err := startNode(s.nodes.takeover, append(args, s.nodes.limitOf(i)...)...)
		if err != nil {
			return c, err
		}
		c.nodes = append(c.nodes, p)
		c.addresses = append(c.addresses, p.address)
	}
	c.discovery = &discovery{last: sd.Event{Instances: c.addresses}}
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

// repeated is how many puts came to nodes twice, those that were killed included.
func (c *cluster) repeated() (n int, err error) {
	seen := make(map[string]bool)
	puts, err := os.ReadFile(c.ledger)
	for _, put := range strings.Fields(string(puts)) {
		if seen[put] {
			n++
		}
		seen[put] = true
	}
	return n, err
}

// restartInTurn ends one node after the other in good order, and starts it again.
func (c *cluster) restartInTurn() error {
	return c.inTurn(func(p *process) error {
		if err := p.terminate(); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
		return p.restart()
	})
}

// takeOverInTurn has a new process share the socket of each node before that ends.
func (c *cluster) takeOverInTurn() error { return c.inTurn((*process).takeOver) }

func (c *cluster) inTurn(do func(*process) error) error {
	for _, p := range c.nodes {
		if err := do(p); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
	}
	return nil
}

func (c *cluster) killAll() error    { return c.all((*process).kill) }
func (c *cluster) restartAll() error { return c.all((*process).restart) }

func (c *cluster) all(do func(*process) error) (err error) {
	for _, p := range c.nodes {
		err = errors.Join(err, do(p))
	}
	return err
}

// loseDiscovery has discovery name nobody, and fail, by turns.
func (c *cluster) loseDiscovery() error {
	for range 5 {
		c.discovery.say(sd.Event{})
		time.Sleep(50 * time.Millisecond)
		c.discovery.say(sd.Event{Err: errors.New("discovery: no quorum")})
		time.Sleep(50 * time.Millisecond)
	}
	c.discovery.say(sd.Event{})
	return nil
}

func (c *cluster) findDiscovery() error {
	c.discovery.say(sd.Event{Instances: c.addresses})
	return nil
}

// loseNode kills the victim, and discovery notices.
func (c *cluster) loseNode() error {
	if err := c.victim().kill(); err != nil {
		return err
	}
	c.discovery.say(sd.Event{Instances: slices.Delete(slices.Clone(c.addresses), unlucky, unlucky+1)})
	return nil
}

// replaceNode starts another process at the victim's address.
func (c *cluster) replaceNode() error {
	if err := c.victim().restart(); err != nil {
		return err
	}
	return c.findDiscovery()
}

// end kills all processes.
func (c *cluster) end() (err error) {
	for _, p := range append(c.nodes, c.dependency, c.relay) {
		if p != nil {
			err = errors.Join(err, p.kill(), p.closeSocket())
		}
	}
	if c.firewall != nil {
		err = errors.Join(err, c.firewall.pass())
	}
	if c.ledger != "" {
		err = errors.Join(err, os.Remove(c.ledger))
	}
	return err
}
