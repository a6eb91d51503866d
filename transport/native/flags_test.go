package native_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

func appendAnswer(t testing.TB, id uint32, m *transport.Message) []byte {
	t.Helper()
	frame, err := native.Protocol{}.AppendResponse(nil, id, nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func appendRequest(t testing.TB, id uint32, m *transport.Message) []byte {
	t.Helper()
	frame, err := native.Protocol{}.AppendRequest(nil, id, m)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// Every code keeps its number, those of newer versions too; what does not travel is
// unknown, whoever sent it.
func TestCodesOnTheWire(t *testing.T) {
	for n := range 256 {
		code, want := transport.Code(n), transport.Code(n)
		if n == 0 || n >= 192 {
			want = transport.CodeUnknown
		}
		for _, notRun := range []bool{false, true} {
			frame := appendAnswer(t, 7, &transport.Message{Err: &transport.Error{Code: code, NotRun: notRun}})
			if frame[7] != byte(want) || frame[6]&0x04 != 0 != notRun {
				t.Errorf("code %d, not run %v: sent as code %d, flags %#x", n, notRun, frame[7], frame[6])
			}
			frame[7] = byte(n) // a peer that sends it all the same
			e := asError(t, native.Protocol{}.ParseResponse(frame, new(transport.Message)))
			if e.Code != want || e.NotRun != notRun {
				t.Errorf("code %d, not run %v: read as %d, %v", n, notRun, e.Code, e.NotRun)
			}
		}
	}
}

func asError(t *testing.T, err error) *transport.Error {
	t.Helper()
	var e *transport.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is no *transport.Error", err, err)
	}
	return e
}

// A flag that is not defined for a frame changes nothing, unless it is vital.
func TestReservedFlags(t *testing.T) {
	p := native.Protocol{}
	request := appendRequest(t, 7, &transport.Message{Method: "M", Body: []byte("x")})
	answer := appendAnswer(t, 7, &transport.Message{Body: []byte("x")})
	failure := appendAnswer(t, 7, &transport.Message{Err: &transport.Error{Code: transport.CodeInternal}})
	cut := finished(bytes.Clone(request[:17])) // its method is longer than the frame, to who does not know what the flags say
	if e := asError(t, p.ParseRequest(withFlags(cut, 0x80), new(transport.Message))); e.Code != transport.CodeUnimplemented {
		t.Errorf("a request with a vital flag that reads as cut off: %v", e)
	}
	for flags := range 256 {
		vital, flags := flags >= 0x40, byte(flags)
		var req, resp transport.Message
		err := p.ParseRequest(withFlags(request, flags&^0x0a), &req)
		switch {
		case !vital && (err != nil || req.Method != "M" || string(req.Body) != "x" || req.OneWay != (flags&1 != 0)):
			t.Errorf("a request with flags %#x: %+v, %v", flags, req, err)
		case vital && (asError(t, err).Code != transport.CodeUnimplemented || req.OneWay != (flags&1 != 0)):
			t.Errorf("a request with flags %#x: %+v, %v", flags, req, err)
		}
		err = p.ParseResponse(withFlags(answer, flags&^0x08), &resp)
		if (err != nil) != vital || !vital && string(resp.Body) != "x" {
			t.Errorf("an answer with flags %#x: %+v, %v", flags, resp, err)
		}
		var e *transport.Error
		err = p.ParseResponse(withFlags(failure, flags), new(transport.Message))
		if errors.As(err, &e) == vital || !vital && e.NotRun != (flags&4 != 0) {
			t.Errorf("an error with flags %#x: %v", flags, err)
		}
		if kind := p.ClassifyFrame(7, withFlags(failure, flags)); kind != muxpool.FrameLast {
			t.Errorf("an error with flags %#x is of the kind %d", flags, kind)
		}
	}
}

func withFlags(frame []byte, flags byte) []byte {
	frame = bytes.Clone(frame)
	frame[6] = flags
	return frame
}

// Each kind, on both sides, without flags and with a vital one.
func TestKinds(t *testing.T) {
	const (
		ignored = transport.RequestIgnored
		nobody  = muxpool.FrameUnsolicited
	)
	for kind, want := range map[byte]struct {
		id                    uint32
		server, vitalToServer transport.RequestKind
		client, vitalToClient muxpool.FrameKind
	}{
		0:   {7, ignored, ignored, nobody, nobody},
		1:   {7, transport.RequestCall, transport.RequestCall, nobody, nobody},
		2:   {7, ignored, ignored, muxpool.FrameLast, muxpool.FrameLast},
		3:   {7, ignored, ignored, muxpool.FrameLast, muxpool.FrameLast},
		4:   {7, transport.RequestCancel, ignored, nobody, nobody},
		5:   {7, transport.RequestPing, ignored, nobody, nobody},
		6:   {7, ignored, ignored, muxpool.FrameKeepAlive, nobody},
		7:   {0, ignored, ignored, muxpool.FrameGoingAway, nobody},
		8:   {0, transport.RequestSettings, transport.RequestSettings, muxpool.FrameSettings, muxpool.FrameSettings},
		9:   {7, ignored, ignored, nobody, nobody},
		15:  {0, ignored, ignored, nobody, nobody},
		16:  {7, ignored, ignored, nobody, nobody},
		255: {7, ignored, ignored, nobody, nobody},
	} {
		p, frame := native.Protocol{}, finished([]byte{0, 0, 0, 0, 2, kind, 0, 0, 0, 0, 0, byte(want.id), 0, 0, 0, 0})
		if got := p.ClassifyRequest(want.id, frame); got != want.server {
			t.Errorf("kind %d: a server takes it for %d, not %d", kind, got, want.server)
		}
		if got := p.ClassifyFrame(want.id, frame); got != want.client {
			t.Errorf("kind %d: a client takes it for %d, not %d", kind, got, want.client)
		}
		frame[6] = 0x80
		if got := p.ClassifyRequest(want.id, frame); got != want.vitalToServer {
			t.Errorf("kind %d, flag 0x80: a server takes it for %d, not %d", kind, got, want.vitalToServer)
		}
		if got := p.ClassifyFrame(want.id, frame); got != want.vitalToClient {
			t.Errorf("kind %d, flag 0x80: a client takes it for %d, not %d", kind, got, want.vitalToClient)
		}
	}
	settings := settingsOf()
	if p := (native.Protocol{}); p.ClassifyFrame(7, settings) != nobody || p.ClassifyRequest(7, settings) != ignored {
		t.Error("settings with an id are not ignored")
	}
}

// TestNotRunTravels: the client of a call that the server's transport refused knows
// that it was not run, and of one whose endpoint failed that it may have.
func TestNotRunTravels(t *testing.T) {
	for _, over := range networks {
		t.Run(over, func(t *testing.T) {
			s := serve(t, over)
			for method, want := range map[string]verdict.Ran{"Nowhere": verdict.Refused, "Fail": verdict.Maybe} {
				e := asError(t, s.failure(t, s.client(newPool(t)), method, nil))
				if v := verdict.Of(e); v.Ran != want || e.NotRun != (want == verdict.Refused) || !e.Remote {
					t.Errorf("%s: %v: %+v", method, e, v)
				}
			}
		})
	}
}

// What ends within its metadata is no message: neither a name nor a value is made up, nor
// is the rest a body.
func TestMetadataThatIsCutOff(t *testing.T) {
	p := native.Protocol{}
	md := transport.Metadata{"name": "value"}
	const pair = 2 + 2 + len("name") + len("value")
	for what, frame := range map[string][]byte{
		"request": appendRequest(t, 7, &transport.Message{Metadata: md}),
		"answer":  appendAnswer(t, 7, &transport.Message{Metadata: md}),
		"error":   appendAnswer(t, 7, &transport.Message{Metadata: md, Err: &transport.Error{Code: transport.CodeInternal}}),
	} {
		parse := p.ParseResponse
		if what == "request" {
			parse = p.ParseRequest
		}
		for less := range pair + 1 {
			var m transport.Message
			err := parse(finished(frame[:len(frame)-less]), &m)
			short := err != nil && !errors.As(err, new(*transport.Error))
			if short != (less > 0) || short && (m.Metadata != nil || m.Body != nil && what != "request") {
				t.Errorf("%s, %d bytes less: %v, %+v", what, less, err, m)
			}
		}
	}
}
