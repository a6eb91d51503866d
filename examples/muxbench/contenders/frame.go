package contenders

import "encoding/binary"

// The frame of all contenders whose protocol is left to the user: payload
// length and id, both 32 bits big-endian, then the payload.
const FrameHeader = 8

// appendFrame appends a frame to dst.
func appendFrame(dst []byte, id uint32, payload []byte) []byte {
	return append(appendHeader(dst, id, len(payload)), payload...)
}

// appendHeader appends what comes before a payload of size bytes.
func appendHeader(dst []byte, id uint32, size int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(size))
	return binary.BigEndian.AppendUint32(dst, id)
}

// parseHeader takes the first frameHeader bytes of a frame apart.
func parseHeader(h []byte) (payload int, id uint32) {
	return int(binary.BigEndian.Uint32(h)), binary.BigEndian.Uint32(h[4:])
}

// WholeFrames returns how many bytes of b are frames that b holds entirely.
func WholeFrames(b []byte) int {
	n := 0
	for len(b)-n >= FrameHeader {
		payload, _ := parseHeader(b[n:])
		if len(b)-n < FrameHeader+payload {
			break
		}
		n += FrameHeader + payload
	}
	return n
}
