package otelmux

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

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
const other = "_OTHER"

// maxText bounds texts of others in spans, in bytes.
const maxText = 256

// buckets are those that the conventions advise for durations, in seconds.
var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// statusOf is rpc.status_code: OK, or the code as gRPC writes it, _OTHER for those that
// have no name here.
func statusOf(c verdict.Code) string {
	if c == 0 {
		return "OK"
	}
	name := c.String()
	if strings.HasPrefix(name, "code ") {
		return other
	}
	return strings.ReplaceAll(strings.ToUpper(name), " ", "_")
}

// side is whose view of a call a span or measurement is.
type side uint8

const (
	ofClient side = iota
	ofServer
)

// failed reports whether a call that ended with c has failed. The conventions leave that to
// each system, for each side. The business's no is a good answer, and nobody has failed whose
// caller left, or who was overtaken; of the others, all are failures to a client, and to a
// server those that are its own doing.
func (s side) failed(c verdict.Code) bool {
	switch {
	case c == 0, c == verdict.CodeBusiness, c == verdict.CodeCanceled:
		return false
	case s == ofClient, c == verdict.CodeUnimplemented:
		return true
	}
	whose := verdict.ByCode(c).Whose
	return whose == verdict.Method || whose == verdict.Node
}

// outcome are the attributes that tell how a call ended.
func (s side) outcome(c verdict.Code) []attribute.KeyValue {
	status := statusOf(c)
	attributes := []attribute.KeyValue{keyStatus.String(status)}
	if s.failed(c) {
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
	if s.failed(c) {
		span.SetStatus(codes.Error, text.Shown(why, maxText))
	}
}
