package stringsvc

import (
	"context"
	"time"

	"github.com/go-kit/log"
)

// Logging logs every call of a Service.
func Logging(logger log.Logger) Middleware {
	return func(next Service) Service { return logging{logger, next} }
}

type logging struct {
	logger log.Logger
	next   Service
}

func (mw logging) Uppercase(ctx context.Context, s string) (v string, err error) {
	defer func(begin time.Time) {
		_ = mw.logger.Log("method", "uppercase", "input", s, "output", v, "err", err, "took", time.Since(begin))
	}(time.Now())
	return mw.next.Uppercase(ctx, s)
}

func (mw logging) Count(ctx context.Context, s string) (n int) {
	defer func(begin time.Time) {
		_ = mw.logger.Log("method", "count", "input", s, "n", n, "took", time.Since(begin))
	}(time.Now())
	return mw.next.Count(ctx, s)
}
