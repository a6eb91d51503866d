package thriftbody

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/thrift/lib/go/thrift"
	"github.com/go-kit/kit/endpoint"

	"github.com/muxkit/muxkit/transport"
)

// Handle has the Service serve all methods of a generated processor, with these options. What a
// method answers, declared exceptions too, goes out as the processor wrote it; an exception of
// Thrift's own is an *transport.Error whose Status is its type.
func Handle(service *transport.Service, processor thrift.TProcessor, options ...transport.ServerOption) {
	for method, f := range processor.ProcessorMap() {
		service.Handle(method, transport.NewServer(Endpoint(method, f), transport.DecodeBytes, transport.EncodeBytes, options...))
	}
}

// Endpoint returns the endpoint of a method of a processor: from the arguments' bytes, a
// []byte, to the result's.
func Endpoint(method string, f thrift.TProcessorFunction) endpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		_, in := reader(request.([]byte))
		answer := thrift.NewTMemoryBuffer()
		out := thrift.NewTBinaryProtocolConf(answer, nil)
		_, failed := f.Process(ctx, 0, in, out)
		if answer.Len() == 0 { // one-way, as a rule
			if failed != nil {
				return nil, fmt.Errorf("thriftbody: %s answered nothing: %w", method, failed)
			}
			return []byte(nil), nil
		}
		_, kind, _, err := out.ReadMessageBegin(ctx)
		if err != nil {
			return nil, fmt.Errorf("thriftbody: the processor's answer to %s: %w", method, err)
		}
		if kind != thrift.EXCEPTION {
			return answer.Bytes(), nil
		}
		exception := thrift.NewTApplicationException(thrift.UNKNOWN_APPLICATION_EXCEPTION, "")
		if err := exception.Read(ctx, out); err != nil {
			return nil, fmt.Errorf("thriftbody: the processor's exception from %s: %w", method, err)
		}
		return nil, failure(exception, failed)
	}
}

// failure is the error of an exception; cause is why the processor wrote it.
func failure(exception thrift.TApplicationException, cause error) error {
	e := &transport.Error{Code: codeOf(exception.TypeId()), Status: int(exception.TypeId()), Message: exception.Error(), Err: cause}
	for _, ended := range []struct {
		err  error
		code transport.Code
	}{{context.DeadlineExceeded, transport.CodeDeadlineExceeded}, {context.Canceled, transport.CodeCanceled}} {
		if errors.Is(cause, ended.err) {
			e.Code = ended.code
		}
	}
	return e
}

// codeOf says whose fault an exception of a processor is.
func codeOf(kind int32) transport.Code {
	switch kind {
	case thrift.UNKNOWN_METHOD:
		return transport.CodeUnimplemented
	case thrift.PROTOCOL_ERROR, thrift.VALIDATION_FAILED: // it could not read the arguments, or would not
		return transport.CodeInvalidArgument
	case thrift.UNKNOWN_APPLICATION_EXCEPTION:
		return transport.CodeUnknown
	}
	return transport.CodeInternal
}
