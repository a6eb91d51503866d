package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/breaker"
	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// A node that was dropped is asked at once when it is named again, by those, too, who could not be sent there before.
func TestANodeThatIsNamedAgainIsAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := discover("a:1"), &shop{}
		s := NewSet(d, nil, WithKeepNodes(DropAtOnce, 0))
		defer s.Close()
		first := true
		f.do = func(muxpool.Node, context.Context) error {
			if !first {
				return nil
			}
			first = false
			d.now(s)
			time.AfterFunc(time.Second, func() { d.send(sd.Event{Instances: []string{"a:1"}}) })
			return errUnsent
		}
		begin := time.Now()
		_, err := s.EndpointFrom("Get", f.factory)(t.Context(), nil)
		equal(t, "error", err, nil)
		equal(t, "took", time.Since(begin), time.Second)
	})
}

// When the only node says when to come back, a call waits for that if its time allows, and else not at all.
func TestARetryAfterIsWaitedForIfThereIsTime(t *testing.T) {
	for name, c := range map[string]struct {
		opts   []Option
		time   time.Duration // the caller's; 0: no end
		gaveUp GaveUp
	}{
		"in the caller's time":      {nil, 3 * time.Second, 0},
		"when that is over":         {nil, 2 * time.Second, GaveUpContext},
		"within WithWait":           {[]Option{WithWait(3 * time.Second)}, 0, 0},
		"within both":               {[]Option{WithWait(3 * time.Second)}, time.Minute, 0},
		"when WithWait is over":     {[]Option{WithWait(time.Second)}, 0, GaveUpNoRetry},
		"when WithWait is, earlier": {[]Option{WithWait(time.Second)}, time.Minute, GaveUpNoRetry},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				busy := refused(transport.CodeResourceExhausted)
				busy.RetryAfter = 2 * time.Second
				f := &shop{}
				f.do = script(busy)
				s := NewSet(sd.FixedInstancer{"a:1"}, nil, append(c.opts, WithRetry(3, 500*time.Millisecond))...)
				defer s.Close()
				ctx := t.Context()
				if c.time > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.time)
					defer cancel()
				}
				begin := time.Now()
				_, err := s.EndpointFrom("Get", f.factory)(ctx, nil)
				took := time.Since(begin)
				if c.gaveUp == 0 {
					if err != nil || took != busy.RetryAfter {
						t.Errorf("after %v: %v", took, err)
					}
					return
				}
				mustBe(t, err, busy)
				equal(t, "gave up", as[*RetryError](t, err).GaveUp, c.gaveUp)
				equal(t, "took", took, 0)
			})
		})
	}
}

// A call goes back where it could not be sent after from half of a backoff to all of it: 260 draws that miss a tenth of
// that are chance once in 10¹¹.
func TestWhenACallGoesBackIsDrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = 100 * time.Millisecond
		var last time.Time
		least, most := time.Hour, time.Duration(0)
		f := &shop{}
		f.do = func(muxpool.Node, context.Context) error {
			if !last.IsZero() {
				least, most = min(least, time.Since(last)), max(most, time.Since(last))
			}
			last = time.Now()
			return errUnsent
		}
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithBackoff(bound, bound), WithWait(20*time.Second))
		defer s.Close()
		s.EndpointFrom("Get", f.factory)(t.Context(), nil)
		if least < bound/2 || least > bound*55/100 || most > bound || most < bound*95/100 {
			t.Errorf("after from %v to %v", least, most)
		}
	})
}

// After each time, from the first on, what it could not be sent before is told no more.
func TestACallThatGoesBackTellsEachNodeOnce(t *testing.T) {
	for range 20 { // in nearly all of them it goes back once
		synctest.Test(t, func(t *testing.T) {
			f := &shop{}
			f.do = func(muxpool.Node, context.Context) error { return errUnsent }
			s := NewSet(sd.FixedInstancer{"a:1"}, nil, WithRetry(3, 0), WithBackoff(time.Second, time.Second), WithWait(900*time.Millisecond))
			defer s.Close()
			_, err := s.EndpointFrom("Get", f.factory)(t.Context(), nil)
			equal(t, "attempts told", len(as[*RetryError](t, err).Attempts), 1)
		})
	}
}

// Or sooner, when another node has said to come back then.
func TestACallGoesBackWhenANodeHasSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := refused(transport.CodeResourceExhausted)
		busy.RetryAfter = time.Second
		f, asked := &shop{}, 0
		f.do = func(n muxpool.Node, _ context.Context) error {
			if n == node("a") {
				return errUnsent
			}
			if asked++; asked == 1 {
				return busy
			}
			return nil
		}
		s := NewSet(sd.FixedInstancer{"a:1", "b:1"}, nil, WithRetry(3, 0), WithBackoff(10*time.Second, 10*time.Second), WithWait(20*time.Second))
		defer s.Close()
		begin := time.Now()
		got, err := s.EndpointFrom("Get", f.factory)(t.Context(), "x")
		if took := time.Since(begin); got != "x from b:1" || err != nil || took != time.Second {
			t.Errorf("after %v: %v, %v", took, got, err)
		}
	})
}

// Who finds no place to wait, and nothing that a wait would cure, hears of that.
func TestACallWithoutAPlaceFailsForWhatLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSwitchboard(node("a"))
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(b), WithMaxWaiting(1))
		defer s.Close()
		get := s.EndpointFrom("Get", (&shop{}).factory)
		ctx, leave := context.WithCancel(t.Context())
		waiting := make(chan error, 1)
		go func() {
			_, err := get(ctx, nil)
			waiting <- err
		}()
		synctest.Wait()
		b.mu.Lock() // nobody is told
		b.open[node("a")] = &breaker.OpenError{Node: node("a"), Cause: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}
		b.mu.Unlock()
		time.Sleep(outTime) // what is shared is over
		_, err := get(t.Context(), nil)
		as[*tls.CertificateVerificationError](t, err)
		if errors.Is(err, ErrTooManyWaiting) {
			t.Error(err)
		}
		leave()
		mustBe(t, bounded.Receive(t, waiting), context.Canceled)
	})
}

// Who has waited behind others, and has not looked, is told what they have found.
func TestACallThatHasNotLookedIsToldWhatOthersHaveFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet(sd.FixedInstancer{"a:1"}, nil, withBreakers(newSwitchboard(node("a"))))
		defer s.Close()
		get := s.EndpointFrom("Get", (&shop{}).factory)
		first := make(chan error, 1)
		go func() {
			_, err := get(t.Context(), nil)
			first <- err
		}()
		synctest.Wait()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := get(ctx, nil)
		equal(t, "took", time.Since(begin), time.Second)
		mustBe(t, err, context.DeadlineExceeded)
		equal(t, "nodes told", len(as[*AllOpenError](t, err).Nodes), 1)
		as[*AllOpenError](t, bounded.Receive(t, first))
	})
}
