package endpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/log"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// Slog has what takes a go-kit logger, as NewSet and Recovery, log to l, at the level warn. The
// value of "msg" is the message; what is no pair of a text and a value is kept under "extra".
func Slog(l *slog.Logger) log.Logger {
	return log.LoggerFunc(func(keyvals ...any) error {
		msg := ""
		attrs := make([]slog.Attr, 0, len(keyvals)/2+1)
		for i := 0; i < len(keyvals); i += 2 {
			key, ok := keyvals[i].(string)
			switch {
			case !ok || i+1 == len(keyvals):
				attrs = append(attrs, slog.Any("extra", keyvals[i:min(i+2, len(keyvals))]))
			case key == "msg":
				msg = fmt.Sprint(keyvals[i+1])
			default:
				attrs = append(attrs, slog.Any(key, keyvals[i+1]))
			}
		}
		l.LogAttrs(context.Background(), slog.LevelWarn, msg, attrs...)
		return nil
	})
}

// defaultLogged is how many lines a second WithLogging writes for a method.
const defaultLogged = 10

// WithLogging makes a Set log each call that failed, after all its attempts, in one line of
// l: its method, duration, number of attempts, the node of the last one, what the error means
// (verdict.Call: code, whose, ran), and its text, which may come from a peer: it is cut at 256
// bytes, and quoted if it does not print. The level is warn, and info where the caller or
// nobody is at fault. The context is the call's, from which a handler takes ids of traces, as
// otelmux.LogHandler does: give this option after that of the span.
//
// Of each method perSecond lines are written in a second, default 10; the next one says as
// "suppressed" how many were not. All are with math.MaxInt; below 0 is an error.
func WithLogging(l *slog.Logger, perSecond int) Option {
	return func(c *config) {
		switch {
		case l == nil:
			c.reject("WithLogging: nil logger")
			return
		case perSecond < 0:
			c.reject("WithLogging: %d lines a second", perSecond)
			return
		case perSecond == 0:
			perSecond = defaultLogged
		}
		WithMiddleware(func(method string) endpoint.Middleware {
			some := &sampler{perSecond: perSecond}
			return func(next endpoint.Endpoint) endpoint.Endpoint {
				return func(ctx context.Context, request any) (any, error) {
					begin := time.Now()
					response, err := next(ctx, request)
					told := err
					if told == nil {
						if told = failureOf(response); told == nil {
							return response, nil
						}
					}
					v := verdict.Call(ctx, response, err)
					level := slog.LevelWarn
					if v.Whose == verdict.Caller || v.Whose == verdict.Nobody {
						level = slog.LevelInfo
					}
					if l.Enabled(ctx, level) {
						now := time.Now()
						if ok, suppressed := some.allow(now); ok {
							l.LogAttrs(ctx, level, "call failed", failedLine(method, now.Sub(begin), told, v, suppressed)...)
						}
					}
					return response, err
				}
			}
		})(c)
	}
}

// failedLine is the line of a call that failed.
func failedLine(method string, took time.Duration, err error, v verdict.Verdict, suppressed int) []slog.Attr {
	attempts, node := whereabouts(err)
	attrs := append(make([]slog.Attr, 0, 9), slog.String("method", shown(method, maxText)), slog.Duration("took", took))
	if attempts > 0 {
		attrs = append(attrs, slog.Int("attempts", attempts))
	}
	if node != (muxpool.Node{}) {
		attrs = append(attrs, slog.String("node", shown(node.String(), maxText)))
	}
	attrs = append(attrs, slog.String("code", v.Code.String()), slog.String("whose", v.Whose.String()), slog.String("ran", v.Ran.String()),
		slog.String("err", said(err, maxText)))
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	return attrs
}

// whereabouts says how many attempts a call had, if that is known, and on which node the last
// one was.
func whereabouts(err error) (attempts int, node muxpool.Node) {
	var gaveUp *RetryError
	if errors.As(err, &gaveUp) {
		if n := len(gaveUp.Attempts); n > 0 {
			return n, gaveUp.Attempts[n-1].Node
		}
		return 0, node
	}
	var answered *transport.Error
	var pool *muxpool.Error
	var open *breaker.OpenError
	switch {
	case errors.As(err, &answered):
		return 1, answered.Node
	case errors.As(err, &pool):
		return 1, pool.Node
	case errors.As(err, &open):
		return 0, open.Node
	}
	return 0, node
}

// sampler lets so many lines a second pass. It is safe for concurrent use.
type sampler struct {
	perSecond int

	mu         sync.Mutex // guards the rest; a leaf, and taken for calls that failed only
	second     time.Time  // when it began
	taken      int        // in it
	suppressed int        // since a line was written
}

// allow reports whether a line is written now, and how many were not before it.
func (s *sampler) allow(now time.Time) (ok bool, suppressed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.second) >= time.Second {
		s.second, s.taken = now, 0
	}
	if s.taken >= s.perSecond {
		s.suppressed = min(s.suppressed, math.MaxInt-1) + 1
		return false, 0
	}
	s.taken++
	suppressed, s.suppressed = s.suppressed, 0
	return true, suppressed
}
