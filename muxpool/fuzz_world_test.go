package muxpool

import (
	"context"
	"testing"
	"testing/synctest"
)

// withWorld plays f in a bubble with a pool of those options, which dials what w
// makes of it.
func withWorld(t *testing.T, parser FrameParser, opts []PoolOption, f func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, opts: NewGetOptions()}
		w.opts.WithFrameParser(parser)
		var err error
		if w.pool, err = New(append([]PoolOption{WithDialContext(w.dial)}, opts...)...); err != nil {
			t.Fatal(err)
		}
		defer w.pool.Subscribe(noBug(t))()
		defer w.end()
		f(t, w)
	})
}

func (w *world) mustGet(ctx context.Context, with ...func(*GetOptions)) *muxConn {
	w.t.Helper()
	opts := w.opts
	for _, f := range with {
		f(&opts)
	}
	m, err := w.pool.GetMuxConn(ctx, "tcp", "peer:1", opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return m.(*muxConn)
}

func (w *world) mustWrite(m *muxConn, nonce uint32) {
	w.t.Helper()
	if err := m.Write(worldFrame(worldAnswer, m.id, nonce)); err != nil {
		w.t.Fatal(err)
	}
}

// mustAnswer makes the peer answer m.
func (w *world) mustAnswer(m *muxConn) {
	w.t.Helper()
	if _, err := w.peers[0].nc.Write(worldFrame(worldAnswer, m.id, 1)); err != nil {
		w.t.Fatal(err)
	}
}

// noBug is a subscriber that fails the test when an invariant of the package's was found
// not to hold.
func noBug(t testing.TB) func(Event) {
	return func(e Event) {
		if e.Reason == ReasonBug {
			t.Error(e)
		}
	}
}
