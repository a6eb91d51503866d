package dnsmsg

import (
	"bytes"
	"slices"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// labels are those of a name, of these lengths.
func labels(lengths ...int) (name []byte) {
	for _, n := range lengths {
		name = append(append(name, byte(n)), bytes.Repeat([]byte("a"), n)...)
	}
	return name
}

// Where a name ends, and which are none: a label has 63 bytes at most, a name 255, with its root.
func TestWhereNamesEnd(t *testing.T) {
	root, pointer := []byte{0}, []byte{0xc0, 12}
	for what, c := range map[string]struct {
		name []byte
		end  int // 0: it is none
	}{
		"the root":                 {root, 1},
		"a label":                  {slices.Concat(labels(3), root), 5},
		"a pointer":                {pointer, 2},
		"the last pointer":         {[]byte{0xff, 0xff}, 2},
		"a label and a pointer":    {slices.Concat(labels(3), pointer), 6},
		"the longest label":        {slices.Concat(labels(63), root), 65},
		"a longer one":             {slices.Concat(labels(64), root), 0},
		"a label of another kind":  {[]byte{0xbf, 0}, 0},
		"the longest name":         {slices.Concat(labels(63, 63, 63, 61), root), 255},
		"a longer one of its kind": {slices.Concat(labels(63, 63, 63, 62), root), 0},
		"of many labels":           {slices.Concat(bytes.Repeat(labels(1), 127), root), 255},
		"of too many":              {slices.Concat(bytes.Repeat(labels(1), 128), root), 0},
		"without an end":           {labels(3), 0},
		"nothing":                  {nil, 0},
	} {
		before := []byte("before")
		end, err := skipName(append(before, c.name...), len(before))
		if want := len(before) + c.end; c.end == 0 && err == nil || c.end > 0 && (err != nil || end != want) {
			t.Errorf("%s ends at %d, %v, want %d", what, end, err, want)
		}
	}
}

// What an OPT record says of an answer's size counts from 512 bytes on, as far as a datagram goes, wherever it
// stands; what ends too early is no record.
func TestSizesOfAnswers(t *testing.T) {
	opt := func(size uint16) []byte { return []byte{0, 0, typeOPT, byte(size >> 8), byte(size), 0, 0, 0, 0, 0, 0} }
	other := []byte{0xc0, 12, 0, typeOPT + 1, 4, 0, 0, 0, 0, 60, 0, 3, 1, 2, 3}
	with := func(at int, records ...[]byte) []byte {
		m := make([]byte, headerSize)
		m[at+1] = byte(len(records))
		return append(m, slices.Concat(records...)...)
	}
	for size, want := range map[uint16]int{0: 512, 511: 512, 512: 512, 513: 513, 1232: 1232, 65507: 65507, 65508: 65507, 65535: 65507} {
		for _, at := range []int{atAnswers, atAuthority, atAdditional} {
			for _, records := range [][][]byte{{opt(size)}, {other, opt(size)}, {opt(size), other}} {
				if got, extended, err := answerSize(with(at, records...), headerSize); got != want || !extended || err != nil {
					t.Errorf("of %d bytes: %d, %v, %v, want %d", size, got, extended, err, want)
				}
			}
		}
	}
	for _, m := range [][]byte{with(atAnswers), with(atAnswers, other)} {
		if got, extended, err := answerSize(m, headerSize); got != 512 || extended || err != nil {
			t.Errorf("without one: %d, %v, %v", got, extended, err)
		}
	}
	whole := with(atAdditional, other)
	for n := headerSize; n < len(whole); n++ {
		if _, _, err := answerSize(whole[:n], headerSize); err != errShort {
			t.Errorf("of %d bytes of %d: %v", n, len(whole), err)
		}
	}
}

// Letters are the same in either case, and nothing else is.
func TestQuestionsThatAreTheSame(t *testing.T) {
	for asked, answered := range map[string]string{"azAZ": "AZaz", "@[`{": "@[`{", "": ""} {
		if !sameQuestions([]byte(asked), []byte(answered)) {
			t.Errorf("%q is not %q", asked, answered)
		}
	}
	for asked, answered := range map[string]string{"@": "`", "[": "{", "a": "b", "aa": "a", "": "a"} {
		if sameQuestions([]byte(asked), []byte(answered)) {
			t.Errorf("%q is %q", asked, answered)
		}
	}
}

// Methods are the opcode's names, whatever else is in its byte.
func TestMethodsOfOpcodes(t *testing.T) {
	for code, want := range map[byte]string{0: MethodQuery, 1: "OPCODE1", 4: MethodNotify, 5: MethodUpdate, 15: "OPCODE15"} {
		for _, rest := range []byte{0, 0x87} {
			if got := methodOf([]byte{0, 0, code<<3 | rest, 0}); got != want {
				t.Errorf("opcode %d is %s, want %s", code, got, want)
			}
		}
	}
}

// Which code a Service answers an error with: a business's own if there is such a one.
func TestRcodesOfErrors(t *testing.T) {
	for _, c := range []struct {
		e    transport.Error
		want int
	}{
		{transport.Error{Code: transport.CodeBusiness, Status: 1}, 1}, {transport.Error{Code: transport.CodeBusiness, Status: 15}, 15},
		{transport.Error{Code: transport.CodeBusiness, Status: 16}, rcodeFailure}, {transport.Error{Code: transport.CodeBusiness}, rcodeFailure},
		{transport.Error{Code: transport.CodeBusiness, Status: -1}, rcodeFailure}, {transport.Error{Code: transport.CodeUnauthenticated}, rcodeRefused},
		{transport.Error{Code: transport.CodeNotFound, Status: 9}, rcodeNoName}, {transport.Error{Code: transport.CodePermissionDenied}, rcodeRefused},
		{transport.Error{Code: transport.CodeFailedPrecondition}, rcodeNameIs}, {transport.Error{Code: transport.CodeInvalidArgument}, rcodeFormat},
		{transport.Error{Code: transport.CodeUnknown}, rcodeFailure}, {transport.Error{}, rcodeFailure}, {transport.Error{Code: transport.CodeUnimplemented}, rcodeNotImplemented},
	} {
		if got := rcodeOf(&c.e); got != c.want {
			t.Errorf("%+v is answered with %d, want %d", c.e, got, c.want)
		}
	}
}

// A header alone is a request, without a question, and is answered with what it can be.
func TestAHeaderAloneIsARequest(t *testing.T) {
	for n, answered := range map[int]bool{headerSize - 1: false, headerSize: true} {
		var req transport.Message
		if err := (UDP{}).ParseRequest(make([]byte, n), &req); (err == nil) != answered || req.OneWay == answered {
			t.Errorf("%d bytes: %v, answered %v", n, err, !req.OneWay)
		}
	}
}

// An answer over UDP is cut where it is larger than its request allows, to the byte; the OPT record of what is left
// says what this side takes, and nothing else. Of what is known of no request nothing is cut.
func TestAnswersThatJustFit(t *testing.T) {
	opt := []byte{0, 0, typeOPT, byte(mostOverUDP >> 8), byte(mostOverUDP & 0xff), 0, 0, 0, 0, 0, 0}
	for n, cut := range map[int]bool{600: false, 601: true} {
		body := make([]byte, n) // its records are nobody's affair
		body[atAnswers+1] = 1
		got, err := UDP{}.AppendResponse(nil, 7, &transport.Message{Tag: &request{size: 600, extended: true}}, &transport.Message{Body: body})
		want := n
		if cut {
			want = headerSize + len(opt)
		}
		if err != nil || len(got) != want || (got[2]&flagTruncated != 0) != cut || cut && !bytes.Equal(got[headerSize:], opt) {
			t.Errorf("of %d bytes: %d, %x, %v", n, len(got), got[:headerSize], err)
		}
		if got, err := (UDP{}).AppendResponse(nil, 7, new(transport.Message), &transport.Message{Body: body}); err != nil || len(got) != n {
			t.Errorf("of %d bytes, without a request: %d, %v", n, len(got), err)
		}
	}
	large := &transport.Message{Body: make([]byte, maxMessage+1), Err: &transport.Error{Code: transport.CodeTooLarge}}
	if _, err := (UDP{}).AppendResponse(nil, 7, &transport.Message{Tag: &request{size: 600}}, large); err == nil || err == errShort {
		t.Errorf("of more than a message has: %v", err)
	}
}
