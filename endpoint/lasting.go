package endpoint

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// lasts reports whether err tells of something that time does not cure, so that it makes no
// sense to wait: a certificate that is not accepted, here or there, credentials that are not, a
// peer that speaks no TLS, a setting that makes no sense.
func lasts(err error) bool {
	if err == nil {
		return false
	}
	switch v := verdict.Of(err); {
	case v.Whose == verdict.Caller, v.Code == verdict.CodeUnauthenticated, v.Code == verdict.CodePermissionDenied:
		return true
	}
	return hasAs[*tls.CertificateVerificationError](err) || hasAs[tls.RecordHeaderError](err) ||
		hasAs[x509.UnknownAuthorityError](err) || hasAs[x509.HostnameError](err) || hasAs[x509.CertificateInvalidError](err) ||
		refusedByAlert(err)
}

func hasAs[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

// refusedByAlert reports whether the peer ended the handshake with a TLS alert. Two of them
// say that it is not the handshake's fault.
func refusedByAlert(err error) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return false
	}
	const internalError, userCanceled = 80, 90
	text := op.Err.Error()
	return text != tls.AlertError(internalError).Error() && text != tls.AlertError(userCanceled).Error()
}

// lasts reports whether time brings none of the nodes back.
func (e *AllOpenError) lasts() bool {
	for _, open := range e.Nodes {
		if !lasts(open.Cause) {
			return false
		}
	}
	return true
}
