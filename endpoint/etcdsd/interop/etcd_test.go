package interop

import (
	"context"
	"fmt"
	"io"
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
	"github.com/muxkit/muxkit/internal/discoverytest"
	"github.com/muxkit/muxkit/internal/peertest"
)

// etcdEnv makes this test binary, run once more, a member of etcd: its folder, the addresses for clients and peers, its name, whether its
// cluster is new or existing, and all members, as etcd's -initial-cluster.
const etcdEnv = "MUXKIT_TEST_ETCD"

func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv(etcdEnv)); len(args) == 6 {
		beEtcd(args[0], args[1], args[2], args[3], args[4], args[5])
	}
	goleak.VerifyTestMain(bounded.Tests(m))
}

func beEtcd(dir, clients, peers, name, cluster, members string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel, cfg.UnsafeNoFsync = dir, "fatal", true
	cfg.TickMs, cfg.ElectionMs = 50, 500 // of a machine that is busy
	cfg.AuthToken, cfg.BcryptCost = "simple", 4
	c, p := url.URL{Scheme: "http", Host: clients}, url.URL{Scheme: "http", Host: peers}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{c}, []url.URL{c}
	cfg.ListenPeerUrls = []url.URL{p}
	cfg.Name, cfg.ClusterState, cfg.InitialCluster = name, cluster, members
	for member := range strings.SplitSeq(members, ",") {
		if at, ok := strings.CutPrefix(member, name+"="); ok {
			u, err := url.Parse(at)
			fail(err)
			cfg.AdvertisePeerUrls = []url.URL{*u}
		}
	}
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
	dir, clients, peers    string
	name, cluster, members string
	env                    []string // for its process, beside this one's
	proxy                  *discoverytest.Proxy
	kill                   func()
}

func newEtcd(t *testing.T, name string) *etcd {
	return &etcd{dir: t.TempDir(), clients: discoverytest.FreeAddress(t, "127.0.0.1"), peers: discoverytest.FreeAddress(t, "127.0.0.1"), name: name, cluster: "new"}
}

func startEtcd(t *testing.T) *etcd {
	e := newEtcd(t, "one")
	e.members = "one=http://" + e.peers
	e.start(t)
	e.proxy = discoverytest.NewProxy(t, e.clients)
	return e
}

func (e *etcd) start(t *testing.T) {
	t.Helper()
	process, _ := peertest.StartAt(t, func() *exec.Cmd {
		return peertest.Again(append(e.env, etcdEnv+"="+strings.Join([]string{e.dir, e.clients, e.peers, e.name, e.cluster, e.members}, " "))...)
	}, "ready")
	e.kill = process.Kill
}

// empty loses all data; etcd is not running meanwhile.
func (e *etcd) empty(t *testing.T) {
	e.kill()
	if err := os.RemoveAll(e.dir); err != nil {
		t.Fatal(err)
	}
	e.start(t)
}

// backUp is a copy of the data; etcd is not running meanwhile.
func (e *etcd) backUp(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	e.kill()
	if err := os.CopyFS(dir, os.DirFS(e.dir)); err != nil {
		t.Fatal(err)
	}
	e.start(t)
	return dir
}

// restore goes back to the data of a copy; etcd is not running meanwhile.
func (e *etcd) restore(t *testing.T, dir string) {
	t.Helper()
	e.kill()
	e.dir = dir
	e.start(t)
}

// client is one that goes through the proxy.
func (e *etcd) client(t *testing.T) *clientv3.Client { return e.clientOf(t, e.proxy.Address, "", "") }

// direct is one that does not, for the test's own hands.
func (e *etcd) direct(t *testing.T) *clientv3.Client { return e.clientOf(t, e.clients, "", "") }

func (e *etcd) clientOf(t *testing.T, address, user, password string) *clientv3.Client {
	t.Helper()
	cfg := etcdsd.ClientConfig(address)
	cfg.Username, cfg.Password = user, password
	return newClient(t, cfg)
}

func newClient(t *testing.T, cfg clientv3.Config) *clientv3.Client {
	t.Helper()
	cfg.Logger, cfg.BackoffWaitBetween = zap.NewNop(), 20*time.Millisecond
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
