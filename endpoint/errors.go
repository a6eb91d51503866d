package endpoint

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-kit/kit/sd/lb"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

var (
	// ErrInvalidOption: an option's value makes no sense; the text names the
	// option and the value.
	ErrInvalidOption error = &sentinel{"muxendpoint: invalid option",
		verdict.Verdict{Code: verdict.CodeInvalid, Whose: verdict.Caller, Ran: verdict.NotSent}}
	// ErrSetClosed: the Set or the Directory was closed. No attempt would come to
	// another end.
	ErrSetClosed error = &sentinel{"muxendpoint: set closed",
		verdict.Verdict{Code: verdict.CodeUnavailable, Whose: verdict.Caller, Ran: verdict.NotSent}}
)

// sentinel is an error whose text and verdict are all that it has to say.
type sentinel struct {
	text    string
	verdict verdict.Verdict
}

func (e *sentinel) Error() string            { return e.text }
func (e *sentinel) Verdict() verdict.Verdict { return e.verdict }
func (e *sentinel) Sent() bool               { return e.verdict.Sent() }
func (e *sentinel) StatusCode() int          { return e.verdict.Code.HTTP() }

// noNode is the verdict of a call that no node took: nothing was learned about any.
var noNode = verdict.Verdict{Code: verdict.CodeUnavailable, Whose: verdict.Nobody, Ran: verdict.NotSent}

// NoNodesError: discovery names no usable node. It unwraps to lb.ErrNoEndpoints
// and to Cause.
type NoNodesError struct {
	Cause error // why none could be made, else the discovery system's last error; nil if nothing was told
	bad   bool  // it names instances, and none is a node

	method string
}

// lasts reports whether time brings no node. What panics when it is to make one is asked again.
func (e *NoNodesError) lasts() bool {
	return e.bad || lasts(e.Cause) && !hasAs[*PanicError](e.Cause)
}

func (e *NoNodesError) Error() string { return lead(e.method) + e.said(marksOf(e.method, e)) }

// said is the text between its lead and its end.
func (e *NoNodesError) said(marks string) string {
	if e.Cause == nil {
		return "no usable node" + marks
	}
	return "no usable node" + marks + ": " + bare(e.Cause, maxSaid)
}

// Verdict says that no node took the call.
func (e *NoNodesError) Verdict() verdict.Verdict { return noNode }

// StatusCode returns 503: the HTTP status for the verdict.
func (e *NoNodesError) StatusCode() int { return noNode.Code.HTTP() }

// Sent reports false: nothing was sent.
func (e *NoNodesError) Sent() bool { return false }

// Unwrap returns lb.ErrNoEndpoints and the cause.
func (e *NoNodesError) Unwrap() []error {
	if e.Cause == nil {
		return []error{lb.ErrNoEndpoints}
	}
	return []error{lb.ErrNoEndpoints, e.Cause}
}

// RemovedError: discovery dropped the node between the choice and the call.
type RemovedError struct {
	Node muxpool.Node
}

func (e *RemovedError) Error() string {
	return fmt.Sprintf("muxendpoint: %s: discovery has dropped the node", e.Node)
}

// Verdict says that no node took the call.
func (e *RemovedError) Verdict() verdict.Verdict { return noNode }

// StatusCode returns 503: the HTTP status for the verdict.
func (e *RemovedError) StatusCode() int { return noNode.Code.HTTP() }

// Sent reports false: nothing was sent.
func (e *RemovedError) Sent() bool { return false }

// AllOpenError: the breaker of every node is open. It unwraps to each of Nodes,
// and through them to their causes and to gobreaker.ErrOpenState.
type AllOpenError struct {
	Nodes      []*breaker.OpenError // one for each node, never empty
	RetryAfter time.Duration        // until the first of the nodes may take a call again; 0 if nobody knows

	method string
}

// maxListed bounds how many nodes or attempts an error's text lists.
const maxListed = 8

func (e *AllOpenError) Error() string { return lead(e.method) + e.said(marksOf(e.method, e)) }

func (e *AllOpenError) said(marks string) string {
	var b strings.Builder
	b.WriteString(e.head(marks))
	for i, open := range e.Nodes {
		if i == maxListed {
			fmt.Fprintf(&b, "; and %d more", len(e.Nodes)-i)
			break
		}
		b.WriteString("; " + openText(open))
	}
	return b.String()
}

// head is said without the nodes.
func (e *AllOpenError) head(marks string) string {
	s := fmt.Sprintf("all %d nodes are out%s", len(e.Nodes), marks)
	if e.RetryAfter > 0 {
		s += fmt.Sprintf(", retry after %v", e.RetryAfter.Round(time.Millisecond))
	}
	return s
}

// openText is what is said of one of the nodes.
func openText(open *breaker.OpenError) string {
	return text.Said(strings.TrimPrefix(open.Error(), "breaker: "), maxSaid)
}

// Verdict says that no node took the call, and when one may.
func (e *AllOpenError) Verdict() verdict.Verdict {
	v := noNode
	v.RetryAfter = e.RetryAfter
	return v
}

// StatusCode returns 503: the HTTP status for the verdict.
func (e *AllOpenError) StatusCode() int { return noNode.Code.HTTP() }

// Sent reports false: nothing was sent.
func (e *AllOpenError) Sent() bool { return false }

// Unwrap returns the error of each node.
func (e *AllOpenError) Unwrap() []error {
	errs := make([]error, len(e.Nodes))
	for i, open := range e.Nodes {
		errs[i] = open
	}
	return errs
}

func newAllOpenError(open []*breaker.OpenError) *AllOpenError {
	e := &AllOpenError{Nodes: open}
	for _, o := range open {
		if o.RetryAfter > 0 && (e.RetryAfter == 0 || o.RetryAfter < e.RetryAfter) {
			e.RetryAfter = o.RetryAfter
		}
	}
	return e
}
