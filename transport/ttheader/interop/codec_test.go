package interop

import (
	"context"
	"encoding/binary"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/cloudwego/gopkg/protocol/thrift"
	kitexheader "github.com/cloudwego/gopkg/protocol/ttheader"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
)

// The hand-written codec against Kitex's own, github.com/cloudwego/gopkg.

// What we send, Kitex's codec reads.
func TestRequestsAreThoseOfKitex(t *testing.T) {
	head := new(ttheader.Head)
	head.Set(ttheader.KeyLogID, "log")
	for _, oneWay := range []bool{false, true} {
		req := &transport.Message{Method: "Echo", Body: []byte{0}, Timeout: 1500 * time.Millisecond, OneWay: oneWay, Tag: head,
			Metadata: transport.Metadata{"RPC_TRANSIT_K": "v", ttheader.MetadataACLToken: "token"}}
		frame, err := ttheader.Protocol{Caller: "a", Callee: "b", Service: "c"}.AppendRequest(nil, 7, req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := kitexheader.DecodeFromBytes(t.Context(), frame)
		if err != nil {
			t.Fatal(err)
		}
		if got.SeqID != 7 || got.Flags != kitexheader.HeaderFlagSupportOutOfOrder || got.PayloadLen != len(frame)-got.HeaderLen ||
			!maps.Equal(got.StrInfo, map[string]string{"RPC_TRANSIT_K": "v", "RPC_TRANSIT_gdpr-token": "token", "isn": "c"}) ||
			!maps.Equal(got.IntInfo, map[uint16]string{2: "log", 3: "a", 6: "b", 9: "Echo", 12: "1500"}) {
			t.Errorf("Kitex reads %+v", got)
		}
		name, kind, seq, n, err := thrift.Binary.ReadMessageBegin(frame[got.HeaderLen:])
		want := thrift.TMessageType(thrift.CALL)
		if oneWay {
			want = thrift.ONEWAY
		}
		if err != nil || name != "Echo" || kind != want || seq != 7 || n != got.PayloadLen-1 {
			t.Errorf("Kitex reads %s, %d, %d, %d, %v", name, kind, seq, n, err)
		}
	}
}

// kitexFrame is a frame of Kitex's codec.
func kitexFrame(tb testing.TB, param kitexheader.EncodeParam, message []byte) []byte {
	tb.Helper()
	b, err := kitexheader.EncodeToBytes(context.Background(), param)
	if err != nil {
		tb.Fatal(err)
	}
	b = append(b, message...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// What Kitex's codec sends, we read.
func TestRequestsOfKitexAreRead(t *testing.T) {
	message, err := thrift.MarshalFastMsg("Echo", thrift.CALL, -3, thrift.NewApplicationException(5, "any struct"))
	if err != nil {
		t.Fatal(err)
	}
	for _, framed := range []bool{false, true} {
		payload := message
		if framed {
			payload = append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)
		}
		frame := kitexFrame(t, kitexheader.EncodeParam{SeqID: -2, Flags: kitexheader.HeaderFlagSupportOutOfOrder,
			IntInfo: map[uint16]string{3: "a", 12: "250"}, StrInfo: map[string]string{"k": "v", "RPC_TRANSIT_gdpr-token": "token"}}, payload)
		var req transport.Message
		if err := (ttheader.Protocol{}).ParseRequest(frame, &req); err != nil {
			t.Fatal(err)
		}
		from, _ := req.Tag.(*ttheader.Head).Get(3)
		if req.Method != "Echo" || from != "a" || req.Timeout != 250*time.Millisecond || len(req.Body) == 0 ||
			!maps.Equal(req.Metadata, transport.Metadata{"k": "v", ttheader.MetadataACLToken: "token"}) {
			t.Errorf("framed %v: we read %+v", framed, req)
		}
		resp := &transport.Message{Err: &transport.Error{Code: transport.CodeNotFound, Message: "why", NotRun: true}}
		answer, err := ttheader.Protocol{}.AppendResponse(nil, 0xfffffffe, &req, resp)
		if err != nil {
			t.Fatal(err)
		}
		wantException(t, answer, framed, -2, -3, 6, "why")
	}
}

// wantException checks with Kitex's codec that a frame is an exception to these ids.
func wantException(t *testing.T, frame []byte, framed bool, id, seq, kind int32, text string) {
	t.Helper()
	h, err := kitexheader.DecodeFromBytes(t.Context(), frame)
	if err != nil || h.SeqID != id {
		t.Fatalf("Kitex reads %+v, %v", h, err)
	}
	b := frame[h.HeaderLen:]
	if framed {
		b = b[4:]
	}
	_, got, err := thrift.UnmarshalFastMsg(b, nil)
	e, ok := err.(*thrift.ApplicationException)
	if !ok || got != seq || e.TypeID() != kind || e.Msg() != text && text != "" {
		t.Errorf("Kitex reads an answer to %d: %v", got, err)
	}
}

// FuzzHeaders: of any header both codecs read the same, or neither reads it.
func FuzzHeaders(f *testing.F) {
	message, err := thrift.MarshalFastMsg("Echo", thrift.CALL, 1, thrift.NewApplicationException(0, ""))
	if err != nil {
		f.Fatal(err)
	}
	whole := kitexFrame(f, kitexheader.EncodeParam{SeqID: 1, IntInfo: map[uint16]string{2: "log"}, StrInfo: map[string]string{"k": "v"}}, nil)
	f.Add(whole[14:])
	f.Add([]byte{0, 0, 1, 0, 1, 0, 1, 'k', 0, 0, 0x11, 0, 1, 't', 0, 0})
	f.Add([]byte{0, 0, 0x10, 0, 2, 0, 2, 0, 0, 0, 2, 0, 1, 'x', 0, 0})
	f.Fuzz(func(t *testing.T, words []byte) {
		if words = words[:len(words)/4*4]; len(words) < 4 || len(words) > 4*65535 {
			return
		}
		words[0], words[1] = 0, 0 // the binary protocol, no transforms
		frame := append([]byte{0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 1, byte(len(words) / 4 >> 8), byte(len(words) / 4)}, words...)
		frame = append(frame, message...)
		binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
		theirs, failed := kitexheader.DecodeFromBytes(context.Background(), frame)
		if _, err := strconv.Atoi(theirs.IntInfo[12]); theirs.IntInfo[12] != "" && err != nil {
			return // Kitex passes a timeout over that is no number
		}
		var req transport.Message
		err := ttheader.Protocol{}.ParseRequest(frame, &req)
		if (err == nil) != (failed == nil) {
			t.Fatalf("we say %v, they say %v", err, failed)
		}
		if err != nil {
			return
		}
		for _, own := range []string{"crrst", "biz-status", "biz-message"} { // which are no metadata
			delete(theirs.StrInfo, own)
		}
		if !maps.Equal(req.Metadata, theirs.StrInfo) {
			t.Fatalf("we read %q, they %q", req.Metadata, theirs.StrInfo)
		}
		numbers := map[uint16]string{}
		for k, v := range req.Tag.(*ttheader.Head).All() {
			numbers[k] = v
		}
		delete(theirs.IntInfo, 12)
		if !maps.Equal(numbers, theirs.IntInfo) {
			t.Fatalf("we read %v, they %v", numbers, theirs.IntInfo)
		}
	})
}
