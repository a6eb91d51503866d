package ttheader

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// Blocks of a header's info.
const (
	infoPadding  = 0x00
	infoStrings  = 0x01
	infoNumbers  = 0x10
	infoACLToken = 0x11
)

// The names of metadata that mean something in a TTHeader.
const (
	// MetadataACLToken is the ACL token, which has a place of its own in the header; its
	// name is that which Kitex gives it in a context.
	MetadataACLToken = "RPC_TRANSIT_gdpr-token"
	// MetadataBizExtra, in an answer, is what Kitex's business errors have beside number
	// and text: a JSON object of strings.
	MetadataBizExtra = "biz-extra"

	metaService    = "isn" // Protocol.Service
	metaReset      = "crrst"
	metaBizStatus  = "biz-status"
	metaBizMessage = "biz-message"
)

// reserved reports whether a name of metadata is the protocol's own: it is neither sent nor
// handed out as metadata, so that who passes on the metadata of another call does not say it.
func reserved(name string) bool {
	switch name {
	case metaReset, metaBizStatus, metaBizMessage:
		return true
	}
	return false
}

// info is what the blocks of a header's info say.
type info struct {
	metadata  transport.Metadata
	numbers   strings.Builder // pairs, one behind the other
	timeout   time.Duration
	reset     bool // the sender is about to end the connection
	bizStatus string
	biz       string // its message

	req         *transport.Message // for its limits; nil: there are none
	pairs, size int
}

// fewNumbers is how many bytes the pairs of most peers have at most.
const fewNumbers = 256

// parse reads the blocks. It stops at the first that is none.
func (i *info) parse(b []byte) error {
	for len(b) > 0 {
		kind := b[0]
		b = b[1:]
		var err error
		switch kind {
		case infoPadding:
		case infoStrings:
			b, err = i.block(b, i.stringPair)
		case infoNumbers:
			b, err = i.block(b, i.numberPair)
		case infoACLToken:
			b, err = i.token(b)
		default:
			err = invalid(typeProtocolError, "a block of the kind %#02x in a TTHeader's info", kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// block reads a block of pairs.
func (i *info) block(b []byte, pair func([]byte) ([]byte, error)) (rest []byte, err error) {
	if len(b) < 2 {
		return nil, errInfoCut
	}
	n := int(binary.BigEndian.Uint16(b))
	b = b[2:]
	for range n {
		before := len(b)
		if b, err = pair(b); err != nil {
			return nil, err
		}
		if err := i.count(before - len(b)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// count counts a pair in, a name that comes again too.
func (i *info) count(bytes int) error {
	i.pairs++
	i.size += bytes
	if i.req == nil {
		return nil
	}
	return i.req.CheckMetadata(i.pairs, i.size)
}

var errInfoCut = invalid(typeProtocolError, "a TTHeader's info ends in the middle of a pair")

// cutString reads a string with its length of 16 bits.
func cutString(b []byte) (s, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, errInfoCut
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	if len(b) < n {
		return nil, nil, errInfoCut
	}
	return b[2:n], b[n:], nil
}

func (i *info) stringPair(b []byte) (rest []byte, err error) {
	name, b, err := cutString(b)
	if err != nil {
		return nil, err
	}
	value, b, err := cutString(b)
	if err != nil {
		return nil, err
	}
	switch string(name) {
	case metaReset:
		i.reset = len(value) > 0
	case metaBizStatus:
		i.bizStatus = string(value)
	case metaBizMessage:
		i.biz = string(value)
	case metaService:
		i.put(metaService, string(value))
	default:
		i.put(string(name), string(value))
	}
	return b, nil
}

func (i *info) put(name, value string) {
	if i.metadata == nil {
		i.metadata = make(transport.Metadata)
	}
	i.metadata[name] = value
}

func (i *info) token(b []byte) (rest []byte, err error) {
	token, b, err := cutString(b)
	if err != nil {
		return nil, err
	}
	i.put(MetadataACLToken, string(token))
	return b, i.count(len(token) + 2)
}

func (i *info) numberPair(b []byte) (rest []byte, err error) {
	if len(b) < 2 {
		return nil, errInfoCut
	}
	value, rest, err := cutString(b[2:])
	if err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint16(b) != KeyRPCTimeout {
		if i.numbers.Cap() == 0 {
			i.numbers.Grow(min(len(b), fewNumbers))
		}
		i.numbers.Write(b[:len(b)-len(rest)])
		return rest, nil
	}
	if len(value) == 0 {
		return rest, nil
	}
	ms, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return nil, invalid(typeProtocolError, "the timeout (key %d) of a TTHeader is no number: %.40q", KeyRPCTimeout, value)
	}
	i.timeout = time.Duration(min(max(ms, 0), math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	return rest, nil
}
