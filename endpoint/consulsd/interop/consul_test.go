package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/endpoint/consulsd"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
	"github.com/muxkit/muxkit/internal/peertest"
)

// binary is where the go command keeps Consul.
var binary string

func TestMain(m *testing.M) {
	out, err := exec.Command("go", "tool", "-n", "github.com/hashicorp/consul").Output()
	if binary = strings.TrimSpace(string(out)); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		fmt.Fprintln(os.Stderr, "building Consul:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(bounded.Tests(m))
}

// root is a token that may do everything, where there are ACLs.
const root = "11111111-1111-1111-1111-111111111111"

// settings are those of an agent's configuration.
type settings map[string]any

// withACL has Consul deny what it does not allow, and forget what it knew of a token after a second.
var withACL = settings{"acl": settings{"enabled": true, "default_policy": "deny", "token_ttl": "1s", "tokens": settings{"initial_management": root, "agent": root}}}

// consul is a process that can be killed and started again, behind a proxy that can be cut.
type consul struct {
	dir, http, serf string
	settings        settings
	proxy           *discoverytest.Proxy
	process         *peertest.Process
}

func startConsul(t *testing.T, more settings) *consul {
	t.Helper()
	port := func(address string) string {
		_, p, _ := net.SplitHostPort(address)
		return p
	}
	c := &consul{dir: t.TempDir(), http: discoverytest.FreeAddress(t, "127.0.0.1"), serf: discoverytest.FreeAddress(t, "127.0.0.1")}
	number := func(text string) (n int) {
		fmt.Sscan(text, &n)
		return n
	}
	c.settings = settings{
		"server": true, "bootstrap_expect": 1, "node_name": "m1", "bind_addr": "127.0.0.1", "log_level": "error", "disable_update_check": true,
		"ports":       settings{"http": number(port(c.http)), "server": number(port(discoverytest.FreeAddress(t, "127.0.0.1"))), "serf_lan": number(port(c.serf)), "serf_wan": -1, "dns": -1, "grpc": -1, "grpc_tls": -1},
		"performance": settings{"raft_multiplier": 1}, "node_meta": settings{"zone": "rack-7"}, "leave_on_terminate": false,
	}
	maps.Copy(c.settings, more)
	c.start(t, nil)
	c.proxy = discoverytest.NewProxy(t, c.http)
	return c
}

// start waits until there is a leader, unless there cannot be.
func (c *consul) start(t *testing.T, more settings) {
	t.Helper()
	all := maps.Clone(c.settings)
	maps.Copy(all, more)
	all["data_dir"] = filepath.Join(c.dir, "data")
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(c.dir, "consul.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c.launch(t, file)
	wants := "a leader"
	if more != nil {
		wants = "an answer"
	}
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		select {
		case <-c.process.Ended(): // a port may be slow to become free
			c.launch(t, file)
		default:
		}
		code, body := c.do("GET", "/v1/status/leader", root, nil)
		if code == 200 && (more != nil || len(body) > 2) {
			if code, _ := c.do("GET", "/v1/catalog/nodes", root, nil); code == 200 || more != nil {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("Consul at %s does not come to %s: %d %s", c.http, wants, code, body)
		}
	}
}

// launch begins a process.
func (c *consul) launch(t *testing.T, file string) {
	t.Helper()
	cmd := exec.Command(binary, "agent", "-config-file", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.process = peertest.Start(t, cmd)
}

// empty loses all data; Consul is not running meanwhile.
func (c *consul) empty(t *testing.T) {
	c.kill()
	if err := os.RemoveAll(filepath.Join(c.dir, "data")); err != nil {
		t.Fatal(err)
	}
	c.start(t, nil)
}

func (c *consul) kill() { c.process.Kill() }

// freeze has it answer nothing, until thaw.
func (c *consul) freeze() { c.process.Cmd.Process.Signal(syscall.SIGSTOP) }
func (c *consul) thaw()   { c.process.Cmd.Process.Signal(syscall.SIGCONT) }

var hands = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// do is the test's own hands.
func (c *consul) do(method, path, token string, body any) (code int, said string) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err.Error()
	}
	r, err := http.NewRequest(method, "http://"+c.http+path, bytes.NewReader(text))
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("X-Consul-Token", token)
	answer, err := hands.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, _ = io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

func (c *consul) must(t *testing.T, method, path string, body any) string {
	t.Helper()
	code, said := c.do(method, path, root, body)
	if code != 200 {
		t.Fatalf("%s %s: %d %s", method, path, code, said)
	}
	return said
}

// byHand registers a service without a check.
func (c *consul) byHand(t *testing.T, id, address string, port int) {
	t.Helper()
	c.must(t, "PUT", "/v1/agent/service/register", settings{"ID": id, "Name": "stock", "Address": address, "Port": port})
}

// quick are options with which nothing takes long; with the proxy between.
func (c *consul) quick(opts ...consulsd.Option) []consulsd.Option {
	return append([]consulsd.Option{consulsd.WithAddress(c.proxy.Address), consulsd.WithTimeout(time.Second), consulsd.WithBackoff(20*time.Millisecond, 200*time.Millisecond)}, opts...)
}

func (c *consul) instancer(t *testing.T, opts ...consulsd.Option) *consulsd.Instancer {
	t.Helper()
	i, err := consulsd.NewInstancer("stock", c.quick(append([]consulsd.Option{consulsd.WithWait(2 * time.Second)}, opts...)...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	return i
}

func (c *consul) registrar(t *testing.T, in muxendpoint.Instance, opts ...consulsd.Option) *consulsd.Registrar {
	t.Helper()
	r, err := consulsd.NewRegistrar("stock", in, c.quick(append([]consulsd.Option{consulsd.WithTTL(2 * time.Second), consulsd.WithDrainDelay(1)}, opts...)...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Deregister)
	return r
}

func at(address string) muxendpoint.Instance { return muxendpoint.Instance{Address: address} }

// is is how an instance looks that has nothing but an address.
func is(addresses ...string) string {
	var all []string
	for _, a := range addresses {
		all = append(all, muxendpoint.Instance{Address: a, Zone: "rack-7", Labels: map[string]string{"node": "m1"}}.String())
	}
	return strings.Join(all, " ")
}
