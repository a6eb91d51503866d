package main

import "encoding/binary"

// The frame of all contenders whose protocol is left to the user: payload
// length and id, both 32 bits big-endian, then the payload.
const frameHeader = 8

// appendFrame appends a frame to dst.
func appendFrame(dst []byte, id uint32, payload []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.BigEndian.AppendUint32(dst, id)
	return append(dst, payload...)
}

// parseHeader takes the first frameHeader bytes of a frame apart.
func parseHeader(h []byte) (payload int, id uint32) {
	return int(binary.BigEndian.Uint32(h)), binary.BigEndian.Uint32(h[4:])
}

// wholeFrames returns how many bytes of b are frames that b holds entirely.
func wholeFrames(b []byte) int {
	n := 0
	for len(b)-n >= frameHeader {
		payload, _ := parseHeader(b[n:])
		if len(b)-n < frameHeader+payload {
			break
		}
		n += frameHeader + payload
	}
	return n
}
