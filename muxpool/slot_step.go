package muxpool

import "time"

// slotState is the state of a slot.
type slotState uint8

const (
	// slotEmpty: no connection; the next Get that finds it dials.
	slotEmpty slotState = iota
	// slotDialing: a goroutine tries to connect, for somebody who wants a connection.
	slotDialing
	// slotRedialing: a goroutine tries to connect, after a wait that followed the end
	// of a connection or a failed attempt.
	slotRedialing
	// slotUp: conn takes calls.
	slotUp
	// slotRenewing: conn takes calls, and a goroutine tries to connect in its place.
	slotRenewing
	// slotWaiting: it is redialed when the timer fires, whether or not somebody asks.
	slotWaiting
	// slotResting: it was given up, and is empty when the timer fires. Until then others
	// carry the calls; if there are none, and none is being made, a Get may end the rest.
	slotResting
)

var slotStates = [...]string{"empty", "dialing", "redialing", "up", "renewing", "waiting", "resting"}

func (s slotState) String() string { return name(slotStates[:], int(s)) }

func (s slotState) up() bool      { return s == slotUp || s == slotRenewing }
func (s slotState) dialing() bool { return s == slotDialing || s == slotRedialing }

// trying reports whether a connection comes without anybody doing anything.
func (s slotState) trying() bool { return s.dialing() || s == slotWaiting }

// slotNews is what may happen to a slot.
type slotNews uint8

const (
	slotWanted    slotNews = iota // a Get needs a connection
	slotConnected                 // the dial has ended with one
	slotRefused                   // the dial has failed
	slotLost                      // the connection ended by failing, with calls on it
	slotLeft                      // it ended otherwise
	slotSilent                    // it ended because nothing arrived any more
	slotLostLate                  // as slotLost, of a connection that had left the slot before
	slotDue                       // the timer has fired
	slotAged                      // the connection is to be replaced
	slotProven                    // the peer has answered
	slotShut                      // the node is closed
)

// slotEvent is what happens, and what of the node matters to what follows.
type slotEvent struct {
	news    slotNews
	alone   bool // no slot has a connection; with slotWanted: nor tries to make one
	patient bool // the peer is worth redialing
	spare   bool // the slot is one more than WithConnectNumber asks for, and not needed
	// Of a connection that ended:
	proven bool          // the peer had answered on it
	brief  bool          // it was ended by the peer, soon
	age    time.Duration // slotWanted: how long ago it had or tried a connection
}

// slotPolicy is what the options say of slots.
type slotPolicy struct {
	max          int           // attempts
	first, limit time.Duration // bounds of the waits between them
}

// The rest of a slot that was given up, for the first and for the longest time.
const (
	restTime  = time.Second
	restLimit = time.Minute
)

// slotLife is a slot as far as its policy goes. A wait before a redial and a rest are
// the same thing: both grow with what was tried in vain, and only an answer of the
// peer's takes that back.
type slotLife struct {
	state slotState
	tries int  // connects in a row that led to no answer; one that is up is among them
	rests int  // how often in a row it was given up
	hung  bool // the last attempt did connect, and no rest has come after it
}

// slotTodo is what is to be done, beside the change of the state.
type slotTodo struct {
	dial   bool
	bound  time.Duration // a wait is to be drawn, from zero to this, less age
	age    time.Duration
	rest   time.Duration // the timer is to fire after this
	limit  bool          // it has used its attempts up: told once
	spent  bool          // it had none left
	doubt  bool          // the peer is to be doubted
	broken bool          // it cannot happen: nothing has changed
}

// step is the policy of slots: what an event makes of one. It is pure.
func (l slotLife) step(ev slotEvent, p slotPolicy) (slotLife, slotTodo) {
	var todo slotTodo
	if l.must(ev.news); ev.proven {
		l.tries, l.rests = 0, 0
	}
	if l.state == slotRenewing && ev.news.endsRenewal() {
		return l.renewed(ev)
	}
	switch ev.news {
	case slotWanted:
		if l.state == slotEmpty || l.state == slotResting && ev.alone {
			return l.want(ev, p)
		}
	case slotConnected:
		l.state, l.hung = slotUp, true
		l.tries++ // until the peer answers
	case slotRefused:
		l.tries++
		l.hung = false
		if ev.patient && !ev.spare && l.rests == 0 && (ev.alone || l.state == slotRedialing) {
			return l.retry(p, todo)
		}
		return l.rest(todo)
	case slotLost:
		if todo.doubt = ev.alone && !ev.proven; ev.spare {
			return l.spare(ev, todo)
		}
		return l.retry(p, todo)
	case slotLostLate:
		if todo.doubt = ev.alone && !ev.proven; l.state == slotEmpty && !ev.spare {
			return l.retry(p, todo)
		}
	case slotSilent: // a connect would prove nothing: no redial
		l.hung = false
		if todo.doubt = ev.alone; !ev.alone {
			return l.rest(todo)
		}
		l.state = slotEmpty
	case slotLeft:
		return l.left(ev, p)
	case slotDue:
		if l.state == slotWaiting {
			l.state, todo.dial = slotRedialing, true
		} else {
			l.state, l.hung = slotEmpty, false
		}
	case slotAged:
		l.state, todo.dial = slotRenewing, l.state == slotUp
	case slotProven:
		if l.tries, l.rests = 0, 0; l.state == slotResting {
			l.state = slotEmpty
		}
	case slotShut:
		l.state = slotEmpty
	}
	return l, todo
}

