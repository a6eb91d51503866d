package bounded

import "time"

// A Limit ends a wait that looks by itself for what it waits for: 60 s after its first look, but
// time in which the machine had none for the process and its children is not counted, as [Tests]
// does not. So what is there on an idle machine is there on a busy one, and no test says how long
// that takes. The zero value is ready. It is not safe for concurrent use.
type Limit struct {
	had  time.Duration
	last work
}

// Over reports whether the wait is over. It is cheap: it looks at the machine once a second. While a
// test is [Long] it is not.
func (l *Limit) Over() bool {
	if !l.last.at.IsZero() && time.Since(l.last.at) < tick() {
		return false
	}
	now := work{at: time.Now()}
	if !inBubble() {
		now = worked()
	}
	if !l.last.at.IsZero() {
		l.had += now.since(l.last, tick())
	}
	l.last = now
	return l.had >= ticks*tick() && long.Load() == 0
}
