package protocoltest

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"testing"
	"time"
)

// guardTime is how long a method of the protocol may take that has all its bytes, in
// seconds that pass: where the whole machine stands still for a while, that is one of them.
const guardTime = 10 * time.Second

// guard calls f, which calls the protocol's what with bytes from a peer. A panic fails the
// test; if f does not return the test ends at once: its goroutine is lost.
func (k *kit) guard(t *testing.T, what string, b []byte, f func()) {
	t.Helper()
	was := bytes.Clone(b[:min(len(b), 200)]) // f may still be at work on b in the end
	panicked := make(chan string, 1)
	go func() {
		verdict := "it ended its goroutine"
		defer func() {
			if v := recover(); v != nil {
				verdict = fmt.Sprintf("%v\n%s", v, debug.Stack())
			}
			panicked <- verdict
		}()
		f()
		verdict = ""
	}()
	for range int(guardTime / time.Second) {
		select {
		case verdict := <-panicked:
			if verdict != "" {
				t.Fatalf("%s panics on %.200q: nothing that a peer sends may do that: %s", what, b, verdict)
			}
			return
		case <-time.After(time.Second):
		}
	}
	t.Fatalf("%s does not return within %v on what began as %.200q: it must end with the bytes, or with the reader's error", what, guardTime, was)
}
