package trpc

import (
	"net"
	"testing"
	"testing/synctest"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/transport"
)

// What does not begin as a frame does is refused as soon as that is there.
func TestAnotherProtocolIsNotWaitedBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		errs := make(chan error, 1)
		go func() {
			_, _, err := Protocol{}.Parse(transport.AsFrameReader(theirs))
			theirs.Close()
			errs <- err
		}()
		if _, err := ours.Write([]byte("GE")); err != nil {
			t.Fatal(err)
		}
		if err := bounded.Receive(t, errs); err == nil {
			t.Error("it was taken")
		}
	})
}
