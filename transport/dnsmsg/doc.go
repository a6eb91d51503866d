// Package dnsmsg is DNS over UDP and TCP (RFC 1035, RFC 7766), both sides: the messages of
// all callers share a socket or a few connections per server, and answers come in any order.
//
//	lookup := dnsmsg.NewClient(pool, transport.Node{Network: "udp", Address: "9.9.9.9:53"},
//		dnsmsg.MethodQuery, transport.EncodeBytes, transport.DecodeBytes).Endpoint()
//
// A Client of this package asks over UDP and, when the answer was truncated, over TCP. TCP
// and UDP are the protocols by themselves.
//
// A body is a whole DNS message, header included, whose id is of no account: the pool gives
// it. transport/dnsmsg/dnsbody has codecs for the messages of github.com/miekg/dns.
//
// # Ids
//
// An id has 16 bits: of one connection 65,536 calls are under way at most, the others wait.
// Ids are given in an order that nobody can guess who does not see them, and an answer whose question is
// not the request's is refused (RFC 5452): the call fails, CodeBadResponse, and may be repeated.
// The source port is that of the socket; muxpool.WithMaxConnAge has it change.
//
// # Errors
//
// NOERROR and NXDOMAIN are answers. The other response codes of a header are errors, with the
// message as their body and the code as their Status:
//
//	FORMERR   1  CodeInvalidArgument
//	SERVFAIL  2  CodeInternal
//	NOTIMP    4  CodeUnimplemented
//	REFUSED   5  CodePermissionDenied
//	YXDOMAIN  6  CodeFailedPrecondition, and so 7 YXRRSET, 8 NXRRSET
//	NOTAUTH   9  CodePermissionDenied
//	NOTZONE  10  CodeInvalidArgument
//	others       CodeUnknown
//
// A Service answers with them likewise; what it cannot say is SERVFAIL. A Business error with a
// Status from 1 to 15 is answered with that code.
//
// SERVFAIL counts against the method, and a resolver says it when somebody else's server is down. A
// Client's method does not travel: one for each zone that is asked, say, keeps their circuits apart.
package dnsmsg
