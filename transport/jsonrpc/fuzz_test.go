package jsonrpc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

// addSeeds adds the frames of both versions and of the specification's examples.
func addSeeds(f *testing.F) {
	for _, version := range []jsonrpc.Version{jsonrpc.Version1, jsonrpc.Version2} {
		for _, seed := range protocoltest.Seeds(jsonrpc.Protocol{Version: version}) {
			f.Add(seed)
		}
	}
	for _, example := range specExamples {
		f.Add([]byte(example.request))
		f.Add([]byte(example.answer))
	}
	for _, seed := range []string{`{"id":"text\"}"}`, `{"a":{"b":[1,{}]},"id":4294967296}`, " \n{}", `{"id":null}{"id":1}`, `{"\u0069d":7,"ID":8}`,
		`{"id":1,"error":{"code":-32014,"message":"m","data":{"mux-code":"14","mux-not-run":"1","a":1}}}`, `[[],[1,[2]],{"method":"M","id":[]}]`} {
		f.Add([]byte(seed))
	}
}

// FuzzRequests: what a Service is sent is read as encoding/json would read it, and each
// request is answered with one whole frame under its own id, or not at all.
func FuzzRequests(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, version := range []jsonrpc.Version{jsonrpc.VersionAny, jsonrpc.Version1, jsonrpc.Version2} {
			p := jsonrpc.Protocol{Version: version}
			_, frame, err := p.Parse(wire.NewReader(bytes.NewReader(b), 0))
			if err != nil {
				p.AppendFarewell(nil, err)
				continue
			}
			requests := [][]byte{frame}
			var want []json.RawMessage
			if json.Unmarshal(frame, &want) == nil && len(want) > 0 && version != jsonrpc.Version1 {
				requests = nil
				p.Requests(frame, func(request []byte) bool { requests = append(requests, request); return true })
				if len(requests) != len(want) {
					t.Fatalf("%d requests in %s, encoding/json says %d", len(requests), frame, len(want))
				}
				for i := range want {
					if !bytes.Equal(requests[i], want[i]) {
						t.Fatalf("request %d of %s is %s, encoding/json says %s", i, frame, requests[i], want[i])
					}
				}
			}
			for _, request := range requests {
				answerOne(t, p, request)
			}
		}
	})
}

func answerOne(t *testing.T, p jsonrpc.Protocol, request []byte) {
	t.Helper()
	var members map[string]json.RawMessage
	_ = json.Unmarshal(request, &members)
	var req transport.Message
	err := p.ParseRequest(request, &req)
	if err == nil {
		var method string
		if json.Unmarshal(members["method"], &method) != nil || method != req.Method {
			t.Fatalf("%s: method %q", request, req.Method)
		}
		if len(req.Body) > 0 && !json.Valid(req.Body) {
			t.Fatalf("%s: body %s", request, req.Body)
		}
	}
	if req.OneWay {
		return
	}
	for _, resp := range []*transport.Message{{Body: []byte(`{"a":1}`)}, {}, {Err: &transport.Error{Code: transport.CodeNotFound, Message: "m", NotRun: true}}} {
		frame, err := p.AppendResponse(nil, 0, &req, resp)
		if err != nil {
			t.Fatalf("%s: %v", request, err)
		}
		id, again, err := p.Parse(bytes.NewReader(frame))
		var got map[string]json.RawMessage
		if err != nil || json.Unmarshal(again, &got) != nil {
			t.Fatalf("%s is answered %s, %v", request, frame, err)
		}
		if own := members["id"]; !bytes.Equal(got["id"], own) && string(got["id"]) != "null" {
			t.Fatalf("%s is answered %s", request, frame)
		}
		var back transport.Message
		if err := p.ParseResponse(again, &back); (err == nil) != (resp.Err == nil) || p.ClassifyFrame(id, again) == muxpool.FrameLast && id == 0 {
			t.Fatalf("%s is answered %s, which is read as %v", request, frame, err)
		}
	}
}

// FuzzResponses: what a Client is sent fails its own call at most, and nothing but an
// answer with a call's number reaches one.
func FuzzResponses(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p := jsonrpc.Protocol{}
		id, frame, err := p.Parse(wire.NewReader(bytes.NewReader(b), 0))
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		_ = json.Unmarshal(frame, &members)
		if p.ClassifyFrame(id, frame) == muxpool.FrameLast {
			var n uint32
			if json.Unmarshal(members["id"], &n) != nil || n != id || id == 0 {
				t.Fatalf("%s is for call %d", frame, id)
			}
		}
		var resp transport.Message
		var e *transport.Error
		switch err := p.ParseResponse(frame, &resp); {
		case err == nil && string(resp.Body) != string(members["result"]):
			t.Fatalf("%s: result %s", frame, resp.Body)
		case errors.As(err, &e) && len(members["error"]) == 0:
			t.Fatalf("%s: %v", frame, err)
		case errors.As(err, &e) && len(resp.Body) > 0 && !json.Valid(resp.Body):
			t.Fatalf("%s: data %s", frame, resp.Body)
		}
	})
}
