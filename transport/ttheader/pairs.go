package ttheader

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// pairs are string pairs to be written.
type pairs struct {
	dst   []byte
	count int // where the number of pairs is; 0: there are none yet
	n     int
	err   error
}

func (p *pairs) add(name, value string) {
	if p.count == 0 {
		p.dst = append(p.dst, infoStrings, 0, 0)
		p.count = len(p.dst) - 2
	}
	if p.n++; p.n > math.MaxUint16 && p.err == nil {
		p.err = fmt.Errorf("ttheader: more than %d pairs of metadata", math.MaxUint16)
	}
	p.string(name, name)
	p.string(name, value)
}

func (p *pairs) string(name, s string) {
	if len(s) > math.MaxUint16 && p.err == nil {
		p.err = fmt.Errorf("ttheader: the metadata %.80q has %d bytes, at most %d fit", name, len(s), math.MaxUint16)
	}
	p.dst = append(binary.BigEndian.AppendUint16(p.dst, uint16(len(s))), s...)
}

// all adds the metadata, less what is the protocol's own and the names in besides.
func (p *pairs) all(md transport.Metadata, besides string) {
	for name, value := range md {
		if !reserved(name) && name != MetadataACLToken && (besides == "" || name != besides) {
			p.add(name, value)
		}
	}
}

// end returns what was written, with an ACL token behind it if there is one.
func (p *pairs) end(md transport.Metadata) ([]byte, error) {
	if p.count > 0 {
		binary.BigEndian.PutUint16(p.dst[p.count:], uint16(p.n))
	}
	if token, ok := md[MetadataACLToken]; ok {
		p.dst = append(p.dst, infoACLToken)
		p.string(MetadataACLToken, token)
	}
	return p.dst, p.err
}

// numbers are pairs to be written whose keys are numbers.
type numbers struct {
	dst   []byte
	start int // where the block is
	n     int
}

func newNumbers(dst []byte) numbers {
	return numbers{append(dst, infoNumbers, 0, 0), len(dst), 0}
}

func (p *numbers) add(key uint16, value string) {
	value = value[:min(len(value), math.MaxUint16)]
	p.dst = binary.BigEndian.AppendUint16(p.dst, key)
	p.dst = append(binary.BigEndian.AppendUint16(p.dst, uint16(len(value))), value...)
	p.n++
}

// named is add for names that may not be there.
func (p *numbers) named(key uint16, value string) {
	if value != "" {
		p.add(key, value)
	}
}

// head adds the pairs of a Head, which may be nil.
func (p *numbers) head(h *Head) {
	if h == nil {
		return
	}
	for key, value := range h.All() {
		p.add(key, value)
	}
}

// timeout adds the time left: rounded down to milliseconds, but never to 0, which is "no limit".
func (p *numbers) timeout(d time.Duration) {
	if d <= 0 {
		return
	}
	p.dst = binary.BigEndian.AppendUint16(p.dst, KeyRPCTimeout)
	at := len(p.dst)
	p.dst = strconv.AppendInt(append(p.dst, 0, 0), min(max(d.Milliseconds(), 1), math.MaxInt32), 10)
	binary.BigEndian.PutUint16(p.dst[at:], uint16(len(p.dst)-at-2))
	p.n++
}

// end returns what was written; of a block without pairs nothing.
func (p *numbers) end() []byte {
	if p.n == 0 {
		return p.dst[:p.start]
	}
	binary.BigEndian.PutUint16(p.dst[p.start+1:], uint16(p.n))
	return p.dst
}

// cut shortens an error's message to what always fits.
func cut(s string) string {
	const most = 4 << 10
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
