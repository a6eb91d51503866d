package interop

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/muxkit/muxkit/endpoint/etcdsd"
	"github.com/muxkit/muxkit/internal/bounded"
)

// etcdEnv makes this test binary, run once more, an etcd: its folder, and the addresses for clients and peers.
const etcdEnv = "MUXKIT_TEST_ETCD"

func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv(etcdEnv)); len(args) == 3 {
		beEtcd(args[0], args[1], args[2])
	}
	goleak.VerifyTestMain(m)
}

func beEtcd(dir, clients, peers string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel, cfg.UnsafeNoFsync = dir, "fatal", true
	cfg.TickMs, cfg.ElectionMs = 20, 200
	cfg.AuthToken, cfg.BcryptCost = "simple", 4
	c, p := url.URL{Scheme: "http", Host: clients}, url.URL{Scheme: "http", Host: peers}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{c}, []url.URL{c}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{p}, []url.URL{p}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	e, err := embed.StartEtcd(cfg)
	fail(err)
	select {
	case <-e.Server.ReadyNotify():
		fmt.Println("ready")
	case err := <-e.Err():
		fail(err)
	}
	io.Copy(io.Discard, os.Stdin) // until the test ends
	os.Exit(0)
}

// etcd is a process that can be killed and started again, behind a proxy that can be cut.
type etcd struct {
	dir, clients, peers string
	proxy               *proxy
	kill                func()
}

func startEtcd(t *testing.T) *etcd {
	e := &etcd{dir: t.TempDir(), clients: freeAddress(t), peers: freeAddress(t)}
	e.start(t)
	e.proxy = newProxy(t, e.clients)
	return e
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (e *etcd) start(t *testing.T) {
	t.Helper()
	last := ""
	for range 50 { // a port may be slow to become free
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), etcdEnv+"="+e.dir+" "+e.clients+" "+e.peers)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line := make(chan string, 1)
		go func() {
			text, _ := bufio.NewReader(out).ReadString('\n')
			line <- text
		}()
		last = bounded.Receive(t, line)
		e.kill = func() {
			cmd.Process.Kill()
			cmd.Wait()
			in.Close()
		}
		if last == "ready\n" {
			t.Cleanup(func() { e.kill() })
			return
		}
		e.kill()
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no etcd at %s: %s", e.clients, last)
}

// empty loses all data; etcd is not running meanwhile.
func (e *etcd) empty(t *testing.T) {
	e.kill()
	if err := os.RemoveAll(e.dir); err != nil {
		t.Fatal(err)
	}
	e.start(t)
}

// client is one that goes through the proxy.
func (e *etcd) client(t *testing.T) *clientv3.Client { return e.clientOf(t, e.proxy.address, "", "") }

// direct is one that does not, for the test's own hands.
func (e *etcd) direct(t *testing.T) *clientv3.Client { return e.clientOf(t, e.clients, "", "") }

func (e *etcd) clientOf(t *testing.T, address, user, password string) *clientv3.Client {
	t.Helper()
	cfg := etcdsd.ClientConfig(address)
	cfg.Logger, cfg.Username, cfg.Password, cfg.BackoffWaitBetween = zap.NewNop(), user, password, 20*time.Millisecond
	c, err := clientv3.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// soon is a context for what etcd does at once.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for what must happen.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !yes(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("in vain: ", what)
		}
	}
}
