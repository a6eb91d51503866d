package muxpool

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
)

// The first number that has no word tells which it is, in every list of words.
func TestNumbersWithoutAWord(t *testing.T) {
	for _, c := range []struct {
		words int
		first fmt.Stringer
	}{
		{len(eventKinds), EventKind(len(eventKinds))},
		{len(reasons), Reason(len(reasons))},
		{len(connStates), connState(len(connStates))},
		{len(nodeStates), NodeState(len(nodeStates))},
		{len(slotStates), slotState(len(slotStates))},
		{len(standings), standing(len(standings))},
	} {
		if got, want := c.first.String(), fmt.Sprintf("unknown(%d)", c.words); got != want {
			t.Errorf("%T: %q, want %q", c.first, got, want)
		}
	}
}

// TestAFailedWriteSaysSoOnce: however many pieces it was of, and whoever says it.
func TestAFailedWriteSaysSoOnce(t *testing.T) {
	peer := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 80}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&net.OpError{Op: "write", Net: "tcp", Addr: peer, Err: os.NewSyscallError("write", syscall.EPIPE)}, "write: broken pipe"},
		{&net.OpError{Op: "writev", Net: "tcp", Addr: peer, Err: os.NewSyscallError("writev", syscall.EPIPE)}, "write: broken pipe"},
		{&net.OpError{Op: "write", Net: "tcp", Addr: peer, Err: syscall.EPIPE}, "write: broken pipe"},
		{io.ErrClosedPipe, "write: io: read/write on closed pipe"},
	} {
		err := writerError(c.err)
		if got := err.Error(); got != "muxpool: connection lost: "+c.want || !errors.Is(err, c.err) {
			t.Errorf("%v is told as %s, want %s", c.err, got, c.want)
		}
	}
}

// TestLostAfterGoingAway: who is left behind by a peer that goes away is told that it does, and
// who asks nothing of it is not.
func TestLostAfterGoingAway(t *testing.T) {
	for said, want := range map[bool]string{
		true:  "read tcp://peer:1 (maybe sent): muxpool: connection lost: EOF, after the peer had said that it goes away",
		false: "read tcp://peer:1 (maybe sent): muxpool: connection lost: EOF",
	} {
		withWorld(t, worldParser{}, []PoolOption{WithConnectNumber(1)}, func(t *testing.T, w *world) {
			first, second := w.mustGet(t.Context()), w.mustGet(t.Context())
			defer first.Close()
			defer second.Close()
			w.mustWrite(first, 1)
			w.mustWrite(second, 2)
			synctest.Wait()
			w.peers[0].nc.Write(worldFrame(worldAnswer, first.id, 1))
			if said {
				w.peers[0].nc.Write(worldFrame(worldGoAway, 0, 0))
			}
			synctest.Wait()
			w.peers[0].nc.Close()
			if _, err := second.Read(); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}
