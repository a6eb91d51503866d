package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/muxkit/muxkit/internal/peertest"
)

// serve is the real server.
func serve(address string) {
	l, err := thrift.NewTServerSocket(address)
	if err != nil {
		panic(err)
	}
	if err := l.Listen(); err != nil {
		panic(err)
	}
	s := thrift.NewTSimpleServer4(processor{}, l, thrift.NewTFramedTransportFactoryConf(thrift.NewTTransportFactory(), nil), thrift.NewTBinaryProtocolFactoryConf(nil))
	peertest.TellAddress(l.Addr())
	panic(s.Serve())
}

var gates peertest.Gates

var methods = map[string]func(context.Context, string) (string, error){
	"Echo":    func(_ context.Context, text string) (string, error) { return text, nil },
	"Hold":    func(ctx context.Context, key string) (string, error) { return key, gates.Hold(ctx, key) },
	"Arrived": func(ctx context.Context, key string) (string, error) { return key, gates.Of(key).Arrived.Wait(ctx) },
	"Release": func(_ context.Context, key string) (string, error) { gates.Of(key).Release.Open(); return key, nil },
	"Note":    func(_ context.Context, key string) (string, error) { gates.Of(key).Arrived.Open(); return "", nil },
	"Plain":   func(_ context.Context, text string) (string, error) { return "", errors.New("plain " + text) },
	"Exception": func(_ context.Context, text string) (string, error) {
		n, err := strconv.Atoi(text)
		if err != nil {
			return "", err
		}
		return "", thrift.NewTApplicationException(int32(n), "exception "+text)
	},
}

// processor is what Thrift's compiler makes of the IDL.
type processor struct{}

func (processor) ProcessorMap() map[string]thrift.TProcessorFunction { return nil }

func (processor) AddToProcessorMap(string, thrift.TProcessorFunction) {}

func (processor) Process(ctx context.Context, in, out thrift.TProtocol) (bool, thrift.TException) {
	name, kind, seq, err := in.ReadMessageBegin(ctx)
	if err != nil {
		return false, thrift.WrapTException(err)
	}
	f := methods[name]
	if f == nil {
		_ = in.Skip(ctx, thrift.STRUCT)
		_ = in.ReadMessageEnd(ctx)
		e := thrift.NewTApplicationException(thrift.UNKNOWN_METHOD, "Unknown function "+name)
		return false, reply(ctx, out, name, thrift.EXCEPTION, seq, e, e)
	}
	args := text{field: 1}
	if err := args.Read(ctx, in); err != nil {
		_ = in.ReadMessageEnd(ctx)
		e := thrift.NewTApplicationException(thrift.PROTOCOL_ERROR, err.Error())
		return false, reply(ctx, out, name, thrift.EXCEPTION, seq, e, thrift.WrapTException(err))
	}
	_ = in.ReadMessageEnd(ctx)
	body := ""
	if args.Text != nil {
		body = *args.Text
	}
	answer, err := f(ctx, body)
	if kind == thrift.ONEWAY {
		return true, nil
	}
	if err != nil {
		var e thrift.TApplicationException
		if !errors.As(err, &e) {
			e = thrift.NewTApplicationException(thrift.INTERNAL_ERROR, "Internal error processing "+name+": "+err.Error())
		}
		return true, reply(ctx, out, name, thrift.EXCEPTION, seq, e, nil)
	}
	return true, reply(ctx, out, name, thrift.REPLY, seq, &text{field: 0, Text: &answer}, nil)
}

type writer interface {
	Write(ctx context.Context, p thrift.TProtocol) error
}

// reply writes a message; it returns what the processor returns.
func reply(ctx context.Context, out thrift.TProtocol, name string, kind thrift.TMessageType, seq int32, body writer, failed thrift.TException) thrift.TException {
	err := errors.Join(out.WriteMessageBegin(ctx, name, kind, seq), body.Write(ctx, out), out.WriteMessageEnd(ctx), out.Flush(ctx))
	if err != nil {
		return thrift.WrapTException(err)
	}
	return failed
}
