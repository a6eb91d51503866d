package transport_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// TestStatsCountOutcomes: calls are counted by method and by what was answered, in as many
// figures as there are methods and codes, whatever clients ask for.
func TestStatsCountOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s, stop := servePipes(t, map[string]*transport.Server{
			"M": rawServer(func(_ context.Context, r any) (any, error) {
				switch string(r.([]byte)) {
				case "business":
					return nil, transport.Business(7, "no")
				case "error":
					return nil, errors.New("boom")
				case "panic":
					panic("boom")
				case "exit":
					runtime.Goexit()
				case "own code":
					return nil, &transport.Error{Code: 100}
				}
				return r, nil
			}),
			"Slow": rawServer(func(_ context.Context, r any) (any, error) { time.Sleep(time.Hour); return r, nil }),
		})
		defer stop()
		nc := p.dial(t)
		answers := readAll(nc)
		id := uint32(0)
		call := func(method, body string, answered bool) {
			id++
			if _, err := nc.Write(request(t, id, method, body)); err != nil {
				t.Fatal(err)
			}
			if answered {
				<-answers
			}
		}
		for _, body := range []string{"ok", "ok", "business", "error", "panic", "own code"} {
			call("M", body, true)
		}
		call("M", "exit", false)
		call("Slow", "", false)
		for i := range 50 {
			call(fmt.Sprint("unknown", i), "", true)
		}
		synctest.Wait()
		stats := s.Stats()
		want := map[transport.Code]uint64{transport.CodeBusiness: 1, transport.CodeUnknown: 2, transport.CodeInternal: 2}
		if m := stats.Methods["M"]; m.OK != 2 || m.Running != 0 || !maps.Equal(m.Errors, want) {
			t.Errorf("M: %+v", m)
		}
		if m := stats.Methods["Slow"]; m.Running != 1 || m.OK != 0 || m.Errors != nil {
			t.Errorf("Slow: %+v", m)
		}
		if len(stats.Methods) != 2 || stats.Refused.Unknown != 50 || stats.InFlight != 1 || stats.Conns != 1 {
			t.Errorf("the figures are %+v", stats)
		}
		nc.Close()
		time.Sleep(2 * time.Hour)
	})
}

// TestSenselessBudgets: a budget in which a large request would never have room.
func TestSenselessBudgets(t *testing.T) {
	if err := transport.NewService(nil, transport.ServiceMaxBytes(1<<20, 0)).Err(); !errors.Is(err, transport.ErrInvalidOption) {
		t.Errorf("got %v", err)
	}
	limits := transport.NewService(nil, transport.ServiceMaxFrameSize(100<<20)).Stats().Limits
	if limits.MaxBytes < 400<<20 || limits.MaxBytesPerConn != limits.MaxBytes {
		t.Errorf("with frames of 100 MiB the limits are %+v", limits)
	}
}
