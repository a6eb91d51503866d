package ttheader

import (
	"math"
	"strconv"

	"github.com/muxkit/muxkit/transport"
)

// Types of a TApplicationException (thrift-rpc.md), and those that Apache's Go library and
// Kitex have besides.
const (
	typeUnknown           = 0
	typeUnknownMethod     = 1
	typeMessageType       = 2
	typeWrongMethod       = 3
	typeBadSequence       = 4
	typeMissingResult     = 5
	typeInternalError     = 6
	typeProtocolError     = 7
	typeInvalidTransform  = 8
	typeInvalidProtocol   = 9
	typeUnsupportedClient = 10
	typeValidationFailed  = 11 // Apache, Go
	typeUnknownService    = 20 // Kitex
	typeNoServiceName     = 21 // Kitex
)

// codeOf says what the type of an exception means. Kitex's handlers may return any, and so may
// Python's: none says that the call was not run.
func codeOf(kind int32) transport.Code {
	switch kind {
	case typeUnknownMethod, typeUnknownService:
		return transport.CodeUnimplemented
	case typeMessageType, typeProtocolError, typeInvalidTransform, typeInvalidProtocol, typeUnsupportedClient, typeValidationFailed, typeNoServiceName:
		return transport.CodeInvalidArgument
	case typeWrongMethod, typeBadSequence, typeMissingResult, typeInternalError:
		return transport.CodeInternal
	}
	return transport.CodeUnknown
}

// typeOf is the type of the exception for an error.
func typeOf(e *transport.Error) int32 {
	if e.Status != 0 && e.Status >= math.MinInt32 && e.Status <= math.MaxInt32 && e.Code != transport.CodeBusiness {
		return int32(e.Status)
	}
	switch e.Code {
	case transport.CodeUnimplemented:
		return typeUnknownMethod
	case transport.CodeInvalidArgument, transport.CodeOutOfRange, transport.CodeFailedPrecondition:
		return typeProtocolError
	case 0, transport.CodeUnknown, transport.CodeBusiness:
		return typeUnknown
	}
	return typeInternalError
}

// unsaid is the code of an error if its exception's type does not say it, else 0.
func unsaid(e *transport.Error) transport.Code {
	if code := e.Code.Travels(); code != codeOf(typeOf(e)) {
		return code
	}
	return 0
}

// wordsOf are what an exception says in fields of muxkit's own of an error answer.
func wordsOf(resp *transport.Message) words {
	e := resp.Err
	w := words{code: unsaid(e)}
	if e.Code == transport.CodeBusiness {
		w.status = int64(e.Status)
	}
	w.retry, _ = strconv.ParseInt(resp.Metadata[transport.MetadataRetryAfter], 10, 64)
	for flag, set := range map[uint32]bool{flagNotRun: e.NotRun, flagNoRetry: resp.Metadata[transport.MetadataNoRetry] == "1", flagGoingAway: resp.GoingAway} {
		if set {
			w.flags |= flag
		}
	}
	return w
}

// failure is the error that an exception stands for. What muxkit's servers say beside it, in
// fields of the exception or in the metadata of resp, counts more: Thrift has fewer types than
// there are codes.
func (e *exception) failure(resp *transport.Message) *transport.Error {
	failure := &transport.Error{Code: codeOf(e.kind), Status: int(e.kind), Message: string(e.message)}
	failure.NotRun = resp.Metadata[transport.MetadataNotRun] == "1" || e.words.flags&flagNotRun != 0
	code := e.words.code
	if n, err := strconv.ParseUint(resp.Metadata[transport.MetadataCode], 10, 8); err == nil {
		code = transport.Code(n)
	}
	if code != 0 {
		failure.Code = code.Travels()
	}
	if failure.Code == transport.CodeBusiness {
		failure.Status = int(e.words.status)
	}
	if ms := e.words.retry; ms > 0 {
		resp.Set(transport.MetadataRetryAfter, strconv.FormatInt(ms, 10)) // the Client reads it there
	}
	if e.words.flags&flagNoRetry != 0 {
		resp.Set(transport.MetadataNoRetry, "1")
	}
	resp.GoingAway = resp.GoingAway || e.words.flags&flagGoingAway != 0
	return failure
}

// unnamed is the number of a business error that has none, or one that does not fit: 0 would
// be none.
const unnamed = 1

// bizStatus is the number of a business error as Kitex's header has it.
func bizStatus(e *transport.Error) int {
	if e.Status == 0 || e.Status < math.MinInt32 || e.Status > math.MaxInt32 {
		return unnamed
	}
	return e.Status
}

// business is the business error that a header tells of, nil if it tells of none.
func (i *info) business() *transport.Error {
	if i.bizStatus == "" { // as nearly always
		return nil
	}
	n, err := strconv.ParseInt(i.bizStatus, 10, 32)
	if err != nil || n == 0 {
		return nil
	}
	return transport.Business(int(n), i.biz)
}
