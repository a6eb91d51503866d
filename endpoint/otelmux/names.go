package otelmux

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/muxkit/muxkit/internal/rpcstatus"
	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// The keys of the conventions of v1.45.0. They are spelled here, since the packages of
// go.opentelemetry.io/otel/semconv lag behind: v1.40.0 has rpc.response.status_code.
const (
	keySystem         = attribute.Key("rpc.system.name")
	keyMethod         = attribute.Key("rpc.method")
	keyMethodOriginal = attribute.Key("rpc.method_original")
	keyStatus         = attribute.Key("rpc.status_code")
	keyErrorType      = attribute.Key("error.type")
	keyServerAddress  = attribute.Key("server.address")
	keyPeerAddress    = attribute.Key("network.peer.address")
	keyPeerPort       = attribute.Key("network.peer.port")
	keyTransport      = attribute.Key("network.transport")
)

// Keys of our own.
const (
	keyAttempt  = attribute.Key("muxkit.attempt.number")
	keyHedge    = attribute.Key("muxkit.attempt.hedge")
	keyAttempts = attribute.Key("muxkit.call.attempts")
	keyGaveUp   = attribute.Key("muxkit.call.gave_up")
	keyRetry    = attribute.Key("muxkit.retry.kind")
)

// other is the value of what is not known.
const other = rpcstatus.Other

// maxText bounds texts of others in spans, in bytes.
const maxText = 256

// buckets are those that the conventions advise for durations, in seconds.
var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// side is whose view of a call a span or measurement is.
type side struct{ rpcstatus.Side }

var ofClient, ofServer = side{rpcstatus.Client}, side{rpcstatus.Server}

// outcome are the attributes that tell how a call ended.
func (s side) outcome(c verdict.Code) []attribute.KeyValue {
	status := rpcstatus.Of(c)
	attributes := []attribute.KeyValue{keyStatus.String(status)}
	if s.Failed(c) {
		attributes = append(attributes, keyErrorType.String(status))
	}
	return attributes
}

// mark says in a span how the call ended.
func (s side) mark(span trace.Span, c verdict.Code, why string) {
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(s.outcome(c)...)
	if s.Failed(c) {
		span.SetStatus(codes.Error, text.Said(why, maxText))
	}
}
