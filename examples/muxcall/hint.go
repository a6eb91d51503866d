package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/trpc"
)

// hint says what to look at first when a call to a node has failed so; empty if the error
// says all that is known.
func hint(err error, t *target) string {
	if t == nil {
		return ""
	}
	v := verdict.Of(err)
	switch {
	case v.Ran == verdict.NotSent:
		return t.hintUnsent(err)
	case v.Answered:
		return t.hintAnswered(err, v)
	case v.Code == verdict.CodeDeadlineExceeded && t.isTRPC():
		return "tRPC-Go does not answer a call that states its timeout if the handler fails with one (codes 21, 24, 102); with -timeout 0 the call states none"
	case v.Code == verdict.CodeDeadlineExceeded && t.node.Network == "udp":
		return "over udp nothing tells whether anybody is there"
	case v.Code == verdict.CodeConnection:
		return t.hintLost(err)
	}
	return ""
}

// hintUnsent is for a node to which there was no connection.
func (t *target) hintUnsent(err error) string {
	var name *net.DNSError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var certificate x509.CertificateInvalidError
	var late net.Error
	switch {
	case errors.As(err, &name):
		return "is the host's name spelled right, and is it known here?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: is the service up, and is it the right port?"
	case errors.Is(err, syscall.ENOENT) && t.node.Network == "unix":
		return "there is no such socket: is the service up, and is it the right path?"
	case errors.As(err, &authority):
		return "-ca names a file with the authority that signed the node's certificate"
	case errors.As(err, &host):
		return "-servername is the name that the node's certificate has, if it is another than ADDRESS's"
	case errors.As(err, &certificate) && certificate.Reason == x509.Expired:
		return "the node's certificate needs to be renewed, or a clock is wrong"
	case wantsCertificate(err):
		return hintCertificate
	case t.tlsConfig != nil && (errors.Is(err, io.EOF) || errors.As(err, new(tls.RecordHeaderError)) || errors.Is(err, syscall.ECONNRESET)):
		return "does the node speak TLS on this port? Without the flags for it the call goes out in plaintext"
	case verdict.Of(err).Code == verdict.CodeDeadlineExceeded || errors.As(err, &late) && late.Timeout():
		return "-timeout is the time for connection, call and answer together; if it was long enough, does a firewall drop what goes there?"
	}
	return ""
}

const hintCertificate = "the node wants a certificate that it trusts: -cert and -key"

// wantsCertificate reports whether the node has refused the certificate, or that there was none: under TLS
// 1.3 the client learns that behind its handshake. crypto/tls tells an alert of the peer's by its text alone.
func wantsCertificate(err error) bool {
	var alert *net.OpError
	return errors.As(err, &alert) && alert.Op == "remote error" && strings.Contains(alert.Err.Error(), "certificate")
}

// hintAnswered is for an error that the node answered with.
func (t *target) hintAnswered(err error, v verdict.Verdict) string {
	var e *transport.Error
	switch {
	case v.Code == verdict.CodeUnauthenticated, v.Code == verdict.CodePermissionDenied:
		if t.isJSONRPC() {
			return ""
		}
		return "-H sends credentials beside the body; with TLS -cert and -key show a certificate"
	case v.Code != verdict.CodeUnimplemented || !errors.As(err, &e):
	case e.Method == native.Protocol{}.DescribeMethod():
		return "the node does not describe itself: its Service has to be made with transport.ServiceDescribe"
	case t.isTRPC() && !strings.HasPrefix(e.Method, "/"):
		return "a function's name is /package.Service/Function"
	case t.isTRPC():
		return "tRPC has no list of them: the functions are in the service's .proto file"
	case t.isThrift():
		return "Thrift has no list of them: the methods are in the service's .thrift file"
	default:
		return fmt.Sprintf("muxcall list [flags] %s tells which there are, if the node tells anybody", text.Shown(t.address, maxName))
	}
	return ""
}

// hintLost is for a connection that was lost before there was an answer.
func (t *target) hintLost(err error) string {
	switch {
	case wantsCertificate(err):
		return hintCertificate
	case errors.Is(err, muxpool.ErrProtocol):
		return fmt.Sprintf("the node answers in something else: does it speak %s? See -protocol", t.protocol)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF): // the second of a word of TLS
		return ""
	case t.tlsConfig == nil && t.node.Network != "udp":
		return fmt.Sprintf("it hung up without an answer: does it speak %s (-protocol), and does it want TLS (-tls)?", t.protocol)
	}
	return fmt.Sprintf("it hung up without an answer: does it speak %s? See -protocol", t.protocol)
}

func (t *target) isTRPC() bool {
	switch t.plug.(type) {
	case trpc.Protocol, trpc.KeepAlive:
		return true
	}
	return false
}
