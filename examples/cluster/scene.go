package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// scene is what befalls the cluster while it is called. Each leaves it as it was, with six nodes that all clients call.
type scene struct {
	name, what string
	play       func(context.Context, *cluster, *outcome) error
	parts      bool // the zones have to be parted for it
	promises   []promise
}

// scenes are all of them, in the order in which they are played.
var scenes = sceneList{
	{"kill", "a node is killed; when its lease has run out another is started", kill, false,
		[]promise{idempotentKept, unsentKept, outAtOnce(1), notCalled(2), addedCalled(3), allStay(3), staysThroughout(south)}},
	{"grow", "a node is added in each zone, and both say later that they go", grow, false,
		[]promise{nothingLost, addedCalled(1), notCalled(2), staysThroughout(north), staysThroughout(south)}},
	{"member", "the leader of etcd's members is killed; nodes come and go; it is started again", loseMember, false,
		[]promise{nothingLost, nobodyGone, addedCalled(2), notCalled(3), staysThroughout(north), staysThroughout(south)}},
	{"etcd", "all members of etcd are killed, and started again when leases should have run out twice", loseEtcd, false,
		[]promise{nothingLost, nobodyGone, allCalled(2), staysThroughout(north), staysThroughout(south)}},
	{"spill", "while etcd is away, two of the three nodes in the north are killed, then the third; they are started again, and etcd is", spill, false,
		[]promise{idempotentKept, unsentKept, nobodyGone, someLeave(1), allLeave(3), allStay(5), allCalled(5), staysThroughout(south)}},
	{"partition", "the zones are parted, until leases have run out, and united", partition, true,
		[]promise{idempotentKept, unsentKept, homeKept, ownZoneOnly(2), allCalled(4), allStay(4)}},
	{"deploy", "every node is replaced by another, two at a time: the new one comes, and the old one says that it goes", deploy, false,
		[]promise{nothingLost, addedCalled(1), notCalled(1), allStay(1)}},
}

// For how many calls of each client's scenes wait. A node that has joined gets its full share after 3 s, and little before.
const (
	someCalls = 50
	manyCalls = 200
)

// begin begins another phase, after something was done, and waits for calls.
func (c *cluster) begin(ctx context.Context, calls int) error {
	return errors.Join(c.phase(), c.called(ctx, calls))
}

func kill(ctx context.Context, c *cluster, o *outcome) error {
	victim := c.nodes[0]
	o.gone = append(o.gone, victim.address)
	return steps(
		victim.kill,
		func() error { return c.begin(ctx, someCalls) }, // 1: it is dead, and named
		func() error { c.forget(victim); return c.settled(ctx) },
		func() error { return c.begin(ctx, someCalls) }, // 2: it is not
		func() error { return c.add(ctx, o, victim.zone) },
		func() error { return c.begin(ctx, manyCalls) }) // 3
}

// add starts nodes, and waits until all clients call them.
func (c *cluster) add(ctx context.Context, o *outcome, zones ...*zone) error {
	added, err := c.grow(zones...)
	for _, n := range added {
		o.added = append(o.added, n.address)
	}
	if err != nil {
		return err
	}
	return c.settled(ctx)
}

// remove has nodes end, and waits until no client knows them.
func (c *cluster) remove(ctx context.Context, o *outcome, nodes ...*process) error {
	for _, n := range nodes {
		o.gone = append(o.gone, n.address)
	}
	c.shrink(nodes)
	return c.settled(ctx)
}

// last are the n nodes that came last.
func (c *cluster) last(n int) []*process { return c.nodes[len(c.nodes)-n:] }

func grow(ctx context.Context, c *cluster, o *outcome) error {
	return steps(
		func() error { return c.add(ctx, o, c.zones...) },
		func() error { return c.begin(ctx, manyCalls) }, // 1
		func() error { return c.remove(ctx, o, c.last(len(c.zones))...) },
		func() error { return c.begin(ctx, someCalls) }) // 2
}

func loseMember(ctx context.Context, c *cluster, o *outcome) error {
	leader, err := c.leader()
	if err != nil {
		return err
	}
	return steps(
		leader.kill,
		func() error { return c.begin(ctx, someCalls) }, // 1: it is dead
		func() error { return c.add(ctx, o, c.zones[0]) },
		func() error { return c.begin(ctx, manyCalls) }, // 2: another is there
		func() error { return c.remove(ctx, o, c.last(1)...) },
		func() error { return c.restart() },
		func() error { return c.begin(ctx, someCalls) }) // 3
}

