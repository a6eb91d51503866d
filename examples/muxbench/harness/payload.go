package harness

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// MinSize is the smallest payload: a nonce at its start and one at its end.
const MinSize = 16

// payload is a caller's request: the nonce of the call at its start and at its
// end, and in between bytes that are the caller's own.
type payload struct {
	bytes  []byte
	answer int // bytes of the answer; if they are not the request's, it is a bulk request
	nonce  uint64
	whole  int // how many answers are still compared byte by byte
}

func newPayload(size, caller int) *payload {
	p := &payload{bytes: make([]byte, size), answer: size, nonce: uint64(caller+1) << 40, whole: 16}
	for i := range p.bytes {
		p.bytes[i] = byte(caller*31 + i*7)
	}
	return p
}

func (p *payload) stamp() {
	p.nonce++
	binary.BigEndian.PutUint64(p.bytes, p.nonce)
	binary.BigEndian.PutUint64(p.bytes[len(p.bytes)-8:], p.nonce)
}

func (p *payload) check(resp []byte) error {
	if len(resp) != p.answer {
		return fmt.Errorf("answer of %d bytes to a request for %d", len(resp), p.answer)
	}
	first, last := binary.BigEndian.Uint64(resp), binary.BigEndian.Uint64(resp[len(resp)-8:])
	if first != p.nonce || last != p.nonce {
		return fmt.Errorf("answer to another request: nonces %x and %x, want %x", first, last, p.nonce)
	}
	if p.whole > 0 && p.answer == len(p.bytes) {
		p.whole--
		if !bytes.Equal(resp, p.bytes) {
			return errors.New("the answer's bytes are not the request's")
		}
	}
	return nil
}

// A bulk request is its nonce, a mark, the size of the answer, and the nonce again. The
// answer has the nonce at its start and at its end.
const (
	bulkRequest = 32
	bulkMark    = 0x6d75786b69746269
)

func newBulkPayload(answer, caller int) *payload {
	p := newPayload(bulkRequest, caller)
	p.answer = answer
	binary.BigEndian.PutUint64(p.bytes[8:], bulkMark)
	binary.BigEndian.PutUint64(p.bytes[16:], uint64(answer))
	return p
}

// BulkSize returns the size of the answer that a bulk request asks for; false of any
// other request.
func BulkSize(req []byte) (size int, ok bool) {
	if len(req) != bulkRequest || binary.BigEndian.Uint64(req[8:]) != bulkMark {
		return 0, false
	}
	return int(binary.BigEndian.Uint64(req[16:])), true
}

// FillBulk makes answer, of the size that was asked for, the answer to a bulk request.
func FillBulk(answer, req []byte) {
	copy(answer, req[:8])
	copy(answer[len(answer)-8:], req[:8])
}

// Answer is what an echo server answers with: the request or, if it is for bulk, new
// memory.
func Answer(req []byte) []byte {
	size, ok := BulkSize(req)
	if !ok {
		return req
	}
	answer := make([]byte, size)
	FillBulk(answer, req)
	return answer
}
