package otelmux

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-kit/kit/endpoint"
	"go.opentelemetry.io/otel/attribute"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/muxpool/verdict"
	muxtransport "github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// What each way to end a call is measured as, on both sides: names, units and attributes of
// all series, for any number of unknown methods and codes.
func TestSeries(t *testing.T) {
	client, server := newProcess(t, "client"), newProcess(t, "server")
	address, stop := serve(t, native.Protocol{}, map[string]*muxtransport.Server{
		"M": raw(func(_ context.Context, r any) (any, error) {
			switch string(r.([]byte)) {
			case "business":
				return nil, muxtransport.Business(7, "no")
			case "not found":
				return nil, &muxtransport.Error{Code: muxtransport.CodeNotFound}
			case "newer":
				return nil, &muxtransport.Error{Code: 100}
			case "newest":
				return nil, &muxtransport.Error{Code: 101}
			case "panic":
				panic("boom")
			}
			return r, nil
		}),
		"Quiet": raw(func(_ context.Context, r any) (any, error) { return r, nil }),
	}, Server(server.with(WithFilter(func(method string) bool { return method != "Quiet" }), WithAttributes(attribute.String("zone", "north")))...))
	pool := newPool(t)
	unheard := func(method string) bool { return method != "Quiet" }
	set := newSet(t, []muxendpoint.Option{Client("things", client.with(WithFilter(unheard), WithAttributes(attribute.String("zone", "south")))...)}, address)
	call := func(method, body string) {
		t.Helper()
		_, err := set.Endpoint(method, clientOf(pool, native.Protocol{}, method))(testContext(t), []byte(body))
		if (err != nil) != (body != "ok") {
			t.Fatalf("%s %s: %v", method, body, err)
		}
	}
	for _, body := range []string{"ok", "ok", "business", "not found", "newer", "newest", "panic"} {
		call("M", body)
	}
	call("Quiet", "ok")
	call("X\x1b1", "unknown")
	call("X2", "unknown")
	stop()
	sameLines(t, "server", series(t, server),
		"rpc.server.call.duration s rpc.method=M rpc.status_code=OK rpc.system.name=muxkit zone=north: 2",
		"rpc.server.call.duration s rpc.method=M rpc.status_code=BUSINESS rpc.system.name=muxkit zone=north: 1",
		"rpc.server.call.duration s rpc.method=M rpc.status_code=NOT_FOUND rpc.system.name=muxkit zone=north: 1",
		"rpc.server.call.duration s rpc.method=M rpc.status_code=_OTHER rpc.system.name=muxkit zone=north: 2",
		"rpc.server.call.duration s error.type=INTERNAL rpc.method=M rpc.status_code=INTERNAL rpc.system.name=muxkit zone=north: 1",
		"rpc.server.call.duration s error.type=UNIMPLEMENTED rpc.method=_OTHER rpc.status_code=UNIMPLEMENTED rpc.system.name=muxkit zone=north: 2")
	var ofCalls []string
	for _, line := range series(t, client) {
		if strings.HasPrefix(line, "rpc.") && strings.Contains(line, "=M ") {
			ofCalls = append(ofCalls, line)
		}
		if strings.Contains(line, "Quiet") || strings.Contains(line, "127.0.0.1") || strings.Contains(line, "peer") {
			t.Errorf("a series that should not be: %s", line)
		}
	}
	of := "rpc.system.name=muxkit server.address=things zone=south"
	sameLines(t, "client", ofCalls,
		"rpc.client.call.duration s rpc.method=M rpc.status_code=OK "+of+": 2",
		"rpc.client.call.duration s rpc.method=M rpc.status_code=BUSINESS "+of+": 1",
		"rpc.client.call.duration s error.type=NOT_FOUND rpc.method=M rpc.status_code=NOT_FOUND "+of+": 1",
		"rpc.client.call.duration s error.type=_OTHER rpc.method=M rpc.status_code=_OTHER "+of+": 2",
		"rpc.client.call.duration s error.type=INTERNAL rpc.method=M rpc.status_code=INTERNAL "+of+": 1")
	var originals []string
	for _, s := range server.spans.Ended() {
		for _, kv := range s.Attributes() {
			if kv.Key == keyMethodOriginal {
				originals = append(originals, s.Name()+" "+kv.Value.AsString())
			}
		}
	}
	slices.Sort(originals) // two connections have carried them, and a span ends after the answer
	if got := strings.Join(originals, ", "); got != `_OTHER "X\x1b1", _OTHER X2` {
		t.Errorf("unknown methods are told as %s", got)
	}
}

// An attempt that was not sent is followed by one that costs nothing, and told apart. A
// panic passes, and is measured.
func TestTransparentRetriesAndPanics(t *testing.T) {
	p := newProcess(t, "client")
	bad := true
	node := func(string) endpoint.Endpoint {
		return func(_ context.Context, r any) (any, error) {
			if r == "panic" {
				panic("boom")
			}
			if bad {
				bad = false
				return nil, verdict.Tell(errors.New("refused"), verdict.Verdict{Code: verdict.CodeUnavailable, Whose: verdict.Path, Ran: verdict.NotSent})
			}
			return r, nil
		}
	}
	set := newSet(t, []muxendpoint.Option{muxendpoint.WithRetry(3, 0), Client("", p.with()...)}, "10.0.0.1:1", "10.0.0.2:1")
	call := set.EndpointFrom("M", factory(node))
	if got, err := call(testContext(t), "x"); got != "x" || err != nil {
		t.Fatal(got, err)
	}
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("the panic did not pass")
			}
		}()
		_, _ = call(testContext(t), "panic")
	}()
	lines := strings.Join(series(t, p), "\n")
	for _, want := range []string{
		"muxkit.client.call.retries {retry} muxkit.retry.kind=transparent rpc.method=M rpc.system.name=muxkit: 1",
		"rpc.client.call.duration s error.type=INTERNAL rpc.method=M rpc.status_code=INTERNAL rpc.system.name=muxkit: 1",
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("%s is missing in\n%s", want, lines)
		}
	}
}
