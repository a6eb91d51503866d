package transport

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// joiner is a protocol that joins answers, or cannot.
type joiner struct {
	ServerProtocol
	joins, ends, words bool
	bare               bool // it joins them with nothing
}

func (j joiner) Requests(frame []byte, yield func([]byte) bool) {
	for _, r := range bytes.Split(frame, []byte(",")) {
		if !yield(r) {
			return
		}
	}
}

func (j joiner) AppendBatched(dst, answer []byte) []byte {
	if !j.joins {
		panic("joins")
	}
	if j.bare {
		return append(dst, answer...)
	}
	return append(append(dst, answer...), ',')
}

func (j joiner) EndBatch(dst []byte) []byte {
	if !j.ends {
		panic("ends")
	}
	if j.bare {
		return dst
	}
	return append(dst, '.')
}

func (j joiner) AppendResponse(dst []byte, _ uint32, req, resp *Message) ([]byte, error) {
	if !j.words || resp.Err == nil {
		return nil, errors.New("no words")
	}
	return append(dst, req.Method...), nil
}

// desk is where a batch came from. What happens there is noted in words.
type desk struct {
	log  []string
	most int
}

func (d *desk) ready(*serverCall) func() {
	d.log = append(d.log, "ready")
	return func() { d.log = append(d.log, "after") }
}

func (d *desk) send(_ *serverCall, frame []byte) error {
	d.log = append(d.log, string(frame))
	return nil
}

func (d *desk) unanswerable(error)   { d.log = append(d.log, "unanswerable") }
func (d *desk) maxAnswer() int       { return d.most }
func (d *desk) finished(*serverCall) { d.log = append(d.log, "finished") }
func (d *desk) listening() bool      { return true }
func (d *desk) leaving() bool        { return false }

