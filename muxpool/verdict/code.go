package verdict

import (
	"fmt"
	"net/http"
)

// Code is what an error answer says went wrong, in the words that gRPC and Connect
// share. Codes 1 to 16 have gRPC's numbers
// (https://grpc.io/docs/guides/status-codes), so no table stands between.
//
// The zero Code is no code: of an error it is taken for CodeUnknown.
type Code uint8

const (
	// CodeCanceled: the caller, or somebody on the way, gave the call up.
	CodeCanceled Code = 1
	// CodeUnknown: it failed, and nothing says why.
	CodeUnknown Code = 2
	// CodeInvalidArgument: the request could not be parsed or makes no sense.
	CodeInvalidArgument Code = 3
	// CodeDeadlineExceeded: the time for the call ended before its answer.
	CodeDeadlineExceeded Code = 4
	// CodeNotFound: what was asked for is not there.
	CodeNotFound Code = 5
	// CodeAlreadyExists: what was to be made is there already.
	CodeAlreadyExists Code = 6
	// CodePermissionDenied: the caller is known and may not.
	CodePermissionDenied Code = 7
	// CodeResourceExhausted: a limit or a quota is used up.
	CodeResourceExhausted Code = 8
	// CodeFailedPrecondition: not in this state of things.
	CodeFailedPrecondition Code = 9
	// CodeAborted: another call was in the way; begin the whole transaction again.
	CodeAborted Code = 10
	// CodeOutOfRange: beyond the end of what there is.
	CodeOutOfRange Code = 11
	// CodeUnimplemented: the server has no such method.
	CodeUnimplemented Code = 12
	// CodeInternal: the server is broken: a panic, an answer that cannot be made.
	CodeInternal Code = 13
	// CodeUnavailable: not now, try again.
	CodeUnavailable Code = 14
	// CodeDataLoss: data is lost or corrupt.
	CodeDataLoss Code = 15
	// CodeUnauthenticated: who the caller is was not shown, or not believed.
	CodeUnauthenticated Code = 16

	// CodeBusiness is muxkit's: the service did its work and its answer is no (see
	// go-kit's endpoint.Failer).
	CodeBusiness Code = 17
	// CodeTooLarge is muxkit's: the request or the answer is over a limit in bytes.
	CodeTooLarge Code = 18

	// The codes from here on are a client's own and never travel.

	// CodeEncode: the request could not be encoded.
	CodeEncode Code = 240
	// CodeConnection: no connection could be had, or it was lost.
	CodeConnection Code = 241
	// CodeBadResponse: an answer came and could not be parsed or decoded.
	CodeBadResponse Code = 242
	// CodeInvalid: an option or an argument of the Client makes no sense.
	CodeInvalid Code = 243
)

// Codes that a newer peer sends and this version does not know are judged by their
// class: the range that they lie in.
const (
	classCaller   = 32  // 32 to 63: the caller's fault
	classMethod   = 64  // 64 to 95: the method's
	classOverload = 96  // 96 to 127: the node cannot take more
	classNode     = 128 // 128 to 159: the node's
	classNone     = 160 // 160 and above: as CodeUnknown
	firstOwn      = 192 // 192 and above never travel
)

// Travels returns c as it may travel: a code that never does, and none, as
// CodeUnknown.
func (c Code) Travels() Code {
	if c == 0 || c >= firstOwn {
		return CodeUnknown
	}
	return c
}

// property is what stands fixed about a code.
type property struct {
	name  string
	http  int // the HTTP status, by Connect's table where it has the code
	whose Whose
}

var properties = map[Code]property{
	CodeCanceled:           {"canceled", 499, Nobody},
	CodeUnknown:            {"unknown", 500, Method},
	CodeInvalidArgument:    {"invalid argument", 400, Caller},
	CodeDeadlineExceeded:   {"deadline exceeded", 504, Method},
	CodeNotFound:           {"not found", 404, Caller},
	CodeAlreadyExists:      {"already exists", 409, Caller},
	CodePermissionDenied:   {"permission denied", 403, Caller},
	CodeResourceExhausted:  {"resource exhausted", 429, Overload},
	CodeFailedPrecondition: {"failed precondition", 400, Caller},
	CodeAborted:            {"aborted", 409, Caller},
	CodeOutOfRange:         {"out of range", 400, Caller},
	CodeUnimplemented:      {"unimplemented", 501, Nobody},
	CodeInternal:           {"internal", 500, Method},
	CodeUnavailable:        {"unavailable", 503, Method},
	CodeDataLoss:           {"data loss", 500, Method},
	CodeUnauthenticated:    {"unauthenticated", 401, Caller},
	CodeBusiness:           {"business", 422, Caller},
	CodeTooLarge:           {"too large", 413, Caller},
	CodeEncode:             {"encode", 500, Caller},
	CodeConnection:         {"connection", 503, Path},
	CodeBadResponse:        {"bad response", 502, Method},
	CodeInvalid:            {"invalid", 500, Caller},
}

// of returns the property of c, by its class if c is not known.
func (c Code) property() property {
	if p, ok := properties[c]; ok {
		return p
	}
	p := property{name: fmt.Sprintf("code %d", uint8(c)), http: 500, whose: Method}
	switch {
	case c < classCaller, c >= classNone, c >= classMethod && c < classOverload:
	case c < classMethod:
		p.http, p.whose = 400, Caller
	case c < classNode:
		p.http, p.whose = 429, Overload
	default:
		p.http, p.whose = 503, Node
	}
	return p
}

func (c Code) String() string { return c.property().name }

// HTTP returns the HTTP status for c, from 400 to 599: by the table of the Connect
// protocol (https://connectrpc.com/docs/protocol/#error-codes), and 413 for
// CodeTooLarge, 422 for CodeBusiness, 502 and 503 where a gateway's own call failed.
func (c Code) HTTP() int { return c.property().http }

// FromHTTP returns the code that an HTTP status from 400 to 599 stands for; 0 for
// other numbers, which are no statuses of errors.
func FromHTTP(status int) Code {
	switch status {
	case http.StatusUnauthorized:
		return CodeUnauthenticated
	case http.StatusForbidden:
		return CodePermissionDenied
	case http.StatusNotFound, http.StatusGone:
		return CodeNotFound
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return CodeDeadlineExceeded
	case http.StatusConflict:
		return CodeAborted
	case http.StatusPreconditionFailed:
		return CodeFailedPrecondition
	case http.StatusRequestEntityTooLarge:
		return CodeTooLarge
	case http.StatusRequestedRangeNotSatisfiable:
		return CodeOutOfRange
	case http.StatusTooManyRequests:
		return CodeResourceExhausted
	case 499: // nginx: the client closed the request
		return CodeCanceled
	case http.StatusNotImplemented:
		return CodeUnimplemented
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return CodeUnavailable
	}
	switch {
	case status >= 400 && status <= 499:
		return CodeInvalidArgument
	case status >= 500 && status <= 599:
		return CodeInternal
	}
	return 0
}
