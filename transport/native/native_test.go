package native_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	protocoltest.Run(t, native.Protocol{}, protocoltest.Garbage(
		[]byte("GET / HTTP/1.1\r\n\r\n"),
		[]byte{0, 0, 0, 11},                                     // shorter than a header
		[]byte{0xff, 0xff, 0xff, 0xff},                          // longer than anything
		[]byte{0, 0, 0, 12, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, // an older version
		[]byte{0, 0, 0, 12, 3, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, // a newer one
	))
}

func FuzzParse(f *testing.F) {
	for _, seed := range protocoltest.Seeds(native.Protocol{}) {
		f.Add(seed)
	}
	addGolden(f)
	f.Fuzz(func(t *testing.T, b []byte) { protocoltest.Fuzz(native.Protocol{}, b) })
}
