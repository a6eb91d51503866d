package faulttest_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/internal/world"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestFaultKernel_OutOfDescriptors(t *testing.T) {
	world.OnSockets(t, world.Setup{Opts: world.OneConn, Alone: true}, func(w *world.World) {
		if err := w.Call(); err != nil { // what is opened once is open
			w.Fatal(err)
		}
		w.Victim.CloseConns()
		w.Until(time.Second, "the pool sees the close", func() bool { return len(w.Node().Conns) == 0 })
		free := exhaust(w)
		err := w.Call()
		w.WantError(err, muxpool.ErrConnectionsHaveBeenExpelled, false)
		if !errors.Is(err, syscall.EMFILE) {
			w.Errorf("no EMFILE in the chain of %v", err)
		}
		free()
		w.Recovers(time.Second)
	})
}

// exhaust lowers the limit on descriptors to what is open, and fills the gaps.
func exhaust(w *world.World) (free func()) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		w.Skip("needs RLIMIT_NOFILE: ", err)
	}
	lower := before
	lower.Cur = 256
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower); err != nil {
		w.Skip("needs RLIMIT_NOFILE: ", err)
	}
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	var once sync.Once
	free = func() {
		once.Do(func() {
			syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)
			for _, f := range files {
				f.Close()
			}
		})
	}
	w.Cleanup(free)
	return free
}

// backlogFull: a listener that accepts nothing, with a queue that others have
// filled.
func backlogFull(t *testing.T) {
	var now, worst atomic.Int64
	count := func(ctx context.Context, network, address string) (net.Conn, error) {
		for n := now.Add(1); n > worst.Load(); {
			worst.Store(n)
		}
		defer now.Add(-1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	world.OnSockets(t, world.Setup{Alone: true, Beside: true, Notices: true, Opts: []muxpool.PoolOption{muxpool.WithDialContext(count), muxpool.WithDialTimeout(time.Second)}}, func(w *world.World) {
		address := fullBacklog(w)
		c := muxtest.NewCaller(w.Pool, "tcp", address, muxtest.Parser{})
		call := func(d time.Duration) error {
			ctx, cancel := context.WithTimeout(context.Background(), d)
			defer cancel()
			return w.Tally.Call(ctx, c, nil)
		}
		var calls sync.WaitGroup
		for range 50 {
			calls.Go(func() {
				if err := call(200 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
					w.Errorf("got %v, want the end of the context", err)
				}
			})
		}
		calls.Wait()
		if err := call(w.Allowed(time.Minute)); !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) || !world.IsTimeout(err) {
			w.Errorf("got %v, want the dial timeout", err)
		}
		if worst.Load() > 2 {
			w.Errorf("%d dials pending, want one a connection at most", worst.Load())
		}
	})
}

// fullBacklog listens and fills the backlog.
func fullBacklog(w *world.World) (address string) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		w.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "listener") // which owns fd
	defer file.Close()
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		w.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		w.Fatal(err)
	}
	ln, err := net.FileListener(file) // a copy
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { ln.Close() })
	for conns, late := 0, 0; conns < 10; {
		nc, err := net.DialTimeout("tcp", ln.Addr().String(), 500*time.Millisecond)
		if err == nil {
			w.Cleanup(func() { nc.Close() })
			conns, late = conns+1, 0
		} else if late++; late == 3 { // one may be the machine's doing
			return ln.Addr().String()
		}
	}
	w.Skip("the backlog cannot be filled here")
	return ""
}

// inNetns is a world whose victim is a process behind a firewall.
func inNetns(t *testing.T, s world.Setup, story func(*world.World, *muxtest.Process, *netns)) {
	t.Helper()
	ns := newNetns(t)
	ns.firewall()
	behind(t, ns, s, story)
}

// behind is a world whose victim is a process in a namespace.
func behind(t *testing.T, ns *netns, s world.Setup, story func(*world.World, *muxtest.Process, *netns)) {
	t.Helper()
	s.Opts = append(s.Opts, muxpool.WithDialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
		return ns.dial(ctx, network, address)
	}))
	s.Alone = true
	world.OnProcess(t, s, ns.start, func(w *world.World, p *muxtest.Process) { story(w, p, ns) })
}

func init() {
	for name, parser := range parsers {
		silences["packets dropped, "+name] = func(t *testing.T) {
			inNetns(t, world.Setup{Parser: parser, Beside: true, Notices: true}, packetsDropped)
		}
	}
	silences["packets dropped, all"] = func(t *testing.T) {
		inNetns(t, world.Setup{Beside: true, Notices: true}, allPacketsDropped)
	}
	silences["backlog full"] = backlogFull
}

// packetsDropped: the packets of one connection are dropped, both ways.
func packetsDropped(w *world.World, p *muxtest.Process, ns *netns) {
	w.Prove()
	dark := w.Node().Conns[0].LocalAddr.(*net.TCPAddr)
	for _, side := range []string{"sport", "dport"} {
		ns.must("nft add rule inet faults input tcp " + side + " " + port(dark) + " drop")
	}
	stop := w.Retry(4, 10*time.Millisecond, 500*time.Millisecond)
	w.Until(world.DropWithin, "the silent connection is dropped", func() bool { return len(w.Heard(muxpool.ConnDown)) == 1 })
	stop()
	if w.Tally.OK() == 0 { // how many, the machine decides; TestFault_OneConnectionIsSilent counts who runs into it
		w.Error("no call succeeded meanwhile, on the sibling")
	}
	for _, err := range w.Tally.Errors() {
		if !world.IsTimeout(err) && !errors.Is(err, muxpool.ErrStalled) && !errors.Is(err, muxpool.ErrKeepAliveTimeout) &&
			!errors.Is(err, syscall.EPIPE) { // the kernel gave it up, and a write hears of that
			w.Fatal("on the silent connection: ", err)
		}
	}
	if failed := w.Calls(100, 5*time.Second).Land(); len(failed) > 0 {
		w.Error("after the drop: ", failed[0])
	}
}

func port(a *net.TCPAddr) string {
	_, p, _ := net.SplitHostPort(a.String())
	return p
}

// allPacketsDropped: nothing reaches the node for two seconds.
func allPacketsDropped(w *world.World, p *muxtest.Process, ns *netns) {
	w.Prove()
	ns.must("nft add rule inet faults input meta l4proto tcp drop")
	stop := w.Retry(4, 10*time.Millisecond, 300*time.Millisecond)
	w.Until(world.DropWithin, "both connections are dropped", func() bool { return len(w.Heard(muxpool.ConnDown)) >= 2 })
	ns.must("nft flush chain inet faults input")
	stop()
	w.Recovers(3 * time.Second) // a dial that is under way takes its second, or the kernel's next SYN
}

// TestFaultKernel_RejectedWithReset: a firewall answers with resets.
func TestFaultKernel_RejectedWithReset(t *testing.T) {
	inNetns(t, world.Setup{}, func(w *world.World, p *muxtest.Process, ns *netns) {
		for range world.Often(20, 3) {
			w.Prove()
			ns.must("nft add rule inet faults input tcp dport " + p.Addr()[len("127.0.0.1:"):] + " reject with tcp reset")
			if err := w.Call(); !errors.Is(err, muxpool.ErrConnLost) && !errors.Is(err, muxpool.ErrConnectionsHaveBeenExpelled) {
				w.Errorf("got %v", err)
			}
			ns.must("nft flush chain inet faults input")
			w.Recovers(time.Second)
		}
	})
}
