package jsonrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// What a Client sends in each version.
func TestRequestsOfBothVersions(t *testing.T) {
	for _, row := range []struct {
		version jsonrpc.Version
		body    string
		oneWay  bool
		want    string
	}{
		{jsonrpc.VersionAny, `{"a":1}`, false, `{"method":"M","params":[{"a":1}],"id":7}`},
		{jsonrpc.Version1, `[1,2]`, false, `{"method":"M","params":[[1,2]],"id":7}`},
		{jsonrpc.Version1, ``, true, `{"method":"M","params":[null],"id":null}`},
		{jsonrpc.Version2, `{"a":1}`, false, `{"jsonrpc":"2.0","id":7,"method":"M","params":{"a":1}}`},
		{jsonrpc.Version2, " [1,2]", false, `{"jsonrpc":"2.0","id":7,"method":"M","params":[1,2]}`},
		{jsonrpc.Version2, `"text"`, false, `{"jsonrpc":"2.0","id":7,"method":"M","params":["text"]}`},
		{jsonrpc.Version2, `null`, false, `{"jsonrpc":"2.0","id":7,"method":"M","params":[null]}`},
		{jsonrpc.Version2, ``, false, `{"jsonrpc":"2.0","id":7,"method":"M"}`},
		{jsonrpc.Version2, `[]`, true, `{"jsonrpc":"2.0","method":"M","params":[]}`},
	} {
		got, err := jsonrpc.Protocol{Version: row.version}.AppendRequest(nil, 7, &transport.Message{Method: "M", Body: []byte(row.body), OneWay: row.oneWay})
		if err != nil || string(got) != row.want+"\n" {
			t.Errorf("version %d, body %q: %s, %v, want %s", row.version, row.body, got, err, row.want)
		}
	}
	if _, err := (jsonrpc.Protocol{Version: 3}).AppendRequest(nil, 7, &transport.Message{Method: "M"}); err == nil || !strings.Contains(err.Error(), "Protocol.Version is 3") {
		t.Errorf("a version that is none: %v", err)
	}
}

