package breaker

import (
	"fmt"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
)

func from(local string) muxpool.Identity {
	var opts muxpool.GetOptions
	opts.WithLocalAddr(local)
	return opts.Identity()
}

// What a pool's events say of a node's connections, to whoever asks: those of one identity,
// of another, and of none.
func TestLinks(t *testing.T) {
	one, other, third := from("10.0.0.1:0"), from("10.0.0.2:0"), from("10.0.0.3:0")
	up := func(id muxpool.Identity) muxpool.Event { return muxpool.Event{Kind: muxpool.ConnUp, Identity: id} }
	down := func(id muxpool.Identity, why muxpool.Reason) muxpool.Event {
		return muxpool.Event{Kind: muxpool.ConnDown, Identity: id, Reason: why}
	}
	expelled := func(id muxpool.Identity, why muxpool.Reason) muxpool.Event {
		return muxpool.Event{Kind: muxpool.NodeExpelled, Identity: id, Reason: why}
	}
	ready := func(id muxpool.Identity) muxpool.Event {
		return muxpool.Event{Kind: muxpool.NodeReady, Identity: id}
	}
	none := muxpool.Identity{}
	const lost, sick, failed = muxpool.ReasonConnLost, muxpool.ReasonStalled, muxpool.ReasonDialFailed
	for _, row := range []struct {
		name   string
		events []muxpool.Event
		// Of the identity one, of another, and of none: how many connections are believed in,
		// then k if a pool has told of some, s if a success would be news, x if calls have none
		// since the node was expelled.
		want string
	}{
		{"nothing was heard", nil, "-1 -1 -1"},
		{"a connection", []muxpool.Event{up(one)}, "1k -1 1k"},
		{"two, of which one is lost", []muxpool.Event{up(one), up(one), down(one, lost)}, "1k -1 1k"},
		{"one too many is lost", []muxpool.Event{up(one), down(one, lost), down(one, lost), up(one)}, "1k -1 1k"},
		{"one too many of those that are not believed in", []muxpool.Event{up(one), down(one, sick), down(one, lost), up(one), ready(one)}, "1k -1 1k"},
		{"each has its own", []muxpool.Event{up(one), up(other), up(one)}, "2k 1k 3k"},
		{"one that nobody owns is everybody's", []muxpool.Event{up(none), up(one)}, "2k 1k 2k"},
		{"a connection that was silent", []muxpool.Event{up(one), down(one, sick)}, "0ks -1 0ks"},
		{"and what comes after it", []muxpool.Event{up(one), down(one, sick), up(one)}, "0ks -1 0ks"},
		{"of which one is lost", []muxpool.Event{up(one), down(one, sick), up(one), up(one), down(one, lost), ready(one)}, "1k -1 1k"},
		{"beside one that is believed in", []muxpool.Event{up(one), up(one), down(one, sick), up(one)}, "1ks -1 1ks"},
		{"until the node is ready", []muxpool.Event{up(one), down(one, sick), up(one), ready(one)}, "1k -1 1k"},
		{"ready again and again", []muxpool.Event{up(one), ready(one), ready(one), down(one, lost), ready(one)}, "0k -1 0k"},
		{"expelled", []muxpool.Event{up(one), up(one), expelled(one, failed)}, "0ksx -1 0ksx"},
		{"expelled, unheard of", []muxpool.Event{expelled(one, failed)}, "-1ksx -1 -1ksx"},
		{"expelled for no failure", []muxpool.Event{up(one), expelled(one, muxpool.ReasonNone)}, "0ks -1 0ks"},
		{"given up for good", []muxpool.Event{up(one), {Kind: muxpool.ReconnectLimit, Identity: one, Reason: failed}}, "1ksx -1 1ksx"},
		{"a dial failed, which is not the end", []muxpool.Event{up(one), {Kind: muxpool.DialFailed, Identity: one, Reason: failed}}, "1k -1 1k"},
		{"expelled, and ready", []muxpool.Event{up(one), expelled(one, failed), up(one), ready(one)}, "1k -1 1k"},
		{"expelled, beside another's", []muxpool.Event{up(one), up(other), expelled(one, failed)}, "0ksx 1k 1k"},
		{"expelled, beside another's that is not believed in", []muxpool.Event{up(one), up(other), down(other, sick), up(other), expelled(one, failed)}, "0ksx 0ks 0ksx"},
		{"expelled, beside one that nobody owns", []muxpool.Event{up(one), up(none), expelled(one, failed)}, "1ks 1k 1k"},
		{"nobody's expelled, beside one's own", []muxpool.Event{up(none), up(one), expelled(none, failed)}, "1kx 0kx 1ksx"},
	} {
		var ls links
		for _, ev := range row.events {
			ls.note(ev)
		}
		got := ""
		for i, id := range []muxpool.Identity{one, other, none} {
			if i > 0 {
				got += " "
			}
			got += fmt.Sprint(ls.healthy(id))
			for _, is := range []struct {
				mark string
				so   bool
			}{{"k", ls.known(id)}, {"s", ls.suspect(id)}, {"x", ls.standing(id) != nil}} {
				if is.so {
					got += is.mark
				}
			}
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
		ls.pardon()
		for _, id := range []muxpool.Identity{one, other, third, none} {
			if ls.suspect(id) || ls.standing(id) != nil {
				t.Errorf("%s: after a pardon it stands for %v", row.name, id)
			}
		}
	}
}

// When nobody knows how many connections there are any more, there are none, believed in or not.
func TestConnectionsThatNobodyTellsOf(t *testing.T) {
	id := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	g := NewGroup()
	defer g.Close()
	g.Hold(id)
	n := g.find(id)
	for _, ev := range []muxpool.Event{{Kind: muxpool.ConnUp}, {Kind: muxpool.ConnUp}, {Kind: muxpool.ConnDown, Reason: muxpool.ReasonStalled}, {Kind: muxpool.ConnUp}} {
		ev.Node = id
		n.hear(ev)
	}
	if l := n.links[0]; l.proven != 1 || l.unproven != 1 {
		t.Fatalf("%+v", l)
	}
	n.disconnect()
	if l := n.links[0]; l.proven != 0 || l.unproven != 0 || !l.suspect || !l.seen {
		t.Errorf("%+v", l)
	}
}

// Who has found a node that is forgotten before he looks is told that there is none.
func TestANodeThatIsGoneSaysSo(t *testing.T) {
	id := muxpool.Node{Network: "tcp", Address: "10.0.0.1:7000"}
	g := NewGroup()
	defer g.Close()
	s, release := g.UseScope("shop")
	let := s.Hold(id)
	n := g.find(id)
	if st, ok := n.status(); !ok || st.Node != id || !st.Live {
		t.Errorf("%+v, %v", st, ok)
	}
	if !n.hear(muxpool.Event{Kind: muxpool.ConnUp, Node: id}) {
		t.Error("it hears nothing")
	}
	let()
	release()
	if st, ok := n.status(); ok || st.Node != id || st.Live {
		t.Errorf("gone: %+v, %v", st, ok)
	}
	if n.hear(muxpool.Event{Kind: muxpool.ConnUp, Node: id}) {
		t.Error("gone, it takes an event from whoever is to come")
	}
}

// Of a node's circuits the worst is told.
func TestWorse(t *testing.T) {
	order := []State{Closed, HalfOpen, Open}
	for i, a := range order {
		for j, b := range order {
			if worse(a, b) != (i > j) {
				t.Errorf("%v is worse than %v: %v", a, b, i <= j)
			}
		}
	}
}
