package resp_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport/resp"
)

// TestWhatAValueSays: as a text, as a truth, as nothing and as an error.
func TestWhatAValueSays(t *testing.T) {
	for in, want := range map[string]string{
		"+OK\r\n":            `"OK", false, null false, error <nil>`,
		"$-1\r\n":            `"", false, null true, error <nil>`,
		"$0\r\n\r\n":         `"", false, null false, error <nil>`,
		":-42\r\n":           `"-42", true, null false, error <nil>`,
		":0\r\n":             `"0", false, null false, error <nil>`,
		",0.1\r\n":           `"0.1", false, null false, error <nil>`,
		"#t\r\n":             `"true", true, null false, error <nil>`,
		"#f\r\n":             `"false", false, null false, error <nil>`,
		"(12345\r\n":         `"12345", false, null false, error <nil>`,
		"=6\r\nmkd:#a\r\n":   `"#a", false, null false, error <nil>`,
		"*2\r\n:1\r\n:2\r\n": `"array of 2", false, null false, error <nil>`,
		"%1\r\n:1\r\n:2\r\n": `"map of 2", false, null false, error <nil>`,
		"~0\r\n":             `"set of 0", false, null false, error <nil>`,
		">1\r\n+p\r\n":       `"push of 1", false, null false, error <nil>`,
		"-OOM no\r\n":        `"OOM no", false, null false, error resource exhausted: OOM no`,
	} {
		v, err := resp.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		text := "error <nil>"
		if err := v.Err(); err != nil {
			text = "error " + err.Error()
		}
		if got := fmt.Sprintf("%q, %v, null %v, %s", v.String(), v.Bool(), v.IsNull(), text); got != want {
			t.Errorf("%q says %s, want %s", in, got, want)
		}
	}
}

// TestMeasure: of which replies the length is known by their first line.
func TestMeasure(t *testing.T) {
	for header, want := range map[string]int64{
		"$5\r\n": 4 + 7, "$5\r\nhel": 4 + 7, "$0\r\n": 4 + 2, "=15\r\ntxt:": 5 + 17, "!100\r\n": 6 + 102, "+OK\r\n": 5, "$-1\r\n": 5, "*0\r\n": 4, "$2147483647\r\n": 13 + 1<<31 + 1,
		"*1\r\n": -1, "*2\r\n": -1, "%1\r\n": -1, "|0\r\n": -1, "$5": -1, "": -1, "$x\r\n": -1, "$2147483648\r\n": -1, "?\r\n": -1,
	} {
		id, total, ok := resp.Protocol{}.Measure([]byte(header))
		if ok != (want >= 0) || ok && (total != want || id != 0) {
			t.Errorf("%q: id %d, %d, %v, want %d", header, id, total, ok, want)
		}
	}
}

// TestPushes: who hears of them gets his own, of what can be read; without somebody they are counted.
func TestPushes(t *testing.T) {
	var heard []resp.Value
	hears := resp.Protocol{Pushes: &resp.Pushes{Handle: func(push resp.Value) { heard = append(heard, push) }}}
	for frame, kinds := range map[string][2]muxpool.FrameKind{
		">1\r\n+p\r\n": {muxpool.FrameUnsolicited, muxpool.FrameRequest}, "+p\r\n": {muxpool.FrameLast, muxpool.FrameLast}, ">": {muxpool.FrameUnsolicited, muxpool.FrameRequest},
		"": {muxpool.FrameLast, muxpool.FrameLast},
	} {
		for i, p := range []resp.Protocol{{}, hears} {
			if got := p.ClassifyFrame(0, []byte(frame)); got != kinds[i] {
				t.Errorf("%q is of kind %d, want %d", frame, got, kinds[i])
			}
		}
	}
	for _, p := range []resp.Protocol{hears, {}, {Pushes: &resp.Pushes{}}} {
		frame := []byte(">1\r\n+one\r\n")
		if got := p.AppendAnswer([]byte("before"), 0, frame); string(got) != "before" {
			t.Errorf("a push is answered: %q", got)
		}
		clear(frame)
		p.AppendAnswer(nil, 0, []byte(">1\r\n+tw"))
	}
	if len(heard) != 1 || heard[0].Kind != resp.KindPush || heard[0].Elems[0].String() != "one" {
		t.Errorf("heard of %v", heard)
	}
}

// TestLongStringsWithinArrays: a string comes in pieces of what has come before it, and is whole whatever
// its length.
func TestLongStringsWithinArrays(t *testing.T) {
	for n := 32<<10 - 4; n < 32<<10+4; n++ {
		text := fmt.Sprintf("*2\r\n$%d\r\n%s\r\n+next\r\n", n, strings.Repeat("x", n))
		for _, src := range []io.Reader{wire.NewReader(strings.NewReader(text), 1<<20), strings.NewReader(text)} {
			if _, frame, err := (resp.Protocol{}).Parse(src); err != nil || string(frame) != text {
				t.Errorf("with a string of %d bytes: %d of %d bytes, %v", n, len(frame), len(text), err)
			}
		}
	}
}
