package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// maxText bounds, in bytes, what is shown of one text that came from elsewhere.
const maxText = 2 << 10

// maxName is maxText for the name of a method or of metadata.
const maxName = 80

// explain writes to stderr what an error knows of a failed call to a node; t is nil if there
// was none.
func explain(s streams, err error, t *target) {
	s.say("%s", text.Said(err.Error(), maxText))
	var output *outputError
	if errors.As(err, &output) {
		return // it is nobody's out there
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(s.err, "  %-7s %s\n", name, fmt.Sprintf(format, args...))
	}
	var e *transport.Error
	if errors.As(err, &e) {
		if e.Node.Address != "" {
			line("node", "%s", e.Node)
		}
		if e.Method != "" {
			line("method", "%s", text.Shown(e.Method, maxName))
		}
		if e.Status != 0 {
			line("status", "%d", e.Status)
		}
	}
	v := verdict.Of(err)
	line("code", "%s", v.Code)
	line("fault", "%s", fault(v))
	line("sent", "%s", sent(v))
	if v.RetryAfter > 0 {
		line("wait", "%v before another try, the node says", v.RetryAfter.Round(time.Millisecond))
	}
	if v.NoRetry {
		line("retry", "the node wants no other try")
	}
	if hint := hint(err, t); hint != "" {
		line("hint", "%s", hint)
	}
}

// fault says whose a failure is, as far as anything tells.
func fault(v verdict.Verdict) string {
	switch {
	case v.Code == verdict.CodeUnimplemented && v.Answered:
		return "of who called, or of who put the service there: the node has no such method"
	case v.Code == verdict.CodeDeadlineExceeded && v.Ran == verdict.NotSent:
		return "not known: the time was over before there was a connection"
	case v.Code == verdict.CodeDeadlineExceeded && !v.Answered:
		return "not known: the method is slow, or the node or the way to it is lost"
	}
	return faults[v.Whose]
}

// sent says whether a call left, and whether it was run.
func sent(v verdict.Verdict) string {
	switch {
	case v.Ran == verdict.Maybe && v.Answered:
		return "yes, and answered: whether it was run the answer does not tell"
	case v.Ran == verdict.Maybe && v.Code == verdict.CodeDeadlineExceeded:
		return "yes, or in part, and not answered: whether it was run is not known"
	}
	return sents[v.Ran]
}

var faults = map[verdict.Whose]string{
	verdict.Nobody:   "nobody's",
	verdict.Caller:   "the caller's: the request, its credentials, or this command",
	verdict.Method:   "the method's, or of what it depends on",
	verdict.Node:     "the node's",
	verdict.Path:     "of the way to the node: no connection could be had, or it was lost",
	verdict.Overload: "overload: the node cannot take the call now",
}

var sents = map[verdict.Ran]string{
	verdict.Maybe:   "yes, or in part: whether it was run is not known",
	verdict.NotSent: "no: it may be repeated whatever it does",
	verdict.Refused: "yes, and the node did not run it: it may be repeated whatever it does",
	verdict.Yes:     "yes, and it was run",
}

// answer is what a call brought beside its response.
type answer struct {
	metadata transport.Metadata
	refusal  []byte // the body of an error answer
}

// show writes it to stderr; metadata only if asked for.
func (a *answer) show(s streams, metadata bool) {
	if len(a.refusal) > 0 {
		fmt.Fprintf(s.err, "  %-7s %s\n", "body", text.Shown(string(a.refusal), maxText))
	}
	if !metadata {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(a.metadata)) {
		fmt.Fprintf(s.err, "  metadata %s=%s\n", text.Shown(name, maxName), text.Shown(a.metadata[name], maxText))
	}
}
