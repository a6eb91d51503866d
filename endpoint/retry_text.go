package endpoint

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// Error is one line: the method, why the call was given up, what ended it beside its attempts,
// and the attempts, by their numbers and nodes. What is known of one node stands together, and
// the node's name once; attempts there that came to the same end are told as one.
func (e *RetryError) Error() string {
	var b strings.Builder
	method := e.named()
	fmt.Fprintf(&b, "%sgave up after %d attempts (%s)", lead(method), len(e.Attempts), e.GaveUp)
	cause, out := e.beside()
	if cause != "" {
		b.WriteString(": " + cause)
	}
	lines := e.lines(method, out)
	for i, l := range lines {
		if i == maxListed {
			fmt.Fprintf(&b, "; and %d more", len(lines)-i)
			break
		}
		b.WriteString("; " + l.String())
	}
	return b.String()
}

// named is the method: that of the attempts, if they tell one, which the text then tells once.
func (e *RetryError) named() string {
	for _, a := range e.Attempts {
		var first verdict.Teller // not the cause of a breaker, which may be another method's
		if errors.As(a.Err, &first) {
			if own, ok := first.(*transport.Error); ok && own.Node != (muxpool.Node{}) {
				return own.Method
			}
		}
	}
	return e.method
}

// beside is what is said of Cause: without what an attempt says, and without nodes that are
// out, which are returned.
func (e *RetryError) beside() (said string, out *AllOpenError) {
	switch cause := e.Cause.(type) {
	case nil:
		return "", nil
	case *AllOpenError:
		return cause.head(marks(cause)), cause
	case *NoNodesError:
		return cause.said(marks(cause)), nil
	case *WaitError:
		if out, ok := cause.For.(*AllOpenError); ok {
			return cause.until() + ": " + out.head(""), out
		}
		for _, a := range e.Attempts {
			if a.Err == cause.For {
				return cause.until(), nil
			}
		}
	}
	return bare(e.Cause, maxAllSaid), nil
}

// nodeLine is what is said of a node: that it is out, if numbers is empty, or what attempts there
// have come to.
type nodeLine struct {
	node    muxpool.Node
	numbers []string
	again   bool // the line before it has named the node
	said    string
}

func (l *nodeLine) String() string {
	if len(l.numbers) == 0 {
		return l.said
	}
	numbers := l.numbers
	if len(numbers) > maxListed {
		numbers = append(numbers[:maxListed:maxListed], "...")
	}
	where := ""
	switch {
	case l.node == (muxpool.Node{}):
	case l.again:
		where = " there"
	default:
		where = " " + l.node.String()
	}
	return fmt.Sprintf("[%s%s] %s", strings.Join(numbers, ", "), where, l.said)
}

// lines are what is known of each node, in the order in which it is first named.
func (e *RetryError) lines(method string, out *AllOpenError) (lines []*nodeLine) {
	var nodes []muxpool.Node
	known := make(map[muxpool.Node][]*nodeLine)
	add := func(l *nodeLine) {
		of := known[l.node]
		if l.again = len(of) > 0; !l.again {
			nodes = append(nodes, l.node)
		}
		known[l.node] = append(of, l)
	}
	if out != nil {
		for _, open := range out.Nodes {
			add(&nodeLine{node: open.Node, said: openText(open)})
		}
	}
	for _, a := range e.Attempts {
		l := &nodeLine{node: a.Node, numbers: []string{strconv.Itoa(a.Number)}, said: bare(a.Err, maxSaid)}
		if a.Node == (muxpool.Node{}) { // they may have gone anywhere
			add(l)
			continue
		}
		name := a.Node.String()
		l.said = strings.Replace(l.said, text.Lead(method, name), "", 1)
		l.said = text.Without(strings.TrimPrefix(l.said, "breaker: "), name)
		if !isSaid(known[a.Node], l) {
			add(l)
		}
	}
	for _, n := range nodes {
		lines = append(lines, known[n]...)
	}
	return lines
}

// isSaid adds l to that of its node's lines which says the same, and reports whether one does.
func isSaid(of []*nodeLine, l *nodeLine) bool {
	for _, k := range of {
		switch {
		case len(k.numbers) == 0 && strings.Contains(k.said, l.said):
			return true
		case k.said == l.said:
			if k.numbers[len(k.numbers)-1] != l.numbers[0] { // who was not sent costs no number
				k.numbers = append(k.numbers, l.numbers...)
			}
			return true
		}
	}
	return false
}
