package discovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
)

// play is an engine that a test's Keeper registers with: it says what it was asked, in seconds since the beginning.
type play struct {
	began time.Time
	mu    sync.Mutex // guards what follows
	asked []string
	err   error
	hangs bool
	lines []string
}

func (p *play) note(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, fmt.Sprintf("%s@%.0f", what, time.Since(p.began).Seconds()))
}

func (p *play) keeper() *Keeper[int] {
	p.began = time.Now()
	answer := func(ctx context.Context) error {
		if p.hangs {
			<-ctx.Done()
			return ctx.Err()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	}
	return &Keeper[int]{
		Renew: func(ctx context.Context, n *int) error {
			*n++
			p.note(fmt.Sprint("renew ", *n))
			return answer(ctx)
		},
		Leave: func(ctx context.Context, n *int) error {
			p.note(fmt.Sprint("leave ", *n))
			return answer(ctx)
		},
		Interval: 4 * time.Second, Backoff: Backoff{Min: 200 * time.Millisecond, Max: 2 * time.Second}, Timeout: 5 * time.Second, Drain: time.Second,
		Log: func(kv ...any) { p.lines = append(p.lines, fmt.Sprint(kv...)) }, None: errNone,
	}
}

func (p *play) answers(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// heard is what it was asked; only in a bubble.
func (p *play) heard() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

var (
	errNone = errors.New("not registered")
	errAway = errors.New("away")
)

func TestAKeeperRenewsUntilDeregister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p play
		k := p.keeper()
		var leaving context.Context
		leave := k.Leave
		k.Leave = func(ctx context.Context, n *int) error { leaving = ctx; return leave(ctx, n) }
		k.Changed() // nobody is there
		k.Deregister()
		if err := k.Err(); err != errNone || p.heard() != nil {
			t.Errorf("%v, %q", err, p.heard())
		}
		k.Register()
		k.Register()
		if err := k.Err(); err != nil || strings.Join(p.heard(), " ") != "renew 1@0" {
			t.Errorf("%v, %q", err, p.heard())
		}
		time.Sleep(40 * time.Second)
		if n := len(p.heard()); n < 11 || n > 14 {
			t.Errorf("%q", p.heard())
		}
		n := len(p.heard())
		k.Changed()
		synctest.Wait()
		if len(p.heard()) != n+1 {
			t.Errorf("a change is not told at once: %q", p.heard())
		}
		at := time.Now()
		k.Deregister()
		if d := time.Since(at); d <= 750*time.Millisecond || d > time.Second {
			t.Errorf("Deregister took %v", d)
		}
		if err := k.Err(); err != errNone || !strings.HasPrefix(p.heard()[len(p.heard())-1], "leave ") {
			t.Errorf("%v, %q", err, p.heard())
		}
		if leaving.Err() == nil {
			t.Error("the context of Leave outlives it")
		}
		if got := strings.Join(p.lines, "; "); got != "msgregistered; msgderegistered" {
			t.Errorf("it said %s", got)
		}
		n = len(p.heard())
		time.Sleep(time.Minute)
		k.Register()
		defer k.Deregister()
		if len(p.heard()) != n+1 || !strings.HasPrefix(p.heard()[n], "renew 1@") { // it knows nothing of the stay before
			t.Errorf("%q", p.heard())
		}
	})
}

func TestAKeeperComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p play
		k := p.keeper()
		p.answers(errAway)
		k.Register()
		if err := k.Err(); err != errAway {
			t.Error(err)
		}
		time.Sleep(30 * time.Second)
		if n := len(p.heard()); n < 15 || n > 35 { // 0.2 s, doubling up to 2 s, less up to half
			t.Errorf("%d attempts: %q", n, p.heard())
		}
		p.answers(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if err := k.Err(); err != nil {
			t.Error(err)
		}
		p.answers(errAway)
		n := len(p.heard())
		k.Changed()
		time.Sleep(200 * time.Millisecond)
		if got := len(p.heard()) - n; got != 2 { // at once, and after from 100 to 200 ms
			t.Errorf("after a success the pauses do not begin anew: %d attempts", got)
		}
		k.Deregister()
		if got := strings.Join(p.lines, "; "); got != "msgnot registered: it is tried againerraway; msgregistered; msgnot registered: it is tried againerraway; "+
			"msgnot deregistered: it is named until its time runs outerraway" {
			t.Error(got)
		}
	})
}

