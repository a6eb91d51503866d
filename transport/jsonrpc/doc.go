// Package jsonrpc is JSON-RPC 1.0 over a stream, as the standard library's
// net/rpc/jsonrpc speaks it: a Client calls its servers, a Service serves its
// clients.
//
// A frame is a JSON object without a length before it. The body of a request is
// one JSON value, the only element of "params", as net/rpc wants it; a server
// also takes other params, whole, as the body. The body of an answer is the
// "result". A method is "Service.Method".
//
// The protocol has no place for metadata, deadlines and cancellation. An error is
// a text. A Service begins it with the code's name, as in "not found: no such user",
// by which a Client knows the code; CodeUnimplemented is recognised by net/rpc's words
// for it; everything else is CodeUnknown, which counts against the method. That a
// call was not run no text says. A one-way call is a notification, with a null id; a net/rpc
// server answers it all the same, and that answer is dropped.
//
// A method without a result, or with null, is answered with {}: net/rpc's clients end the
// connection on null.
//
// The ids of a Client are numbers of 32 bits; a Service echoes whatever id it got.
//
// The package starts no goroutines and holds no state.
package jsonrpc
