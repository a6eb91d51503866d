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
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
		ID     json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		return fmt.Errorf("jsonrpc: %w", err)
	}
	req.Method, req.Tag = f.Method, f.ID
	req.OneWay = len(f.ID) == 0 || bytes.Equal(f.ID, null)
	var params []json.RawMessage
	if err := json.Unmarshal(f.Params, &params); err == nil && len(params) == 1 {
		req.Body = params[0]
	} else {
		req.Body = f.Params
	}
	if f.Method == "" {
		return fmt.Errorf("jsonrpc: a request without a method")
	}
	return nil
}

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
