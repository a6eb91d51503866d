package native

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/muxkit/muxkit/muxpool"
)

// The keys of settings. docs/native-protocol.md defines them.
const (
	keyMaxFrameSize     = 1
	keyMaxCalls         = 2
	keyMaxMetadataPairs = 3
	keyMaxMetadataBytes = 4
	keyFeatures         = 5
	keyMinVersion       = 6
	keyMaxVersion       = 7
)

const (
	settingSize = 2 + 8 // a key and its value
	maxSettings = 256   // in one frame
)

// AppendSettings implements muxpool.Settler. What is zero is left out; the versions,
// where s says none, are this package's.
func (Protocol) AppendSettings(dst []byte, s muxpool.Settings) []byte {
	if s.MinVersion == 0 && s.MaxVersion == 0 {
		s.MinVersion, s.MaxVersion = version, version
	}
	start := len(dst)
	dst = appendHeader(dst, header{kind: kindSettings})
	for _, setting := range [...]struct {
		key   uint16
		value uint64
	}{
		{keyMaxFrameSize, natural(s.MaxFrameSize)},
		{keyMaxCalls, natural(s.MaxCalls)},
		{keyMaxMetadataPairs, natural(s.MaxMetadataPairs)},
		{keyMaxMetadataBytes, natural(s.MaxMetadataBytes)},
		{keyFeatures, uint64(s.Features)},
		{keyMinVersion, uint64(s.MinVersion)},
		{keyMaxVersion, uint64(s.MaxVersion)},
	} {
		if setting.value > 0 {
			dst = binary.BigEndian.AppendUint16(dst, setting.key)
			dst = binary.BigEndian.AppendUint64(dst, setting.value)
		}
	}
	dst, _ = finish(dst, start)
	return dst
}

func natural(n int) uint64 { return uint64(max(n, 0)) }

// ReadSettings implements muxpool.Settler. Keys that are not known are passed over;
// values that are larger than this side can count are as large as it can.
func (Protocol) ReadSettings(frame []byte) (s muxpool.Settings, err error) {
	h, err := parseHeader(frame)
	switch {
	case err != nil:
		return s, err
	case h.kind != kindSettings || h.id != 0:
		return s, fmt.Errorf("native: a frame of kind %d with id %d where settings were expected", h.kind, h.id)
	case h.vital() != nil:
		return s, h.vital()
	}
	p := parts{rest: frame[headerSize:]}
	p.take(int(h.textLength))
	p.skipMetadata(int(h.pairs))
	switch {
	case p.err != nil:
		return s, p.err
	case len(p.rest)%settingSize != 0:
		return s, fmt.Errorf("native: settings of %d bytes, which are no pairs of %d", len(p.rest), settingSize)
	case len(p.rest) > maxSettings*settingSize:
		return s, fmt.Errorf("native: %d settings in a frame, at most %d are allowed", len(p.rest)/settingSize, maxSettings)
	}
	for last := -1; len(p.rest) > 0; {
		key, value := p.uint16(), p.uint64()
		if key <= last {
			return s, fmt.Errorf("native: setting %d behind setting %d: the keys must ascend", key, last)
		}
		last = key
		set(&s, key, value)
	}
	if cmp.Or(s.MinVersion, version) > cmp.Or(s.MaxVersion, version) { // absent: this one
		return s, errVersions
	}
	return s, nil
}

var errVersions = errors.New("native: settings whose lowest version is above the highest")

// set sets what one pair says.
func set(s *muxpool.Settings, key int, value uint64) {
	switch key {
	case keyMaxFrameSize:
		s.MaxFrameSize = int(min(value, math.MaxInt32))
	case keyMaxCalls:
		s.MaxCalls = int(min(value, math.MaxInt32))
	case keyMaxMetadataPairs:
		s.MaxMetadataPairs = int(min(value, math.MaxInt32))
	case keyMaxMetadataBytes:
		s.MaxMetadataBytes = int(min(value, math.MaxInt32))
	case keyFeatures:
		s.Features = muxpool.Features(value)
	case keyMinVersion:
		s.MinVersion = uint8(min(value, math.MaxUint8))
	case keyMaxVersion:
		s.MaxVersion = uint8(min(value, math.MaxUint8))
	}
}
