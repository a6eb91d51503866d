package verdict

import (
	"fmt"
	"strings"
	"time"
)

// Verdict is what a call's end says. The zero Verdict is that of a call about which
// nothing is known and nobody is to blame.
type Verdict struct {
	Code  Code  // 0: it did not fail
	Whose Whose // who is to blame
	Ran   Ran   // whether the call was run
	// RetryAfter is how long to wait before the peer is asked again; 0: it did not
	// say.
	RetryAfter time.Duration
	// NoRetry says that the peer wants no further attempt, wherever.
	NoRetry bool
	// Answered says that the peer itself said so: whatever it said, it lives. False:
	// it was found on this side, or nobody knows.
	Answered bool
}

// Whose says who is to blame for a failed call.
type Whose uint8

const (
	// Nobody: nothing was learned about anybody.
	Nobody Whose = iota
	// Caller: the request, its credentials, or this process. Every node and every
	// attempt would come to the same end.
	Caller
	// Method: this method on this node, or what it depends on; the node's other
	// methods may be well.
	Method
	// Node: the node as a whole.
	Node
	// Path: the way to the node: no connection could be had, or it was lost.
	Path
	// Overload: the node is well and cannot take the call now: load has to move.
	Overload
)

var whoses = [...]string{"nobody", "caller", "method", "node", "path", "overload"}

func (w Whose) String() string { return word(whoses[:], int(w)) }

// Ran says whether a peer has run, or will run, the call.
type Ran uint8

const (
	// Maybe: nobody here can tell. The zero value, so that silence promises nothing.
	Maybe Ran = iota
	// NotSent: no byte of the request was handed to the kernel, nor will be.
	NotSent
	// Refused: a peer got it and did not run it, as its transport says.
	Refused
	// Yes: it was run, and answered.
	Yes
)

// Most returns what is known of two tries together: the one of which more may have been
// run. Not sent is less than refused, that is less than maybe, and that less than yes.
func (r Ran) Most(other Ran) Ran {
	if other.done() > r.done() {
		return other
	}
	return r
}

func (r Ran) done() int {
	switch r {
	case NotSent:
		return 0
	case Refused:
		return 1
	case Yes:
		return 3
	}
	return 2
}

var rans = [...]string{"maybe ran", "not sent", "refused", "ran"}

func (r Ran) String() string { return word(rans[:], int(r)) }

func word(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

// ByCode is the verdict of an error answer that says no more than its code: whose it
// is follows from the code, and whether it ran nobody knows.
func ByCode(c Code) Verdict {
	if c == 0 {
		c = CodeUnknown
	}
	v := Verdict{Code: c, Whose: c.property().whose}
	if c == CodeBusiness {
		v.Ran = Yes
	}
	return v
}

// AsRefused is v for a call that the peer's transport did not run. Who cannot take calls
// just now is not sick: unavailable is a matter of load then, and nobody is to blame if
// the call's time was over. Who breaks before it runs them is: internal and unknown are
// the method's still.
func (v Verdict) AsRefused() Verdict {
	v.Ran = Refused
	switch v.Code {
	case CodeUnavailable:
		v.Whose = Overload
	case CodeDeadlineExceeded:
		v.Whose = Nobody
	}
	return v
}

// SafeToRetry reports whether a further attempt is safe whatever the request does:
// no peer has run it, nor will.
func (v Verdict) SafeToRetry() bool { return v.Ran == NotSent || v.Ran == Refused }

// Sent reports whether a peer may have got the request.
func (v Verdict) Sent() bool { return v.Ran != NotSent }

// Definitive reports whether no further attempt would come to another end.
func (v Verdict) Definitive() bool { return v.Code != 0 && v.Whose == Caller }

// Elsewhere reports whether the call may be tried on another node. idempotent says
// that it does no harm when it is run twice.
func (v Verdict) Elsewhere(idempotent bool) bool {
	return v.Code != 0 && !v.Definitive() && !v.NoRetry && (v.SafeToRetry() || idempotent)
}

// WaitedFor reports whether the call may be made later: nothing that could take it
// was there, and it was not run.
func (v Verdict) WaitedFor() bool {
	return v.SafeToRetry() && !v.NoRetry && (v.Code == CodeUnavailable || v.Code == CodeConnection) && v.Whose != Caller
}

// CountsAgainst says what the failure speaks against: Node (the path to it
// included), Method, or Nobody.
func (v Verdict) CountsAgainst() Whose {
	switch v.Whose {
	case Node, Path:
		return Node
	case Method:
		return Method
	}
	return Nobody
}

// String is the verdict in words, as "unavailable: path, not sent".
func (v Verdict) String() string {
	if v.Code == 0 {
		return "ok"
	}
	s := []string{v.Whose.String(), v.Ran.String()}
	if v.RetryAfter > 0 {
		s = append(s, "retry after "+v.RetryAfter.String())
	}
	if v.NoRetry {
		s = append(s, "do not retry")
	}
	return v.Code.String() + ": " + strings.Join(s, ", ")
}
