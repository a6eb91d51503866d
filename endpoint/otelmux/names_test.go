package otelmux

import (
	"slices"
	"strings"
	"testing"

	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
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
