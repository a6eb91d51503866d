package speaks

import (
	"errors"
	"io"
	"testing"
)

func TestLanguage(t *testing.T) {
	for b, want := range map[string]string{
		"":                                     "",
		"\x16\x03\x01\x02\x00":                 "TLS",
		"\x15\x03\x03\x00\x02\x02\x0a":         "TLS",
		"\x16\x02\x01":                         "",
		"\x14\x03\x00":                         "TLS",
		"\x18\x03\x04":                         "TLS",
		"\x13\x03\x00":                         "",
		"\x19\x03\x00":                         "",
		"\x16\x04\x00":                         "",
		"\x16\x03\x05":                         "",
		"\x16\x03":                             "",
		"PRI * HTTP/2.0\r\n":                   "HTTP/2",
		"PRI *":                                "HTTP/2",
		"PRI ":                                 "",
		"PRI * HTTP/1.0":                       "",
		"\x00\x00\x12\x04\x00\x00\x00\x00\x00": "HTTP/2",
		"\x00\x00\x12\x04\x00\x00\x00\x00\x01": "",
		"\x01\x00\x12\x04\x00\x00\x00\x00\x00": "",
		"\x00\x00\x12\x05\x00\x00\x00\x00\x00": "",
		"\x00\x00\x12\x04\x01\x00\x00\x00\x00": "",
		"\x00\x00\x12\x04\x00\x00\x00\x00":     "",
		"HTTP/1.1 400 Bad":                     "HTTP",
		"HTTP/1.0 400 Bad":                     "HTTP",
		"GET / HTTP/1.1\r\n":                   "HTTP",
		"GETTING":                              "",
		"SSH-2.0-OpenSSH":                      "SSH",
		"\x09\x30\x00\x00\x00\x00\x00\x20":     "tRPC",
		"\x09\x31\x00":                         "",
		"\x00\x00\x00\x40\x10\x00\x00":         "TTHeader",
		"\x00\x00\x00\x40\x10\x00":             "TTHeader",
		"\x01\x00\x00\x40\x10\x00":             "",
		"\x00\x00\x00\x40\x10":                 "",
		"\x00\x00\x00\x40\x80\x01\x00":         "framed Thrift",
		"\x00\x00\x00\x40\x02\x01\x00\x00":     "the native protocol",
		"\x00\x00\x00\x40\x01":                 "the native protocol",
		"\x00\x00\x00\x0b\x02\x01":             "", // shorter than a header
		"\x00\x00\x00\x40\x10\x01":             "",
		"\x00\x00\x00\x0c\x02\x01":             "the native protocol",
		"\x01\x00\x00\x0c\x02\x01":             "",
		"\x00\x00\x00\x40\x0f\x0f":             "the native protocol",
		"\x00\x00\x00\x40\x00\x01":             "",
		"\x00\x00\x00\x40\x02\x00":             "",
		"\x00\x00\x00\x40\x02\x10":             "",
		"\x00\x00\x00\x40":                     "",
		"-A\r":                                 "RESP (Redis)",
		"+Z\r":                                 "RESP (Redis)",
		"+@\r":                                 "",
		"+[\r":                                 "",
		"+A":                                   "",
		":1\r":                                 "RESP (Redis)",
		":09\r":                                "RESP (Redis)",
		":\r\n":                                "",
		":1/\r":                                "",
		":1:\r":                                "",
		":123":                                 "",
		"-ERR unknown":                         "RESP (Redis)",
		"*3\r\n$3\r\n":                         "RESP (Redis)",
		"*x\r\n":                               "",
		"- item":                               "",
		`{"jsonrpc":"2.0"`:                     "JSON",
		`[{"jsonrpc":"2.0`:                     "JSON",
		"{curly}":                              "",
		"nothing":                              "",
	} {
		if got := Language([]byte(b)); got != want {
			t.Errorf("%q: %q, want %q", b, got, want)
		}
	}
}

// Bytes that come one at a time are the same bytes, and those behind the sixteenth say nothing.
func TestFirst(t *testing.T) {
	var f First
	if !f.Empty() || Language(f.bytes[:f.n]) != "" {
		t.Error("a First begins empty")
	}
	for _, b := range []byte("GET /a/path HTTP/1.1\r\n") {
		f.Note([]byte{b})
	}
	if f.Empty() || string(f.bytes[:f.n]) != "GET /a/path HTTP" {
		t.Errorf("got %q", f.bytes[:f.n])
	}
	f = First{}
	for _, read := range []string{"GET /", "", "a/path HTTP", "/1.1"} {
		f.Note([]byte(read))
	}
	if string(f.bytes[:f.n]) != "GET /a/path HTTP" {
		t.Errorf("got %q", f.bytes[:f.n])
	}
}

// What is said of it, and that the error stays the one that it is.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ bytes, err, want string }{
		{"HTTP/1.1 400", "native: no", "native: no: its first bytes are of HTTP"},
		{"\x15\x03\x01\x00\x02", "native: no", "native: no: its first bytes are of TLS, see WithIt"},
		{"\x09\x30\x00\x00", "native: no", "native: no: its first bytes are of tRPC"},
		{"\x09\x30\x00\x00", "trpc: no", "trpc: no"},
		{"hello", "native: no", "native: no"},
		{"", "native: no", "native: no"},
	} {
		var f First
		f.Note([]byte(c.bytes))
		err := errors.New(c.err)
		if got := f.Refused(err, "WithIt"); got.Error() != c.want || !errors.Is(got, err) {
			t.Errorf("%q, %s: %v", c.bytes, c.err, got)
		}
	}
	if got := new(First).Refused(io.EOF, ""); got != io.EOF {
		t.Errorf("%v", got)
	}
}
