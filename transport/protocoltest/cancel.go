package protocoltest

import (
	"bytes"
	"testing"

	"github.com/muxkit/muxkit/transport"
)

// cancels reports whether the protocol can tell that a caller left.
func (k *kit) cancels() bool {
	switch k.p.(type) {
	case transport.CancelRequester, transport.Canceler:
		return true
	}
	return false
}

// testCancel checks the frame that tells that a caller left.
func (k *kit) testCancel(t *testing.T) {
	ids := k.ids()
	if !k.cancels() {
		return
	}
	if len(ids) < 3 {
		t.Skip("fewer ids than are needed to tell cancels apart")
	}
	switch p := k.p.(type) {
	case transport.CancelRequester:
		cancel := func(dst []byte, id, left uint32) []byte {
			_, tag, _ := k.tagged(left, k.bodies[0])
			return p.AppendCancelRequest(dst, id, left, &transport.Message{Method: k.method, Tag: tag, Session: k.session})
		}
		k.checkCancel(t, "AppendCancelRequest", func(dst []byte, left uint32) []byte { return cancel(dst, ids[0], left) })
		k.checkCancelID(t, ids[0], cancel(nil, ids[0], ids[1]))
		if bytes.Equal(cancel(nil, ids[0], ids[1]), cancel(nil, ids[2], ids[1])) {
			t.Fatal("AppendCancelRequest makes the same frame whatever its id: nobody could answer it")
		}
	case transport.Canceler:
		k.checkCancel(t, "AppendCancel", p.AppendCancel)
		if c, ok := k.p.(transport.RequestClassifier); ok && k.server != nil {
			id, frame, err := k.parse(t, p.AppendCancel(nil, ids[0]), false)
			if err != nil || id != ids[0] || c.ClassifyRequest(id, frame) != transport.RequestCancel {
				t.Fatalf("a Service reads the cancel of id %d as id %d, %v: it must be one for ClassifyRequest: RequestCancel", ids[0], id, err)
			}
		}
	}
}

// checkCancel checks that a frame is appended, and names the call.
func (k *kit) checkCancel(t *testing.T, what string, cancel func(dst []byte, left uint32) []byte) {
	t.Helper()
	ids := k.ids()
	alone := cancel(nil, ids[1])
	if both := cancel([]byte("before"), ids[1]); !bytes.Equal(both, append([]byte("before"), alone...)) {
		t.Fatalf("%s must append to what it is given: behind %q it made %q, alone %q", what, "before", both, alone)
	}
	if len(alone) > 0 && bytes.Equal(alone, cancel(nil, ids[2])) {
		t.Fatalf("%s makes the same frame for the calls %d and %d: the peer could not tell which was left", what, ids[1], ids[2])
	}
}

// checkCancelID checks that a cancel has the id that its answer is to have, where Parse
// tells that of requests.
func (k *kit) checkCancelID(t *testing.T, id uint32, cancel []byte) {
	t.Helper()
	request, err := k.request(id, k.bodies[0])
	if err != nil || len(cancel) == 0 {
		return
	}
	if got, _, err := k.parse(t, request, false); err != nil || got != id {
		return // requests are not cut
	}
	if got, _, err := k.parse(t, cancel, false); err != nil || got != id {
		t.Fatalf("AppendCancelRequest with id %d makes a frame that Parse reads as id %d, %v: the answer to the cancel would go to another call", id, got, err)
	}
}
