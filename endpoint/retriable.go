package endpoint

import (
	"errors"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// maybeSent reports whether a request may have reached its peer: true unless
// the error says otherwise.
func maybeSent(err error) bool {
	var s interface{ Sent() bool }
	return !errors.As(err, &s) || s.Sent()
}

// harmless reports whether no peer has run, or will run, the request, so that a
// retry is safe whatever the request does.
func harmless(err error) bool {
	if !maybeSent(err) {
		return true
	}
	var r interface{ Refused() bool }
	return errors.As(err, &r) && r.Refused()
}

// pointless reports whether the request itself is at fault, or was answered, so
// that every node and every attempt would come to the same end.
func pointless(err error) bool {
	var e *transport.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case transport.CodeBusiness, transport.CodeUnimplemented, transport.CodeInvalidArgument, transport.CodeTooLarge,
		transport.CodeEncode, transport.CodeInvalid:
		return true
	}
	return false
}

// isRefusal reports whether the call never became an attempt: a breaker opened,
// or discovery dropped the node, after it was chosen.
func isRefusal(err error) bool {
	var open *breaker.OpenError
	var removed *RemovedError
	return (errors.As(err, &open) || errors.As(err, &removed)) && !maybeSent(err)
}

// nodeOf finds the node that an error speaks of, for balancers that do not tell.
func nodeOf(err error) muxpool.Node {
	var open *breaker.OpenError
	if errors.As(err, &open) {
		return open.Node
	}
	var t *transport.Error
	if errors.As(err, &t) {
		return t.Node
	}
	var p *muxpool.Error
	if errors.As(err, &p) {
		return p.Node
	}
	return muxpool.Node{}
}
