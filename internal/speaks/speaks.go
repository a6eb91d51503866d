// Package speaks tells by the first bytes of a connection what its peer speaks, so that an
// error can say it. Nothing is decided by that.
package speaks

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// First is the beginning of what a peer has sent. The zero First is empty.
type First struct {
	bytes [16]byte
	n     uint8
}

// Note takes what was read next.
func (f *First) Note(p []byte) {
	if int(f.n) < len(f.bytes) {
		f.n += uint8(copy(f.bytes[f.n:], p))
	}
}

// Empty reports whether nothing has come.
func (f *First) Empty() bool { return f.n == 0 }

// Refused is err, which is why the bytes were refused, and what they are of, if that is known
// and the plug-in whose error it is has not met its own; remedy is for a peer that speaks TLS.
func (f *First) Refused(err error, remedy string) error {
	l := of(f.bytes[:f.n])
	switch {
	case l.name == "" || l.plugin != "" && strings.HasPrefix(err.Error(), l.plugin+": "):
		return err
	case l.name == "TLS":
		return fmt.Errorf("%w: its first bytes are of TLS, see %s", err, remedy)
	}
	return fmt.Errorf("%w: its first bytes are of %s", err, l.name)
}

// Language names what begins so, by its first 16 bytes or fewer; "" if nobody knows.
func Language(b []byte) string { return of(b).name }

func of(b []byte) language {
	for _, l := range languages {
		if l.is(b) {
			return l
		}
	}
	return language{}
}

type language struct {
	name   string
	plugin string // the package of the plug-in that speaks it, as its errors begin
	is     func(b []byte) bool
}

// languages are what is met on a wrong port; who is surest of himself comes first.
var languages = [...]language{
	{"TLS", "", isTLS},
	{"HTTP/2", "", isHTTP2},
	{"HTTP", "", beginsWith("HTTP/", "GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE ", "OPTIONS ", "CONNECT ")},
	{"SSH", "", beginsWith("SSH-")},
	{"tRPC", "trpc", beginsWith("\x09\x30\x00", "\x09\x30\x01")},
	{"TTHeader", "ttheader", func(b []byte) bool { return behindLength(b, "\x10\x00") }},
	{"framed Thrift", "ttheader", func(b []byte) bool { return behindLength(b, "\x80\x01") }},
	{"the native protocol", "native", isNative},
	{"RESP (Redis)", "resp", isRESP},
	{"JSON", "jsonrpc", beginsWith(`{"`, `[{"`)},
}

func beginsWith(words ...string) func(b []byte) bool {
	return func(b []byte) bool {
		for _, w := range words {
			if bytes.HasPrefix(b, []byte(w)) {
				return true
			}
		}
		return false
	}
}

// behindLength: a length of four bytes, not of gigabytes, and then mark.
func behindLength(b []byte, mark string) bool {
	return len(b) >= 6 && b[0] == 0 && string(b[4:6]) == mark
}

// isTLS: a record of a type from 20 to 24, of SSL 3.0 or later (RFC 8446, 5.1).
func isTLS(b []byte) bool {
	return len(b) >= 3 && b[0] >= 20 && b[0] <= 24 && b[1] == 3 && b[2] <= 4
}

// isHTTP2: a client's preface, of which as much as a record header of TLS may have come, or the
// SETTINGS with which a server begins (RFC 9113, 3.4 and 6.5).
func isHTTP2(b []byte) bool {
	const preface = "PRI * HTTP/2.0"
	return len(b) >= len("PRI *") && strings.HasPrefix(preface, string(b[:min(len(b), len(preface))])) ||
		len(b) >= 9 && b[0] == 0 && b[3] == 4 && b[4] == 0 && binary.BigEndian.Uint32(b[5:]) == 0
}

// isNative: the length of a header at least, a version, and, if it has come, a kind.
func isNative(b []byte) bool {
	return len(b) >= 5 && b[0] == 0 && binary.BigEndian.Uint32(b) >= 12 && b[4] >= 1 && b[4] < 16 &&
		(len(b) == 5 || b[5] >= 1 && b[5] < 16)
}

// isRESP: a simple text or error, or a number and the end of its line.
func isRESP(b []byte) bool {
	if len(b) < 3 {
		return false
	}
	switch b[0] {
	case '+', '-':
		return b[1] >= 'A' && b[1] <= 'Z'
	case ':', '$', '*', '%', '>':
		digits, _, ended := strings.Cut(string(b[1:]), "\r")
		return ended && digits != "" && strings.Trim(digits, "0123456789") == ""
	}
	return false
}
