package jsonrpc_test

import (
	"encoding/json"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/jsonrpc"
)

// TestAnswersThatGoAway: an answer has the member only when the server goes away.
func TestAnswersThatGoAway(t *testing.T) {
	for _, going := range []bool{false, true} {
		for _, resp := range []transport.Message{{Body: []byte(`1`)}, {}, {Err: &transport.Error{Message: "no"}}} {
			resp.GoingAway = going
			frame, err := jsonrpc.Protocol{}.AppendResponse(nil, 1, &transport.Message{}, &resp)
			if err != nil {
				t.Fatal(err)
			}
			var members map[string]any
			if err := json.Unmarshal(frame, &members); err != nil || len(members) != map[bool]int{false: 3, true: 4}[going] {
				t.Errorf("going away %v: %s, %v", going, frame, err)
			}
			var got transport.Message
			_ = jsonrpc.Protocol{}.ParseResponse(frame, &got)
			if got.GoingAway != going {
				t.Errorf("%s is read as %v", frame, got.GoingAway)
			}
		}
	}
}
