package transport

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/muxpool/wire"
)

// answer sends the answer. Its error says that something else was answered, or
// nothing.
func (s *Service) answer(call *serverCall) error {
	if call.req.OneWay {
		return nil
	}
	returned := false
	defer func() { call.orEnd(returned) }()
	if sent := call.from.ready(call); sent != nil {
		defer sent()
	}
	call.resp.writeWords()
	call.resp.GoingAway = call.from.leaving()
	frame, err := s.encode(call)
	if err != nil {
		var again error
		if frame, again = s.encodeInstead(call, err); again != nil {
			err = both(err, again)
			returned = true
			call.from.unanswerable(err)
			return err
		}
	}
	call.answer.Store(int64(len(frame)))
	err = both(err, call.from.send(call, frame))
	returned = true
	return err
}

// orEnd is deferred around code that is not a call's, such as the protocol's: where that has
// ended the goroutine, nobody answers the call any more.
func (c *serverCall) orEnd(returned bool) {
	if !returned {
		c.from.unanswerable(errHandlerExited)
	}
}

// encodeInstead makes the frame of what is answered in the place of an answer that no frame can
// be made of, and why. What an error says of the call holds: only its text and what came with it are lost.
func (s *Service) encodeInstead(call *serverCall, why error) (frame []byte, err error) {
	of := []*Error{unsendable(why)}
	if e := call.resp.Err; e != nil {
		short := *e
		short.Message, short.Err = of[0].Message, nil
		of = []*Error{&short, of[0]}
	}
	for _, e := range of {
		call.resp = Message{Method: call.resp.Method, Err: e, GoingAway: call.resp.GoingAway}
		call.resp.writeWords()
		if frame, err = s.encode(call); err == nil {
			return frame, nil
		}
	}
	return nil, err
}

// unsendable is what is answered in the place of an answer that cannot be made a frame
// of. The client learns of sizes, and nothing else of the reasons.
func unsendable(err error) *Error {
	e := &Error{Code: codeOf(err, CodeInternal), Message: "the answer cannot be sent"}
	var large *answerTooLarge
	if errors.As(err, &large) {
		e.Message += ": " + large.Error()
	}
	return e
}

// answerTooLarge is an answer over what may be sent.
type answerTooLarge struct{ size, limit int }

func (e *answerTooLarge) Error() string {
	return fmt.Sprintf("%d bytes, at most %d are allowed", e.size, e.limit)
}

func (e *answerTooLarge) Is(target error) bool { return target == wire.ErrFrameTooLarge }

// Verdict says that the call asked for too much.
func (e *answerTooLarge) Verdict() verdict.Verdict { return verdict.ByCode(CodeTooLarge) }

// encode makes the frame of the answer.
func (s *Service) encode(call *serverCall) (frame []byte, err error) {
	buf := wire.Alloc(sizeHint(&call.resp))
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	frame, err = s.protocol.AppendResponse(buf[:0], call.id, &call.req, &call.resp)
	if limit := call.from.maxAnswer(); err == nil && len(frame) > limit {
		err = fmt.Errorf("transport: an answer of %w", &answerTooLarge{len(frame), limit})
	}
	if err != nil {
		wire.Free(buf)
		return nil, err
	}
	return frame, nil
}
