package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
	"github.com/muxkit/muxkit/internal/peertest"
	"github.com/muxkit/muxkit/transport/native"
)

func TestHealth(t *testing.T) {
	n := serve(t, native.Protocol{})
	n.SetServing("shop.Order", false)
	command(t, "", "health", n.address).check(t, exitOK, "serving\n")
	command(t, "", "health", n.address, "shop.Order").check(t, exitRefused, "not serving\n")
	command(t, "", "health", n.address, "shop.Nothing").check(t, exitRefused, "unknown\n")
	command(t, "", "health", peertest.Nobody(t)).check(t, exitUnsent, "", "sent    no:")
}

func TestHealthWatch(t *testing.T) {
	n := serve(t, native.Protocol{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	states, ended := make(lines, 16), make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"health", "-watch", "-timeout=1h", n.address, "shop.Order"}, streams{out: states, err: &errs})
	}()
	next := func(want string) {
		t.Helper()
		if got := bounded.Receive(t, states); got != want {
			t.Fatalf("it said %q, want %q", got, want)
		}
	}
	next("unknown")
	n.SetServing("shop.Order", true)
	next("serving")
	n.SetServing("shop.Order", false)
	next("not serving")
	n.Close() //nolint:errcheck // serve looks at it
	next("unreachable")
	cancel()
	if code := bounded.Receive(t, ended); code != exitInterrupted || !strings.Contains(errs.String(), "node    tcp://"+n.address) {
		t.Errorf("exit code %d; it said:\n%s", code, errs.String())
	}
}

// A node that is gone is asked again, and told of once.
func TestHealthWatchOfANodeThatIsGone(t *testing.T) {
	address, asked := hangsUp(t, "mux.health")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	states, ended := make(lines, 16), make(chan int, 1)
	var errs bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"health", "-watch", address}, streams{out: states, err: &errs})
	}()
	for range 3 {
		bounded.Receive(t, asked)
	}
	cancel()
	bounded.Receive(t, ended)
	if got := bounded.Receive(t, states); got != "unreachable" || len(states) > 0 || strings.Count(errs.String(), "muxcall:") != 1 {
		t.Errorf("it said %q and %d more, and:\n%s", got, len(states), errs.String())
	}
}

// lines is a Writer to which each line is written by one call.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	l <- strings.TrimSuffix(string(b), "\n")
	return len(b), nil
}