func loseEtcd(ctx context.Context, c *cluster, _ *outcome) error {
	return steps(
		func() error { return atOnce(c.members, (*process).kill) },
		c.phase, // 1: it is away
		func() error { return sleep(ctx, c.outage) },
		func() error { return c.restart() },
		func() error { return c.registered(ctx) },
		func() error { return c.settled(ctx) },
		func() error { return c.begin(ctx, someCalls) }) // 2
}

// spill has names stand for nodes that are dead: what of its zone is left counts, and not what etcd says of it.
func spill(ctx context.Context, c *cluster, _ *outcome) error {
	victims := in(c.zones[0], c.nodes)
	last := victims[len(victims)-1]
	return steps(
		func() error { return atOnce(c.members, (*process).kill) },
		func() error { return atOnce(victims[:len(victims)-1], (*process).kill) },
		func() error { return c.out(ctx, victims[:len(victims)-1]) },
		func() error { return c.begin(ctx, manyCalls) }, // 1: one is left, and that is known
		func() error { return c.begin(ctx, 1) },         // 2: it is killed as well
		last.kill,
		func() error { return c.out(ctx, victims) },
		func() error { return c.begin(ctx, someCalls) }, // 3: and that is known
		c.phase, // 4: they come back
		func() error { return c.restart(victims...) },
		func() error { return c.registered(ctx) },
		func() error { return c.settled(ctx) },
		func() error { return c.begin(ctx, manyCalls) }) // 5: all is well
}

// out waits until the breakers of nodes are open at each client that calls them.
func (c *cluster) out(ctx context.Context, nodes []*process) error {
	others := at(c.nodes)
	for _, n := range nodes {
		delete(others, n.address)
	}
	return c.await(ctx, "breakers open", func(p *process, s state) bool {
		return p.prefers && p.zone != nodes[0].zone || maps.Equal(s.take(""), others)
	})
}

func partition(ctx context.Context, c *cluster, _ *outcome) error {
	err := steps(
		func() error { return part(c.zones) },
		c.phase, // 1: they are parted
		func() error { return c.oneSided(ctx) },
		func() error { return c.begin(ctx, someCalls) }) // 2: and that is known
	return errors.Join(err, c.phase(), steps( // in any case; 3: they are united
		func() error { return unite(c.zones) },
		func() error { return c.registered(ctx) },
		func() error { return c.settled(ctx) },
		func() error { return c.begin(ctx, manyCalls) })) // 4: and that is known
}

// oneSided waits until each client calls nodes of its own zone only, and those where the majority of
// etcd's members is know of no others: leases have run out. Who prefers its zone need not know that the others are out of reach.
func (c *cluster) oneSided(ctx context.Context) error {
	majority := c.zones[0]
	return c.await(ctx, "each client calls its own zone's nodes", func(p *process, s state) bool {
		own, of := at(in(p.zone, c.nodes)), ""
		if p.prefers {
			of = p.zone.name
		}
		return maps.Equal(s.take(of), own) && (p.zone != majority || len(s.Nodes) == len(own))
	})
}

func deploy(ctx context.Context, c *cluster, o *outcome) error {
	old := slices.Clone(c.nodes)
	for i := range nodesOfAZone {
		var wave []*process
		for _, z := range c.zones {
			wave = append(wave, in(z, old)[i])
		}
		if err := steps(func() error { return c.add(ctx, o, c.zones...) }, func() error { return c.remove(ctx, o, wave...) }); err != nil {
			return err
		}
	}
	return c.begin(ctx, manyCalls) // 1
}

// steps are done one after the other, until one fails.
func steps(all ...func() error) error {
	for _, step := range all {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// sceneList is a flag.Value.
type sceneList []scene

func (l sceneList) String() string {
	var names []string
	for _, s := range l {
		names = append(names, s.name)
	}
	return strings.Join(names, ",")
}

// Set reads a list such as "kill,etcd".
func (l *sceneList) Set(text string) error {
	*l = nil
	for _, name := range strings.Split(text, ",") {
		i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == name })
		if i < 0 {
			return fmt.Errorf("%q is none of %v", name, scenes)
		}
		*l = append(*l, scenes[i])
	}
	return nil
}
