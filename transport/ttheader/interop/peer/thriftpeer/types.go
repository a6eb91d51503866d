// Command thriftpeer is Apache Thrift's Go library as it comes, driven by the tests: a
// TSimpleServer or clients, framed, in the binary protocol. It ends with its standard input, so
// that it never outlives them.
package main

import (
	"context"

	"github.com/apache/thrift/lib/go/thrift"
)

// text is a struct with a text in one field: what Thrift's compiler makes of the arguments, and
// of the result, of
//
//	string Method(1: string text)
type text struct {
	field int16 // 1 in arguments, 0 in results
	Text  *string
}

func (s *text) Read(ctx context.Context, p thrift.TProtocol) error {
	if _, err := p.ReadStructBegin(ctx); err != nil {
		return err
	}
	for {
		_, kind, id, err := p.ReadFieldBegin(ctx)
		if err != nil {
			return err
		}
		if kind == thrift.STOP {
			return p.ReadStructEnd(ctx)
		}
		if kind == thrift.STRING && id == s.field {
			v, err := p.ReadString(ctx)
			if err != nil {
				return err
			}
			s.Text = &v
		} else if err := p.Skip(ctx, kind); err != nil {
			return err
		}
		if err := p.ReadFieldEnd(ctx); err != nil {
			return err
		}
	}
}

func (s *text) Write(ctx context.Context, p thrift.TProtocol) error {
	if err := p.WriteStructBegin(ctx, "text"); err != nil {
		return err
	}
	if s.Text != nil {
		if err := p.WriteFieldBegin(ctx, "text", thrift.STRING, s.field); err != nil {
			return err
		}
		if err := p.WriteString(ctx, *s.Text); err != nil {
			return err
		}
		if err := p.WriteFieldEnd(ctx); err != nil {
			return err
		}
	}
	if err := p.WriteFieldStop(ctx); err != nil {
		return err
	}
	return p.WriteStructEnd(ctx)
}
