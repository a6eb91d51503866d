package interop

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/endpoint/consulsd"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/discoverytest"
)

// token makes one with these rules; time to live as Consul has it, empty: none.
func (c *consul) token(t *testing.T, rules, ttl string) (accessor, secret string) {
	t.Helper()
	name := fmt.Sprintf("p%d", time.Now().UnixNano())
	c.must(t, "PUT", "/v1/acl/policy", settings{"Name": name, "Rules": rules})
	body := settings{"Policies": []settings{{"Name": name}}}
	if ttl != "" {
		body["ExpirationTTL"] = ttl
	}
	var made struct{ AccessorID, SecretID string }
	if err := json.Unmarshal([]byte(c.must(t, "PUT", "/v1/acl/token", body)), &made); err != nil {
		t.Fatal(err)
	}
	return made.AccessorID, made.SecretID
}

const enough = `service_prefix "" { policy = "write" } node_prefix "" { policy = "read" }`

// Tokens are withdrawn, end, may not read, or are not there: Consul says so, or answers with an empty list, and the last one stands.
func TestTokensThatEnd(t *testing.T) {
	bounded.Long(t)
	c := startConsul(t, withACL)
	file := filepath.Join(t.TempDir(), "token")
	use := func(secret string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	accessor, secret := c.token(t, enough, "")
	use(secret)
	w := discoverytest.Watch(t, c.instancer(t, consulsd.WithTokenFile(file)), nil)
	r := c.registrar(t, at("127.0.0.1:1"), consulsd.WithTokenFile(file), consulsd.WithTTL(time.Hour)) // it is not to be seen to end
	r.Register()
	c.byHand(t, "by-hand", "127.0.0.1", 9)
	list := is("127.0.0.1:1", "127.0.0.1:9")
	w.Sees(t, list)
	c.must(t, "DELETE", "/v1/acl/token/"+accessor, nil)
	w.Fails(t, list, "403 Forbidden: ACL not found")
	if err := r.Update(at("127.0.0.1:1")); err != nil { // have it look
		t.Fatal(err)
	}
	discoverytest.Eventually(t, "the Registrar says so", func() bool { return r.Err() != nil && strings.Contains(r.Err().Error(), "ACL not found") })

	_, secret = c.token(t, `key_prefix "" { policy = "read" }`, "")
	use(secret)
	w.Fails(t, list, "the token may not read it")
	discoverytest.Eventually(t, "the Registrar says so", func() bool { return r.Err() != nil && strings.Contains(r.Err().Error(), "Permission denied") })

	_, secret = c.token(t, enough, "60s") // Consul's least
	use(secret)
	w.Sees(t, list)
	discoverytest.Eventually(t, "the Registrar is well", func() bool { return r.Err() == nil })
	w.Fails(t, list, "403 Forbidden: ACL not found") // its time is over
	_, secret = c.token(t, enough, "")
	use(secret)
	w.Sees(t, list)

	stranger := discoverytest.Watch(t, c.instancer(t, consulsd.WithToken(func() (string, error) { return "", nil })), nil)
	stranger.Fails(t, "", "without a token")
}

// A Consul without a leader answers, and knows nothing.
func TestConsulWithoutALeader(t *testing.T) {
	bounded.Long(t)
	c := startConsul(t, nil)
	w := discoverytest.Watch(t, c.instancer(t), nil)
	r := c.registrar(t, at("127.0.0.1:1"))
	r.Register()
	w.Sees(t, is("127.0.0.1:1"))
	c.kill()
	if err := os.Rename(filepath.Join(c.dir, "data"), filepath.Join(c.dir, "kept")); err != nil {
		t.Fatal(err)
	}
	c.start(t, settings{"bootstrap_expect": 3, "performance": settings{"raft_multiplier": 1, "rpc_hold_timeout": "100ms"}}) // for which it hopes for one: 7 s
	w.Fails(t, is("127.0.0.1:1"), "500 Internal Server Error: No cluster leader")
	c.kill()
	if err := os.RemoveAll(filepath.Join(c.dir, "data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(c.dir, "kept"), filepath.Join(c.dir, "data")); err != nil {
		t.Fatal(err)
	}
	c.start(t, nil)
	w.Sees(t, is("127.0.0.1:1"))
	discoverytest.Eventually(t, "the Registrar is well", func() bool { return r.Err() == nil })
}

// As it is run: an agent on each machine, which asks a server, and has its answers from a stream. The server goes and comes
// back; then the machine dies.
func TestAnAgentAndItsServer(t *testing.T) {
	bounded.Long(t)
	server := startConsul(t, nil)
	agent := startConsul(t, settings{"server": false, "bootstrap_expect": 0, "node_name": "m2", "retry_join": []string{server.serf}, "retry_interval": "1s"})
	near, far := discoverytest.Watch(t, agent.instancer(t), nil), discoverytest.Watch(t, server.instancer(t), nil)
	r := agent.registrar(t, at("127.0.0.1:1"))
	r.Register()
	here := strings.ReplaceAll(is("127.0.0.1:1"), "m1", "m2")
	near.Sees(t, here)
	far.Sees(t, here)
	server.kill()
	far.Fails(t, here, "")
	time.Sleep(3 * time.Second) // for what should not happen
	if list, _ := near.Now(); list != here {
		t.Errorf("%q", list)
	}
	server.start(t, nil)
	far.Sees(t, here)
	near.Sees(t, here)
	server.byHand(t, "other", "127.0.0.1", 2)
	near.Sees(t, here+" "+is("127.0.0.1:2"))
	agent.kill()
	near.Fails(t, here+" "+is("127.0.0.1:2"), "")
	far.Sees(t, is("127.0.0.1:2")) // its machine is critical
}
