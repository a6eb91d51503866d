package dnsmsg

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// A record may end with the message: nothing behind it is looked at.
func TestTheLastRecordOfAMessage(t *testing.T) {
	header := make([]byte, headerSize)
	header[atAdditional+1] = 1
	record := []byte{0, 0, typeOPT, 4, 0, 0, 0, 0, 0, 0, 0} // of the root, 1024 bytes
	m := slices.Clip(append(header, record...))
	if size, extended, err := answerSize(m, headerSize); size != 1024 || !extended || err != nil {
		t.Errorf("%d, %v, %v", size, extended, err)
	}
	if _, _, err := answerSize(slices.Clip(m[:len(m)-1]), headerSize); err == nil {
		t.Error("a record that is cut is no error")
	}
}

// A label has 63 bytes at most, a name 255 with its root; what ends it else is a pointer of two.
func TestNamesToTheByte(t *testing.T) {
	name := func(labels ...int) (b []byte) {
		for _, n := range labels {
			b = append(append(b, byte(n)), make([]byte, n)...)
		}
		return append(b, 0)
	}
	for what, c := range map[string]struct {
		name []byte
		want string // "": it is one
	}{
		"the root":                     {name(), ""},
		"the longest label":            {name(63), ""},
		"a label that is longer":       {name(64), "label of type 0x40"},
		"and a byte more":              {name(65), "label of type 0x40"},
		"the last that is no pointer":  {name(0xbf), "label of type 0x80"},
		"a pointer":                    {[]byte{0xc0, 12}, ""},
		"a pointer far back":           {[]byte{0xff, 0xff}, ""},
		"a pointer behind a label":     {[]byte{1, 'a', 0xc0, 12}, ""},
		"the longest name":             {name(63, 63, 63, 61), ""},
		"a name that is a byte longer": {name(63, 63, 63, 62), "name of over 255 bytes"},
		"nothing":                      {nil, "ends too early"},
		"a label without the root":     {[]byte{1, 'a'}, "ends too early"},
		"half a label":                 {[]byte{2, 'a'}, "ends too early"},
	} {
		const at = 100
		end, err := skipName(slices.Clip(append(make([]byte, at), c.name...)), at)
		if c.want == "" && (err != nil || end != at+len(c.name)) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: it ends at %d of %d, %v, want %q", what, end-at, len(c.name), err, c.want)
		}
	}
}

// The OPT record is found among others, in whatever section, and each of them is there as a whole.
func TestTheRecordsOfARequest(t *testing.T) {
	m := make([]byte, headerSize)
	m[atAnswers+1], m[atAuthority+1], m[atAdditional+1] = 1, 1, 2
	m = append(m, 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 3, 2, 'h', 'i') // a name that is a pointer, and three bytes
	m = append(m, 1, 'a', 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 0)              // a label, and none
	m = append(m, 0, 0, typeOPT, 4, 0, 0, 0, 0, 0, 0, 4, 0, 10, 0, 0)    // of 1024 bytes, with an option
	m = append(m, 0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)        // and one behind it
	if size, extended, err := answerSize(m, headerSize); size != 1024 || !extended || err != nil {
		t.Errorf("%d, %v, %v", size, extended, err)
	}
	for n := headerSize; n < len(m); n++ {
		if _, _, err := answerSize(slices.Clip(bytes.Clone(m[:n])), headerSize); err == nil {
			t.Errorf("of %d bytes %d are enough", len(m), n)
		}
	}
	wrong := bytes.Clone(m)
	wrong[headerSize] = 0x80
	if _, _, err := answerSize(wrong, headerSize); err == nil || !strings.Contains(err.Error(), "label of type 0x80") {
		t.Errorf("a record whose name is none: %v", err)
	}
	for said, want := range map[int]int{0: 512, 512: 512, 513: 513, mostOverUDP: mostOverUDP, mostOverUDP + 1: mostOverUDP} {
		m[headerSize+15+13+3], m[headerSize+15+13+4] = byte(said>>8), byte(said)
		if size, _, err := answerSize(m, headerSize); size != want || err != nil {
			t.Errorf("who says %d takes %d, %v, want %d", said, size, err, want)
		}
	}
	if size, extended, err := answerSize(make([]byte, headerSize), headerSize); size != plainSize || extended || err != nil {
		t.Errorf("without records: %d, %v, %v", size, extended, err)
	}
}

// The method is that of the opcode, whatever the bits around it say.
func TestMethodsOfOpcodes(t *testing.T) {
	for code, want := range map[byte]string{0: MethodQuery, 1: "OPCODE1", 2: "OPCODE2", 4: MethodNotify, 5: MethodUpdate, 8: "OPCODE8", 15: "OPCODE15"} {
		for _, around := range []byte{0, 7} {
			m := make([]byte, headerSize)
			m[2], m[3] = code<<3|around, 0xff
			var req transport.Message
			if err := (UDP{}).ParseRequest(m, &req); err != nil || req.Method != want {
				t.Errorf("opcode %d is %s, %v, want %s", code, req.Method, err, want)
			}
		}
	}
}

// Less than a header is not answered: there is no id.
func TestRequestsWithoutAHeader(t *testing.T) {
	for n := range headerSize + 1 {
		for network, parse := range map[string]func(*transport.Message) error{
			"udp": func(req *transport.Message) error { return UDP{}.ParseRequest(make([]byte, n), req) },
			"tcp": func(req *transport.Message) error { return TCP{}.ParseRequest(make([]byte, prefix+n), req) },
		} {
			var req transport.Message
			if err := parse(&req); (err == nil) != (n == headerSize) || req.OneWay != (n < headerSize) {
				t.Errorf("%s, %d bytes: %v, one-way %v", network, n, err, req.OneWay)
			}
		}
	}
}

// Letters are the same in both cases, from the first to the last, and nothing beside them is.
func TestTheCaseOfLetters(t *testing.T) {
	for _, c := range []struct {
		asked, answered string
		same            bool
	}{
		{"", "", true}, {"azAZ", "AZaz", true}, {"mM-09", "Mm-09", true}, {"@", "`", false}, {"[", "{", false}, {"a", "b", false}, {"a", "aa", false}, {"a", "", false},
	} {
		if got := sameQuestions([]byte(c.asked), []byte(c.answered)); got != c.same {
			t.Errorf("%q and %q are the same: %v", c.asked, c.answered, got)
		}
	}
}

// A business error is answered with its number if that is a response code, and no success.
func TestNumbersThatAreResponseCodes(t *testing.T) {
	for status, want := range map[int]int{-1: rcodeFailure, 0: rcodeFailure, 1: 1, 2: 2, 11: 11, 15: 15, 16: rcodeFailure} {
		if got := rcodeOf(transport.Business(status, "no")); got != want {
			t.Errorf("%d is answered with %d, want %d", status, got, want)
		}
	}
}
