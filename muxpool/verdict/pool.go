package verdict

import (
	"context"
	"errors"

	"github.com/muxkit/muxkit/muxpool"
)

// poolErrors are the pool's causes, the most telling first: what an error wraps
// beside it explains it and does not overrule it.
var poolErrors = []meaning{
	{muxpool.ErrPoolClosed, Verdict{CodeUnavailable, Caller, NotSent, 0, false}},
	{muxpool.ErrMuxConnClosed, Verdict{CodeCanceled, Caller, Maybe, 0, false}},
	{muxpool.ErrFrameParserNil, Verdict{CodeInvalid, Caller, NotSent, 0, false}},
	{muxpool.ErrNetworkNotSupport, Verdict{CodeInvalid, Caller, NotSent, 0, false}},
	{muxpool.ErrDupRequestID, Verdict{CodeFailedPrecondition, Caller, NotSent, 0, false}},
	{muxpool.ErrSendQueueFull, Verdict{CodeResourceExhausted, Overload, NotSent, 0, false}},
	{muxpool.ErrRecvQueueFull, Verdict{CodeResourceExhausted, Caller, Maybe, 0, false}},
	{muxpool.ErrFrameTooLarge, Verdict{CodeTooLarge, Caller, Maybe, 0, false}},
	{muxpool.ErrProtocol, Verdict{CodeUnavailable, Node, Maybe, 0, false}},
	{muxpool.ErrKeepAliveTimeout, Verdict{CodeUnavailable, Node, Maybe, 0, false}},
	{muxpool.ErrStalled, Verdict{CodeUnavailable, Node, Maybe, 0, false}},
	{muxpool.ErrConnectionsHaveBeenExpelled, unsent},
	{muxpool.ErrReconnectLimit, unsent},
	{muxpool.ErrConnLost, lost},
	{muxpool.ErrInvalidOption, Verdict{CodeInvalid, Caller, NotSent, 0, false}},
	{context.DeadlineExceeded, Verdict{CodeDeadlineExceeded, Method, Maybe, 0, false}},
	{context.Canceled, Verdict{CodeCanceled, Nobody, Maybe, 0, false}},
}

// ofPool says what an error of the pool means. Whether anything was sent the pool
// knows best.
func ofPool(e *muxpool.Error) Verdict {
	v := lost
	for _, p := range poolErrors {
		if errors.Is(e.Err, p.err) {
			v = p.Verdict
			break
		}
	}
	if v.Ran = Maybe; !e.Sent() {
		v.Ran = NotSent
	}
	if v.Code == CodeDeadlineExceeded && v.Ran == NotSent {
		v.Whose = Nobody // the caller's time went by before there was a connection
	}
	return v
}
