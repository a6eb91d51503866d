package native_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestPageShowsADescription compares the description of docs/native-protocol.md with that of
// such a Service, member by member.
func TestPageShowsADescription(t *testing.T) {
	page, err := os.ReadFile("../../docs/native-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "\n## Description\n")
	_, shown, _ = strings.Cut(shown, "\n```json\n")
	shown, _, _ = strings.Cut(shown, "\n```\n")
	var want map[string]any
	if err := json.Unmarshal([]byte(shown), &want); err != nil {
		t.Fatal(err)
	}
	got := describe(t)
	for name := range got["build"].(map[string]any) {
		if _, ok := want["build"].(map[string]any)[name]; !ok {
			t.Errorf("the page has no %s in build", name)
		}
	}
	delete(got, "build") // it is of this program
	delete(want, "build")
	if next := want["next"]; next != "shop.Order.Print" { // the Service has only one page
		t.Errorf("the page has %v as next", next)
	}
	delete(want, "next")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("a Service says\n%v\nthe page\n%v", got, want)
	}
}

// describe asks the Service of the page for its description.
func describe(t *testing.T) (answer map[string]any) {
	t.Helper()
	type line struct {
		Article string `json:"article"`
		Count   int    `json:"count"`
	}
	create := transport.JSONType[struct {
		ID    string `json:"id"`
		Lines []line `json:"lines"`
	}]()
	create.Type, create.Fields[1].Type = "shop.Order", "[]shop.Line" // the names that they would have elsewhere
	none := func(context.Context, any) (any, error) { return []byte{}, nil }
	silent := func(context.Context, *transport.Message, any) error { return nil }
	s := transport.NewService(native.Protocol{}, transport.ServiceDescribe())
	s.Handle("shop.Order.Create", transport.NewServer(none, transport.NopRequestDecoder, transport.EncodeJSON,
		transport.ServerTypes(create, transport.TypeDescription{Codec: "json"})))
	s.Handle("shop.Order.Print", transport.NewServer(none, transport.NopRequestDecoder, silent))
	s.Handle("shop.\xff", transport.NewServer(none, transport.NopRequestDecoder, silent))
	s.SetServing("shop.Order", false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		pool.Close()
		s.Close()
		bounded.Receive(t, ended)
	}()
	ask := transport.NewClient(pool, transport.Node{Network: "tcp", Address: l.Addr().String()}, native.Protocol{},
		native.Protocol{}.DescribeMethod(), transport.EncodeBytes, transport.DecodeJSON[map[string]any], transport.ClientTimeout(time.Minute))
	response, err := ask.Endpoint()(t.Context(), []byte{})
	if err != nil {
		t.Fatal(err)
	}
	return response.(map[string]any)
}
