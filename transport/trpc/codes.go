package trpc

import (
	"math"
	"strconv"

	"github.com/muxkit/muxkit/transport"
)

// The framework codes (TrpcRetCode in trpc.proto) that a server sends, or that
// reach a client through it.
const (
	retServerDecode          = 1
	retServerEncode          = 2
	retServerNoService       = 11
	retServerNoFunc          = 12
	retServerTimeout         = 21
	retServerOverload        = 22
	retServerLimited         = 23
	retServerFullLinkTimeout = 24
	retServerSystem          = 31
	retServerAuth            = 41
	retServerValidate        = 51
	retClientTimeout         = 101
	retClientFullLinkTimeout = 102
	retClientCanceled        = 161
	retClientLast            = 199 // codes from 100 to here are a client's own
	retUnknown               = 999
)

// codeOf says what a framework code means. A server that answers with a client's
// code failed because of a call of its own.
func codeOf(ret int32) transport.Code {
	switch ret {
	case retServerDecode, retServerValidate:
		return transport.CodeInvalidArgument
	case retServerAuth:
		return transport.CodeUnauthenticated
	case retServerNoService, retServerNoFunc:
		return transport.CodeUnimplemented
	case retServerTimeout, retServerFullLinkTimeout, retClientTimeout, retClientFullLinkTimeout:
		return transport.CodeDeadlineExceeded
	case retServerOverload, retServerLimited:
		return transport.CodeResourceExhausted
	case retServerEncode, retServerSystem:
		return transport.CodeInternal
	case retClientCanceled:
		return transport.CodeCanceled
	}
	if ret >= 100 && ret <= retClientLast {
		return transport.CodeInternal
	}
	return transport.CodeUnknown
}

// retOf is the framework code for what has no number of its own.
func retOf(e *transport.Error) int32 {
	switch e.Code {
	case transport.CodeUnimplemented:
		return retServerNoFunc
	case transport.CodeInvalidArgument:
		return retServerDecode
	case transport.CodeOutOfRange, transport.CodeFailedPrecondition:
		return retServerValidate
	case transport.CodeUnauthenticated, transport.CodePermissionDenied:
		return retServerAuth
	case transport.CodeInternal, transport.CodeDataLoss:
		return retServerSystem
	case transport.CodeResourceExhausted:
		return retServerOverload
	case transport.CodeUnavailable:
		if e.NotRun {
			return retServerOverload // as near as tRPC comes to "elsewhere, please"
		}
		return retServerSystem
	case transport.CodeDeadlineExceeded:
		return retServerTimeout
	case transport.CodeCanceled:
		return retClientCanceled
	case transport.CodeTooLarge:
		return retServerEncode
	}
	return retUnknown
}

// rets are the two codes of an error answer: one of them is not zero.
func rets(e *transport.Error) (ret, funcRet int32) {
	status := int32(0)
	if e.Status >= math.MinInt32 && e.Status <= math.MaxInt32 {
		status = int32(e.Status)
	}
	switch {
	case e.Code == transport.CodeBusiness && status != 0:
		return 0, status
	case e.Code == transport.CodeBusiness:
		return 0, retUnknown
	case status != 0:
		return status, 0
	}
	return retOf(e), 0
}

// failure is the error that an answer stands for, nil if it is none. A framework
// code comes first: with it the service did not answer. What muxkit's servers say
// beside it counts more: tRPC has fewer codes, its numbers are the services' own as
// well, and none of them says for certain that a call was not run.
func (h *responseHead) failure() *transport.Error {
	switch {
	case h.ret != 0:
		e := &transport.Error{Code: codeOf(h.ret), Status: int(h.ret), Message: string(h.message)}
		if n, err := strconv.ParseUint(h.metadata[transport.MetadataCode], 10, 8); err == nil {
			e.Code = transport.Code(n).Travels()
		}
		e.NotRun = h.metadata[transport.MetadataNotRun] == "1"
		return e
	case h.funcRet != 0:
		return transport.Business(int(h.funcRet), string(h.message))
	}
	return nil
}
