package jsonrpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Version is a version of JSON-RPC.
type Version uint8

const (
	// VersionAny is the zero value. A Service answers each request in the version that
	// it is in; a Client asks in 1.0 and reads answers of both.
	VersionAny Version = iota
	// Version1 is 1.0. A Service takes nothing else for a request; a Client does as
	// with VersionAny.
	Version1
	// Version2 is 2.0. A Service takes nothing else for a request; a Client asks in it.
	Version2
)

// Protocol is JSON-RPC, both sides. The zero value is ready to use, by any number of
// clients and services at once.
type Protocol struct {
	Version Version
}

var (
	_ transport.ServerProtocol = Protocol{}
	_ transport.Batcher        = Protocol{}
	_ transport.Farewell       = Protocol{}
	_ transport.OneWayer       = Protocol{}
	_ transport.Separator      = Protocol{}
	_ muxpool.FrameClassifier  = Protocol{}
	_ muxpool.IDSpacer         = Protocol{}
)

// Parse implements muxpool.FrameParser. The id of a frame whose id is not a number
// of 32 bits, or 0, is told as 0.
func (Protocol) Parse(r io.Reader) (uint32, []byte, error) {
	frame, err := readText(r)
	if err == nil {
		err = check(frame)
	}
	if err != nil {
		return 0, nil, err
	}
	e := open(frame)
	return number(e.id), frame, nil
}

// IDSpace implements muxpool.IDSpacer: 0 is what an id that is no number is told as.
func (Protocol) IDSpace() muxpool.IDSpace { return muxpool.IDSpace{Min: 1, Max: math.MaxUint32} }

// ClassifyFrame implements muxpool.FrameClassifier: what has no id that a Client may
// have used, and what asks instead of answering, belongs to no call.
func (Protocol) ClassifyFrame(vid uint32, frame []byte) muxpool.FrameKind {
	if vid == 0 {
		return muxpool.FrameUnsolicited
	}
	if e := open(frame); e.method != nil && absent(e.result) && absent(e.failure) {
		return muxpool.FrameUnsolicited
	}
	return muxpool.FrameLast
}

// Separates implements transport.Separator.
func (Protocol) Separates(b byte) bool { return isSpace(b) }

// OneWay implements transport.OneWayer.
func (Protocol) OneWay() {}

// AppendRequest implements transport.Protocol.
func (p Protocol) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	method, _ := json.Marshal(req.Method) // which any text can be
	if len(req.Body) > 0 && !json.Valid(req.Body) {
		return dst, fmt.Errorf("jsonrpc: the body is not a JSON value: %.40q", req.Body)
	}
	switch p.Version {
	case VersionAny, Version1:
		return appendRequest1(dst, id, req, method), nil
	case Version2:
		return appendRequest2(dst, id, req, method), nil
	}
	return dst, fmt.Errorf("jsonrpc: Protocol.Version is %d, which is none", p.Version)
}

func appendRequest1(dst []byte, id uint32, req *transport.Message, method []byte) []byte {
	dst = append(dst, `{"method":`...)
	dst = append(dst, method...)
	dst = append(dst, `,"params":[`...)
	dst = append(dst, orNull(req.Body)...)
	dst = append(dst, `],"id":`...)
	if req.OneWay {
		dst = append(dst, null...)
	} else {
		dst = strconv.AppendUint(dst, uint64(id), 10)
	}
	return append(dst, "}\n"...)
}

// appendRequest2 puts the id in front, where it is seen also of what is too large.
func appendRequest2(dst []byte, id uint32, req *transport.Message, method []byte) []byte {
	dst = append(dst, `{"jsonrpc":"2.0",`...)
	if !req.OneWay {
		dst = append(dst, `"id":`...)
		dst = strconv.AppendUint(dst, uint64(id), 10)
		dst = append(dst, ',')
	}
	dst = append(dst, `"method":`...)
	dst = append(dst, method...)
	switch body := skip(req.Body); {
	case len(body) == 0:
	case body[0] == '{' || body[0] == '[':
		dst = append(dst, `,"params":`...)
		dst = append(dst, body...)
	default:
		dst = append(dst, `,"params":[`...)
		dst = append(dst, body...)
		dst = append(dst, ']')
	}
	return append(dst, "}\n"...)
}

func orNull(body []byte) []byte {
	if len(body) == 0 {
		return null
	}
	return body
}

// errNothing is for answers of both versions.
var errNothing = errors.New("jsonrpc: an answer with neither result nor error")

// ParseResponse implements transport.Protocol. It reads answers of both versions,
// whichever was asked in.
func (Protocol) ParseResponse(frame []byte, resp *transport.Message) error {
	e := open(frame)
	resp.GoingAway = string(e.goingAway) == "true"
	switch {
	case !absent(e.failure) && e.failure[0] == '{':
		return readErrorObject(e.failure, resp)
	case !absent(e.failure):
		return readErrorText(e.failure)
	case e.result == nil:
		return errNothing
	}
	resp.Body = e.result
	return nil
}
