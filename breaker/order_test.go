package breaker_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/breaker"
)

// Failures are quick and successes are not: by the order of their ends, five
// failures would be in a row every few seconds. 300 calls a second, 2% fail at once,
// the others succeed after a second; one node alone, and with another beside it.
func TestQuickFailuresAreNotInARow(t *testing.T) {
	for name, run := range map[string]func(*testing.T, []breaker.Option, func(*fixture)){"alone": alone, "beside another": bubble} {
		t.Run(name, func(t *testing.T) {
			run(t, nil, func(f *fixture) {
				rnd := rand.New(rand.NewPCG(1, 2))
				lost := make(chan int, 1)
				lost <- 0
				ep := f.Middleware(nodeA)(func(ctx context.Context, request any) (any, error) {
					if request.(int) < 2 {
						return nil, errSick
					}
					time.Sleep(time.Second)
					return nil, nil
				})
				for range 120 * 300 {
					time.Sleep(time.Second / 300)
					kind := rnd.IntN(100)
					go func() {
						if _, err := ep(context.Background(), kind); err != nil && kind >= 2 {
							lost <- <-lost + 1
						}
					}()
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if n := <-lost; n != 0 {
					t.Errorf("%d good calls were lost", n)
				}
				if st, _ := f.StatusOf(nodeA); st.Ejections != 0 {
					t.Errorf("%d ejections", st.Ejections)
				}
			})
		})
	}
}

// A silent node is found no later for it.
func TestFailuresInTheOrderOfStart(t *testing.T) {
	bubble(t, only(breaker.ConsecutiveFailures(5)), func(f *fixture) {
		peers := make([]*gate, 9)
		ends := make(chan struct{})
		for i := range peers {
			peers[i] = newGate()
			go func() { f.Middleware(nodeA)(peers[i].endpoint)(context.Background(), nil); ends <- struct{}{} }()
			<-peers[i].entered
		}
		end := func(i int, err error) { peers[i].answer <- err; <-ends }
		for _, i := range []int{0, 1, 2, 4, 5, 8} {
			end(i, errSick)
		}
		f.state(nodeA, breaker.Closed) // the fourth, and two more, may yet succeed
		end(3, nil)
		f.state(nodeA, breaker.Closed)
		end(7, errSick)
		end(6, errSick) // 5 to 9
		f.open(nodeA, breaker.ReasonConsecutiveFailures)
	})
}

// Calls that are under way may succeed: the rate is taken of them as well.
func TestFailureRateCountsCallsUnderWay(t *testing.T) {
	bubble(t, only(breaker.FailureRate(0.5, 10*time.Second, 10)), func(f *fixture) {
		peer := newGate()
		ends := make(chan struct{})
		for range 11 {
			go func() { f.Middleware(nodeA)(peer.endpoint)(context.Background(), nil); ends <- struct{}{} }()
			<-peer.entered
		}
		f.calls(nodeA, 10, errSick)
		f.state(nodeA, breaker.Closed) // 10 of 21
		f.call(nodeA, errSick)         // 11 of 22
		f.open(nodeA, breaker.ReasonFailureRate)
		close(peer.answer)
		for range 11 {
			<-ends
		}
	})
}
