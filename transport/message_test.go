package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/muxkit/muxkit/muxpool/wire"
)

// TestPairsThatAHookLostAreKept: all of them, beside those that it has set anew, and those that are
// there as before.
func TestPairsThatAHookLostAreKept(t *testing.T) {
	before, own := make(Metadata), make(Metadata)
	for i := range 30 {
		name := fmt.Sprint("pair ", i)
		before[name] = "before"
		if i < 15 {
			own[name] = "own"
		}
	}
	m := Message{Metadata: own}
	m.keep(before)
	if len(m.Metadata) != 30 || len(own) != 15 || len(before) != 30 {
		t.Errorf("%d pairs; the hook's own map has %d, that of before %d", len(m.Metadata), len(own), len(before))
	}
	for i := range 30 {
		want := "before"
		if i < 15 {
			want = "own"
		}
		if got := m.Get(fmt.Sprint("pair ", i)); got != want {
			t.Errorf("pair %d is %q, want %q", i, got, want)
		}
	}
}

// TestMetadataAtItsLimits: as many pairs, and bytes, as are allowed.
func TestMetadataAtItsLimits(t *testing.T) {
	m := Message{limits: &ServiceLimits{MaxMetadataPairs: 3, MaxMetadataBytes: 100}}
	for _, row := range []struct {
		pairs, bytes int
		want         string
	}{
		{0, 0, ""},
		{3, 100, ""},
		{4, 0, "4 pairs of metadata, at most 3 are allowed"},
		{0, 101, "101 bytes of metadata, at most 100 are allowed"},
		{4, 101, "4 pairs of metadata, at most 3 are allowed"},
	} {
		said := ""
		if err := m.CheckMetadata(row.pairs, row.bytes); err != nil {
			said = chosen(err).Message
			if e := chosen(err); e.Code != CodeTooLarge || e.refused != metadataTooLarge {
				t.Errorf("%d pairs, %d bytes: %+v", row.pairs, row.bytes, e)
			}
		}
		if said != row.want {
			t.Errorf("%d pairs, %d bytes: %q, want %q", row.pairs, row.bytes, said, row.want)
		}
	}
	if err := new(Message).CheckMetadata(1<<20, 1<<30); err != nil {
		t.Errorf("where nothing is limited: %v", err)
	}
}

// TestWhatARequestHasCopied adds up; less than nothing is nothing.
func TestWhatARequestHasCopied(t *testing.T) {
	var m Message
	for _, n := range []int{5, 0, -3, 7} {
		m.Copied(n)
	}
	if m.copied != 12 {
		t.Errorf("%d bytes are copied, want 12", m.copied)
	}
}

// TestUnpacking: a body is unpacked up to the limit, to the byte, and its memory asked for before it
// is taken.
func TestUnpacking(t *testing.T) {
	full, broken := errors.New("full"), errors.New("broken")
	body := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	for _, row := range []struct {
		name        string
		size        int
		limit, most int // of the protocol; of the Service or the pool, 0: none
		budget      int
		held        int // at least so much memory was asked for, and no more than twice as much
		open        func(io.Reader) (io.Reader, error)
		want        error
	}{
		{name: "nothing", limit: 100, budget: 101, held: 101},
		{name: "a little", size: 10, limit: 10_000, budget: firstUnpacked, held: firstUnpacked},
		{name: "a byte at a time", size: 10, limit: 10_000, budget: firstUnpacked, held: firstUnpacked,
			open: func(r io.Reader) (io.Reader, error) { return iotest.OneByteReader(r), nil }},
		{name: "its end with the last byte", size: 5000, limit: 10_000, budget: 8192, held: 5000,
			open: func(r io.Reader) (io.Reader, error) { return iotest.DataErrReader(r), nil }},
		{name: "the first piece of memory", size: firstUnpacked, limit: 10_000, budget: 8192, held: firstUnpacked},
		{name: "as much as may be", size: 10_000, limit: 10_000, budget: 10_001, held: 10_000},
		{name: "one byte too much", size: 10_001, limit: 10_000, budget: 10_001, held: 10_000, want: wire.ErrFrameTooLarge},
		{name: "as much as the other may have", size: 10_000, limit: 1 << 30, most: 10_000, budget: 10_001, held: 10_000},
		{name: "one byte too much for the other", size: 10_001, limit: 1 << 30, most: 10_000, budget: 10_001, held: 10_000, want: wire.ErrFrameTooLarge},
		{name: "the protocol's limit is the smaller", size: 10_001, limit: 10_000, most: 1 << 30, budget: 10_001, held: 10_000, want: wire.ErrFrameTooLarge},
		{name: "there is no memory", size: 10, limit: 10_000, budget: firstUnpacked - 1, want: full},
		{name: "there is none to grow", size: 5000, limit: 10_000, budget: 8191, held: firstUnpacked, want: full},
		{name: "it cannot be opened", size: 10, limit: 10_000, budget: firstUnpacked, want: broken,
			open: func(io.Reader) (io.Reader, error) { return nil, broken }},
		{name: "it breaks off", size: 10, limit: 10_000, budget: firstUnpacked, held: firstUnpacked, want: broken,
			open: func(r io.Reader) (io.Reader, error) { return io.MultiReader(r, iotest.ErrReader(broken)), nil }},
	} {
		m := Message{Body: []byte("packed"), most: row.most}
		m.packed = &packed{row.limit, func() (io.Reader, error) {
			r := io.Reader(bytes.NewReader(body(row.size)))
			if row.open == nil {
				return r, nil
			}
			return row.open(r)
		}}
		held := 0
		err := m.unpack(func(n int) error {
			if held+n > row.budget {
				return full
			}
			held += n
			return nil
		})
		if !errors.Is(err, row.want) || (err == nil) != (row.want == nil) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
		if held < row.held || held > 2*row.held {
			t.Errorf("%s: %d bytes of memory were asked for, want %d or some more", row.name, held, row.held)
		}
		want := body(row.size)
		if row.want != nil {
			want = []byte("packed")
		}
		if !bytes.Equal(m.Body, want) {
			t.Errorf("%s: the body has %d bytes, want %d", row.name, len(m.Body), len(want))
		}
	}
}
