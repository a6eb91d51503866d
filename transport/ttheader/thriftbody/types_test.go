package thriftbody_test

import (
	"context"
	"errors"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// What Thrift's compiler makes, shorter, of
//
//	service PriceService {
//		i64 Get(1: string item)
//		oneway void Note(1: string item)
//	}

// PriceService is the interface.
type PriceService interface {
	Get(ctx context.Context, item string) (int64, error)
	Note(ctx context.Context, item string) error
}

// PriceServiceGetArgs are the arguments of both methods.
type PriceServiceGetArgs struct{ Item string }

func (a *PriceServiceGetArgs) Read(ctx context.Context, p thrift.TProtocol) error {
	return readFields(ctx, p, func(kind thrift.TType, id int16) (err error) {
		if kind == thrift.STRING && id == 1 {
			a.Item, err = p.ReadString(ctx)
			return err
		}
		return p.Skip(ctx, kind)
	})
}

func (a *PriceServiceGetArgs) Write(ctx context.Context, p thrift.TProtocol) error {
	return errors.Join(p.WriteStructBegin(ctx, "Get_args"), p.WriteFieldBegin(ctx, "item", thrift.STRING, 1), p.WriteString(ctx, a.Item),
		p.WriteFieldEnd(ctx), p.WriteFieldStop(ctx), p.WriteStructEnd(ctx))
}

// PriceServiceGetResult is the result of Get.
type PriceServiceGetResult struct{ Success *int64 }

func (r *PriceServiceGetResult) Read(ctx context.Context, p thrift.TProtocol) error {
	return readFields(ctx, p, func(kind thrift.TType, id int16) error {
		if kind == thrift.I64 && id == 0 {
			v, err := p.ReadI64(ctx)
			r.Success = &v
			return err
		}
		return p.Skip(ctx, kind)
	})
}

func (r *PriceServiceGetResult) Write(ctx context.Context, p thrift.TProtocol) error {
	err := p.WriteStructBegin(ctx, "Get_result")
	if r.Success != nil {
		err = errors.Join(err, p.WriteFieldBegin(ctx, "success", thrift.I64, 0), p.WriteI64(ctx, *r.Success), p.WriteFieldEnd(ctx))
	}
	return errors.Join(err, p.WriteFieldStop(ctx), p.WriteStructEnd(ctx))
}

func readFields(ctx context.Context, p thrift.TProtocol, field func(kind thrift.TType, id int16) error) error {
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
		if err := errors.Join(field(kind, id), p.ReadFieldEnd(ctx)); err != nil {
			return err
		}
	}
}

// PriceServiceClient is the client.
type PriceServiceClient struct{ c thrift.TClient }

// NewPriceServiceClient returns one.
func NewPriceServiceClient(c thrift.TClient) *PriceServiceClient { return &PriceServiceClient{c} }

func (p *PriceServiceClient) Get(ctx context.Context, item string) (int64, error) {
	var result PriceServiceGetResult
	if _, err := p.c.Call(ctx, "Get", &PriceServiceGetArgs{item}, &result); err != nil {
		return 0, err
	}
	if result.Success == nil {
		return 0, thrift.NewTApplicationException(thrift.MISSING_RESULT, "Get failed: unknown result")
	}
	return *result.Success, nil
}

func (p *PriceServiceClient) Note(ctx context.Context, item string) error {
	_, err := p.c.Call(ctx, "Note", &PriceServiceGetArgs{item}, nil)
	return err
}

// NewPriceServiceProcessor returns the processor.
func NewPriceServiceProcessor(s PriceService) thrift.TProcessor {
	return processor{"Get": getProcessor{s}, "Note": noteProcessor{s}}
}

type processor map[string]thrift.TProcessorFunction

func (p processor) ProcessorMap() map[string]thrift.TProcessorFunction { return p }

func (p processor) AddToProcessorMap(name string, f thrift.TProcessorFunction) { p[name] = f }

func (p processor) Process(context.Context, thrift.TProtocol, thrift.TProtocol) (bool, thrift.TException) {
	panic("not called")
}

type getProcessor struct{ s PriceService }

func (f getProcessor) Process(ctx context.Context, seq int32, in, out thrift.TProtocol) (bool, thrift.TException) {
	var args PriceServiceGetArgs
	if err := args.Read(ctx, in); err != nil {
		e := thrift.NewTApplicationException(thrift.PROTOCOL_ERROR, err.Error())
		_ = errors.Join(out.WriteMessageBegin(ctx, "Get", thrift.EXCEPTION, seq), e.Write(ctx, out), out.WriteMessageEnd(ctx), out.Flush(ctx))
		return false, thrift.WrapTException(err)
	}
	cents, err := f.s.Get(ctx, args.Item)
	if err != nil {
		e := thrift.NewTApplicationException(thrift.INTERNAL_ERROR, "Internal error processing Get: "+err.Error())
		_ = errors.Join(out.WriteMessageBegin(ctx, "Get", thrift.EXCEPTION, seq), e.Write(ctx, out), out.WriteMessageEnd(ctx), out.Flush(ctx))
		return true, thrift.WrapTException(err)
	}
	result := PriceServiceGetResult{&cents}
	_ = errors.Join(out.WriteMessageBegin(ctx, "Get", thrift.REPLY, seq), result.Write(ctx, out), out.WriteMessageEnd(ctx), out.Flush(ctx))
	return true, nil
}

type noteProcessor struct{ s PriceService }

func (f noteProcessor) Process(ctx context.Context, _ int32, in, _ thrift.TProtocol) (bool, thrift.TException) {
	var args PriceServiceGetArgs
	if err := args.Read(ctx, in); err != nil {
		return false, thrift.WrapTException(err)
	}
	if err := f.s.Note(ctx, args.Item); err != nil {
		return true, thrift.WrapTException(err)
	}
	return true, nil
}
