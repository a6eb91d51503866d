package protocoltest

import (
	"bytes"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/wire"
	"github.com/muxkit/muxkit/transport"
)

// settings are what the checks send, from nothing to more than anybody has.
var settings = []muxpool.Settings{
	{},
	{MaxFrameSize: 1},
	{MaxFrameSize: 4 << 20, MaxCalls: 4096},
	{MaxFrameSize: 1 << 20, MaxCalls: 1, MaxMetadataPairs: 2, MaxMetadataBytes: 3, Features: muxpool.FeatureMore, MinVersion: 1, MaxVersion: 9},
	{MaxFrameSize: 1<<31 - 1, MaxCalls: 1<<31 - 1},
}

// testSettings checks a muxpool.Settler: that its frames are cut and known by both
// sides, say what they were made to say as far as the protocol can, and that a damaged
// one makes nothing panic.
func (k *kit) testSettings(t *testing.T) {
	s, ok := k.p.(muxpool.Settler)
	if !ok {
		t.Skip("the protocol has no settings")
	}
	for _, want := range settings {
		alone := s.AppendSettings(nil, want)
		if both := s.AppendSettings([]byte("before"), want); !bytes.Equal(both, append([]byte("before"), alone...)) {
			t.Errorf("after a prefix AppendSettings made %q, alone %q", both, alone)
		}
		id, frame, err := k.parse(t, alone, false)
		if err != nil {
			t.Errorf("Parse does not take settings: %v", err)
			continue
		}
		k.checkSettingsKind(t, id, frame)
		got, err := s.ReadSettings(frame)
		if err != nil || got.MaxFrameSize != want.MaxFrameSize {
			t.Errorf("%+v was read as %+v, %v: at least the frame size must come over", want, got, err)
		}
		k.guard(t, "the protocol, on settings,", alone, func() {
			for i := range alone {
				bad := bytes.Clone(alone)
				bad[i] ^= 0x81
				k.digest(bad)
				k.digest(alone[:i])
			}
		})
	}
	k.testSettingsBesideCalls(t, s)
}

func (k *kit) checkSettingsKind(t *testing.T, id uint32, frame []byte) {
	t.Helper()
	if c, ok := k.p.(muxpool.FrameClassifier); !ok || c.ClassifyFrame(id, frame) != muxpool.FrameSettings {
		t.Error("ClassifyFrame does not know settings for FrameSettings")
	}
	if k.server == nil {
		return
	}
	if c, ok := k.p.(transport.RequestClassifier); !ok || c.ClassifyRequest(id, frame) != transport.RequestSettings {
		t.Error("ClassifyRequest does not know settings for RequestSettings")
	}
}

// testSettingsBesideCalls reads settings and a request, as they come in one write.
func (k *kit) testSettingsBesideCalls(t *testing.T, s muxpool.Settler) {
	t.Helper()
	request := k.small(t)[0].bytes
	r := wire.NewReader(bytes.NewReader(append(s.AppendSettings(nil, settings[2]), request...)), limit)
	_, first, err := k.p.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	r.BeginFrame()
	_, second, err := k.p.Parse(r)
	if err != nil || !bytes.Equal(second, request) {
		t.Errorf("behind settings of %d bytes the request was read as %.60q, %v", len(first), second, err)
	}
}
