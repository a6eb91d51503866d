package jsonrpc

import "bytes"

// Requests implements transport.Batcher: the calls of a batch of 2.0.
func (p Protocol) Requests(frame []byte, yield func(request []byte) bool) {
	if p.Version != Version1 && bytes.HasPrefix(frame, []byte("[")) {
		elements(frame, yield)
	}
}

// AppendBatched implements transport.Batcher.
func (Protocol) AppendBatched(dst, answer []byte) []byte {
	if len(dst) == 0 {
		dst = append(dst, '[')
	} else {
		dst = append(dst, ',')
	}
	return append(dst, bytes.TrimSpace(answer)...)
}

// EndBatch implements transport.Batcher.
func (Protocol) EndBatch(dst []byte) []byte { return append(dst, "]\n"...) }
