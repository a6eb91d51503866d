// Package trpc is the tRPC protocol's unary calls, both sides: a muxkit Client
// calls tRPC servers, and a muxkit Service serves tRPC clients. It was proven on
// trpc-go v1.0.3, see docs/protocols-trpc.md.
//
//	frame  = header (16 bytes) head (protobuf) body attachment
//	header = 0 magic 0x0930 · 2 frame type · 3 stream frame type · 4 total length
//	         8 head length · 10 request id · 14 version · 15 reserved
//
// Its parts: Protocol is the plug, cut into frame.go (the header), head.go and
// protobuf.go (the head), client.go, server.go, codes.go (which Code is which
// framework code) and encoding.go (compressed bodies). Head is what a tRPC head
// says beyond a transport.Message.
//
// A method is what tRPC calls func: "/package.Service/Method". Metadata is
// trans_info. The time that the caller has left, one-way calls and error answers
// travel. Framework codes (ret) become transport Codes, business codes (func_ret)
// an *transport.Error with CodeBusiness; its Status is the number on the wire.
//
// Limits: a head, and so a method with its metadata, has at most 65,535 bytes;
// a frame at most Protocol.MaxFrame. tRPC has no frame that cancels a call, none
// that asks for a sign of life, and none that says "going away". Streams are
// refused. The names of metadata must be valid UTF-8.
//
// The package starts no goroutines and holds no state.
package trpc
