//go:build linux

package interop

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/muxkit/muxkit/internal/discoverytest"
	"github.com/muxkit/muxkit/internal/peertest"
)

// etcdEnv makes this test binary, run once more, an etcd: its folder, and the addresses for clients and peers.
const etcdEnv = "MUXKIT_TEST_ETCD"

func beEtcd(dir, clients, peers string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel, cfg.UnsafeNoFsync = dir, "fatal", true
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

// etcd is the process behind the API server.
type etcd struct {
	dir, clients, peers string
	kill                func()
}

func startEtcd(t *testing.T) *etcd {
	e := &etcd{dir: t.TempDir(), clients: discoverytest.FreeAddress(t, host), peers: discoverytest.FreeAddress(t, host)}
	e.start(t)
	return e
}

func (e *etcd) start(t *testing.T) {
	t.Helper()
	process := peertest.Start(t, peertest.Again(etcdEnv+"="+strings.Join([]string{e.dir, e.clients, e.peers}, " ")))
	e.kill = process.Kill
	if process.Line("ready") == "" {
		t.Fatalf("no etcd at %s", e.clients)
	}
}

// empty loses all data; the API server is not running meanwhile.
func (e *etcd) empty(t *testing.T) {
	t.Helper()
	e.kill()
	if err := os.RemoveAll(e.dir); err != nil {
		t.Fatal(err)
	}
	e.start(t)
}

// compact forgets all but the newest revision.
func (e *etcd) compact(t *testing.T) {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{e.clients}, DialTimeout: 10 * time.Second, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	now, err := c.Get(soon(t), "/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Compact(soon(t), now.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
}