// Its pauses are drawn from the whole of their quarter: 100 draws that miss a fifth of it are chance once in 10⁹.
func TestAKeepersPausesAreDrawnFromAQuarter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p play
		k := p.keeper()
		var last time.Time
		interval, drain := time.Hour, time.Hour
		renew := k.Renew
		k.Renew = func(ctx context.Context, n *int) error {
			if *n > 0 {
				interval = min(interval, time.Since(last))
			}
			last = time.Now()
			return renew(ctx, n)
		}
		for n := range 100 {
			k.Register()
			if n == 0 {
				time.Sleep(100 * k.Interval)
			}
			began := time.Now()
			k.Deregister()
			drain = min(drain, time.Since(began))
		}
		if interval <= 3*time.Second || interval > 3200*time.Millisecond || drain <= 750*time.Millisecond || drain > 800*time.Millisecond {
			t.Errorf("at least %v from one success to the next, and %v for clients to hear of its end", interval, drain)
		}
	})
}

// An engine that answers nothing: Register and Deregister return.
func TestAKeeperWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play{hangs: true}
		k := p.keeper()
		k.Register()
		if d := time.Since(p.began); d != 5*time.Second || k.Err() != errNone {
			t.Errorf("Register took %v, %v", d, k.Err())
		}
		k.Deregister()
		if d := time.Since(p.began); d > 11*time.Second {
			t.Errorf("Deregister took %v", d-5*time.Second)
		}
	})
}

// Who registers while a stay ends begins when that has: it would take off what the new one has just named.
func TestAKeepersStaysDoNotOverlap(t *testing.T) {
	for name, leaves := range map[string]struct {
		takes time.Duration // the engine, for an answer
		drain time.Duration
	}{"an engine that is slow": {2 * time.Second, time.Second}, "and a long drain": {time.Second, time.Hour}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var p play
				k := p.keeper()
				k.Drain = leaves.drain
				var under atomic.Int64
				answers := func(ask func(context.Context, *int) error) func(context.Context, *int) error {
					return func(ctx context.Context, n *int) error {
						if under.Add(1) > 1 {
							t.Error("two are under way")
						}
						defer under.Add(-1)
						time.Sleep(leaves.takes)
						return ask(ctx, n)
					}
				}
				k.Renew, k.Leave = answers(k.Renew), answers(k.Leave)
				k.Register()
				var all sync.WaitGroup
				all.Go(k.Deregister)
				synctest.Wait()
				began := time.Now()
				k.Register()
				if got := p.heard(); got[len(got)-1][:8] != "renew 1@" || got[len(got)-2][:6] != "leave " || k.Err() != nil {
					t.Errorf("%q, %v", got, k.Err())
				}
				if took := time.Since(began); took > 2*leaves.takes {
					t.Errorf("Register took %v", took)
				}
				all.Go(k.Deregister)
				bounded.Wait(t, all.Wait)
			})
		})
	}
}

// A stay that ends before the one before it has is none: nothing is asked for it.
func TestAKeepersStayThatDoesNotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play{hangs: true}
		k := p.keeper()
		k.Timeout = time.Minute
		register := func() { // it is not held up: the stay ends at once
			began := time.Now()
			if k.Register(); time.Since(began) != 0 {
				t.Errorf("Register took %v", time.Since(began))
			}
		}
		var all sync.WaitGroup
		all.Go(register)
		synctest.Wait()
		for range 3 {
			all.Go(k.Deregister)
			synctest.Wait()
			all.Go(register)
			synctest.Wait()
		}
		k.Deregister()
		bounded.Wait(t, all.Wait)
		if got := p.heard(); len(got) != 2 || got[0] != "renew 1@0" || got[1] != "leave 1@0" || k.Err() != errNone {
			t.Errorf("%q, %v", got, k.Err())
		}
	})
}

// When the engine's client is closed the Keeper ends too.
func TestAKeeperEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p play
		k := p.keeper()
		closed, cancel := context.WithCancel(t.Context())
		k.Closed = closed
		k.Register()
		cancel()
		synctest.Wait()
		n := len(p.heard())
		time.Sleep(time.Minute)
		if len(p.heard()) != n {
			t.Errorf("%q", p.heard())
		}
		k.Deregister()
	})
}

func TestAFollowerIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		woken := 0
		f := Follow(t.Context(), func(ctx context.Context, wake <-chan struct{}) {
			for !Pause(ctx, time.Hour, wake) {
				woken++
			}
		})
		for range 3 {
			f.Wake()
			f.Wake()
			synctest.Wait()
		}
		f.Quit()
		f.Stop()
		f.Wake()
		f.Stop()
		if woken < 3 || woken > 6 {
			t.Errorf("woken %d times", woken)
		}
	})
}

func TestAFollowerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := Follow(t.Context(), func(ctx context.Context, _ <-chan struct{}) {
			<-ctx.Done()
			time.Sleep(time.Hour)
		})
		begin := time.Now()
		f.Quit()
		if took := time.Since(begin); took != 0 {
			t.Errorf("Quit took %v", took)
		}
		f.Stop()
		if took := time.Since(begin); took != time.Hour {
			t.Errorf("Stop returned after %v of an hour", took)
		}
	})
}
