package ttheader

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// A header is padded to words, and has 65535 of them at most.
func TestEndsOfHeaders(t *testing.T) {
	for info, padded := range map[int]int{2: 4, 3: 4, 4: 4, 5: 8, maxHeader - 1: maxHeader, maxHeader: maxHeader, maxHeader + 1: 0} {
		b := append([]byte("before"), make([]byte, headerBeginning+info)...)
		got, err := endHeader(b, len("before"))
		if padded == 0 {
			if err == nil {
				t.Errorf("a header of %d bytes is taken", info)
			}
			continue
		}
		if n := len(got) - len("before") - headerBeginning; err != nil || n != padded || 4*(int(got[6+12])<<8|int(got[6+13])) != padded {
			t.Errorf("a header of %d bytes: padded to %d, %v, want %d", info, n, err, padded)
		}
	}
}

// Pairs have lengths and a number of 16 bits; what does not fit is an error of the request, of a Head it is cut.
func TestHowMuchFitsIntoPairs(t *testing.T) {
	text := strings.Repeat("x", math.MaxUint16)
	for value, fits := range map[string]bool{text: true, text + "x": false} {
		var names, values, tokens pairs
		names.add(value, "")
		values.add("", value)
		for _, p := range []*pairs{&names, &values} {
			if _, err := p.end(nil); (err == nil) != fits {
				t.Errorf("%d bytes of a pair: %v", len(value), err)
			}
		}
		if _, err := tokens.end(transport.Metadata{MetadataACLToken: value}); (err == nil) != fits {
			t.Errorf("%d bytes of a token: %v", len(value), err)
		}
		var h Head
		h.Set(KeyLogID, value)
		h.Set(KeyEnv, "behind")
		if got, ok := h.Get(KeyLogID); got != text || !ok {
			t.Errorf("of %d bytes a Head has %d", len(value), len(got))
		}
		if got, _ := h.Get(KeyEnv); got != "behind" {
			t.Errorf("behind %d bytes is %q", len(value), got)
		}
		p := newNumbers(nil)
		p.add(KeyLogID, value)
		if got := len(p.end()); got != 3+4+math.MaxUint16 {
			t.Errorf("%d bytes are written as %d", len(value), got)
		}
	}
	var many pairs
	for range math.MaxUint16 {
		many.add("", "")
	}
	if _, err := many.end(nil); err != nil {
		t.Error(err)
	}
	many.add("", "")
	if _, err := many.end(nil); err == nil {
		t.Error("65536 pairs are taken")
	}
}

// The time that is left goes out in whole milliseconds, one at least; what comes in is no less than none, and no more
// than a Duration has.
func TestTimesInHeaders(t *testing.T) {
	for d, want := range map[time.Duration]string{-1: "", 0: "", 1: "1", time.Millisecond: "1", 2*time.Millisecond - 1: "1", 1500 * time.Millisecond: "1500",
		math.MaxInt32 * time.Millisecond: "2147483647", math.MaxInt64: "2147483647"} {
		p := newNumbers(nil)
		p.timeout(d)
		p.add(KeyEnv, "e")
		b := p.end()
		var i info
		if err := i.parse(b); err != nil {
			t.Fatal(err)
		}
		ms, _ := strconv.Atoi(want)
		if i.timeout != time.Duration(ms)*time.Millisecond || (d > 0) != (b[2] == 2) || i.pairs != int(b[2]) {
			t.Errorf("%v goes out as %v, in %d pairs", d, i.timeout, b[2])
		}
	}
	for text, want := range map[string]time.Duration{"": 0, "0": 0, "-1": 0, "1": time.Millisecond, "9223372036854": 9223372036854 * time.Millisecond,
		"9223372036855": 9223372036854 * time.Millisecond, "9223372036854775807": 9223372036854 * time.Millisecond} {
		p := newNumbers(nil)
		p.add(KeyRPCTimeout, text)
		var i info
		if err := i.parse(p.end()); err != nil || i.timeout != want {
			t.Errorf("%q comes in as %v, %v, want %v", text, i.timeout, err, want)
		}
	}
	for _, text := range []string{"x", "1s", "1.5", "9223372036854775808"} {
		p := newNumbers(nil)
		p.add(KeyRPCTimeout, text)
		if err := new(info).parse(p.end()); err == nil || !strings.Contains(err.Error(), "no number") {
			t.Errorf("%q comes in: %v", text, err)
		}
	}
	if b := newNumbers([]byte("before")); string(b.end()) != "before" {
		t.Errorf("a block without pairs: %q", b.end())
	}
}

