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

// skipMetadata passes over n pairs.
func (p *parts) skipMetadata(n int) {
	for range n {
		names, values := p.uint16(), p.uint16()
		p.take(names + values)
	}
}

// metadataBytes returns how many bytes the names and values of n pairs have, 0 if they
// are not there.
func (p *parts) metadataBytes(n int) int {
	if n == 0 {
		return 0
	}
	section := *p
	section.skipMetadata(n)
	return max(len(p.rest)-len(section.rest)-4*n, 0)
}

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
	md := make(transport.Metadata, n)
	at := 0
	for range n {
		names, values := p.uint16(), p.uint16()
		p.take(names + values)
		name := at + 4
		md[text[name:name+names]] = text[name+names : name+names+values]
		at = name + names + values
	}
	return md
}
