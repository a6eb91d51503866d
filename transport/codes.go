package transport

import "fmt"

// Code says what went wrong with a call, in words that hold for every protocol.
type Code uint8

const (
	// CodeUnknown: the endpoint failed with an error that has no code.
	CodeUnknown Code = iota
	// CodeBusiness: the service did its work and its answer is a refusal (see
	// endpoint.Failer). Status is the service's own number. The peer is well.
	CodeBusiness
	// CodeUnknownMethod: the server has no such method.
	CodeUnknownMethod
	// CodeBadRequest: the request could not be parsed or decoded.
	CodeBadRequest
	// CodeInternal: the server failed: a panic, or an answer that cannot be sent.
	CodeInternal
	// CodeOverloaded: the server has too many calls in flight. It did not run the call.
	CodeOverloaded
	// CodeUnavailable: the server is shutting down. It did not run the call.
	CodeUnavailable
	// CodeTimeout: the time for the call ended before its answer.
	CodeTimeout
	// CodeCanceled: the caller left before the answer.
	CodeCanceled
	// CodeTooLarge: the request or the answer is over a limit.
	CodeTooLarge

	// The codes from here on are the client's own and never travel.

	// CodeEncode: the request could not be encoded. Nothing was sent.
	CodeEncode
	// CodeConnection: no connection could be had, or it was lost; the cause is a
	// *muxpool.Error.
	CodeConnection
	// CodeBadResponse: an answer came and could not be parsed or decoded.
	CodeBadResponse
	// CodeInvalid: the Client was made with an option or argument that makes no
	// sense. Nothing was sent.
	CodeInvalid
)

var codes = [...]string{"unknown", "business", "unknown method", "bad request", "internal", "overloaded",
	"unavailable", "timeout", "canceled", "too large", "encode", "connection", "bad response", "invalid"}

func (c Code) String() string {
	if int(c) < len(codes) {
		return codes[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}
