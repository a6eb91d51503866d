package native

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// versionError is a frame of another version, or of another protocol.
type versionError struct {
	version uint8
	header  header // as far as it holds for every version
}

// strange is the first version that is none: what has it there speaks something else.
const strange = 16

func (e *versionError) Error() string {
	if e.version == 0 || e.version >= strange {
		return fmt.Sprintf("native: the peer speaks something else, a version %#x is not known", e.version)
	}
	return fmt.Sprintf("native: the peer speaks version %d, this side version %d", e.version, version)
}

// Of version 1, what is needed to tell its clients that they are too old: the codes were
// others (4 was internal), the header and the part of an error the same.
const (
	version1         = 1
	version1Internal = 4
)

// AppendFarewell implements transport.Farewell: a request of version 1 is answered with
// an error of version 1 that says which version this side speaks. A one-way request is
// not answered, nor is anything else that is no request.
func (Protocol) AppendFarewell(dst []byte, err error) []byte {
	var other *versionError
	if !errors.As(err, &other) || other.version != version1 ||
		other.header.kind != kindRequest || other.header.flags&flagOneWay != 0 {
		return dst
	}
	text := fmt.Sprintf("this server speaks native version %d, the frame is of version %d", version, other.version)
	start := len(dst)
	dst = appendHeaderOf(version1, dst, header{kind: kindError, code: version1Internal, id: other.header.id, textLength: uint16(len(text))})
	dst = binary.BigEndian.AppendUint32(dst, 0) // status
	dst, _ = finish(append(dst, text...), start)
	return dst
}
