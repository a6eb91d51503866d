// Package ttheader is Thrift's unary calls over framed connections, both sides, with or
// without the TTHeader that Kitex puts before each message: a muxkit Client calls Kitex's and
// Apache Thrift's servers, and a muxkit Service serves their clients. It was proven on Kitex
// v0.16.3, Apache Thrift v0.25.0 in Go and Debian's python3-thrift 0.17.0, see
// docs/protocols-ttheader.md.
//
//	TTHeader = 0 length u32, of what follows it · 4 magic 0x1000 · 6 flags · 8 sequence id u32
//	           12 size of the rest u16, in words of 4 bytes · 14 protocol id (0) · 15 number
//	           of transforms (0) · info: pairs with names of strings (1) or numbers (16), the
//	           ACL token (17) · zeros, to a whole number of words
//	framed   = length u32 · message
//	message  = 0x8001 · 0 · type (1 call, 2 reply, 3 exception, 4 one-way) · method: length
//	           u32, bytes · sequence id u32 · struct
//
// A frame is a TTHeader with a message behind it (FormTTHeader), or with a framed one
// (FormTTHeaderFramed), or a framed message alone (FormFramed). A body is the struct, as
// bytes: transport/ttheader/thriftbody makes those of Apache's and transport/ttheader/kitexbody
// those of Kitex's generated types.
//
// The formats are those of "Transport Protocol TTHeader" in Kitex's documentation
// (https://www.cloudwego.io/docs/kitex/reference/transport_protocol_ttheader/), of
// "thrift-rpc.md" and "thrift-binary-protocol.md" in Apache Thrift's doc/specs, and what the
// peers above were seen to send.
//
// Its parts: Protocol is the plug, in protocol.go and frame.go (how frames are cut), header.go,
// info.go and pairs.go (the TTHeader), message.go and exception.go (the message), client.go, server.go
// and codes.go (which Code is which exception). Head is what a header says beyond a
// transport.Message.
//
// Limits: only the binary protocol in its strict form; no transforms, no TTHeader streaming.
// A method has at most 4096 bytes, a header 262,140. There is no frame that cancels a call,
// and none that asks for a sign of life. FormFramed carries no metadata, no deadline, and what
// a server says of its going away only in exceptions.
//
// The package starts no goroutines and holds no state.
package ttheader
