package endpoint

import (
	"fmt"
	"strings"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// maxText bounds, in bytes, what a peer or a discovery system may add to a log
// line or to an error of this package.
const maxText = 256

// quote makes text of others harmless: control characters and line breaks are
// escaped, and what is longer than max bytes is cut.
func quote(s string, max int) string { return text.Quoted(s, max) }

// shown is quote for text that stands by itself, as a value in a log line: what prints is
// not quoted, since whoever writes the line does that, and errors of the transport have
// done it with the words of peers.
func shown(s string, max int) string { return text.Shown(s, max) }

// worded is err, which is the user's, or what is said in its place if it panics when it is asked for its text,
// as a nil pointer does.
func worded(err error) (safe error) {
	defer func() {
		if v := recover(); v != nil {
			safe = fmt.Errorf("muxendpoint: an error of type %T without a text: %w", err, newPanicError(v))
		}
	}()
	_ = err.Error()
	return err
}

// said is shown for what an error says.
func said(err error, max int) string { return text.Said(err.Error(), max) }

// maxSaid bounds what an error of this package says of another, of which it may list
// several, in bytes; maxAllSaid what it says of a list.
const (
	maxSaid    = 512
	maxAllSaid = (maxListed + 1) * maxSaid
)

// bare is what err says within an error of this package.
func bare(err error, max int) string {
	return text.Said(strings.TrimPrefix(err.Error(), "muxendpoint: "), max)
}

// lead is how an error of a call begins that no node has taken, or several have.
func lead(method string) string {
	if method == "" {
		return "muxendpoint: "
	}
	return "muxendpoint: " + shown(method, maxText) + ": "
}

// marks say whose the failure is, and whether the call was run.
func marks(err verdict.Teller) string {
	v := err.Verdict()
	return fmt.Sprintf(" (%v, %v)", v.Whose, v.Ran)
}

// marksOf is marks of a call's error, and nothing of one that a Balancer gave without a call.
func marksOf(method string, err verdict.Teller) string {
	if method == "" {
		return ""
	}
	return marks(err)
}

// named is err as that of a call of method.
func named(method string, err error) error {
	switch e := err.(type) {
	case *NoNodesError: // many calls'
		own := *e
		own.method = method
		return &own
	case *AllOpenError: // perhaps others', who wait
		own := *e
		own.method = method
		return &own
	case *WaitError:
		e.method = method
	}
	return err
}
