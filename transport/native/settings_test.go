package native_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport/native"
)

// pair is a key of settings and its value.
type pair struct {
	key   uint16
	value uint64
}

// settingsOf makes a frame of any pairs.
func settingsOf(pairs ...pair) []byte {
	frame := []byte{0, 0, 0, 0, 2, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for _, p := range pairs {
		frame = binary.BigEndian.AppendUint16(frame, p.key)
		frame = binary.BigEndian.AppendUint64(frame, p.value)
	}
	return finished(frame)
}

// finished sets the length of a frame made by hand.
func finished(frame []byte) []byte {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}

// ascending are n pairs with unknown keys.
func ascending(n int) (pairs []pair) {
	for i := range n {
		pairs = append(pairs, pair{uint16(1000 + i), 1})
	}
	return pairs
}

func TestReadSettings(t *testing.T) {
	for name, c := range map[string]struct {
		frame []byte
		want  muxpool.Settings
	}{
		"none":             {settingsOf(), muxpool.Settings{}},
		"frame size":       {settingsOf(pair{1, 5}), muxpool.Settings{MaxFrameSize: 5}},
		"calls":            {settingsOf(pair{2, 5}), muxpool.Settings{MaxCalls: 5}},
		"metadata pairs":   {settingsOf(pair{3, 5}), muxpool.Settings{MaxMetadataPairs: 5}},
		"metadata bytes":   {settingsOf(pair{4, 5}), muxpool.Settings{MaxMetadataBytes: 5}},
		"features":         {settingsOf(pair{5, 1<<63 | 1}), muxpool.Settings{Features: 1<<63 | muxpool.FeatureMore}},
		"versions":         {settingsOf(pair{6, 2}, pair{7, 3}), muxpool.Settings{MinVersion: 2, MaxVersion: 3}},
		"lowest alone":     {settingsOf(pair{6, 2}), muxpool.Settings{MinVersion: 2}},
		"zero is absent":   {settingsOf(pair{1, 0}, pair{2, 0}, pair{6, 0}, pair{7, 0}), muxpool.Settings{}},
		"unknown keys":     {settingsOf(pair{0, 9}, pair{1, 5}, pair{8, 9}, pair{math.MaxUint16, 9}), muxpool.Settings{MaxFrameSize: 5}},
		"all that may be":  {settingsOf(ascending(256)...), muxpool.Settings{}},
		"a flag to ignore": {withFlag(settingsOf(pair{1, 5}), 0x3f), muxpool.Settings{MaxFrameSize: 5}},
		"huge": {settingsOf(pair{1, math.MaxUint64}, pair{2, 1 << 31}, pair{3, 1 << 32}, pair{4, 1 << 63}, pair{7, 1 << 8}),
			muxpool.Settings{MaxFrameSize: math.MaxInt32, MaxCalls: math.MaxInt32, MaxMetadataPairs: math.MaxInt32, MaxMetadataBytes: math.MaxInt32, MaxVersion: 255}},
		"a text and metadata": {finished([]byte("\x00\x00\x00\x00\x02\x08\x00\x00\x00\x00\x00\x00\x00\x03\x00\x01" + "abc" + "\x00\x01\x00\x01xy" +
			"\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05")), muxpool.Settings{MaxFrameSize: 5}},
	} {
		if got, err := (native.Protocol{}).ReadSettings(c.frame); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

func TestReadSettingsThatMakeNoSense(t *testing.T) {
	id := settingsOf()
	id[11] = 1
	kind := settingsOf()
	kind[5] = 2
	version := settingsOf()
	version[4] = 1
	for name, c := range map[string]struct {
		frame []byte
		text  string
	}{
		"a key twice":           {settingsOf(pair{1, 5}, pair{1, 6}), "setting 1 behind setting 1"},
		"keys that descend":     {settingsOf(pair{2, 5}, pair{1, 6}), "setting 1 behind setting 2"},
		"key 0 twice":           {settingsOf(pair{0, 5}, pair{0, 6}), "setting 0 behind setting 0"},
		"too many":              {settingsOf(ascending(257)...), "257 settings"},
		"a piece of a pair":     {finished(append(settingsOf(pair{1, 5}), 0)), "settings of 11 bytes"},
		"versions upside down":  {settingsOf(pair{6, 3}, pair{7, 2}), "lowest version"},
		"a lowest version of 3": {settingsOf(pair{6, 3}), "lowest version"}, // the highest, absent, is 2
		"a highest of 1":        {settingsOf(pair{7, 1}), "lowest version"},
		"a highest of 0, a 3":   {settingsOf(pair{6, 3}, pair{7, 0}), "lowest version"},
		"metadata not there":    {finished([]byte("\x00\x00\x00\x00\x02\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")), "longer than the frame"},
		"an id":                 {id, "id 1"},
		"another kind":          {kind, "kind 2"},
		"a vital flag":          {withFlag(settingsOf(), 0x40), "flags 0x40"},
		"an older version":      {version, "version 1"},
		"the text is not there": {finished([]byte("\x00\x00\x00\x00\x02\x08\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00")), "longer than the frame"},
	} {
		if s, err := (native.Protocol{}).ReadSettings(c.frame); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %+v, %v, want an error with %q", name, s, err, c.text)
		}
	}
}

// What AppendSettings leaves out is as if it had said so.
func TestAppendSettings(t *testing.T) {
	for _, s := range []muxpool.Settings{
		{MinVersion: 2, MaxVersion: 2},
		{MaxFrameSize: 1, MaxCalls: 2, MaxMetadataPairs: 3, MaxMetadataBytes: 4, Features: 5, MinVersion: 6, MaxVersion: 7},
		{MaxFrameSize: math.MaxInt32, MaxVersion: 255},
	} {
		if got, err := (native.Protocol{}).ReadSettings(native.Protocol{}.AppendSettings(nil, s)); err != nil || got != s {
			t.Errorf("%+v was read as %+v, %v", s, got, err)
		}
	}
	got, err := native.Protocol{}.ReadSettings(native.Protocol{}.AppendSettings(nil, muxpool.Settings{MaxFrameSize: -1}))
	if want := (muxpool.Settings{MinVersion: 2, MaxVersion: 2}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// Whatever ReadSettings takes says the same when it is said again.
func FuzzSettings(f *testing.F) {
	f.Add(settingsOf(pair{1, 5}, pair{7, 3}))
	f.Add(settingsOf(ascending(257)...))
	for _, name := range []string{"settings", "settings-full", "error"} {
		f.Add(readHex(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, frame, err := native.Protocol{}.Parse(bytes.NewReader(b))
		if err != nil {
			return
		}
		s, err := native.Protocol{}.ReadSettings(frame)
		if err != nil {
			return
		}
		if s.MaxFrameSize < 0 || s.MaxCalls < 0 || s.MaxMetadataPairs < 0 || s.MaxMetadataBytes < 0 {
			t.Fatalf("%x says %+v", frame, s)
		}
		if s.MinVersion == 0 && s.MaxVersion == 0 {
			s.MinVersion, s.MaxVersion = 2, 2
		}
		if again, err := (native.Protocol{}).ReadSettings(native.Protocol{}.AppendSettings(nil, s)); err != nil || again != s {
			t.Fatalf("%+v was read as %+v, %v", s, again, err)
		}
	})
}
