package native

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/muxkit/muxkit/transport"
)

// appendMetadata appends the pairs, sorted by name: equal messages make equal
// frames.
func appendMetadata(dst []byte, md transport.Metadata) ([]byte, error) {
	if len(md) == 0 {
		return dst, nil
	}
	if len(md) > math.MaxUint16 {
		return dst, fmt.Errorf("native: %d pairs of metadata, at most %d fit", len(md), math.MaxUint16)
	}
	var few [8]string
	names := slices.AppendSeq(few[:0], maps.Keys(md))
	slices.Sort(names)
	for _, name := range names {
		value := md[name]
		if len(name) > math.MaxUint16 || len(value) > math.MaxUint16 {
			return dst, fmt.Errorf("native: metadata %.40q: name and value may have %d bytes each, not %d and %d",
				name, math.MaxUint16, len(name), len(value))
		}
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(name)))
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(value)))
		dst = append(dst, name...)
		dst = append(dst, value...)
	}
	return dst, nil
}

// skipMetadata passes over n pairs, which is a number that costs the peer nothing: where they
// cannot all be there none is looked for, and nothing is behind the first that is not.
func (p *parts) skipMetadata(n int) {
	if pairSize*n > len(p.rest) {
		p.err = errShort
	}
	for ; n > 0 && p.err == nil; n-- {
		names, values := p.uint16(), p.uint16()
		p.take(names + values)
	}
}

// pairSize is the size of a pair whose name and value are empty: their lengths.
const pairSize = 2 + 2

// metadataBytes returns how many bytes the names and values of n pairs have, 0 if they
// are not there.
func (p *parts) metadataBytes(n int) int {
	section := *p
	section.skipMetadata(n)
	if section.err != nil {
		return 0
	}
	return len(p.rest) - len(section.rest) - pairSize*n
}

// fewPairs is for how many pairs room is made before they are read: names may be equal.
const fewPairs = 256

// metadata reads n pairs. All strings share one copy of the section.
func (p *parts) metadata(n int) transport.Metadata {
	if n == 0 {
		return nil
	}
	section := *p
	section.skipMetadata(n)
	if section.err != nil {
		p.err = section.err
		return nil
	}
	text := string(p.rest[:len(p.rest)-len(section.rest)])
	md := make(transport.Metadata, min(n, fewPairs))
	at := 0
	for range n {
		names, values := p.uint16(), p.uint16()
		p.take(names + values)
		name := at + pairSize
		md[text[name:name+names]] = text[name+names : name+names+values]
		at = name + names + values
	}
	return md
}
