package afternoon

import (
	"encoding/binary"

	"github.com/muxkit/muxkit/transport"
)

var _ transport.CancelRequester = Protocol{}

// AppendCancelRequest implements transport.CancelRequester: the cancel is a request like
// others, and bears the token as they do.
func (Protocol) AppendCancelRequest(dst []byte, id, left uint32, req *transport.Message) []byte {
	token, _ := req.Session.(uint32)
	return appendFrame(dst, id, kindCancel, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, token), left))
}
