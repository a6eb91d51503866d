package peertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Peer is a process of ours around somebody else's library. It talks to the test over two files of their own, since
// libraries write to the standard ones as they please.
type Peer struct {
	*Process
	In  io.WriteCloser
	Out io.Reader

	out *os.File
}

// The files that a peer finds open besides the standard ones.
const (
	peerIn  = 3
	peerOut = 4
)

// StartPeer runs a peer.
func StartPeer(t testing.TB, cmd *exec.Cmd) *Peer {
	t.Helper()
	pipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close(); w.Close() })
		return r, w
	}
	theirIn, in := pipe()
	out, theirOut := pipe()
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	p := &Peer{Start(t, cmd), in, out, out}
	theirIn.Close()
	theirOut.Close()
	return p
}

// Address is where a peer that is a server says that it serves.
func (p *Peer) Address() string {
	p.t.Helper()
	_ = p.out.SetReadDeadline(time.Now().Add(Patience))
	address, err := bufio.NewReader(p.out).ReadString('\n')
	if err != nil {
		p.t.Fatal("the real server does not tell its address: ", err)
	}
	_ = p.out.SetReadDeadline(time.Time{})
	return strings.TrimSpace(address)
}

// Files are those that a peer talks to the test over.
var Files = sync.OnceValues(func() (in, out *os.File) { return os.NewFile(peerIn, "in"), os.NewFile(peerOut, "out") })

// TellAddress is for a peer that is a server.
func TellAddress(address any) {
	_, out := Files()
	fmt.Fprintln(out, address)
}

// EndWithInput ends a peer with its standard input.
func EndWithInput() {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
}

// CarryOut is a peer that is a client: it makes the calls that a [Client] orders, all at once. It does not return.
func CarryOut[O, R any](call func(O) R) {
	in, out := Files()
	orders, outcomes := json.NewDecoder(in), json.NewEncoder(out)
	var mu sync.Mutex
	for {
		var o order[O]
		if err := orders.Decode(&o); err != nil {
			os.Exit(0)
		}
		go func() {
			r := outcome[R]{o.ID, call(o.Order)}
			mu.Lock()
			defer mu.Unlock()
			if err := outcomes.Encode(r); err != nil {
				os.Exit(0)
			}
		}()
	}
}