// What a Service answers to each request, by what it speaks.
func TestAnswersInTheVersionOfTheRequest(t *testing.T) {
	const none = ""
	for _, row := range []struct{ request, any, one, two string }{
		{`{"method":"Echo","params":[1],"id":"a"}`,
			`{"id":"a","result":1,"error":null}`, `{"id":"a","result":1,"error":null}`,
			`{"jsonrpc":"2.0","id":"a","error":{"code":-32600,"message":"Invalid Request"}}`},
		{`{"jsonrpc":"2.0","method":"Echo","params":[1],"id":"a"}`,
			`{"jsonrpc":"2.0","id":"a","result":1}`, `{"id":"a","result":null,"error":"invalid argument: Invalid Request"}`, `{"jsonrpc":"2.0","id":"a","result":1}`},
		{`{"jsonrpc":"1.0","method":"Echo","params":[1],"id":1.5}`,
			`{"id":1.5,"result":1,"error":null}`, `{"id":1.5,"result":1,"error":null}`,
			`{"jsonrpc":"2.0","id":1.5,"error":{"code":-32600,"message":"Invalid Request"}}`},
		{`{"jsonrpc":"2.1","method":"Echo","id":1}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request"}}`,
			`{"id":1,"result":null,"error":"invalid argument: Invalid Request"}`,
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Invalid Request"}}`},
		{`{"jsonrpc":"2.0","method":"Echo","id":null,"params":["x"]}`, `{"jsonrpc":"2.0","id":null,"result":"x"}`, none, `{"jsonrpc":"2.0","id":null,"result":"x"}`},
		{`{"method":"Echo","id":null,"params":["x"]}`, none, none, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}`},
		{`{"jsonrpc":"2.0","method":"Nothing","id":9}`, `{"jsonrpc":"2.0","id":9,"result":null}`, `{"id":9,"result":null,"error":"invalid argument: Invalid Request"}`, `{"jsonrpc":"2.0","id":9,"result":null}`},
		{`{"method":"Nothing","id":9}`, `{"id":9,"result":{},"error":null}`, `{"id":9,"result":{},"error":null}`, `{"jsonrpc":"2.0","id":9,"error":{"code":-32600,"message":"Invalid Request"}}`},
		{`{"jsonrpc":"2.0","method":"Echo","params":"text","id":4}`,
			`{"jsonrpc":"2.0","id":4,"error":{"code":-32600,"message":"Invalid Request"}}`, `{"id":4,"result":null,"error":"invalid argument: Invalid Request"}`,
			`{"jsonrpc":"2.0","id":4,"error":{"code":-32600,"message":"Invalid Request"}}`},
		{`{"jsonrpc":"2.0","method":"Echo","params":[1],"id":[5]}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}`, `{"id":[5],"result":null,"error":"invalid argument: Invalid Request"}`,
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid Request"}}`},
		{`{"jsonrpc":"2.0","method":"Echo","\u0069d":"\u0061","params":["\u0061"]}`, `{"jsonrpc":"2.0","id":"\u0061","result":"\u0061"}`,
			`{"id":"\u0061","result":null,"error":"invalid argument: Invalid Request"}`, `{"jsonrpc":"2.0","id":"\u0061","result":"\u0061"}`},
		{`{"jsonrpc":"2.0","method":"Echo","ID":1,"Id":2,"params":[3],"id":4}`, `{"jsonrpc":"2.0","id":4,"result":3}`,
			`{"id":4,"result":null,"error":"invalid argument: Invalid Request"}`, `{"jsonrpc":"2.0","id":4,"result":3}`},
		{`{"jsonrpc":"2.0","id":1,"result":1}`, none, none, none}, // an answer is never answered
		{`{"id":1,"error":"no","result":null}`, none, none, none},
	} {
		for version, want := range []string{row.any, row.one, row.two} {
			s := serve(t, jsonrpc.Protocol{Version: jsonrpc.Version(version)}, echoMethods())
			c := dial(t, s.node)
			c.send(row.request + `{"jsonrpc":"2.0","method":"Echo","params":[0],"id":"end"}`)
			if want != none {
				got := c.next().(map[string]any)
				if text, ok := got["error"].(string); ok { // what it begins with
					got["error"] = strings.Join(strings.SplitN(text, ":", 3)[:2], ":")
				}
				var exact any
				if err := json.Unmarshal([]byte(want), &exact); err != nil {
					t.Fatal(err)
				}
				if g, w := essence(got)[0], essence(exact)[0]; g != w {
					t.Errorf("option %d: %s\nis answered %s\nnot         %s", version, row.request, g, w)
				}
			}
			if last := c.next().(map[string]any); last["id"] != "end" {
				t.Errorf("option %d: %s\nis answered %v before the next request", version, row.request, last)
			}
		}
	}
}

// echoMethods are answered in the order of their requests.
func echoMethods() map[string]*transport.Server {
	return map[string]*transport.Server{
		"Echo": transport.NewServer(func(_ context.Context, r any) (any, error) { return r, nil }, transport.DecodeBytes, transport.EncodeBytes, transport.ServerInline()),
		"Nothing": transport.NewServer(func(context.Context, any) (any, error) { return nil, nil }, transport.NopRequestDecoder,
			func(context.Context, *transport.Message, any) error { return nil }, transport.ServerInline()),
	}
}

