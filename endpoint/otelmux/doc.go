// Package otelmux tells OpenTelemetry what clients and servers of muxkit do: one line on
// each side.
//
//	set := muxendpoint.NewSet(instancer, logger, otelmux.Client("payments"))
//	service := muxtransport.NewService(native.Protocol{}, otelmux.Server())
//
// and one for each pool and each group of breakers, if their figures are wanted:
//
//	stop, err := otelmux.Pool(pool)
//	stop, err := otelmux.Breakers(breakers)
//
// The spans of a call:
//
//	span of the call (client), with all retries
//	├── span of the first attempt: number, node
//	│   └── span of the server, over the wire
//	└── span of the second attempt
//	    └── span of the server
//
// Spans and the metrics rpc.client.call.duration and rpc.server.call.duration follow the
// semantic conventions for RPC of v1.45.0, which are stable
// (https://opentelemetry.io/docs/specs/semconv/rpc/); what they have no names for begins
// with muxkit. docs/telemetry.md lists all of it.
//
// Trace context travels in the metadata traceparent and tracestate, where the protocol
// carries metadata: native and tRPC do, JSON-RPC does not, and there a server's span begins
// a trace of its own.
//
// Whether there are providers is looked at once, when Client, Server, Pool or Breakers is
// called: set the global ones before, or give them (WithTracerProvider,
// WithMeterProvider). Where there are none, nothing is put around a call, and no trace
// context passes. Spans and measurements are handed to the SDK, and never wait for an
// exporter unless the SDK is told to export synchronously.
//
// Labels of metrics are bounded: methods are those that this program has, statuses those
// that muxkit has, everything else is _OTHER. Nodes are in spans only.
package otelmux
