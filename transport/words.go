package transport

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"time"
)

// The names of the metadata with which clients and servers of this package speak to
// each other about a call, over every protocol that carries metadata. Trace context
// travels under its own names, traceparent and tracestate
// (https://www.w3.org/TR/trace-context).
const (
	// MetadataAttempt, in a request: which attempt at the call this is, in decimal.
	// Absent from the first.
	MetadataAttempt = "mux-attempt"
	// MetadataRetryAfter, in an error answer: Error.RetryAfter in milliseconds.
	MetadataRetryAfter = "mux-retry-after"
	// MetadataNoRetry, in an error answer: "1" for Error.NoRetry.
	MetadataNoRetry = "mux-no-retry"
	// MetadataNotRun and MetadataCode, in an error answer, are for protocols that have
	// no place of their own for Error.NotRun ("1") and Error.Code (in decimal): those
	// write and read them themselves.
	MetadataNotRun = "mux-not-run"
	MetadataCode   = "mux-code"
	// MetadataGoingAway, in an answer, is "1" for Message.GoingAway, likewise.
	MetadataGoingAway = "mux-going-away"
)

// maxRetryAfter bounds what a peer may ask for.
const maxRetryAfter = time.Hour

// writeWords puts beside a request what the context says: ContextKeyMetadata, and that an
// attempt is not the first.
func (c *clientCall) writeWords() {
	if md, ok := c.ctx.Value(ContextKeyMetadata).(Metadata); ok {
		c.req.putAll(md)
	}
	c.req.dropWords()
	if n, ok := c.ctx.Value(ContextKeyAttempt).(int); ok && n > 1 {
		c.req.put(MetadataAttempt, strconv.Itoa(n))
	}
}

// CallerAttempt returns, on a server, which attempt at the call whose context ctx is
// the client says that this is, from 1; 1 if it says nothing. A service that calls
// others passes on by its own retries what its caller has begun: this tells it.
func CallerAttempt(ctx context.Context) int {
	if n, ok := ctx.Value(contextKeyCallerAttempt).(int); ok {
		return n
	}
	return 1
}

// attempt reads MetadataAttempt; what makes no sense is the first.
func (m *Message) attempt() int {
	text, ok := m.Metadata[MetadataAttempt]
	if !ok {
		return 1
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 1
	}
	return max(int(n), 1)
}

// writeWords puts what an error answer wants of those who would try again beside it.
func (m *Message) writeWords() {
	m.dropWords()
	if m.Err == nil {
		return
	}
	if d := min(m.Err.RetryAfter, maxRetryAfter); d > 0 {
		ms := (d + time.Millisecond - 1) / time.Millisecond
		m.put(MetadataRetryAfter, strconv.FormatInt(int64(ms), 10))
	}
	if m.Err.NoRetry {
		m.put(MetadataNoRetry, "1")
	}
}

// words are the names that no user of this package may give a value.
var words = [...]string{MetadataAttempt, MetadataRetryAfter, MetadataNoRetry, MetadataNotRun, MetadataCode, MetadataGoingAway}

// dropWords takes out what a hook, a codec or an error encoder has put in the place of the
// transport's own words, as who passes on the metadata of another call does.
func (m *Message) dropWords() {
	if len(m.Metadata) == 0 {
		return
	}
	copied := false
	for _, w := range words {
		if _, ok := m.Metadata[w]; !ok {
			continue
		}
		if !copied {
			m.Metadata, copied = maps.Clone(m.Metadata), true
		}
		delete(m.Metadata, w)
	}
}

// readWords is the other side of writeWords.
func (e *Error) readWords(md Metadata) {
	if len(md) == 0 {
		return
	}
	if ms, err := strconv.ParseUint(md[MetadataRetryAfter], 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		e.RetryAfter = time.Duration(min(ms, uint64(maxRetryAfter/time.Millisecond))) * time.Millisecond
	}
	e.NoRetry = e.NoRetry || md[MetadataNoRetry] == "1"
}
