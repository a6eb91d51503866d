//go:build peers

package resp_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/resp"
)

const waitTime = 30 * time.Second

// redis is a redis-server.
type redis struct {
	t       *testing.T
	address string
	args    []string
	process *peertest.Process
}

// startRedis starts a redis-server that keeps nothing, at a free port.
func startRedis(t *testing.T, args ...string) *redis {
	t.Helper()
	bounded.Long(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &redis{t: t, address: l.Addr().String(), args: args}
	l.Close()
	r.start()
	return r
}

func (r *redis) start() {
	r.t.Helper()
	_, port, _ := net.SplitHostPort(r.address)
	cmd := exec.Command("redis-server", append([]string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no",
		"--dir", r.t.TempDir()}, r.args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.process = peertest.Start(r.t, cmd)
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		nc, err := net.Dial("tcp", r.address)
		if err == nil {
			nc.Close()
			return
		}
		if time.Since(start) > waitTime {
			r.t.Fatal("redis-server does not listen: ", err)
		}
	}
}

func (r *redis) node() transport.Node { return transport.Node{Network: "tcp", Address: r.address} }

func newPool(t *testing.T, opts ...muxpool.PoolOption) *muxpool.Multiplexed {
	t.Helper()
	pool, err := muxpool.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close(); bounded.Receive(t, pool.Done()) })
	return pool
}

// client calls a redis-server.
type client struct {
	do func(context.Context, any) (any, error)
}

func (r *redis) client(pool muxpool.Pool, p resp.Protocol) client {
	return client{transport.NewClient(pool, r.node(), p, "redis", resp.EncodeCommand, resp.DecodeValue).Endpoint()}
}

func (c client) call(ctx context.Context, name string, args ...string) (resp.Value, error) {
	v, err := c.do(ctx, resp.Cmd(name, args...))
	got, _ := v.(resp.Value)
	return got, err
}

func (c client) must(t *testing.T, name string, args ...string) resp.Value {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTime)
	defer cancel()
	v, err := c.call(ctx, name, args...)
	if err != nil {
		t.Fatalf("%s %.60q: %v", name, args, err)
	}
	return v
}

var versions = map[string]resp.Protocol{"RESP2": {Version: 2}, "RESP3": {}}

// TestRealRedis: ordinary calls, replies of every kind, and the server's own errors, all on one
// connection.
func TestRealRedis(t *testing.T) {
	r := startRedis(t)
	for name, p := range versions {
		t.Run(name, func(t *testing.T) {
			pool := newPool(t, muxpool.WithConnectNumber(1))
			c := r.client(pool, p)
			c.must(t, "FLUSHALL")
			if v := c.must(t, "SET", "k", "v"); v.String() != "OK" {
				t.Errorf("SET: %+v", v)
			}
			large := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB
			c.must(t, "SET", "large", large)
			if v := c.must(t, "GET", "large"); v.String() != large {
				t.Errorf("a large value came back with %d bytes", len(v.Text))
			}
			if v := c.must(t, "GET", "nowhere"); !v.IsNull() {
				t.Errorf("a key that is not there: %+v", v)
			}
			c.must(t, "HSET", "h", "a", "1", "b", "2")
			if v := c.must(t, "HGETALL", "h"); len(v.Elems) != 4 || (v.Kind == resp.KindMap) != (p.Version != 2) {
				t.Errorf("HGETALL: %+v", v)
			}
			if v := c.must(t, "EVAL", "return {1, 'two', {3, false}, redis.error_reply('MYERR no')}", "0"); len(v.Elems) != 4 || v.Elems[3].Err() == nil || !v.Elems[2].Elems[1].IsNull() {
				t.Errorf("EVAL: %+v", v)
			}
			if v := c.must(t, "COMMAND"); len(v.Elems) < 100 { // thousands of elements, deep
				t.Errorf("COMMAND: %v", v)
			}
			for _, row := range []struct {
				command []string
				code    transport.Code
				notRun  bool
			}{
				{[]string{"NOSUCH", "x"}, transport.CodeUnimplemented, true},
				{[]string{"GET"}, transport.CodeInvalidArgument, true},
				{[]string{"INCR", "k"}, transport.CodeInvalidArgument, false},
				{[]string{"LPUSH", "k", "x"}, transport.CodeFailedPrecondition, false},
				{[]string{"EVALSHA", strings.Repeat("0", 40), "0"}, transport.CodeNotFound, true},
				{[]string{"EVAL", "return redis.error_reply('MYERR no')", "0"}, transport.CodeBusiness, false},
				{[]string{"BLPOP", "list", "0"}, transport.CodeEncode, false},
			} {
				_, err := c.call(t.Context(), row.command[0], row.command[1:]...)
				var e *transport.Error
				if !errors.As(err, &e) || e.Code != row.code || e.NotRun != row.notRun || e.Remote != (row.code != transport.CodeEncode) {
					t.Errorf("%q: %v", row.command, err)
				}
			}
			c.must(t, "PING")
			if closed := pool.Stats().ConnsClosed; closed != (muxpool.Closed{}) {
				t.Errorf("an error cost a connection: %v", closed)
			}
			if answered, err := pool.Ping(t.Context(), "tcp", r.address, optionsOf(p)); !answered || err != nil {
				t.Errorf("Ping: %v, %v", answered, err)
			}
		})
	}
}

