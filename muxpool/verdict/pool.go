package verdict

import (
	"context"
	"errors"

	"github.com/muxkit/muxkit/muxpool"
)

// poolErrors are the pool's causes, the most telling first: what an error wraps
// beside it explains it and does not overrule it.
var poolErrors = []meaning{
	{muxpool.ErrPoolClosed, Verdict{Code: CodeUnavailable, Whose: Caller, Ran: NotSent}},
	{muxpool.ErrMuxConnClosed, Verdict{Code: CodeCanceled, Whose: Caller, Ran: Maybe}},
	{muxpool.ErrFrameParserNil, Verdict{Code: CodeInvalid, Whose: Caller, Ran: NotSent}},
	{muxpool.ErrNetworkNotSupport, Verdict{Code: CodeInvalid, Whose: Caller, Ran: NotSent}},
	{muxpool.ErrDupRequestID, Verdict{Code: CodeFailedPrecondition, Whose: Caller, Ran: NotSent}},
	{muxpool.ErrSendQueueFull, Verdict{Code: CodeResourceExhausted, Whose: Overload, Ran: NotSent}},
	{muxpool.ErrRecvQueueFull, Verdict{Code: CodeResourceExhausted, Whose: Caller, Ran: Maybe}},
	{muxpool.ErrProtocol, Verdict{Code: CodeUnavailable, Whose: Node, Ran: Maybe}},
	{muxpool.ErrKeepAliveTimeout, Verdict{Code: CodeUnavailable, Whose: Node, Ran: Maybe}},
	{muxpool.ErrStalled, Verdict{Code: CodeUnavailable, Whose: Node, Ran: Maybe}},
	{muxpool.ErrConnectionsHaveBeenExpelled, unsent},
	{muxpool.ErrReconnectLimit, unsent},
	{muxpool.ErrConnLost, lost}, // also for a frame over the limit: which call it was for is not known
	{muxpool.ErrFrameTooLarge, Verdict{Code: CodeTooLarge, Whose: Caller, Ran: Maybe}},
	{muxpool.ErrInvalidOption, Verdict{Code: CodeInvalid, Whose: Caller, Ran: NotSent}},
	{context.DeadlineExceeded, Verdict{Code: CodeDeadlineExceeded, Whose: Method, Ran: Maybe}},
	{context.Canceled, Verdict{Code: CodeCanceled, Whose: Nobody, Ran: Maybe}},
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
	var told Teller
	if (v == unsent || v == lost) && errors.As(e.Err, &told) && told.Verdict().Whose == Caller {
		v = told.Verdict() // a plug-in's handshake in which the peer refused the caller
	}
	if v.Ran = Maybe; !e.Sent() {
		v.Ran = NotSent
	}
	if v.Code == CodeDeadlineExceeded && v.Ran == NotSent {
		v.Whose = Nobody // the caller's time went by before there was a connection
	}
	return v
}