// TestErrorObjectsThereAndBack: what a Service knows of a failure arrives, in 2.0 all of
// it, and only the transport says that a call was not run.
func TestErrorObjectsThereAndBack(t *testing.T) {
	p := jsonrpc.Protocol{Version: jsonrpc.Version2}
	for code := transport.CodeCanceled; code <= 120; code++ { // newer ones, too
		if code != code.Travels() || code > transport.CodeTooLarge && code < 100 {
			continue
		}
		for _, status := range []int{0, 42, -32601, -32014, -7} {
			for _, notRun := range []bool{false, true} {
				sent := &transport.Error{Code: code, Status: status, Message: "why", NotRun: notRun}
				got, _ := thereAndBack(t, p, &transport.Message{Err: sent})
				wantStatus := status
				if status == -32601 && code == transport.CodeUnimplemented || status == -32014 && code == transport.CodeUnavailable {
					wantStatus = 0 // it says no more than the code
				}
				if got.Code != code || got.Status != wantStatus || got.NotRun != notRun {
					t.Errorf("%+v arrived as %+v", sent, got)
				}
			}
		}
	}
	// data is the body; what looks like the transport's words in it is dropped, and what
	// is no object stays as it is.
	for body, want := range map[string]string{
		`{"a":1}`: `{"a":1}`, `[1]`: `[1]`, `"mux-not-run"`: `"mux-not-run"`, `{}`: `{}`, ``: ``, `{"mux-not-run":"1","b":2}`: `{"b":2}`,
	} {
		sent := transport.Business(0, "no")
		got, resp := thereAndBack(t, p, &transport.Message{Err: sent, Body: []byte(body)})
		if wide := body == `{}`; string(resp.Body) != want && !wide || got.NotRun || !got.Business() {
			t.Errorf("data %s arrived as %s, %+v", body, resp.Body, got)
		}
	}
	resp := &transport.Message{Err: &transport.Error{Code: transport.CodeUnavailable, NotRun: true}, Body: []byte(`{"a":1}`)}
	resp.Set(transport.MetadataRetryAfter, "250")
	got, back := thereAndBack(t, p, resp)
	if !got.NotRun || back.Get(transport.MetadataRetryAfter) != "250" || string(back.Body) != `{"a":1}` {
		t.Errorf("beside data: %+v, %v, %s", got, back.Metadata, back.Body)
	}
}

func thereAndBack(t *testing.T, p jsonrpc.Protocol, answer *transport.Message) (*transport.Error, *transport.Message) {
	t.Helper()
	var req, resp transport.Message
	if err := p.ParseRequest([]byte(`{"jsonrpc":"2.0","id":3,"method":"M"}`), &req); err != nil {
		t.Fatal(err)
	}
	frame, err := p.AppendResponse(nil, 0, &req, answer)
	if err != nil {
		t.Fatal(err)
	}
	var e *transport.Error
	if err := p.ParseResponse(frame, &resp); !errors.As(err, &e) {
		t.Fatalf("%s was read as %v", frame, err)
	}
	return e, &resp
}

// TestTextsThatLookLikeCodes: in 1.0 an error is a text, which begins with its code. What a
// service's own text begins with says nothing.
func TestTextsThatLookLikeCodes(t *testing.T) {
	p := jsonrpc.Protocol{}
	for _, text := range []string{
		"not found", "unavailable: the printer", "canceled", "resource exhausted: paper", "unknown: what", "unknown",
		"rpc: can't find service S", "rpc: can't find method M", "", "no paper",
	} {
		for _, code := range []transport.Code{transport.CodeUnknown, transport.CodeInternal, transport.CodeBusiness} {
			var req transport.Message
			if err := p.ParseRequest([]byte(`{"method":"M","params":[1],"id":1}`), &req); err != nil {
				t.Fatal(err)
			}
			frame, err := p.AppendResponse(nil, 1, &req, &transport.Message{Err: &transport.Error{Code: code, Message: text}})
			if err != nil {
				t.Fatal(err)
			}
			var e *transport.Error
			if err := p.ParseResponse(frame, new(transport.Message)); !errors.As(err, &e) || e.Code != code || e.Message != text && text != "" {
				t.Errorf("%v with the text %q is read as %+v out of %s", code, text, e, frame)
			}
		}
	}
}

