// Package jsonrpc is JSON-RPC over a stream or datagrams, 2.0
// (https://www.jsonrpc.org/specification) and 1.0 as the standard library's
// net/rpc/jsonrpc speaks it: a Client calls their servers, a Service serves their
// clients.
//
// A frame is a JSON text without a length before it. A Service answers each request in
// the version that it is in. A Client asks in 1.0, which net/rpc needs, or in 2.0:
//
//	jsonrpc.Protocol{Version: jsonrpc.Version2}
//
// The body of a request is its params. A Client of 2.0 sends a body that is an object or
// an array as the params themselves, by name or by position, and any other value as the
// only element; a Client of 1.0 sends every body as the only element, as net/rpc wants
// it. To a Service an array of one element is that element, other params are the body
// whole; what takes any number of positions decodes with DecodeParams. The body of an
// answer is the "result", that of an error answer the "data" of the error object. A call
// without a result is answered with null in 2.0 and with {} in 1.0: net/rpc's clients end
// the connection on null.
//
// A one-way call is a notification: without an id in 2.0, with the id null in 1.0. A
// net/rpc server answers it all the same, and that answer is dropped. A Service answers
// the calls of a batch in one array, in the order in which they end, and admits each of
// them as a call; a Client sends none. A Service echoes whatever id it got. The ids of a
// Client are numbers of 32 bits, without 0; an answer with any other id is nobody's.
//
// # Errors
//
// The number of a 2.0 error object is Error.Status where the service set one, else
// -32601 for CodeUnimplemented, -32602 for CodeInvalidArgument, -32603 for CodeInternal,
// -31983 for CodeBusiness, which is in the range of the services' own, and -32000 less the
// code for the others (-32014 is CodeUnavailable). -32600 and -32700 are requests that are
// none. What no number can say is said in "data", by and for this
// module only, under the names of transport.MetadataNotRun, MetadataCode,
// MetadataRetryAfter and MetadataNoRetry; data that is no object has no room for it.
// A Client takes -32601 to -32603 for the codes above, -32600 and -32700 for
// CodeInvalidArgument, every other number of the range that the specification reserves,
// and 0, for CodeUnknown, and any other for the service's own: CodeBusiness.
//
// An error of 1.0 is a text. A Service begins it with the code's name, as in "not found:
// no such user", by which a Client knows the code, also with "unknown: " what would be taken
// for another; CodeUnimplemented is recognised by net/rpc's words for it; everything else is
// CodeUnknown, which counts against the method.
// That a call was not run no text says.
//
// # Going away
//
// There is no notification by which a server asks its clients to go. The answers of a
// Service that shuts down have a member "goingAway", which is true, beside the others:
// Clients of this package open another connection, others pass over it.
//
// # Limits
//
// Nothing carries metadata, deadlines and cancellation. A JSON text tells its length only
// by its end: one over the frame limit ends the connection, with an error that names the
// limit; who sent it as 2.0 is told so first, under its id if that came early, and so is
// who sent what is no JSON. A method has at most 65,535 bytes, as it is written.
//
// The package starts no goroutines and holds no state.
package jsonrpc
