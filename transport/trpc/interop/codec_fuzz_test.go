package interop

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	trpcpb "trpc.group/trpc/trpc-protocol/pb/go/trpc"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/trpc"
)

// The hand-written codec of heads against the one that protoc generated.

// frameOf is a frame with this head and no body.
func frameOf(head []byte) []byte {
	frame := []byte{0x09, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0}
	binary.BigEndian.PutUint32(frame[4:], uint32(16+len(head)))
	binary.BigEndian.PutUint16(frame[8:], uint16(len(head)))
	return append(frame, head...)
}

func mustMarshal(f *testing.F, m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// odd are pieces of protobuf that few encoders make.
func odd(f *testing.F) {
	group := protowire.AppendTag(nil, 77, protowire.StartGroupType)
	group = protowire.AppendVarint(protowire.AppendTag(group, 3, protowire.VarintType), math.MaxUint64)
	group = protowire.AppendTag(group, 77, protowire.EndGroupType)
	f.Add(group)
	f.Add(protowire.AppendFixed64(protowire.AppendTag(nil, 3, protowire.Fixed64Type), 7))   // a known field of another type
	f.Add(protowire.AppendFixed32(protowire.AppendTag(nil, 500, protowire.Fixed32Type), 7)) // an unknown field
	f.Add(protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.VarintType), 1<<40|9))
	f.Add(protowire.AppendBytes(protowire.AppendTag(nil, 9, protowire.BytesType), []byte{0x0a, 1, 0xff})) // a name that is not UTF-8
	f.Add(protowire.AppendBytes(protowire.AppendTag(nil, 8, protowire.BytesType), nil))                   // a pair of nothing
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02})                             // an overflow
}

func sameMetadata(t *testing.T, ours transport.Metadata, theirs map[string][]byte) {
	t.Helper()
	if !maps.EqualFunc(ours, theirs, func(a string, b []byte) bool { return a == string(b) }) {
		t.Fatalf("metadata %q, not %q", ours, theirs)
	}
}

func FuzzRequestHead(f *testing.F) {
	f.Add(mustMarshal(f, &trpcpb.RequestProtocol{CallType: 1, RequestId: 2, Timeout: 3, Caller: []byte("a"), Callee: []byte("b"),
		Func: []byte("/c"), MessageType: 4, TransInfo: map[string][]byte{"d": []byte("e"), "": nil}, ContentType: 5}))
	odd(f)
	f.Fuzz(func(t *testing.T, head []byte) {
		var theirs trpcpb.RequestProtocol
		failed := proto.Unmarshal(head, &theirs)
		if len(head) == 0 || len(head) > math.MaxUint16 || theirs.AttachmentSize != 0 {
			return // not about the head's codec
		}
		var req transport.Message
		err := trpc.Protocol{}.ParseRequest(frameOf(head), &req)
		if (err == nil) != (failed == nil) {
			t.Fatalf("we say %v, they say %v", err, failed)
		}
		if err != nil {
			return
		}
		sameMetadata(t, req.Metadata, theirs.TransInfo)
		h := req.Tag.(*trpc.Head)
		if req.Method != string(theirs.Func) || req.OneWay != (theirs.CallType == 1) ||
			req.Timeout != time.Duration(theirs.Timeout)*time.Millisecond ||
			h.Caller != string(theirs.Caller) || h.Callee != string(theirs.Callee) ||
			h.MessageType != theirs.MessageType || h.ContentType != theirs.ContentType {
			t.Fatalf("we read %+v %+v, they %v", req, h, &theirs)
		}
	})
}

func FuzzResponseHead(f *testing.F) {
	f.Add(mustMarshal(f, &trpcpb.ResponseProtocol{RequestId: 2, Ret: -1, FuncRet: 7, ErrorMsg: []byte("a"), MessageType: 4,
		TransInfo: map[string][]byte{"d": []byte("e"), "": nil}, ContentType: 5}))
	odd(f)
	f.Fuzz(func(t *testing.T, head []byte) {
		var theirs trpcpb.ResponseProtocol
		failed := proto.Unmarshal(head, &theirs)
		if len(head) > math.MaxUint16 || theirs.AttachmentSize != 0 {
			return
		}
		var resp transport.Message
		err := trpc.Protocol{}.ParseResponse(frameOf(head), &resp)
		var e *transport.Error
		if isAnswer := err == nil || errors.As(err, &e); isAnswer != (failed == nil) {
			t.Fatalf("we say %v, they say %v", err, failed)
		}
		if failed != nil {
			return
		}
		sameMetadata(t, resp.Metadata, theirs.TransInfo)
		switch {
		case theirs.Ret != 0:
			if e == nil || e.Business() || e.Status != int(theirs.Ret) || e.Message != string(theirs.ErrorMsg) {
				t.Fatalf("we read %+v, they %v", e, &theirs)
			}
		case theirs.FuncRet != 0:
			if e == nil || !e.Business() || e.Status != int(theirs.FuncRet) || e.Message != string(theirs.ErrorMsg) {
				t.Fatalf("we read %+v, they %v", e, &theirs)
			}
		case e != nil:
			t.Fatalf("we read %+v, they %v", e, &theirs)
		}
	})
}

// FuzzOurHeads: what we write, they read.
func FuzzOurHeads(f *testing.F) {
	f.Add(uint32(1), "/a.B/C", "name", "value", int64(time.Second), true)
	f.Fuzz(func(t *testing.T, id uint32, method, name, value string, timeout int64, oneWay bool) {
		req := &transport.Message{Method: method, Metadata: transport.Metadata{name: value}, Timeout: time.Duration(timeout), OneWay: oneWay}
		frame, err := ours.AppendRequest(nil, id, req)
		if err != nil {
			return
		}
		var theirs trpcpb.RequestProtocol
		if err := proto.Unmarshal(frame[16:16+int(binary.BigEndian.Uint16(frame[8:]))], &theirs); err != nil {
			t.Fatal(err)
		}
		sameMetadata(t, req.Metadata, theirs.TransInfo)
		if theirs.RequestId != id || string(theirs.Func) != method || (theirs.CallType == 1) != oneWay ||
			(theirs.Timeout > 0) != (timeout > 0) || theirs.ContentType != ours.ContentType {
			t.Fatalf("they read %v", &theirs)
		}
	})
}
