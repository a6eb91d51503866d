package admin

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
)

// subject is what an action is about: a node of a part of the page, by the texts that the page
// shows.
type subject struct{ part, name, node string }

const (
	ofSet      = "set"
	ofBreakers = "breakers"
)

func (s subject) String() string { return s.node + " of " + title(s.part, s.name) }

// action is what can be done to a node.
type action struct {
	name, part string
	label      string // of its button
	did        string // what somebody has done
	tells      string // what it does
	stops      bool   // the node takes no more calls then
	ofGroup    func(*breaker.Group, muxpool.Node, *order)
	ofSet      func(*muxendpoint.Set, muxpool.Node, *order) error
}

var actions = []action{
	{name: "trip", part: ofBreakers, label: "Trip", did: "tripped", stops: true,
		tells:   "It is out for the time of an ejection, in every service that has it, and comes back by itself.",
		ofGroup: func(g *breaker.Group, n muxpool.Node, o *order) { g.Trip(n, o) }},
	{name: "force-open", part: ofBreakers, label: "Force open", did: "forced open", stops: true,
		tells:   "It is out, in every service that has it, until an operator ends that or resets it, also when it reconnects.",
		ofGroup: func(g *breaker.Group, n muxpool.Node, o *order) { g.ForceOpen(n, o) }},
	{name: "enable", part: ofBreakers, label: "End force open", did: "no longer forces open",
		tells:   "Its breaker goes by what it has seen again, also by what it saw meanwhile.",
		ofGroup: func(g *breaker.Group, n muxpool.Node, _ *order) { g.Enable(n) }},
	{name: "reset", part: ofBreakers, label: "Reset", did: "reset",
		tells:   "Its breaker closes, and forgets all that speaks against it and its methods, with what operators have ordered.",
		ofGroup: func(g *breaker.Group, n muxpool.Node, _ *order) { g.Reset(n) }},
	{name: "drain", part: ofSet, label: "Drain", did: "drained", stops: true,
		tells: "New calls go to other nodes of this Set, those in flight end, until an operator ends that, also when the node leaves and comes again.",
		ofSet: func(s *muxendpoint.Set, n muxpool.Node, o *order) error { return s.Drain(n, o) }},
	{name: "undrain", part: ofSet, label: "End drain", did: "no longer drains",
		tells: "It gets calls again, slowly at first.",
		ofSet: func(s *muxendpoint.Set, n muxpool.Node, _ *order) error { return s.Undrain(n) }},
}

// acting is what a Handler may do. Nil: nothing.
type acting struct {
	logger log.Logger // nil: none

	// mu makes looking whether others take calls, and acting, one thing. The locks of Stats
	// are taken under it; the logger is called without it.
	mu sync.Mutex
}

// WithActions lets who may reach the page trip, force open and reset breakers, and drain nodes of
// Sets. Without it, which is the default, the page can only be read. Whoever may send the page a POST
// may act: there is no authentication here, but a form of another site's page is refused. logger, which may
// be nil, gets a line for each action; so do the events.
func WithActions(logger log.Logger) Option {
	return func(p *parts) { p.acting = &acting{logger: logger} }
}

// refusal is an action that was not done, and the HTTP status for it.
type refusal struct {
	status int
	text   string
}

func refused4xx(status int, format string, args ...any) *refusal {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// act does a to a node, for who asked from the address by. anyway is the word of somebody who was told
// that no node is left.
func (h *Handler) act(a *action, to subject, by string, anyway bool, now time.Time) *refusal {
	h.acting.mu.Lock()
	defer h.acting.mu.Unlock()
	o := &order{host(by), now}
	do, no := h.find(a, to, o)
	if no != nil {
		return no
	}
	if left := h.leavesNone(a, to); left != "" && !anyway {
		return refused4xx(http.StatusConflict, "not done: no other node of %s takes calls; tick the box, or send anyway=yes, to do it all the same", left)
	}
	if err := do(); errors.Is(err, muxendpoint.ErrNoSuchNode) {
		return refused4xx(http.StatusConflict, "not done: %s is not drained, or has gone", text.Quoted(to.String(), 2*maxText))
	} else if err != nil {
		return refused4xx(http.StatusConflict, "not done: %s", text.Said(err.Error(), maxText))
	}
	h.events.ofOperator(to, a.name, o.by, now)
	return nil
}

// find finds whom an action is about.
func (h *Handler) find(a *action, to subject, o *order) (do func() error, no *refusal) {
	var nodes []muxpool.Node
	there := false // the part
	seen := func(n muxpool.Node) bool {
		is := clean(n.String()) == to.node
		if is && (len(nodes) == 0 || nodes[0] != n) {
			nodes = append(nodes, n)
		}
		return is
	}
	var sets []*muxendpoint.Set
	var group *breaker.Group
	if a.part == ofBreakers {
		for _, g := range h.groups {
			if g.name == to.name {
				there, group = true, g.it
				for _, st := range g.it.Status() {
					seen(st.Node)
				}
			}
		}
	} else {
		for _, s := range h.sets {
			st := s.Stats()
			if clean(st.Service) != to.name {
				continue
			}
			there = true
			is := false
			for i := range st.Nodes {
				is = seen(st.Nodes[i].Node) || is
			}
			for i := range st.Drains {
				is = seen(st.Drains[i].Node) || is
			}
			if is {
				sets = append(sets, s)
			}
		}
	}
	switch {
	case !there:
		return nil, refused4xx(http.StatusNotFound, "the page has no %s", text.Quoted(title(a.part, to.name), 2*maxText))
	case len(nodes) == 0:
		return nil, refused4xx(http.StatusNotFound, "%s has no node %s, or it has gone", text.Quoted(title(a.part, to.name), 2*maxText), text.Quoted(to.node, maxText))
	case len(nodes) > 1:
		return nil, refused4xx(http.StatusConflict, "several nodes are shown as %s", text.Quoted(to.node, maxText))
	}
	if group != nil {
		return func() error { a.ofGroup(group, nodes[0], o); return nil }, nil
	}
	return func() (err error) {
		done := false
		for _, s := range sets { // of one name
			was := a.ofSet(s, nodes[0], o)
			done = done || was == nil
			err = errors.Join(err, was)
		}
		if done {
			return nil
		}
		return err
	}, nil
}

// leavesNone names a Set that is left without a node that takes calls; empty: there is none.
func (h *Handler) leavesNone(a *action, to subject) string {
	if !a.stops {
		return ""
	}
	for _, s := range h.sets {
		st := s.Stats()
		if a.part == ofSet && clean(st.Service) != to.name {
			continue
		}
		has, others := false, 0
		for i := range st.Nodes {
			switch n := &st.Nodes[i]; {
			case clean(n.Node.String()) == to.node:
				has = true
			case n.Open == nil && n.Drain == nil:
				others++
			}
		}
		if has && others == 0 {
			return title("Set", clean(st.Service))
		}
	}
	return ""
}

// log writes what was done. A logger that panics is its own affair.
func (a *acting) log(what *action, to subject, by string) {
	if a.logger == nil {
		return
	}
	defer func() { _ = recover() }()
	a.logger.Log("msg", "an operator has acted", "action", what.name, "of", to.part, "name", to.name, "node", to.node, "by", clean(by))
}

// host is a remote address without its port, which is another one for each connection.
func host(remote string) string {
	if h, _, err := net.SplitHostPort(remote); err == nil {
		remote = h
	}
	return clean(remote)
}