// TestAnswersOfABatch: they are sent in one frame, by whoever is the last, when the others
// have ended; or one error is, in the place of all. What they took is given back.
func TestAnswersOfABatch(t *testing.T) {
	able := joiner{joins: true, ends: true, words: true}
	gone := errors.New("gone")
	for name, row := range map[string]struct {
		protocol joiner
		answers  []string // "": a call that answers nothing
		missing  int      // calls that are not started
		gone     bool     // no frame can be made for the first
		most     int
		want     []string // what its caller is told, but for the calls that finish
		reported string   // a part of it
	}{
		"all of them":                     {able, []string{"a", "b", "c"}, 0, false, 100, []string{"ready", "a,b,c,.", "after"}, ""},
		"those there are":                 {able, []string{"a", "", "c"}, 0, false, 100, []string{"ready", "a,c,.", "after"}, ""},
		"there are none":                  {able, []string{"", ""}, 0, false, 100, nil, ""},
		"as large as may be":              {able, []string{"aaa", "bb"}, 0, false, 8, []string{"ready", "aaa,bb,.", "after"}, ""},
		"nothing joins them":              {joiner{joins: true, ends: true, words: true, bare: true}, []string{"aaa", "bb"}, 0, false, 5, []string{"ready", "aaabb", "after"}, ""},
		"too large by what joins them":    {able, []string{"aaa", "bb"}, 0, false, 7, []string{"ready", "all", "after"}, "8 bytes, at most 7"},
		"too large":                       {able, []string{"aaa", "bb"}, 0, false, 4, []string{"ready", "all", "after"}, "5 bytes, at most 4"},
		"too large, and then more":        {able, []string{"aaa", "bb", "c"}, 0, false, 4, []string{"ready", "all", "after"}, "6 bytes, at most 4"},
		"they cannot be joined":           {joiner{ends: true, words: true}, []string{"a", "b"}, 0, false, 100, []string{"ready", "all", "after"}, "joins"},
		"they have no end":                {joiner{joins: true, words: true}, []string{"a"}, 0, false, 100, []string{"ready", "all", "after"}, "ends"},
		"one that cannot be answered":     {able, []string{"a", "b"}, 0, true, 100, []string{"ready", "all", "after"}, "gone"},
		"it alone":                        {able, []string{""}, 0, true, 100, []string{"ready", "all", "after"}, "gone"},
		"calls that are not started":      {able, []string{"a"}, 2, false, 100, []string{"ready", "all", "after"}, errHandlerExited.Error()},
		"a call that is not started":      {able, []string{"a"}, 1, false, 100, []string{"ready", "all", "after"}, errHandlerExited.Error()},
		"there are no words for it":       {joiner{joins: true}, []string{"a"}, 0, false, 100, []string{"unanswerable"}, "no words"},
		"nor for one that cannot be sent": {joiner{joins: true, ends: true}, []string{"a"}, 0, true, 100, []string{"unanswerable"}, "gone; no words"},
	} {
		for order, first := range map[string]bool{"begun first": true, "begun last": false} {
			t.Run(name+"/"+order, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					from, told := &desk{most: row.most}, &told{}
					s := &Service{protocol: row.protocol, batcher: row.protocol}
					s.reports.handler = told
					a := new(account)
					a.open(&s.door, 0)
					calls := len(row.answers) + row.missing
					b := &batch{caller: from, service: s, account: a, req: Message{Method: "all"}, open: calls + 1, held: 7}
					a.count(b.held)
					if first {
						b.begun(context.Background(), row.missing)
					}
					sent := 0
					for i, text := range row.answers {
						call := &serverCall{requestContext: new(requestContext), from: b, account: a}
						call.Init(context.Background(), time.Time{})
						call.inFlight = text != ""
						switch {
						case row.gone && i == 0:
							b.unanswerable(gone)
						case text != "":
							frame := append(make([]byte, 0, len(text)), text...)
							if err := b.send(call, frame); err != nil && row.protocol.joins {
								t.Error(err)
							}
							if sent += len(text); call.inFlight {
								t.Error("a call whose answer is there is counted in flight")
							}
						}
						if kept := a.bytes.Load(); row.protocol.joins && sent > 0 && sent <= row.most && kept < b.held {
							t.Errorf("%d bytes are counted, %d are kept", kept, b.held)
						}
						b.finished(call)
					}
					if !first {
						b.begun(context.Background(), row.missing)
					}
					synctest.Wait()
					finished := len(from.log)
					from.log = slices.DeleteFunc(from.log, func(s string) bool { return s == "finished" })
					if finished -= len(from.log); finished != len(row.answers) {
						t.Errorf("%d calls have finished, of %d", finished, len(row.answers))
					}
					if !slices.Equal(from.log, row.want) {
						t.Errorf("%q, want %q", from.log, row.want)
					}
					if all := strings.Join(told.errs, "\n"); !strings.Contains(all, row.reported) || (all == "") != (row.reported == "") {
						t.Errorf("reported %q, want %q", all, row.reported)
					}
					if a.bytes.Load() != 0 {
						t.Errorf("%d bytes are still counted", a.bytes.Load())
					}
				})
			})
		}
	}
}

// TestRequestsOfABatch: it is looked for one more than are allowed, and no further.
func TestRequestsOfABatch(t *testing.T) {
	s := &Service{batcher: joiner{}}
	for most, want := range map[int]int{1: 2, 2: 3, 3: 4, 4: 4, 5: 4} {
		if got := len(s.requests([]byte("a,b,c,d"), most)); got != want {
			t.Errorf("at most %d: %d requests, want %d", most, got, want)
		}
	}
	if got := new(Service).requests([]byte("a,b"), 5); got != nil {
		t.Errorf("of a protocol without batches: %q", got)
	}
}

// TestMostCallsOfABatch: as many as may be in flight on its connection, and in all.
func TestMostCallsOfABatch(t *testing.T) {
	for own, want := range map[int]int{0: 7, 1: 1, 2: 2, 6: 6, 7: 7, 8: 7} {
		var a account
		a.open(&admission{limits: ServiceLimits{MaxInFlight: 7}}, own)
		if got := a.mostCalls(); got != want {
			t.Errorf("%d on a connection, 7 in all: %d, want %d", own, got, want)
		}
	}
}

// told is a ServiceErrorHandler that keeps what it hears.
type told struct{ errs []string }

func (t *told) Handle(_ context.Context, err error) { t.errs = append(t.errs, err.Error()) }
