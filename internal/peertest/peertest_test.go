package peertest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
)

// roleEnv makes this test binary, run once more, one of the programs below.
const roleEnv = "PEERTEST_ROLE"

func TestMain(m *testing.M) {
	switch role, at, _ := strings.Cut(os.Getenv(roleEnv), " "); role {
	case "":
		goleak.VerifyTestMain(bounded.Tests(m))
	case "echo":
		EndWithInput()
		CarryOut(func(text string) string { return text })
	case "address":
		TellAddress(at)
	case "listen":
		l, err := net.Listen("tcp", at)
		if err != nil {
			fmt.Println("error:", err)
			return
		}
		fmt.Println("noise")
		fmt.Println("ready", l.Addr())
		EndWithInput()
		select {}
	}
}

func role(text string) *exec.Cmd { return Again(roleEnv + "=" + text) }

func TestAProcessStartsAtItsAddressAgain(t *testing.T) {
	p, line := StartAt(t, func() *exec.Cmd { return role("listen 127.0.0.1:0") }, "ready ")
	address := strings.TrimPrefix(line, "ready ")
	for range 3 {
		p.Kill()
		p.Kill()
		bounded.Receive(t, p.Ended())
		if p, line = StartAt(t, func() *exec.Cmd { return role("listen " + address) }, "ready "); line != "ready "+address {
			t.Fatalf("it says %q", line)
		}
	}
	if said := p.Said(); said != "noise\n"+line+"\n" {
		t.Errorf("it said %q", said)
	}
	taken := Start(t, role("listen "+address))
	if line := taken.Line("ready ", "error:"); !strings.HasPrefix(line, "error:") {
		t.Errorf("at an address that is taken it says %q", line)
	}
	if line := taken.Line("ready "); line != "" {
		t.Errorf("it has ended and said %q", line)
	}
}

// Dials are refused, and nobody is given the port.
func TestNobodyListens(t *testing.T) {
	at := Nobody(t)
	for range 3 {
		if nc, err := net.Dial("tcp", at); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a dial got %v, %v", nc, err)
		}
	}
	if l, err := net.Listen("tcp", at); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("somebody listens: %v, %v", l, err)
	}
}

// A line is one when its end has come.
func TestALineIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, line := &Process{t: t, ended: make(chan struct{})}, ""
		fmt.Fprint(&p.stdout, "noise\nrea")
		go func() { line = p.Line("re") }()
		synctest.Wait()
		fmt.Fprint(&p.stdout, "dy 1\n")
		synctest.Wait()
		if line != "ready 1" {
			t.Errorf("the line is %q", line)
		}
	})
}

func TestAProcessEndsWithItsInput(t *testing.T) {
	cmd := role("listen 127.0.0.1:0")
	p := Start(t, cmd)
	if p.Line("ready ") == "" {
		t.Fatal("it is not ready")
	}
	p.alive.Close()
	bounded.Receive(t, p.Ended())
}

func TestAClientCarriesOutOrders(t *testing.T) {
	c := StartClient[string, string](t, role("echo"))
	var all []<-chan string
	for range 100 {
		all = append(all, c.Begin(Nonce()))
	}
	seen := map[string]bool{}
	for _, done := range all {
		seen[c.End(done)] = true
	}
	if len(seen) != 100 || seen[""] {
		t.Errorf("%d outcomes of 100", len(seen))
	}
	text := Nonce()
	if got := c.Call(text); got != text {
		t.Errorf("%q gives %q", text, got)
	}
}

func TestAServerTellsItsAddress(t *testing.T) {
	if at := StartPeer(t, role("address here:1")).Address(); at != "here:1" {
		t.Errorf("it is at %q", at)
	}
}

// The load is heard of when it is answered and when it fails, and nobody takes an answer that is another's.
func TestALoad(t *testing.T) {
	var down atomic.Bool
	kills := 0
	kill := func() { kills++; down.Store(true) }
	KillTwice(t, func(nonce string) (string, error) {
		time.Sleep(time.Millisecond) // the pace of the calls
		if down.Load() {
			return "", errors.New("down")
		}
		return nonce, nil
	}, kill, func() func() { down.Store(false); return kill })
	if kills != 2 {
		t.Errorf("%d kills", kills)
	}
	wrong := &failing{t, make(chan string, 1)}
	l := Begin(wrong, 1, func(int, string) (string, error) {
		time.Sleep(time.Millisecond) // likewise
		return "another's", nil
	})
	if said := bounded.Receive(t, wrong.said); !strings.Contains(said, "another's") {
		t.Errorf("it said %q", said)
	}
	l.End()
}

// failing tells what would fail a test.
type failing struct {
	testing.TB
	said chan string
}

// Errorf tells it.
func (f *failing) Errorf(format string, args ...any) {
	select {
	case f.said <- fmt.Sprintf(format, args...):
	default:
	}
}
