package jsonrpc

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// allocated is how many bytes f allocates, once it has run before: the least of ten times, since
// others allocate meanwhile, and a pool may have been emptied.
func allocated(f func()) int {
	f()
	least := math.MaxInt
	for range 10 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, int(after.TotalAlloc-before.TotalAlloc))
	}
	return least
}

// TestLongMethodsCostNoMemory: a method is not unescaped, nor told again, beyond what a
// method may have. A text of 1 MiB was once an answer of 6.
func TestLongMethodsCostNoMemory(t *testing.T) {
	for name, row := range map[string]struct {
		method string
		most   int // bytes, for the request and the answer that refuses it
	}{
		"long":                     {strings.Repeat("<", 1<<20), 4 << 10},
		"long, and no UTF-8":       {strings.Repeat("\xff", 1<<20), 4 << 10},
		"long, written in escapes": {strings.Repeat(`\u003c`, 1<<18), 4 << 10},
		"as long as it may be":     {strings.Repeat("<", 65_535), 3 * 65_536},
		"that, and no UTF-8":       {strings.Repeat("\xff", 65_535), 12 * 65_536},
		"that, written in escapes": {strings.Repeat(`\u003c`, 10_000), 4 * 65_536},
		"a short one":              {"none", 2 << 10},
	} {
		for _, version := range []string{"", `"jsonrpc":"2.0",`} {
			frame := []byte(fmt.Sprintf(`{%s"method":"%s","params":[],"id":1}`, version, row.method))
			var answer []byte
			n := allocated(func() {
				var req transport.Message
				err := Protocol{}.ParseRequest(frame, &req)
				var refused *transport.Error
				if !errors.As(err, &refused) {
					refused = &transport.Error{Code: transport.CodeUnimplemented, NotRun: true}
				}
				answer, err = Protocol{}.AppendResponse(answer[:0], 1, &req, &transport.Message{Err: refused})
				if err != nil {
					t.Fatal(err)
				}
			})
			if n > row.most || len(answer) > 1<<10 {
				t.Errorf("%s (%s): %d bytes are allocated, at most %d are allowed; the answer has %d", name, version, n, row.most, len(answer))
			}
		}
	}
}

// TestMethodsAreKnownHoweverSpelled: with escapes, and with bytes that are none of UTF-8's.
func TestMethodsAreKnownHoweverSpelled(t *testing.T) {
	for text, want := range map[string]string{`a.B`: "a.B", `\u0061.B`: "a.B", `a\"b`: `a"b`, "\xff": "\ufffd", `ä`: "ä", `\\`: `\`,
		strings.Repeat("m", 65_535): strings.Repeat("m", 65_535)} {
		var req transport.Message
		if err := (Protocol{}).ParseRequest([]byte(`{"method":"`+text+`","params":[],"id":1}`), &req); err != nil || req.Method != want {
			t.Errorf("%.80s: %.80q, %v", text, req.Method, err)
		}
	}
	var req transport.Message
	err := Protocol{}.ParseRequest([]byte(`{"method":"`+strings.Repeat("m", 65_536)+`","params":[],"id":1}`), &req)
	if err == nil || !strings.Contains(err.Error(), "written with 65536 bytes, at most 65535 are allowed") || req.Method != "" {
		t.Errorf("a byte more: %.80q, %v", req.Method, err)
	}
}

// TestLastWordsAreShort: the id of a text that is too large may be most of it.
func TestLastWordsAreShort(t *testing.T) {
	for _, c := range []struct {
		id   int // bytes
		told bool
	}{{200, true}, {1 << 20, false}} {
		text := `{"jsonrpc":"2.0","id":"` + strings.Repeat("x", c.id) + `","method":"` + strings.Repeat("x", 2<<20)
		_, _, err := Protocol{}.Parse(wire.NewReader(strings.NewReader(text), 2<<20))
		var words []byte
		n := allocated(func() { words = Protocol{}.AppendFarewell(words[:0], err) })
		if !errors.Is(err, wire.ErrFrameTooLarge) || len(words) == 0 || len(words) > 1<<10 || n > 8<<10 || strings.Contains(string(words), "xxx") != c.told {
			t.Errorf("an id of %d bytes: %d bytes are allocated, the words are %.300q; %v", c.id, n, words, err)
		}
	}
}

// TestWordsArePutIntoData: beside what a service's error carries, which stays as it is, and
// costs no memory by what is in it.
func TestWordsArePutIntoData(t *testing.T) {
	words := map[string]string{"mux-code": "3", "mux-not-run": "1"}
	for data, want := range map[string]string{
		``:                              `{"mux-code":"3","mux-not-run":"1"}`,
		`{}`:                            `{"mux-code":"3","mux-not-run":"1"}`,
		` { } `:                         `{ "mux-code":"3","mux-not-run":"1"}`,
		`{"b":1,"a":2}`:                 `{"b":1,"a":2,"mux-code":"3","mux-not-run":"1"}`,
		`{"b":1, "mux-code":"9"}`:       `{"b":1,"mux-code":"3","mux-not-run":"1"}`,
		`{"mux-code":"9","mux-else":1}`: `{"mux-code":"3","mux-not-run":"1"}`,
		`[1]`:                           `[1]`,
		`7`:                             `7`,
		`null`:                          `null`,
	} {
		if got := string(withWords([]byte(data), words)); got != want {
			t.Errorf("%s: %s, want %s", data, got, want)
		}
	}
	if got := string(withWords([]byte(`{"mux-code":"9","a":1}`), nil)); got != `{"a":1}` {
		t.Errorf("without words: %s", got)
	}
	var many strings.Builder
	many.WriteString(`{"a":1`)
	for i := range 100_000 {
		fmt.Fprintf(&many, `,"%d":1`, i)
	}
	data := []byte(many.String() + "}")
	if n := allocated(func() { withWords(data, words) }); n > 3*len(data) {
		t.Errorf("for %d bytes of data %d are allocated", len(data), n)
	}
}
