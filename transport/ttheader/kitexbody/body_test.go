package kitexbody_test

import (
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/ttheader/kitexbody"
)

// Whatever a body is, it is read whole or refused.
func TestBodies(t *testing.T) {
	m := new(transport.Message)
	if err := kitexbody.Encode(t.Context(), m, &PriceServiceGetArgs{Item: "tea"}); err != nil {
		t.Fatal(err)
	}
	whole := m.Body
	got, err := kitexbody.Decode[PriceServiceGetArgs](t.Context(), m)
	if err != nil || got.(*PriceServiceGetArgs).Item != "tea" {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range whole {
		if _, err := kitexbody.Decode[PriceServiceGetArgs](t.Context(), &transport.Message{Body: whole[:n]}); err == nil {
			t.Errorf("%d bytes of %d were taken", n, len(whole))
		}
	}
	if _, err := kitexbody.Decode[PriceServiceGetArgs](t.Context(), &transport.Message{Body: append(whole, 0)}); err == nil || !strings.Contains(err.Error(), "1 bytes are left") {
		t.Errorf("a byte behind it: %v", err)
	}
	if err := kitexbody.Encode(t.Context(), m, "text"); err == nil {
		t.Error("a string was taken")
	}
}
