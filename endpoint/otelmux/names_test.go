package otelmux

import (
	"slices"
	"strings"
	"testing"

	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/muxkit/muxkit/muxpool/verdict"
)

// The keys are those of the conventions of v1.45.0. Where the newest package of them that is
// required here lags behind, the difference is named: when it is no difference any more, this
// test says so.
func TestKeysAreThoseOfTheConventions(t *testing.T) {
	for key, packaged := range map[string]string{
		string(keySystem):         string(semconv.RPCSystemNameKey),
		string(keyMethod):         string(semconv.RPCMethodKey),
		string(keyMethodOriginal): string(semconv.RPCMethodOriginalKey),
		string(keyErrorType):      string(semconv.ErrorTypeKey),
		string(keyServerAddress):  string(semconv.ServerAddressKey),
		string(keyPeerAddress):    string(semconv.NetworkPeerAddressKey),
		string(keyPeerPort):       string(semconv.NetworkPeerPortKey),
		string(keyTransport):      string(semconv.NetworkTransportKey),
	} {
		if key != packaged {
			t.Errorf("%s is called %s in the package", key, packaged)
		}
	}
	if keyStatus != "rpc.status_code" {
		t.Errorf("v1.45.0 has rpc.status_code, not %s", keyStatus)
	}
	if semconv.RPCResponseStatusCodeKey != "rpc.response.status_code" {
		t.Errorf("the package has %s now: keyStatus need not be our own", semconv.RPCResponseStatusCodeKey)
	}
	if !strings.HasSuffix(schemaURL, "/1.45.0") {
		t.Errorf("the schema is %s", schemaURL)
	}
	if want := []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}; !slices.Equal(buckets, want) {
		t.Errorf("the buckets are %v", buckets)
	}
}

// What a status is called, and whether it is a failure to each side.
func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		code           verdict.Code
		status         string
		client, server bool
	}{
		{0, "OK", false, false},
		{verdict.CodeCanceled, "CANCELED", false, false},
		{verdict.CodeUnknown, "UNKNOWN", true, true},
		{verdict.CodeInvalidArgument, "INVALID_ARGUMENT", true, false},
		{verdict.CodeDeadlineExceeded, "DEADLINE_EXCEEDED", true, true},
		{verdict.CodeNotFound, "NOT_FOUND", true, false},
		{verdict.CodePermissionDenied, "PERMISSION_DENIED", true, false},
		{verdict.CodeResourceExhausted, "RESOURCE_EXHAUSTED", true, false},
		{verdict.CodeUnimplemented, "UNIMPLEMENTED", true, true},
		{verdict.CodeInternal, "INTERNAL", true, true},
		{verdict.CodeUnavailable, "UNAVAILABLE", true, true},
		{verdict.CodeDataLoss, "DATA_LOSS", true, true},
		{verdict.CodeUnauthenticated, "UNAUTHENTICATED", true, false},
		{verdict.CodeBusiness, "BUSINESS", false, false},
		{verdict.CodeTooLarge, "TOO_LARGE", true, false},
		{verdict.CodeConnection, "CONNECTION", true, false},
		{40, "_OTHER", true, false},
		{70, "_OTHER", true, true},
		{100, "_OTHER", true, false},
		{130, "_OTHER", true, true},
	} {
		if got := statusOf(c.code); got != c.status {
			t.Errorf("%v is called %s, want %s", c.code, got, c.status)
		}
		if ofClient.failed(c.code) != c.client || ofServer.failed(c.code) != c.server {
			t.Errorf("%v is a failure: %v to a client, %v to a server", c.code, ofClient.failed(c.code), ofServer.failed(c.code))
		}
	}
	statuses := make(map[string]bool)
	for c := range 256 {
		statuses[statusOf(verdict.Code(c))] = true
	}
	if len(statuses) != 24 {
		t.Errorf("there are %d statuses", len(statuses))
	}
}
