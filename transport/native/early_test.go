package native_test

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
)

// A length that makes no sense is refused as soon as it is there: nobody waits for the
// rest of what will be no frame.
func TestASenselessLengthIsNotWaitedBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		errs := make(chan error, 1)
		go func() {
			_, _, err := native.Protocol{}.Parse(transport.AsFrameReader(theirs))
			theirs.Close()
			errs <- err
		}()
		if _, err := ours.Write([]byte{0xff, 0xff, 0xff, 0xff}); err != nil {
			t.Fatal(err)
		}
		if err := bounded.Receive(t, errs); err == nil {
			t.Error("it was taken")
		}
	})
}
