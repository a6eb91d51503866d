package jsonrpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Protocol is JSON-RPC 1.0, both sides. The zero value is ready to use, by any
// number of clients and services at once.
type Protocol struct{}

var (
	_ transport.ServerProtocol = Protocol{}
	_ transport.OneWayer       = Protocol{}
	_ transport.Separator      = Protocol{}
	_ muxpool.FrameClassifier  = Protocol{}
)

var null = []byte("null")

// Parse implements muxpool.FrameParser. The id of a frame whose id is not a number
// of 32 bits is told as 0.
func (Protocol) Parse(r io.Reader) (uint32, []byte, error) {
	frame, err := readObject(r)
	if err != nil {
		return 0, nil, err
	}
	id, err := frameID(frame)
	if err != nil {
		return 0, nil, err
	}
	n, _ := number(id)
	return n, frame, nil
}

func frameID(frame []byte) (json.RawMessage, error) {
	var f struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		return nil, fmt.Errorf("jsonrpc: %w", err)
	}
	return f.ID, nil
}

// number returns 0, false for an id that no Client has used.
func number(id json.RawMessage) (uint32, bool) {
	n, err := strconv.ParseUint(string(id), 10, 32)
	if err != nil {
		return 0, false
	}
	return uint32(n), true
}

// ClassifyFrame implements muxpool.FrameClassifier: an answer without an id that a
// Client may have used belongs to no call.
func (Protocol) ClassifyFrame(vid uint32, frame []byte) muxpool.FrameKind {
	if vid == 0 {
		id, _ := frameID(frame)
		if _, ok := number(id); !ok {
			return muxpool.FrameUnsolicited
		}
	}
	return muxpool.FrameLast
}

// Separates implements transport.Separator.
func (Protocol) Separates(b byte) bool { return isSpace(b) }

// OneWay implements transport.OneWayer.
func (Protocol) OneWay() {}

// AppendRequest implements transport.Protocol.
func (Protocol) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	method, err := json.Marshal(req.Method)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `{"method":`...)
	dst = append(dst, method...)
	dst = append(dst, `,"params":[`...)
	if dst, err = appendValue(dst, req.Body); err != nil {
		return dst, err
	}
	dst = append(dst, `],"id":`...)
	if req.OneWay {
		dst = append(dst, null...)
	} else {
		dst = strconv.AppendUint(dst, uint64(id), 10)
	}
	return append(dst, "}\n"...), nil
}

// appendValue appends a body, which must be one JSON value: anything else would
// put the stream out of step.
func appendValue(dst, body []byte) ([]byte, error) {
	if len(body) == 0 {
		return append(dst, null...), nil
	}
	if !json.Valid(body) {
		return dst, fmt.Errorf("jsonrpc: the body is not a JSON value: %.40q", body)
	}
	return append(dst, body...), nil
}

// ParseResponse implements transport.Protocol.
func (Protocol) ParseResponse(frame []byte, resp *transport.Message) error {
	var f struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(frame, &f); err != nil {
		return fmt.Errorf("jsonrpc: %w", err)
	}
	if len(f.Error) > 0 && !bytes.Equal(f.Error, null) {
		return parseError(f.Error)
	}
	resp.Body = f.Result
	return nil
}

func parseError(raw json.RawMessage) *transport.Error {
	e := &transport.Error{Code: transport.CodeUnknown}
	if json.Unmarshal(raw, &e.Message) != nil {
		e.Message = string(raw)
	}
	if strings.HasPrefix(e.Message, noService) || strings.HasPrefix(e.Message, noMethod) {
		e.Code = transport.CodeUnimplemented
		return e
	}
	word, rest, _ := strings.Cut(e.Message, ": ")
	for code := transport.CodeCanceled; code <= transport.CodeTooLarge; code++ {
		if word == code.String() {
			e.Code, e.Message = code, rest
		}
	}
	return e
}

// net/rpc's words for a method that it does not have.
const (
	noService = "rpc: can't find service "
	noMethod  = "rpc: can't find method "
)
