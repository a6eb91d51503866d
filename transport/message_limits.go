package transport

import (
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// CheckMetadata is for ParseRequest, before it makes anything of the metadata: it
// returns an error, which is to be returned, if the Service does not take so many pairs
// with so many bytes, names and values together.
func (m *Message) CheckMetadata(pairs, bytes int) error {
	l := m.limits
	switch {
	case l == nil:
	case pairs > l.MaxMetadataPairs:
		return metadataError("%d pairs of metadata, at most %d are allowed", pairs, l.MaxMetadataPairs)
	case bytes > l.MaxMetadataBytes:
		return metadataError("%d bytes of metadata, at most %d are allowed", bytes, l.MaxMetadataBytes)
	}
	return nil
}

// Copied is for ParseRequest: it says that the request takes n bytes beside its frame, Metadata
// and Method, such as a copy of a part of it. They count against ServiceMaxBytes until
// the call is done.
func (m *Message) Copied(n int) { m.copied += int64(max(n, 0)) }

func metadataError(format string, n, limit int) error {
	return &Error{Code: CodeTooLarge, Message: fmt.Sprintf(format, n, limit), refused: metadataTooLarge}
}

// packed is a compressed body.
type packed struct {
	limit int
	open  func() (io.Reader, error)
}

// Unpack is for ParseRequest and ParseResponse, of protocols whose bodies may be
// compressed: Body becomes what is read from the reader that open returns, up to limit
// bytes, which is the protocol's own, and to the largest frame that the Service, or the
// pool, takes. Beyond that the call fails with muxpool.ErrFrameTooLarge.
//
// A Service does so later, on the goroutine of a call that it runs: what open uses must
// stay as it is. Elsewhere it is done at once.
func (m *Message) Unpack(limit int, open func() (io.Reader, error)) error {
	m.packed = &packed{limit, open}
	if m.limits != nil {
		m.most = m.limits.MaxFrameSize
		return nil
	}
	return m.unpack(func(int) error { return nil })
}

// unpackSafely is unpack where the protocol's reader may panic.
func (m *Message) unpackSafely(hold func(bytes int) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return m.unpack(hold)
}

const (
	firstUnpacked = 4 << 10  // bytes
	unpackerBytes = 44 << 10 // what a reader of gzip or zlib takes for itself
)

// unpack unpacks the body. hold is asked before memory is taken.
func (m *Message) unpack(hold func(bytes int) error) error {
	p := m.packed
	m.packed = nil
	limit := p.limit
	if m.most > 0 {
		limit = min(limit, m.most)
	}
	r, err := p.open()
	if err != nil {
		return err
	}
	body := make([]byte, 0, min(firstUnpacked, limit+1))
	if err := hold(cap(body)); err != nil {
		return err
	}
	var turn turn
	for {
		turn.over(time.Now()) // each read is as much work as a turn has
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > limit:
			return fmt.Errorf("%w: a compressed body unpacks to more than %d bytes", wire.ErrFrameTooLarge, limit)
		case err == io.EOF:
			m.Body = body
			return nil
		case err != nil:
			return err
		case len(body) < cap(body):
			continue
		}
		size := min(2*cap(body), limit+1)
		if err := hold(size - cap(body)); err != nil {
			return err
		}
		body = append(make([]byte, 0, size), body...)
	}
}
