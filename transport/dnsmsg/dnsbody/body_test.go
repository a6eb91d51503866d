package dnsbody_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/dnsmsg/dnsbody"
)

func TestMain(m *testing.M) { os.Exit(bounded.Tests(m).Run()) }

// What is encoded is decoded; what is no message is told by its type.
func TestBodies(t *testing.T) {
	ctx, query := context.Background(), new(dns.Msg)
	query.SetQuestion("www.example.org.", dns.TypeAAAA)
	var m transport.Message
	if err := dnsbody.Encode(ctx, &m, query); err != nil {
		t.Fatal(err)
	}
	got, err := dnsbody.Decode(ctx, &m)
	if err != nil || got.(*dns.Msg).String() != query.String() {
		t.Errorf("%v, %v", got, err)
	}
	for _, c := range []struct {
		value any
		want  string
	}{{"text", "string, not a *dns.Msg"}, {(*dns.Msg)(nil), "nil *dns.Msg"}, {&dns.Msg{Question: []dns.Question{{Name: "no..name"}}}, "dnsbody: "}} {
		if err := dnsbody.Encode(ctx, &m, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.value, err)
		}
	}
	if _, err := dnsbody.Decode(ctx, &transport.Message{Body: []byte("x")}); err == nil || !strings.HasPrefix(err.Error(), "dnsbody: ") {
		t.Error(err)
	}
}