// Blocks, pairs and tokens that end in their middle; of whole ones all bytes but a block's own are counted.
func TestInfoThatIsCut(t *testing.T) {
	p := pairs{}
	p.add("name", "value")
	named, err := p.end(transport.Metadata{MetadataACLToken: "token"})
	if err != nil {
		t.Fatal(err)
	}
	n := newNumbers(nil)
	n.add(KeyLogID, "log")
	for what, b := range map[string][]byte{"named": named, "numbered": n.end()} {
		for size := range len(b) {
			whole := size == 0 || what == "named" && size == 3+2+len("name")+2+len("value")
			if err := new(info).parse(b[:size]); (err == nil) != whole {
				t.Errorf("%s, %d bytes of %d: %v", what, size, len(b), err)
			}
		}
		var i info
		count, size := 1, 2+2+len("log")
		if what == "named" {
			count, size = 2, 2+len("name")+2+len("value")+2+len("token")
		}
		if err := i.parse(append([]byte{0, 0}, append(b, 0)...)); err != nil || i.pairs != count || i.size != size {
			t.Errorf("%s: %d pairs of %d bytes, %v, want %d of %d", what, i.pairs, i.size, err, count, size)
		}
	}
	for _, b := range [][]byte{{infoStrings, 0, 0}, {infoNumbers, 0, 0}, {infoPadding}, {}} {
		if err := new(info).parse(b); err != nil {
			t.Errorf("%x, which has no pairs: %v", b, err)
		}
	}
	for value, reset := range map[string]bool{"": false, "0": true} {
		p := pairs{}
		p.add(metaReset, value)
		b, _ := p.end(nil)
		var i info
		if err := i.parse(b); err != nil || i.reset != reset {
			t.Errorf("a reset of %q: %v, %v", value, i.reset, err)
		}
	}
}

// What fits to the byte, and what no longer does.
func TestLengthsToTheByte(t *testing.T) {
	be := func(n int64) []byte { return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }
	for n, fits := range map[int64]bool{leastFramed - 1: false, leastFramed: true, mostFrame: true, mostFrame + 1: false} {
		if got, err := lengthOf(be(n - lengthSize)); (err == nil) != fits || fits && int64(got) != n {
			t.Errorf("a frame of %d bytes: %d, %v", n, got, err)
		}
	}
	for n, fits := range map[int64]bool{leastTTHeader - 1: false, leastTTHeader: true} {
		if err := checkKind(append(be(n-lengthSize), 0x10, 0)); (err == nil) != fits {
			t.Errorf("a TTHeader in a frame of %d bytes: %v", n, err)
		}
	}
	for n, fits := range map[int64]bool{0: true, maxMethod: true, maxMethod + 1: false} {
		for _, room := range []int64{n - 1, n, n + 1} {
			if got, err := methodLength(be(n), room); (err == nil) != (fits && room >= n) || err == nil && int64(got) != n {
				t.Errorf("a method of %d bytes in %d: %d, %v", n, room, got, err)
			}
		}
	}
	message := appendMessage(nil, messageCall, "", 7)
	for n := range len(message) {
		if _, err := cutMessage(message[:n]); err == nil {
			t.Errorf("a message of %d bytes is taken", n)
		}
		if _, _, err := unframe(message[:n]); err == nil {
			t.Errorf("a payload of %d bytes is taken", n)
		}
	}
	if m, err := cutMessage(message); err != nil || m.seq != 7 {
		t.Errorf("%+v, %v", m, err)
	}
	if got, framed, err := unframe(message); err != nil || framed || len(got) != len(message) {
		t.Errorf("%x, %v, %v", got, framed, err)
	}
	long := strings.Repeat("é", 2<<10) // 4 KiB
	for in, want := range map[string]string{long: long, long + "x": long, "x" + long: "x" + long[:len(long)-2], "": ""} {
		if got := cut(in); got != want {
			t.Errorf("a text of %d bytes is cut to %d, want %d", len(in), len(got), len(want))
		}
	}
}
