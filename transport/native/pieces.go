package native

import (
	"errors"
	"fmt"

	"github.com/muxkit/muxkit/transport"
)

// maxGathered is the largest body that is put together from pieces, in bytes.
const maxGathered = 64 << 20

// gathering is the Tag of an answer whose body has begun and goes on in another frame.
type gathering struct{}

var (
	errPieceHead = errors.New("native: a piece that is not the first has a text or metadata")
	errGathered  = fmt.Errorf("native: an answer in pieces of more than %d bytes", maxGathered)
)

// answer reads what follows the text of an answer, or of a piece of one, into resp. The
// body of an answer in one frame refers to it; one in pieces is a copy.
func (p *parts) answer(h header, resp *transport.Message) error {
	_, following := resp.Tag.(gathering)
	if following && (h.textLength != 0 || h.pairs != 0) {
		return errPieceHead
	}
	md := p.metadata(int(h.pairs))
	if p.err != nil {
		return p.err
	}
	more := h.flags&flagMore != 0
	if !following {
		resp.Metadata, resp.Body = md, nil
		if !more {
			resp.Body = p.rest
			return nil
		}
	}
	if len(resp.Body)+len(p.rest) > maxGathered {
		return errGathered
	}
	resp.Body = append(resp.Body, p.rest...)
	resp.Tag = nil
	if more {
		resp.Tag = gathering{}
	}
	return nil
}
