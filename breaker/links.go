package breaker

import (
	"time"

	"github.com/muxkit/muxkit/muxpool"
)

// links are what the pool's events say of a node's connections, for each identity:
// what one has done to lose its connections, as to have a wrong password, says
// nothing of another's. The node's mu guards them.
type links []*link

// link are the connections of one identity. After a failure at which connecting
// proves nothing, new connections are not believed in until the node is ready or a
// call succeeds.
type link struct {
	identity         muxpool.Identity
	proven, unproven int
	suspect          bool
	seen             bool           // a ConnUp was heard
	expelled         *muxpool.Event // by which the pool gave the node up, until it is ready or answers
	since            time.Time      // it was heard
}

func (ls *links) note(ev muxpool.Event) {
	l := ls.of(ev.Identity)
	switch ev.Kind {
	case muxpool.ConnUp:
		l.seen = true
		if l.suspect {
			l.unproven++
		} else {
			l.proven++
		}
	case muxpool.ConnDown:
		// Which connection it was is not told: the one that was believed in.
		if l.proven > 0 {
			l.proven--
		} else if l.unproven > 0 {
			l.unproven--
		}
		l.suspect = l.suspect || provesNothing(ev.Reason)
	case muxpool.NodeExpelled:
		*l = link{identity: l.identity, suspect: true, seen: l.seen, expelled: l.expelled, since: l.since}
	case muxpool.NodeReady:
		l.ready()
	}
	if (ev.Kind == muxpool.NodeExpelled || ev.Kind == muxpool.ReconnectLimit) && ev.Reason.Failure() {
		l.expelled, l.since = &ev, time.Now()
	}
}

func (ls *links) of(id muxpool.Identity) *link {
	for _, l := range *ls {
		if l.identity == id {
			return l
		}
	}
	l := &link{identity: id}
	*ls = append(*ls, l)
	return l
}

func (l *link) ready() {
	l.proven += l.unproven
	l.unproven, l.suspect, l.expelled = 0, false, nil
}

// concerns reports whether calls of an identity may use the connections.
func (l *link) concerns(id muxpool.Identity) bool {
	none := muxpool.Identity{}
	return id == none || l.identity == none || l.identity == id
}

// vouch takes connections for good of which a call of id may have used one.
func (ls links) vouch(id muxpool.Identity) {
	for _, l := range ls {
		if ls.proves(id, l) {
			l.ready()
		}
	}
}

// pardon forgets what speaks against the connections that there are.
func (ls links) pardon() {
	for _, l := range ls {
		l.ready()
	}
}

// proves reports whether a success of id says something of l. One without an
// identity used whatever connections there are.
func (ls links) proves(id muxpool.Identity, l *link) bool {
	return l.concerns(id) && (l.identity == id || len(ls) == 1 || l.proven+l.unproven > 0)
}

// suspect reports whether a success of id would be news.
func (ls links) suspect(id muxpool.Identity) bool {
	for _, l := range ls {
		if (l.suspect || l.expelled != nil) && ls.proves(id, l) {
			return true
		}
	}
	return false
}

// known reports whether a pool has told of connections that calls of id may use.
func (ls links) known(id muxpool.Identity) bool {
	for _, l := range ls {
		if l.concerns(id) {
			return true
		}
	}
	return false
}

// healthy returns how many connections that calls of id may use are believed to
// work, -1 if none was ever heard of.
func (ls links) healthy(id muxpool.Identity) int {
	n, seen := 0, false
	for _, l := range ls {
		if l.concerns(id) {
			n, seen = n+l.proven, seen || l.seen
		}
	}
	if !seen {
		return -1
	}
	return n
}

// elsewhere reports whether calls of id may use connections that are believed to
// work beside those that an event is about.
func (ls links) elsewhere(id, about muxpool.Identity) bool {
	if about == (muxpool.Identity{}) {
		return false
	}
	for _, l := range ls {
		if l.identity != about && l.concerns(id) && l.proven > 0 {
			return true
		}
	}
	return false
}

// standing returns the link whose expulsion leaves calls of id without a connection,
// nil if there is none.
func (ls links) standing(id muxpool.Identity) *link {
	for _, l := range ls {
		if l.expelled != nil && l.concerns(id) && !ls.elsewhere(id, l.identity) {
			return l
		}
	}
	return nil
}
