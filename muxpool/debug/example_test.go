package debug_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/debug"
	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func ExampleHandler() {
	pool, err := muxpool.New(
		muxpool.WithConnectNumber(1),
		muxpool.WithDialContext(func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("the cable is cut")
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	recorder := debug.NewRecorder(pool, 200)
	defer recorder.Close()
	mux := http.NewServeMux()
	mux.Handle("/debug/muxpool", debug.Handler(pool, debug.WithRecorder(recorder)))

	opts := muxpool.NewGetOptions()
	opts.WithFrameParser(muxtest.Parser{})
	_, _ = pool.GetMuxConn(context.Background(), "tcp", "10.0.0.1:8000", opts) // fails
	for len(recorder.Events()) < 2 {                                           // events come a moment later
		time.Sleep(time.Millisecond) // between two looks
	}

	page := httptest.NewRecorder()
	mux.ServeHTTP(page, httptest.NewRequest("GET", "/debug/muxpool", nil))
	for line := range strings.Lines(page.Body.String()) {
		if strings.Contains(line, "node expelled") {
			fmt.Println(strings.Join(strings.Fields(line)[1:], " ")) // without the time
		}
	}
	// Output:
	// tcp://10.0.0.1:8000 node expelled dial failed: muxpool: connections have been expelled; dial: the cable is cut
}

// TestLivePool: calls come and go, connections are cut, and pages are asked for.
func TestLivePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := muxtest.NewPeer(muxtest.Delay(3 * time.Millisecond))
		defer peer.Close()
		pool, err := muxpool.New(muxpool.WithDialContext(peer.DialContext))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		recorder := debug.NewRecorder(pool, 10)
		defer recorder.Close()
		h := debug.Handler(pool, debug.WithRecorder(recorder))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					_ = muxtest.NewCaller(pool, "tcp", "peer:1", muxtest.Parser{}).Call(ctx, nil)
					cancel()
				}
			})
		}
		for i := range 50 {
			time.Sleep(2 * time.Millisecond)
			if i%10 == 5 {
				peer.ResetConns()
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/?format="+[]string{"json", "text"}[i%2], nil))
			if !strings.Contains(w.Body.String(), "peer:1") {
				t.Errorf("page %d: %s", i, w.Body)
			}
		}
		bounded.Wait(t, wg.Wait)
		synctest.Wait()
		if last := recorder.Events(); len(last) == 0 {
			t.Error("no event of five resets")
		}
	})
}
