package dnsmsg

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	headerSize  = 12 // RFC 1035, section 4.1.1
	maxMessage  = 1<<16 - 1
	mostOverUDP = 65507 // bytes of a datagram's payload over IPv4
	plainSize   = 512   // of an answer over UDP to who says nothing of more: RFC 1035, section 4.2.1
	maxName     = 255
	typeOPT     = 41 // RFC 6891, section 6.1
	optSize     = 11 // of an OPT record without options
)

// Bits of a header's third and fourth byte.
const (
	flagResponse  = 0x80
	flagTruncated = 0x02
	maskOpcode    = 0x78
	maskRecursion = 0x01 // RD, in the third byte
	maskRcode     = 0x0f
)

// Counts of a header: where they are.
const (
	atQuestions  = 4
	atAnswers    = 6
	atAuthority  = 8
	atAdditional = 10
)

var (
	errShort    = errors.New("dnsmsg: a message that ends too early")
	errResponse = errors.New("dnsmsg: a response (QR is set), where a request is wanted")
)

// questions returns the question section of a message: names, types and classes.
func questions(m []byte) ([]byte, error) {
	if len(m) < headerSize {
		return nil, errShort
	}
	at := headerSize
	for range binary.BigEndian.Uint16(m[atQuestions:]) {
		end, err := skipName(m, at)
		if err != nil {
			return nil, err
		}
		if at = end + 4; at > len(m) {
			return nil, errShort
		}
	}
	return m[headerSize:at], nil
}

// skipName returns where the name at at ends: a name's labels, or a pointer to one.
func skipName(m []byte, at int) (int, error) {
	for begin := at; at < len(m); {
		n := int(m[at])
		switch {
		case n == 0:
			return at + 1, nil
		case n >= 0xc0:
			return at + 2, nil
		case n > 63:
			return 0, fmt.Errorf("dnsmsg: a label of type %#x", n&0xc0)
		case at-begin+1+n+1 > maxName: // with the root that follows
			return 0, fmt.Errorf("dnsmsg: a name of over %d bytes", maxName)
		}
		at += 1 + n
	}
	return 0, errShort
}

// answerSize returns how large the answer to a request over UDP may be, and whether the
// request has an OPT record, which says so (RFC 6891, section 6.2.3). at is where the
// questions end.
func answerSize(m []byte, at int) (size int, extended bool, err error) {
	records := 0
	for _, count := range []int{atAnswers, atAuthority, atAdditional} {
		records += int(binary.BigEndian.Uint16(m[count:]))
	}
	size = plainSize
	for range records {
		end, err := skipName(m, at)
		if err != nil {
			return 0, false, err
		}
		if end+10 > len(m) {
			return 0, false, errShort
		}
		fields := m[end : end+10] // type, class, time to live, length
		if at = end + 10 + int(binary.BigEndian.Uint16(fields[8:])); at > len(m) {
			return 0, false, errShort
		}
		if binary.BigEndian.Uint16(fields) == typeOPT {
			extended, size = true, min(max(plainSize, int(binary.BigEndian.Uint16(fields[2:]))), mostOverUDP)
		}
	}
	return size, extended, nil
}

// sameQuestions reports whether an answer's question section is the request's; the case of
// letters does not count (RFC 4343).
func sameQuestions(asked, answered []byte) bool {
	if len(asked) != len(answered) {
		return false
	}
	for i := range asked {
		if lower(asked[i]) != lower(answered[i]) {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		b += 'a' - 'A'
	}
	return b
}
