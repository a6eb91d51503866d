package transport

import (
	"maps"
	"testing"
	"time"
)

func TestAttemptsThatMakeSense(t *testing.T) {
	for text, want := range map[string]int{"": 1, "x": 1, "-1": 1, "1.5": 1, "0": 1, "1": 1, "2": 2, "10": 10, "2147483647": 1<<31 - 1, "2147483648": 1} {
		m := Message{Metadata: Metadata{MetadataAttempt: text}}
		if got := m.attempt(); got != want {
			t.Errorf("%q is attempt %d, want %d", text, got, want)
		}
	}
	if got := new(Message).attempt(); got != 1 {
		t.Errorf("a request that says nothing is attempt %d", got)
	}
}

// TestWordsOfAnAnswer: what an error wants of those who would try again, in whole milliseconds that are no
// less; nothing where it wants nothing, and no word of anybody else's.
func TestWordsOfAnAnswer(t *testing.T) {
	for name, row := range map[string]struct {
		err  *Error
		want Metadata
	}{
		"no error":          {nil, Metadata{}},
		"nothing":           {&Error{}, Metadata{}},
		"less than nothing": {&Error{RetryAfter: -time.Second}, Metadata{}},
		"a nanosecond":      {&Error{RetryAfter: 1}, Metadata{MetadataRetryAfter: "1"}},
		"a millisecond":     {&Error{RetryAfter: time.Millisecond}, Metadata{MetadataRetryAfter: "1"}},
		"a little more":     {&Error{RetryAfter: time.Millisecond + 1}, Metadata{MetadataRetryAfter: "2"}},
		"an hour":           {&Error{RetryAfter: time.Hour}, Metadata{MetadataRetryAfter: "3600000"}},
		"more than an hour": {&Error{RetryAfter: time.Hour + 1}, Metadata{MetadataRetryAfter: "3600000"}},
		"nobody is to":      {&Error{NoRetry: true}, Metadata{MetadataNoRetry: "1"}},
		"both":              {&Error{NoRetry: true, RetryAfter: time.Second}, Metadata{MetadataNoRetry: "1", MetadataRetryAfter: "1000"}},
	} {
		for _, forged := range words { // each alone
			m := Message{Err: row.err, Metadata: Metadata{forged: "forged", "own": "kept"}}
			m.writeWords()
			want := maps.Clone(row.want)
			want["own"] = "kept"
			if !maps.Equal(m.Metadata, want) {
				t.Errorf("%s, beside a forged %s: %v, want %v", name, forged, m.Metadata, want)
			}
		}
		for _, forged := range words { // and nothing else
			m := Message{Err: row.err, Metadata: Metadata{forged: "forged"}}
			if m.writeWords(); !maps.Equal(m.Metadata, row.want) {
				t.Errorf("%s, in the place of a forged %s: %v, want %v", name, forged, m.Metadata, row.want)
			}
		}
		m := Message{Err: row.err}
		if m.writeWords(); !maps.Equal(m.Metadata, row.want) {
			t.Errorf("%s: %v, want %v", name, m.Metadata, row.want)
		}
	}
}

// TestWordsThatAreRead: what the protocol itself has said of an error holds beside them.
func TestWordsThatAreRead(t *testing.T) {
	for name, row := range map[string]struct {
		was, want Error
		md        Metadata
	}{
		"none":                  {Error{NoRetry: true, RetryAfter: 5}, Error{NoRetry: true, RetryAfter: 5}, nil},
		"others":                {Error{NoRetry: true, RetryAfter: 5}, Error{NoRetry: true, RetryAfter: 5}, Metadata{"a": "b"}},
		"that nobody is to":     {Error{}, Error{NoRetry: true}, Metadata{MetadataNoRetry: "1"}},
		"that make no sense":    {Error{RetryAfter: 5}, Error{RetryAfter: 5}, Metadata{MetadataNoRetry: "2", MetadataRetryAfter: "x"}},
		"when":                  {Error{}, Error{RetryAfter: 7 * time.Millisecond}, Metadata{MetadataRetryAfter: "7"}},
		"an hour":               {Error{}, Error{RetryAfter: time.Hour}, Metadata{MetadataRetryAfter: "3600000"}},
		"a millisecond less":    {Error{}, Error{RetryAfter: time.Hour - time.Millisecond}, Metadata{MetadataRetryAfter: "3599999"}},
		"more than can be said": {Error{}, Error{RetryAfter: time.Hour}, Metadata{MetadataRetryAfter: "99999999999999999999"}},
	} {
		e := row.was
		if e.readWords(row.md); e != row.want {
			t.Errorf("%s: %+v, want %+v", name, e, row.want)
		}
	}
}
