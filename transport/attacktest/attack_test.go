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
			for tries := 3; ; tries-- {
				lag, failed := attackServer(t, name, attackTime(t))
				if failed == nil {
					return
				}
				// Others on this machine may have had the processors, not the attackers; nobody
				// else refuses a call.
				if !errors.Is(failed, context.DeadlineExceeded) || lag < 50*time.Millisecond || tries == 1 {
					t.Fatal(failed)
				}
				t.Logf("once more: %v, and this machine ran a timer %v late", failed, lag)
			}
		})
	}
}

// attackServer plays it once. The error is of honest calls, lag the longest delay of a
// timer of this process meanwhile.
func attackServer(t *testing.T, name string, during time.Duration) (lag time.Duration, failed error) {
	server := start(t, "server", protocolEnv+"="+name, "GOMEMLIMIT="+memoryLimit)
	address := server.line(t)
	pool, err := muxpool.New()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	client := transport.NewClient(pool, transport.Node{Network: "tcp", Address: address}, protocols[name], echoMethod,
		transport.EncodeBytes, transport.DecodeBytes).Endpoint()

	quiet := honest(client, func() { time.Sleep(during / 4) })
	attackers := start(t, "attackers", protocolEnv+"="+name, addressEnv+"="+address)
	var report string
	attacked := honest(client, func() { report = attackers.attack(t, during) })
	now := server.figures(t, "peak")
	peak, stats := now.Peak, now.Stats
	attackers.end(t)

	t.Logf("quiet: %v", quiet)
	t.Logf("under attack: %v; the server's peak is %d MiB", attacked, peak>>20)
	t.Logf("refused: %+v", stats.Refused)
	t.Logf("the attackers' bytes: %s", report)
	if peak >= containerBytes {
		t.Errorf("the server's peak is %d MiB, it has %d", peak>>20, containerBytes>>20)
	}
	server.recovers(t, pool)
	server.end(t)
	if all := append(quiet.failed, attacked.failed...); len(all) > 0 {
		failed = fmt.Errorf("%d honest calls failed, the first with %w", len(all), all[0])
		for _, err := range all {
			if !errors.Is(err, context.DeadlineExceeded) {
				failed = err
			}
		}
	}
	return max(quiet.lag, attacked.lag), failed
}

// attack lets the attackers do their work for a while, and until all kinds of them have
// sent something, which they report.
func (p *process) attack(t *testing.T, during time.Duration) (report string) {
	t.Helper()
	time.Sleep(during)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
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
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if stats = p.figures(t, "peak").Stats; stats.Conns <= int(pool.Stats().Dials) && stats.InFlight == 0 && stats.Bytes == 0 {
			return
		}
	}
	t.Errorf("of the attack is left %+v", stats)
}

// honesty is what a client has seen that does nothing but call.
type honesty struct {
	took   []time.Duration
	failed []error
	lag    time.Duration // the longest delay of a timer
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
				took, err := once(call)
				mu.Lock()
				if h.took = append(h.took, took); err != nil {
					h.failed = append(h.failed, err)
				}
				mu.Unlock()
				const pause = 5 * time.Millisecond
				asleep := time.Now()
				time.Sleep(pause)
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