func optionsOf(p resp.Protocol) muxpool.GetOptions {
	o := muxpool.NewGetOptions()
	o.WithFrameParser(p)
	return o
}

// TestRealHandshake: who may not log in hears so, unsent; who may is in his database.
func TestRealHandshake(t *testing.T) {
	r := startRedis(t, "--requirepass", "secret")
	pool := newPool(t)
	for name, row := range map[string]struct {
		p    resp.Protocol
		code transport.Code // 0: it may
	}{
		"3":                {resp.Protocol{Password: "secret", DB: 3, ClientName: "here"}, 0},
		"2":                {resp.Protocol{Version: 2, Password: "secret", DB: 3, ClientName: "here"}, 0},
		"2, with a name":   {resp.Protocol{Version: 2, Username: "default", Password: "secret", DB: 3, ClientName: "here"}, 0},
		"3, wrong":         {resp.Protocol{Password: "guess"}, transport.CodeUnauthenticated},
		"2, wrong":         {resp.Protocol{Version: 2, Password: "guess"}, transport.CodeUnauthenticated},
		"3, none":          {resp.Protocol{}, transport.CodeUnauthenticated},
		"2, none":          {resp.Protocol{Version: 2}, transport.CodeUnauthenticated},
		"no such database": {resp.Protocol{Password: "secret", DB: 99}, transport.CodeConnection},
		"no such version":  {resp.Protocol{Version: 4}, transport.CodeConnection},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), waitTime)
			defer cancel()
			v, err := r.client(pool, row.p).call(ctx, "CLIENT", "INFO")
			if row.code == 0 {
				if err != nil || !strings.Contains(v.String(), " db=3 ") || !strings.Contains(v.String(), " name=here ") {
					t.Errorf("got %v, %v", v, err)
				}
				return
			}
			var e *transport.Error
			if !errors.As(err, &e) || e.Code != row.code || e.Sent() || strings.Contains(err.Error(), "guess") {
				t.Errorf("got %v, %v", v, err)
			}
		})
	}
}

