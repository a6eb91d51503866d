package native_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(bounded.Tests(m)) }

func TestConformance(t *testing.T) {
	protocoltest.Run(t, native.Protocol{}, protocoltest.Garbage(
		[]byte("GET / HTTP/1.1\r\n\r\n"),
		[]byte{0, 0, 0, 11},                                     // shorter than a header
		[]byte{0xff, 0xff, 0xff, 0xff},                          // longer than anything
		[]byte{0, 0, 0, 12, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, // an older version
		[]byte{0, 0, 0, 12, 3, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, // a newer one
	))
}

// Who does not know yet how long a frame is says so.
func TestMeasure(t *testing.T) {
	frame, err := native.Protocol{}.AppendRequest(nil, 7, &transport.Message{Method: "Sum", Body: []byte("1 2")})
	if err != nil {
		t.Fatal(err)
	}
	for n := range frame {
		id, total, ok := native.Protocol{}.Measure(frame[:n])
		if ok != (n >= 16) || ok && (id != 7 || total != int64(len(frame))) {
			t.Errorf("of %d bytes: id %d, %d bytes, %v", n, id, total, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range protocoltest.Seeds(native.Protocol{}) {
		f.Add(seed)
	}
	addGolden(f)
	f.Fuzz(func(t *testing.T, b []byte) { protocoltest.Fuzz(native.Protocol{}, b) })
}
