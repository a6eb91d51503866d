package transport_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// TestNilOptions: a nil option or function is an error that names it, not a panic.
func TestNilOptions(t *testing.T) {
	for want, option := range map[string]transport.ClientOption{
		"a nil ClientOption":                 nil,
		"a nil function for ClientBefore":    transport.ClientBefore(nil),
		"a nil function for ClientAfter":     transport.ClientAfter(nil),
		"a nil function for ClientFinalizer": transport.ClientFinalizer(nil),
		"ClientGetOptions(nil)":              transport.ClientGetOptions(nil),
	} {
		c := transport.NewClient(newPool(t), transport.Node{Network: "tcp", Address: "127.0.0.1:1"}, native.Protocol{}, "M",
			transport.EncodeBytes, transport.DecodeBytes, option)
		if err := c.Err(); !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), want) {
			t.Errorf("Err: %v, want %q", err, want)
		}
		if _, err := c.Endpoint()(t.Context(), []byte("x")); !errors.Is(err, transport.ErrInvalidOption) {
			t.Errorf("%s: a call: %v", want, err)
		}
	}
	for name, option := range map[string]transport.ServerOption{
		"nil":                  nil,
		"ServerBefore(nil)":    transport.ServerBefore(nil),
		"ServerAfter(nil)":     transport.ServerAfter(nil),
		"ServerFinalizer(nil)": transport.ServerFinalizer(nil),
	} {
		s := transport.NewService(native.Protocol{})
		s.Handle("M", rawServer(echo, option))
		if err := s.Err(); !errors.Is(err, transport.ErrInvalidOption) || !strings.Contains(err.Error(), "Handle(M): one of its options or hooks is nil") {
			t.Errorf("%s: Err: %v", name, err)
		}
	}
	if err := transport.NewService(native.Protocol{}, nil).Err(); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("a nil ServiceOption: %v", err)
	}
}
