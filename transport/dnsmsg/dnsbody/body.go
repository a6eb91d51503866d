// Package dnsbody has the messages of github.com/miekg/dns as bodies of package dnsmsg, for
// both sides:
//
//	lookup := dnsmsg.NewClient(pool, node, dnsmsg.MethodQuery, dnsbody.Encode, dnsbody.Decode).Endpoint()
//	query := new(dns.Msg)
//	query.SetQuestion("example.org.", dns.TypeMX)
//	response, err := lookup(ctx, query)
//
//	service.Handle(dnsmsg.MethodQuery, transport.NewServer(answer, dnsbody.Decode, dnsbody.Encode))
package dnsbody

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/muxkit/muxkit/transport"
)

// Encode is a transport.EncodeRequestFunc and a transport.EncodeResponseFunc for values of type
// *dns.Msg, which it leaves as they are. Their Id does not travel, names are compressed if
// Compress is set.
func Encode(_ context.Context, m *transport.Message, value any) error {
	msg, ok := value.(*dns.Msg)
	if !ok {
		return fmt.Errorf("dnsbody: Encode got a %T, not a *dns.Msg", value)
	}
	if msg == nil {
		return errors.New("dnsbody: Encode got a nil *dns.Msg")
	}
	body, err := msg.Pack()
	if err != nil {
		return fmt.Errorf("dnsbody: %w", err)
	}
	m.Body = body
	return nil
}

// Decode is a transport.DecodeRequestFunc and a transport.DecodeResponseFunc: it returns a
// *dns.Msg. The Id of a response is 0, that of a request as it came.
func Decode(_ context.Context, m *transport.Message) (any, error) {
	msg := new(dns.Msg)
	if err := msg.Unpack(m.Body); err != nil {
		return nil, fmt.Errorf("dnsbody: %w", err)
	}
	m.ReleaseBody() // Unpack copies what it keeps
	return msg, nil
}
