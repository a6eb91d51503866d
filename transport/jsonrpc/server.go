package jsonrpc

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/muxkit/muxkit/transport"
)

// ParseRequest implements transport.ServerProtocol. The request's id, which may be
// any JSON value, is kept in req.Tag as a json.RawMessage.
func (Protocol) ParseRequest(frame []byte, req *transport.Message) error {
	var f struct {
		Method json.RawMessage `json:"method"`
		Params json.RawMessage `json:"params"`
		ID     json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		return fmt.Errorf("jsonrpc: %w", err)
	}
	req.Tag = f.ID // before all that may be wrong: the error is for this id
	req.OneWay = len(f.ID) == 0 || bytes.Equal(f.ID, null)
	if err := json.Unmarshal(f.Method, &req.Method); len(f.Method) > 0 && err != nil {
		return fmt.Errorf("jsonrpc: the method is no string: %w", err)
	}
	req.Body = f.Params
	if one, ok := onlyElement(f.Params); ok {
		req.Body = one
	}
	if req.Method == "" {
		return fmt.Errorf("jsonrpc: a request without a method")
	}
	return nil
}

// onlyElement returns the element of an array that has one. b is right JSON.
func onlyElement(b []byte) (element []byte, ok bool) {
	b = bytes.TrimSpace(b)
	if len(b) < 2 || b[0] != '[' {
		return nil, false
	}
	b = bytes.TrimSpace(b[1 : len(b)-1])
	var scan scanner
	for _, c := range b {
		if scan.next(c); c == ',' && scan.depth == 0 && !scan.text {
			return nil, false
		}
	}
	return b, len(b) > 0
}

// nothing is the result of a call that has none, or null: net/rpc takes an answer whose
// result and error are both null for a broken one, and ends the connection.
const nothing = `{}`

// AppendResponse implements transport.ServerProtocol.
func (Protocol) AppendResponse(dst []byte, id uint32, req, resp *transport.Message) ([]byte, error) {
	raw, ok := req.Tag.(json.RawMessage)
	if !ok {
		raw = fmt.Append(nil, id)
	}
	dst = append(dst, `{"id":`...)
	dst = append(dst, raw...)
	if resp.Err != nil {
		text, err := json.Marshal(errorText(req, resp.Err))
		if err != nil {
			return dst, err
		}
		dst = append(dst, `,"result":null,"error":`...)
		dst = append(dst, text...)
		return append(dst, "}\n"...), nil
	}
	dst = append(dst, `,"result":`...)
	if body := bytes.TrimSpace(resp.Body); len(body) == 0 || bytes.Equal(body, null) {
		return append(dst, nothing+`,"error":null}`+"\n"...), nil
	}
	dst, err := appendValue(dst, resp.Body)
	return append(dst, `,"error":null}`+"\n"...), err
}

// errorText is what clients get to see; a text is all that net/rpc's take. It begins
// with the code's name, by which a Client of this package knows the code, unless
// nothing is known.
func errorText(req *transport.Message, e *transport.Error) string {
	code := e.Code.Travels()
	switch {
	case code == transport.CodeUnimplemented:
		return noMethod + req.Method
	case code == transport.CodeUnknown && e.Message != "":
		return e.Message
	case e.Message == "":
		return code.String()
	}
	return code.String() + ": " + e.Message
}
