// Package transport is a Go kit transport over any protocol whose frames carry a
// correlation id: NewClient and NewServer have the shape of go-kit's own, and a
// Protocol is the plug.
//
//	client                                        server
//	endpoint                                      endpoint
//	   |                                             ^
//	Client: encode -> Before                      Server: Before -> decode -> endpoint
//	   |       After -> decode -> Finalizer          |       -> After -> encode -> Finalizer
//	   v                                             v
//	Message  {Method, Metadata, Body, Timeout}    Message
//	   |                                             ^
//	Protocol: AppendRequest, ParseResponse        ServerProtocol: ParseRequest, AppendResponse
//	   v                                             |
//	muxpool.Pool  ----------- frames -----------> Service: connections, methods, limits
//
// Parts: Client and its options (client*.go); Server, one method's endpoint
// (server*.go); Service, which accepts connections and datagrams and routes methods
// to Servers (service*.go), as far as they are let in (admission.go); Protocol and its optional parts (protocol.go); Error and
// its codes (errors.go, codes.go); ready codecs (encode_decode.go). The plug-ins are
// in packages of their own: native, jsonrpc, trpc, ttheader, resp, dnsmsg. Package
// protocoltest checks one.
//
// Locks: health.mu is taken under Service.mu, line.mu under serverConn.mu; these two, and
// those of workers, peers, reports, batches and tlsFiles, are leaves. No lock is held during
// I/O or a call of a user's function, but for that of tlsFiles while it reads its files,
// and that of a batch while its Batcher appends an answer.
//
// Goroutines: a Client has none. A Service has the caller's of Serve, one for each
// connection, which reads it and runs inline calls, and workers, as many as there are
// calls that block (see runQueue), of which up to 256 are kept for the next calls, and,
// while a client is slow to read, one that writes to it, and one for the error handler
// while there are reports. A datagram socket is read by a goroutine of its own, for which
// the caller of ServePacket waits. All end with Shutdown or Close, handlers that ignore their context excepted.
//
// Limits: a Client makes unary and one-way calls, not streams. See ServiceLimits for
// what bounds a Service (admission.go), and Service.Stats for how near it is to that.
package transport
