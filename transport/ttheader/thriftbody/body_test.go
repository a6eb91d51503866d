package thriftbody_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader"
	"github.com/muxkit/muxkit/transport/ttheader/thriftbody"
)

// Whatever a body is, it is read whole or refused, and no memory is taken for what is not there.
func TestBodies(t *testing.T) {
	m := new(transport.Message)
	if err := thriftbody.Encode(t.Context(), m, &PriceServiceGetArgs{Item: "tea"}); err != nil {
		t.Fatal(err)
	}
	whole := m.Body
	got, err := thriftbody.Decode[PriceServiceGetArgs](t.Context(), m)
	if err != nil || got.(*PriceServiceGetArgs).Item != "tea" {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range whole {
		if _, err := thriftbody.Decode[PriceServiceGetArgs](t.Context(), &transport.Message{Body: whole[:n]}); err == nil {
			t.Errorf("%d bytes of %d were taken", n, len(whole))
		}
	}
	if _, err := thriftbody.Decode[PriceServiceGetArgs](t.Context(), &transport.Message{Body: append(whole, 0)}); err == nil || !strings.Contains(err.Error(), "1 bytes are left") {
		t.Errorf("a byte behind it: %v", err)
	}
	for _, lie := range [][]byte{{11, 0, 1, 0x7f, 0xff, 0xff, 0xff, 'a', 0}, {11, 0, 1, 0xff, 0xff, 0xff, 0xff, 0}} {
		if _, err := thriftbody.Decode[PriceServiceGetArgs](t.Context(), &transport.Message{Body: lie}); err == nil {
			t.Errorf("%x was taken", lie)
		}
	}
	if err := thriftbody.Encode(t.Context(), m, "text"); err == nil {
		t.Error("a string was taken")
	}
}

// ending is a PriceService whose calls end with an error.
type ending struct{ err error }

func (e ending) Get(context.Context, string) (int64, error) { return 0, e.err }

func (e ending) Note(context.Context, string) error { return e.err }

// The exceptions of a processor come out as errors that say whose fault they are.
func TestExceptionsOfAProcessor(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		err  error
		code transport.Code
		kind int
	}{
		"the method's error":     {[]byte{0}, errors.New("no"), transport.CodeInternal, 6},
		"its deadline":           {[]byte{0}, context.DeadlineExceeded, transport.CodeDeadlineExceeded, 6},
		"arguments that are cut": {[]byte{11, 0, 1}, nil, transport.CodeInvalidArgument, 7},
	} {
		p := ttheader.Protocol{}
		call := thriftbody.Endpoint("Get", NewPriceServiceProcessor(ending{c.err}).ProcessorMap()["Get"])
		_, err := call(t.Context(), c.body)
		var e *transport.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Status != c.kind {
			t.Errorf("%s: %+v", name, err)
			continue
		}
		frame, err := p.AppendResponse(nil, 1, &transport.Message{Method: "Get"}, &transport.Message{Err: e})
		if err != nil {
			t.Fatal(err)
		}
		var back *transport.Error
		if err := p.ParseResponse(frame, &transport.Message{Method: "Get"}); !errors.As(err, &back) || back.Code != c.code || back.Status != c.kind {
			t.Errorf("%s: it comes back as %+v", name, err)
		}
	}
}