// TestRealFull: a server that has too many clients says so at the handshake.
func TestRealFull(t *testing.T) {
	r := startRedis(t, "--maxclients", "1")
	first, second := newPool(t, muxpool.WithConnectNumber(1)), newPool(t, muxpool.WithConnectNumber(1), muxpool.WithReconnect(1, time.Millisecond, time.Millisecond))
	for start := time.Now(); ; time.Sleep(time.Millisecond) { // until the server has seen that whoever looked for it is gone
		if _, err := r.client(first, resp.Protocol{}).call(t.Context(), "PING"); err == nil {
			break
		}
		if time.Since(start) > waitTime {
			t.Fatal("nobody is let in")
		}
	}
	_, err := r.client(second, resp.Protocol{}).call(t.Context(), "PING")
	if err == nil || verdict.Of(err).Ran != verdict.NotSent || !strings.Contains(err.Error(), "max number of clients") {
		t.Errorf("got %v, %v", err, verdict.Of(err))
	}
}

// TestRealPushes: invalidations come between the answers, and take nobody's place.
func TestRealPushes(t *testing.T) {
	r := startRedis(t)
	var got atomic.Int64
	heard := make(chan struct{}, 1)
	const keys = 500
	p := resp.Protocol{Tracking: true, Pushes: &resp.Pushes{Handle: func(push resp.Value) {
		if push.Kind == resp.KindPush && len(push.Elems) == 2 && push.Elems[0].String() == "invalidate" {
			if got.Add(int64(len(push.Elems[1].Elems))) >= keys {
				select {
				case heard <- struct{}{}:
				default:
				}
			}
		}
	}}}
	pool := newPool(t, muxpool.WithConnectNumber(1))
	c, other := r.client(pool, p), r.client(newPool(t), resp.Protocol{})
	c.must(t, "PING")
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			nonce := fmt.Sprint("n", i)
			if v, err := c.call(t.Context(), "ECHO", nonce); err != nil || v.String() != nonce {
				t.Errorf("ECHO %s: %v, %v", nonce, v, err)
			}
		})
		wg.Go(func() { other.must(t, "SET", fmt.Sprint("key", i), "x") })
	}
	bounded.Wait(t, wg.Wait)
	bounded.Receive(t, heard)
	silent := p
	silent.Pushes = nil
	c = r.client(pool, silent)
	c.must(t, "PING")
	other.must(t, "SET", "one", "more")
	for start := time.Now(); pool.Stats().Unsolicited == 0; time.Sleep(time.Millisecond) {
		c.must(t, "PING")
		if time.Since(start) > waitTime {
			t.Fatal("no push is counted")
		}
	}
}

// load counts what became of calls from many goroutines.
type load struct {
	answered, failed, mismatched atomic.Int64
}

// caller calls with values that nobody else has, sometimes with little time.
type caller struct {
	*load
	client
	id, calls int
	rng       *rand.Rand
	// may is what its key may hold. What was set without an answer may be set at any time,
	// since there is another connection.
	may  map[string]bool
	lost bool
}

func (l *load) caller(c client, id int) *caller {
	return &caller{load: l, client: c, id: id, rng: rand.New(rand.NewPCG(rand.Uint64(), uint64(id))), may: map[string]bool{"": true}}
}

