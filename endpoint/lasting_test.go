package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// What time does not cure, and what it may. A peer that has an error of its own, or whose user left, says nothing of the handshake.
func TestWhatLasts(t *testing.T) {
	alert := func(number uint8) error { return &net.OpError{Op: "remote error", Err: tls.AlertError(number)} }
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":                           {nil, false},
		"what nobody knows":                 {errors.New("what?"), false},
		"time is over":                      {context.DeadlineExceeded, false},
		"a reset":                           {&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, false},
		"a bad certificate, says the peer":  {alert(42), true},
		"access denied, says the peer":      {alert(49), true},
		"an alert before that of an error":  {alert(79), true},
		"an error of the peer's own":        {alert(80), false},
		"an alert behind that":              {alert(81), true},
		"an alert before that of a user":    {alert(89), true},
		"the peer's user left":              {alert(90), false},
		"an alert behind that of a user":    {alert(91), true},
		"an alert of our own":               {&net.OpError{Op: "local error", Err: tls.AlertError(42)}, false},
		"an alert without a word":           {&net.OpError{Op: "remote error"}, false},
		"a certificate of nobody's":         {x509.UnknownAuthorityError{}, true},
		"a certificate of another name":     {x509.HostnameError{Certificate: &x509.Certificate{}}, true},
		"a certificate that is over":        {x509.CertificateInvalidError{Reason: x509.Expired}, true},
		"one that does not verify":          {&tls.CertificateVerificationError{Err: errors.New("no")}, true},
		"no TLS":                            {tls.RecordHeaderError{Msg: "no TLS"}, true},
		"no credentials":                    {&transport.Error{Code: transport.CodeUnauthenticated, Remote: true}, true},
		"credentials that do not allow it":  {&transport.Error{Code: transport.CodePermissionDenied, Remote: true}, true},
		"a node that is not there just now": {&transport.Error{Code: transport.CodeUnavailable, Remote: true}, false},
		"an option that makes no sense":     {ErrInvalidOption, true},
	} {
		equal(t, name, lasts(c.err), c.want)
		if c.err != nil {
			equal(t, name+", within another", lasts(fmt.Errorf("dial: %w", c.err)), c.want)
		}
	}
}
