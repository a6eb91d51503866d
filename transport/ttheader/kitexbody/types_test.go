package kitexbody_test

import (
	"testing"

	"github.com/cloudwego/gopkg/protocol/thrift"
	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

// PriceServiceGetArgs and PriceServiceGetResult are what Kitex's generator makes, but for their
// getters and setters, of
//
//	service PriceService { i64 Get(1: string item) }
type (
	PriceServiceGetArgs   struct{ Item string }
	PriceServiceGetResult struct{ Success *int64 }
)

func (a *PriceServiceGetArgs) BLength() int {
	return thrift.Binary.FieldBeginLength() + thrift.Binary.StringLengthNocopy(a.Item) + thrift.Binary.FieldStopLength()
}

func (a *PriceServiceGetArgs) FastWriteNocopy(b []byte, w thrift.NocopyWriter) int {
	n := thrift.Binary.WriteFieldBegin(b, thrift.STRING, 1)
	n += thrift.Binary.WriteStringNocopy(b[n:], w, a.Item)
	return n + thrift.Binary.WriteFieldStop(b[n:])
}

func (a *PriceServiceGetArgs) FastRead(b []byte) (int, error) {
	return readFields(b, func(kind thrift.TType, id int16, b []byte) (n int, err error) {
		if kind == thrift.STRING && id == 1 {
			a.Item, n, err = thrift.Binary.ReadString(b)
			return n, err
		}
		return thrift.Binary.Skip(b, kind)
	})
}

func (r *PriceServiceGetResult) BLength() int {
	n := thrift.Binary.FieldStopLength()
	if r.Success != nil {
		n += thrift.Binary.FieldBeginLength() + thrift.Binary.I64Length()
	}
	return n
}

func (r *PriceServiceGetResult) FastWriteNocopy(b []byte, _ thrift.NocopyWriter) (n int) {
	if r.Success != nil {
		n = thrift.Binary.WriteFieldBegin(b, thrift.I64, 0)
		n += thrift.Binary.WriteI64(b[n:], *r.Success)
	}
	return n + thrift.Binary.WriteFieldStop(b[n:])
}

func (r *PriceServiceGetResult) FastRead(b []byte) (int, error) {
	return readFields(b, func(kind thrift.TType, id int16, b []byte) (n int, err error) {
		if kind == thrift.I64 && id == 0 {
			var v int64
			v, n, err = thrift.Binary.ReadI64(b)
			r.Success = &v
			return n, err
		}
		return thrift.Binary.Skip(b, kind)
	})
}

func readFields(b []byte, field func(kind thrift.TType, id int16, b []byte) (int, error)) (n int, err error) {
	for {
		kind, id, l, err := thrift.Binary.ReadFieldBegin(b[n:])
		if n += l; err != nil || kind == thrift.STOP {
			return n, err
		}
		l, err = field(kind, id, b[n:])
		if n += l; err != nil {
			return n, err
		}
	}
}
