package attacktest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// The server's container: what it may be resident with, and what it is told of that.
const (
	containerBytes = 512 << 20
	memoryLimit    = "400MiB"
)

// callTime is what each of the honest client's calls has.
const callTime = 2 * time.Second

// patience bounds what has no time of its own; nobody waits for so long where a processor is
// to be had.
const patience = 6 * time.Minute

// attackTime is how long the server is attacked, in each protocol.
func attackTime(t *testing.T) time.Duration {
	text := os.Getenv("MUXKIT_ATTACK")
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("MUXKIT_ATTACK=%q is no time, such as 60s", text)
	}
	return d
}

// TestServerUnderAttack: a server with the defaults, in a container of 512 MiB, lives
// through everything that strangers can send at once; and of an honest client's calls
// none fails.
func TestServerUnderAttack(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has a memory of its own")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc: the peak of the memory cannot be read here")
	}
	for name := range protocols {
		t.Run(name, func(t *testing.T) {
			for range 3 {
				switch failed, judged := attackServer(t, name, attackTime(t)); {
				case failed != nil:
					t.Fatal(failed)
				case judged:
					return
				}
			}
			t.Skip("not judged: each time programs that are no part of this test had the processors while a call was late")
		})
	}
}

// attackServer plays it once. The error is of honest calls. A call that ran out of its time,
// or whose connection did, while others had the processors is no failure of the server's, and
// nothing is proven then: judged is false. A wrong answer or a refusal is one at any time.
func attackServer(t *testing.T, name string, during time.Duration) (failed error, judged bool) {
	server := start(t, "server", protocolEnv+"="+name, "GOMEMLIMIT="+memoryLimit)
	address := server.line(t)
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	client := transport.NewClient(pool, transport.Node{Network: "tcp", Address: address}, protocols[name], echoMethod,
		transport.EncodeBytes, transport.DecodeBytes).Endpoint()

	m := watch(t, server.cmd.Process.Pid)
	quiet := honest(client, func() { time.Sleep(during / 4) }) // as long as this is measured
	attackers := start(t, "attackers", protocolEnv+"="+name, addressEnv+"="+address)
	m.add(attackers.cmd.Process.Pid)
	var report string
	begun := time.Now()
	attacked := honest(client, func() { report = attackers.attack(t, during) })
	m.look()
	now := server.figures(t, "peak")
	peak, stats := now.Peak, now.Stats
	t.Logf("quiet: %v", quiet)
	others, _ := m.between(begun, time.Now())
	t.Logf("under attack: %v; the server's peak is %d MiB; others had %.0f%% of the processors", attacked, peak>>20, 100*others)
	t.Logf("refused: %+v", stats.Refused)
	t.Logf("the attackers' bytes: %s", report)
	attackers.end(t)
	if peak >= containerBytes {
		t.Errorf("the server's peak is %d MiB, it has %d", peak>>20, containerBytes>>20)
	}
	server.recovers(t, pool)
	server.end(t)
	judged = true
	for _, f := range append(quiet.failed, attacked.failed...) {
		late := errors.Is(f.err, context.DeadlineExceeded) || errors.Is(f.err, muxpool.ErrKeepAliveTimeout) || errors.Is(f.err, muxpool.ErrStalled)
		others, waited := m.between(f.from, f.to)
		f.err = fmt.Errorf("%w, while others had %.0f%% of the processors, and for %.0f%% of the time one was waited for", f.err, 100*others, 100*waited)
		switch {
		case late && m.took(f.from, f.to):
			t.Logf("not judged: %v", f.err)
			judged = false
		case failed == nil || !late: // which says more
			failed = fmt.Errorf("%d honest calls failed, one with %w", len(quiet.failed)+len(attacked.failed), f.err)
		}
	}
	return failed, judged
}

// attack lets the attackers do their work for a while, and until all kinds of them have
// sent something, which they report.
func (p *process) attack(t *testing.T, during time.Duration) (report string) {
	t.Helper()
	time.Sleep(during) // the attack
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		var sent map[string]int64
		if err := json.Unmarshal([]byte(p.ask(t, "what have you done?")), &sent); err != nil || len(sent) < 10 {
			t.Fatalf("the attackers say %v, %v", sent, err)
		}
		for kind, n := range sent {
			report += fmt.Sprintf("%s: %d; ", kind, n)
		}
		if idle := slices.Index(slices.Collect(maps.Values(sent)), 0); idle < 0 {
			return report
		}
		if report = ""; time.Now().After(end) {
			t.Fatalf("somebody does not attack: %v", sent)
		}
	}
}

// figures asks a server for them.
func (p *process) figures(t *testing.T, question string) (f figures) {
	t.Helper()
	text := p.ask(t, question)
	if err := json.Unmarshal([]byte(text), &f); err != nil || f.Peak == 0 {
		t.Fatalf("the server says %s, %v", text, err)
	}
	return f
}

// recovers waits until nothing of the attackers is left but the honest connections.
func (p *process) recovers(t *testing.T, pool *muxpool.Multiplexed) {
	t.Helper()
	var stats transport.ServiceStats
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if stats = p.figures(t, "peak").Stats; stats.Conns <= int(pool.Stats().Dials) && stats.InFlight == 0 && stats.Bytes == 0 {
			return
		}
	}
	t.Errorf("of the attack is left %+v", stats)
}

// honesty is what a client has seen that does nothing but call.
type honesty struct {
	took   []time.Duration
	failed []failure
	lag    time.Duration // the longest delay of a timer
}

// failure is a call that failed, and when that was.
type failure struct {
	err      error
	from, to time.Time
}

func (h *honesty) String() string {
	slices.Sort(h.took)
	at := func(q float64) time.Duration {
		if len(h.took) == 0 {
			return 0
		}
		return h.took[int(q*float64(len(h.took)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%d calls, %d failed, median %v, p99 %v, longest %v; timers up to %v late",
		len(h.took), len(h.failed), at(0.5), at(0.99), at(1), h.lag.Round(10*time.Microsecond))
}

// honest makes calls until meanwhile has returned, eight at a time, each with a nonce in
// a body of up to 8 KiB, which its answer must have.
func honest(call func(context.Context, any) (any, error), meanwhile func()) *honesty {
	var h honesty
	var mu sync.Mutex
	var callers sync.WaitGroup
	defer callers.Wait()
	var over atomic.Bool
	defer over.Store(true)
	for range 8 {
		callers.Go(func() {
			for !over.Load() {
				from := time.Now()
				took, err := once(call)
				const pause = 5 * time.Millisecond
				asleep := time.Now()
				mu.Lock()
				if h.took = append(h.took, took); err != nil {
					h.failed = append(h.failed, failure{err, from, asleep})
				}
				mu.Unlock()
				time.Sleep(pause) // the pace of the calls; how late it ends is measured
				mu.Lock()
				h.lag = max(h.lag, time.Since(asleep)-pause)
				mu.Unlock()
			}
		})
	}
	meanwhile()
	return &h
}

func once(call func(context.Context, any) (any, error)) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	body := binary.BigEndian.AppendUint64(nil, rand.Uint64())
	body = append(body, make([]byte, rand.IntN(8<<10))...)
	start := time.Now()
	got, err := call(ctx, body)
	if err == nil && !bytes.Equal(got.([]byte), body) {
		err = fmt.Errorf("the answer to %x... is %x...", body[:8], got.([]byte)[:min(8, len(got.([]byte)))])
	}
	return time.Since(start), err
}
