package endpoint

import (
	"sync"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// Whoever begins to wait at the same moment is woken by the next ring.
func TestABellWakesAllThatTookIt(t *testing.T) {
	for range 5000 {
		var b bell
		var taken [4]<-chan struct{}
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range taken {
			wg.Go(func() {
				<-start
				taken[i] = b.next()
			})
		}
		close(start)
		bounded.Wait(t, wg.Wait)
		b.ring()
		for _, c := range taken {
			select {
			case <-c:
			default:
				t.Fatal("one that took the bell before the ring is not woken")
			}
		}
		select {
		case <-b.next():
			t.Fatal("the ring before is heard again")
		default:
		}
	}
}