// must panics if the event cannot happen in this state.
func (l slotLife) must(news slotNews) {
	ok := true
	switch news {
	case slotConnected, slotRefused:
		ok = l.state.dialing() || l.state == slotRenewing
	case slotLost, slotLeft, slotSilent, slotAged:
		ok = l.state.up()
	case slotDue:
		ok = l.state == slotWaiting || l.state == slotResting
	}
	if !ok {
		panic(bugf("slot news %d while %v", news, l.state))
	}
}

// want dials for a Get: at once, unless the peer has hung up without an answer more
// than once; then as late as a redial.
func (l slotLife) want(ev slotEvent, p slotPolicy) (slotLife, slotTodo) {
	if l.hung && l.tries > 1 {
		if bound := backoffBound(l.tries, p.first, p.limit); bound > ev.age {
			l.state = slotWaiting
			return l, slotTodo{bound: bound, age: ev.age}
		}
	}
	l.state = slotDialing
	return l, slotTodo{dial: true}
}

// retry redials after a wait, or gives up at the limit.
func (l slotLife) retry(p slotPolicy, todo slotTodo) (slotLife, slotTodo) {
	if l.rests == 0 && l.tries < p.max {
		l.state, todo.bound = slotWaiting, backoffBound(l.tries+1, p.first, p.limit)
		return l, todo
	}
	todo.limit, todo.spent = l.rests == 0, true
	return l.rest(todo)
}

// rest gives up for a while, each time for longer.
func (l slotLife) rest(todo slotTodo) (slotLife, slotTodo) {
	todo.rest = backoffBound(l.rests+1, restTime, restLimit)
	l.state, l.rests = slotResting, l.rests+1
	return l, todo
}

// left is the end of a connection that hurt nobody. That the peer ends one soon, without
// an answer, may happen; one after the other, that counts like a loss.
func (l slotLife) left(ev slotEvent, p slotPolicy) (slotLife, slotTodo) {
	var todo slotTodo
	soon := ev.brief && !ev.proven
	todo.doubt = soon && ev.alone
	l.hung = l.hung && ev.brief
	switch {
	case soon && ev.spare: // its slot would be no more, and would remember nothing
		return l.rest(todo)
	case !soon || l.tries < 2:
	case !ev.alone:
		return l.rest(todo)
	case l.tries >= p.max || l.rests > 0:
		todo.limit, todo.spent = l.rests == 0, true
		return l.rest(todo)
	}
	l.state = slotEmpty
	return l, todo
}

// endsRenewal reports whether it ends the state slotRenewing otherwise than by success.
func (n slotNews) endsRenewal() bool {
	return n == slotRefused || n == slotLost || n == slotLeft || n == slotSilent
}

// renewed is that end. If the dial has failed, the slot keeps the connection that it
// has; if that has ended, no other dial is needed.
func (l slotLife) renewed(ev slotEvent) (slotLife, slotTodo) {
	var todo slotTodo
	switch ev.news {
	case slotRefused:
		l.state = slotUp
		return l, todo
	case slotLost:
		l.state, todo.doubt = slotRedialing, ev.alone && !ev.proven
	case slotLeft:
		l.state, todo.doubt = slotDialing, ev.alone && !ev.proven && ev.brief
	case slotSilent:
		l.state, l.hung, todo.doubt = slotDialing, false, ev.alone
	}
	return l, todo
}

// spare is a lost connection that is not redialed: who needs one more asks for it. A
// peer that loses such ones without an answer is not asked for a while.
func (l slotLife) spare(ev slotEvent, todo slotTodo) (slotLife, slotTodo) {
	if !ev.proven {
		return l.rest(todo)
	}
	l.state = slotEmpty
	return l, todo
}