// one makes a call: it sets the caller's key to a nonce, gets it, or has a nonce echoed.
func (c *caller) one(ctx context.Context) {
	d := waitTime
	if c.rng.IntN(10) == 0 {
		d = time.Duration(c.rng.IntN(3000)) * time.Microsecond
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if c.rng.IntN(20) == 0 {
		defer time.AfterFunc(time.Duration(c.rng.IntN(2000))*time.Microsecond, cancel).Stop()
	}
	c.calls++
	key, nonce := fmt.Sprint("key", c.id), fmt.Sprintf("%d-%d-%x", c.id, c.calls, c.rng.Uint64())
	var v resp.Value
	var err error
	var ok bool
	switch c.rng.IntN(3) {
	case 0:
		v, err = c.call(ctx, "SET", key, nonce)
		ok = v.String() == "OK"
		c.lost = c.lost || err != nil
		if !c.lost {
			clear(c.may)
		}
		c.may[nonce] = true
	case 1:
		v, err = c.call(ctx, "GET", key)
		ok = c.may[v.String()]
	default:
		v, err = c.call(ctx, "ECHO", nonce)
		ok = v.String() == nonce
	}
	switch {
	case err != nil:
		c.failed.Add(1)
	case !ok:
		c.mismatched.Add(1)
	default:
		c.answered.Add(1)
	}
}

// TestReal2000Callers: 2000 callers at once, of whom some leave early: each gets its own answer
// or an error.
func TestReal2000Callers(t *testing.T) {
	for name, p := range versions {
		t.Run(name, func(t *testing.T) {
			r := startRedis(t)
			pool := newPool(t)
			c := r.client(pool, p)
			var l load
			var wg sync.WaitGroup
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			for i := range 2000 {
				wg.Go(func() {
					caller := l.caller(c, i)
					for range 20 {
						caller.one(ctx)
					}
				})
			}
			bounded.Wait(t, wg.Wait)
			s := pool.Stats()
			t.Logf("%d answered, %d failed, %d dials, late %d", l.answered.Load(), l.failed.Load(), s.Dials, s.Late)
			if n := l.mismatched.Load(); n != 0 {
				t.Errorf("%d MISMATCHES", n)
			}
			if l.answered.Load() < 20000 || s.Unknown+s.Duplicate != 0 {
				t.Errorf("%+v", s.Counters)
			}
		})
	}
}

// TestRealKillAndRestart: the server is killed and started again, under load, five times.
func TestRealKillAndRestart(t *testing.T) {
	r := startRedis(t)
	pool := newPool(t)
	c := r.client(pool, resp.Protocol{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var l load
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			caller := l.caller(c, i)
			caller.lost = true // what it holds is gone after a restart
			for ctx.Err() == nil {
				caller.one(ctx)
			}
		})
	}
	for range 5 {
		enough := l.answered.Load() + 2000
		for start := time.Now(); l.answered.Load() < enough; time.Sleep(time.Millisecond) {
			if time.Since(start) > waitTime {
				t.Fatal("no calls are answered")
			}
		}
		r.process.Kill()
		r.start()
	}
	cancel()
	bounded.Wait(t, wg.Wait)
	t.Logf("%d answered, %d failed", l.answered.Load(), l.failed.Load())
	if n := l.mismatched.Load(); n != 0 {
		t.Errorf("%d MISMATCHES", n)
	}
}

// TestRealSlowHead: while a script runs, those behind it wait; once its caller, and others, have
// timed out, the connection is given up after the stall timeout, and the next call has its own
// answer.
func TestRealSlowHead(t *testing.T) {
	r := startRedis(t)
	pool := newPool(t, muxpool.WithConnectNumber(1), muxpool.WithStallTimeout(500*time.Millisecond))
	c := r.client(pool, resp.Protocol{})
	c.must(t, "PING")
	reasons := make(chan muxpool.Reason, 10)
	defer pool.Subscribe(func(e muxpool.Event) {
		if e.Kind == muxpool.ConnDown {
			reasons <- e.Reason
		}
	})()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { // all that is written then lies unread
		_, err := c.call(t.Context(), "GET", "behind")
		stopped <- err
	}()
	if err := bounded.Receive(t, stopped); err != nil {
		t.Fatal(err)
	}
	if err := r.process.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_, err := c.call(ctx, "ECHO", "head")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	go func() {
		_, err := c.call(t.Context(), "ECHO", "behind")
		stopped <- err
	}()
	if err := bounded.Receive(t, stopped); !errors.Is(err, muxpool.ErrStalled) {
		t.Errorf("who waits behind a head that is nobody's: %v", err)
	}
	if err := r.process.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if v := c.must(t, "ECHO", "again"); v.String() != "again" {
		t.Errorf("got %v", v)
	}
	if got := bounded.Receive(t, reasons); got != muxpool.ReasonStalled {
		t.Errorf("the connection ended with %v", got)
	}
}