// What foreign servers' errors are taken for.
func TestForeignErrors(t *testing.T) {
	for answer, want := range map[string]transport.Error{
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"m"}}`:                                   {Code: transport.CodeUnimplemented, Message: "m"},
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"m"}}`:                                   {Code: transport.CodeInvalidArgument, Message: "m"},
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"m"}}`:                                   {Code: transport.CodeInvalidArgument, Status: -32600, Message: "m"},
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32700,"message":"m"}}`:                                   {Code: transport.CodeInvalidArgument, Status: -32700, Message: "m"},
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"m"}}`:                                   {Code: transport.CodeInternal, Message: "m"},
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32014,"message":"m"}}`:                                   {Code: transport.CodeUnknown, Status: -32014, Message: "m"}, // not ours to say
		`{"jsonrpc":"2.0","id":1,"error":{"code":0,"message":"m"}}`:                                        {Code: transport.CodeUnknown, Message: "m"},
		`{"jsonrpc":"2.0","id":1,"error":{"code":402,"message":"m","data":[1]}}`:                           {Code: transport.CodeBusiness, Status: 402, Message: "m"},
		`{"jsonrpc":"2.0","id":1,"error":{"code":99999999999999999999,"message":"m"}}`:                     {Code: transport.CodeUnknown, Message: "m"},
		`{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":"m"}}`:                                      {Code: transport.CodeUnknown, Message: `{"code":"x","message":"m"}`},
		`{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":"m"}}`:                                      {Code: transport.CodeUnknown, Message: "m"},
		`{"jsonrpc":"2.0","id":1,"error":"not found: m"}`:                                                  {Code: transport.CodeNotFound, Message: "m"},
		`{"id":1,"result":null,"error":"canceled: m"}`:                                                     {Code: transport.CodeCanceled, Message: "m"},
		`{"id":1,"result":null,"error":"too large: m"}`:                                                    {Code: transport.CodeTooLarge, Message: "m"},
		`{"id":1,"result":null,"error":"too large:m"}`:                                                     {Code: transport.CodeUnknown, Message: "too large:m"},
		`{"id":1,"result":null,"error":{"code":-32601,"message":"m"}}`:                                     {Code: transport.CodeUnimplemented, Message: "m"},
		`{"id":1,"result":null,"error":7}`:                                                                 {Code: transport.CodeUnknown, Message: "7"},
		`{"id":1,"result":null,"error":{"code":1,"message":"m","data":{"mux-code":"14","mux-code ":"1"}}}`: {Code: transport.CodeUnavailable, Status: 1, Message: "m"},
	} {
		var got *transport.Error
		if err := (jsonrpc.Protocol{}).ParseResponse([]byte(answer), new(transport.Message)); !errors.As(err, &got) || got.Code != want.Code ||
			got.Status != want.Status || got.Message != want.Message {
			t.Errorf("%s: %+v, want %+v", answer, got, want)
		}
	}
	for _, answer := range []string{`{"id":1}`, `{"jsonrpc":"2.0","id":1,"error":null}`} {
		var e *transport.Error
		if err := (jsonrpc.Protocol{}).ParseResponse([]byte(answer), new(transport.Message)); err == nil || errors.As(err, &e) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// TestClientOfBothVersions: a Client reads answers of either version, whichever it asks in,
// and what else the server sends reaches no call.
func TestClientOfBothVersions(t *testing.T) {
	nodes := scripted(t, func(request map[string]json.RawMessage) []byte {
		id := string(request["id"])
		noise := `{"jsonrpc":"2.0","id":` + id + `,"method":"ask.back","params":[1]}` + // with the same id: a request of the server's own
			`{"jsonrpc":"2.0","method":"event"}[{"jsonrpc":"2.0","id":` + id + `,"result":"in a batch"}]` +
			`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}{"jsonrpc":"2.0","id":"` + id + `","result":"text"}`
		if _, two := request["jsonrpc"]; two {
			return []byte(noise + `{"jsonrpc":"2.0","result":` + string(request["params"]) + `,"id":` + id + `}`)
		}
		return []byte(noise + `{"result":` + string(request["params"]) + `,"error":null,"id":` + id + `}`)
	})
	pool := newPool(t)
	for version, want := range map[jsonrpc.Version]string{jsonrpc.VersionAny: `[[1]]`, jsonrpc.Version1: `[[1]]`, jsonrpc.Version2: `[1]`} {
		if got, err := rawCall(t, pool, nodes, version, "M", `[1]`); err != nil || got != want {
			t.Errorf("version %d: %s, %v", version, got, err)
		}
	}
	if c := pool.Stats().Counters; c.Unsolicited != 15 || c.Late+c.Duplicate+c.Unknown != 0 {
		t.Errorf("%+v", c)
	}
}

// TestNotRunTravelsIn2: what a Service did not run is tried again elsewhere, whatever it does.
func TestNotRunTravelsIn2(t *testing.T) {
	block := make(chan struct{})
	s := serve(t, jsonrpc.Protocol{}, map[string]*transport.Server{"M": transport.NewServer(
		func(context.Context, any) (any, error) { <-block; return nil, errors.New("it failed") }, transport.DecodeBytes, transport.EncodeBytes)},
		transport.ServiceMaxInFlight(1, 1))
	pool := newPool(t)
	busy := make(chan error, 1)
	go func() { _, err := rawCall(t, pool, s.node, jsonrpc.Version2, "M", ``); busy <- err }()
	for start := time.Now(); s.Stats().InFlight == 0; time.Sleep(time.Millisecond) {
		if time.Since(start) > waitTime {
			t.Fatal("the call is not there")
		}
	}
	_, err := rawCall(t, pool, s.node, jsonrpc.Version2, "M", ``)
	if v := verdict.Of(err); v.Ran != verdict.Refused || v.Code != transport.CodeResourceExhausted {
		t.Errorf("of a call over the limit: %v, %v", v, err)
	}
	_, err = rawCall(t, pool, s.node, jsonrpc.Version2, "Nowhere", ``)
	if v := verdict.Of(err); v.Ran != verdict.Refused || v.Code != transport.CodeUnimplemented {
		t.Errorf("of an unknown method: %v, %v", v, err)
	}
	close(block)
	if v := verdict.Of(bounded.Receive(t, busy)); v.SafeToRetry() || v.Code != transport.CodeUnknown {
		t.Errorf("of a call that was run: %v", v)
	}
}

// TestLastWords: who sends what cannot be read is told why, in 2.0, and others are not.
func TestLastWords(t *testing.T) {
	s := serve(t, jsonrpc.Protocol{}, echoMethods(), transport.ServiceMaxFrameSize(8<<10))
	large := strings.Repeat("x", 9<<10)
	for request, want := range map[string]string{
		`{"jsonrpc":"2.0","id":"me","method":"Echo","params":["` + large + `"]}`: `{"jsonrpc":"2.0","id":"me","error":{"code":-32600,"message":"jsonrpc"}}`,
		`{"jsonrpc":"2.0","method":"Echo","params":["` + large + `"],"id":8}`:    `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"jsonrpc"}}`,
		`[{"jsonrpc":"2.0","id":"me","method":"Echo","params":["` + large + `"]`: `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"jsonrpc"}}`,
		`GET / HTTP/1.1`: `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`,
		`{"id":}`:        `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`,
	} {
		c := dial(t, s.node)
		go func() { _, _ = c.Write([]byte(request)) }() // it may not be read to its end
		var exact any
		if err := json.Unmarshal([]byte(want), &exact); err != nil {
			t.Fatal(err)
		}
		got := c.next()
		text := got.(map[string]any)["error"].(map[string]any)["message"].(string)
		if g, w := essence(got)[0], essence(exact)[0]; g != w {
			t.Errorf("%.60s: %s, not %s", request, g, w)
		}
		if strings.Contains(request, large) && !strings.Contains(text, "8192") {
			t.Errorf("the limit is not named: %s", text)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the connection went on")
		}
	}
}

// TestAnswerOverTheLimit: the error of an answer that is too large names the limit.
func TestAnswerOverTheLimit(t *testing.T) {
	node := scripted(t, func(request map[string]json.RawMessage) []byte {
		return []byte(`{"jsonrpc":"2.0","id":` + string(request["id"]) + `,"result":"` + strings.Repeat("x", 9<<10) + `"}`)
	})
	_, err := rawCall(t, newPool(t, muxpool.WithMaxFrameSize(8<<10)), node, jsonrpc.Version2, "M", ``)
	if !errors.Is(err, muxpool.ErrFrameTooLarge) || !strings.Contains(err.Error(), "8192") {
		t.Errorf("got %v", err)
	}
}
