package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport"
)

const waitTime = peertest.Patience

func TestMain(m *testing.M) {
	code := bounded.Tests(m).Run()
	if dir, err := installed(); err == nil {
		os.RemoveAll(dir)
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// installed has npm install the peers, once, and returns where.
var installed = sync.OnceValues(func() (dir string, err error) {
	for _, command := range []string{"node", "npm"} {
		if _, err := exec.LookPath(command); err != nil {
			return "", fmt.Errorf("%s is not installed: %w", command, err)
		}
	}
	if dir, err = os.MkdirTemp("", "jsonrpc-peers"); err != nil {
		return "", err
	}
	for _, name := range []string{"package.json", "package-lock.json", "peer.js"} {
		b, err := os.ReadFile(filepath.Join("peer", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			return dir, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return dir, nil
})

// peers returns where the peers are; without them the test is skipped.
func peers(t *testing.T) string {
	t.Helper()
	dir, err := installed()
	switch {
	case err == nil:
		return dir
	case os.Getenv("CI") != "":
		t.Fatal(err)
	}
	t.Skip("the peers are not there: ", err)
	return ""
}

// peer is one process of node.
type peer struct {
	library, version string
}

var (
	jayson2 = peer{"jayson", "2"}
	jayson1 = peer{"jayson", "1"}
	npm2    = peer{"json-rpc-2.0", "2"}
)

func (p peer) String() string { return p.library + ", version " + p.version }

func (p peer) command(dir, mode, port string) *exec.Cmd {
	return exec.Command("node", filepath.Join(dir, "peer.js"), mode, p.library, p.version, port)
}

// serve starts the peer as a server, at a port of its own if port is "0". kill ends it.
func (p peer) serve(t *testing.T, port string) (n transport.Node, kill func()) {
	t.Helper()
	program := peertest.Start(t, p.command(peers(t), "serve", port))
	port, ok := strings.CutPrefix(program.Line("listening "), "listening ")
	if !ok {
		t.Fatalf("%v does not serve", p)
	}
	return transport.Node{Network: "tcp", Address: "127.0.0.1:" + port}, program.Kill
}

// call lets the peer make its calls as a client of address, and returns what it says.
func (p peer) call(t *testing.T, address string) (outcomes []any) {
	t.Helper()
	_, port, _ := strings.Cut(address, ":")
	cmd := p.command(peers(t), "call", port)
	var out bytes.Buffer
	cmd.Stdout = &out
	bounded.Receive(t, peertest.Start(t, cmd).Ended())
	if !cmd.ProcessState.Success() {
		t.Errorf("%v: %v", p, cmd.ProcessState)
	}
	for lines := json.NewDecoder(&out); lines.More(); {
		var outcome any
		if err := lines.Decode(&outcome); err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes
}
