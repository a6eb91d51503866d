package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
)

// A test frame: length u32, writer u32, sequence number u32, then bytes that only
// this frame has at their places.
const frameHead = 12

func appendFrame(b []byte, writer, seq uint32, size int) []byte {
	size = max(size, frameHead)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = binary.BigEndian.AppendUint32(b, writer)
	b = binary.BigEndian.AppendUint32(b, seq)
	for at := frameHead; at < size; {
		part := body(writer, seq, at)
		part = part[:min(len(part), size-at)]
		b = append(b, part...)
		at += len(part)
	}
	return b
}

// noise is long, and of no period that a buffer's size could hide.
var noise = func() []byte {
	b := make([]byte, 1<<20+7)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}()

// body returns a part of a frame's bytes, from its byte at on.
func body(writer, seq uint32, at int) []byte {
	start := uint64(writer)*1000003 + uint64(seq)*7919 + uint64(at)
	return noise[start%uint64(len(noise)):]
}

// checkFrame reports what is wrong with a frame.
func checkFrame(b []byte) (writer, seq uint32, err error) {
	if len(b) < frameHead || int(binary.BigEndian.Uint32(b)) != len(b) {
		return 0, 0, fmt.Errorf("frame of %d bytes with head % x", len(b), b[:min(len(b), frameHead)])
	}
	writer, seq = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	for at := frameHead; at < len(b); {
		want := body(writer, seq, at)
		got := b[at:min(len(b), at+len(want))]
		if !bytes.Equal(got, want[:len(got)]) {
			return writer, seq, fmt.Errorf("frame %d/%d: %d bytes from %d on are not all its own", writer, seq, len(got), at)
		}
		at += len(got)
	}
	return writer, seq, nil
}

// readFrame reads one test frame with io.ReadFull.
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	if _, err := io.ReadFull(r, buf[:4]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(buf))
	if n < frameHead || n > len(buf) {
		return nil, fmt.Errorf("frame of %d bytes", n)
	}
	if _, err := io.ReadFull(r, buf[4:n]); err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// inOrder reads n frames and checks each byte of them, and that the frames of
// each writer come in the order of their numbers.
func inOrder(r io.Reader, n, maxSize int) error {
	next := map[uint32]uint32{}
	buf := make([]byte, maxSize)
	for i := range n {
		b, err := readFrame(r, buf)
		if err != nil {
			return fmt.Errorf("frame %d of %d: %w", i, n, err)
		}
		writer, seq, err := checkFrame(b)
		if err != nil {
			return fmt.Errorf("frame %d of %d: %w", i, n, err)
		}
		if seq != next[writer] {
			return fmt.Errorf("writer %d: frame %d, want %d", writer, seq, next[writer])
		}
		next[writer]++
	}
	return nil
}

// allocFrame reads one test frame into memory from Alloc, as a parser does.
func allocFrame(r FrameReader) ([]byte, error) {
	head, err := r.Peek(4)
	if err != nil {
		return nil, err
	}
	frame, err := r.Alloc(int(binary.BigEndian.Uint32(head)))
	if err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(r, frame); err != nil {
		Free(frame)
		return nil, err
	}
	return frame, nil
}
