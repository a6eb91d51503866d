package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/muxkit/muxkit/muxpool/muxtest"
)

func TestRunWithAKill(t *testing.T) {
	muxtest.CheckLeaks(t)
	var out bytes.Buffer
	err := run(context.Background(), config{duration: 2 * time.Second, nodes: 3, callers: 8, kill: true, out: &out})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"kill -9", "from closed to open", "restarted", "to closed",
		"before ", "during ", "after ", "held "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestRunWithoutAKill(t *testing.T) {
	muxtest.CheckLeaks(t)
	var out bytes.Buffer
	err := run(context.Background(), config{duration: time.Second, nodes: 2, callers: 4, out: &out, live: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "no call failed") {
		t.Errorf("the output lacks the promise:\n%s", out.String())
	}
}

func TestRunInterrupted(t *testing.T) {
	muxtest.CheckLeaks(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var out bytes.Buffer
	err := run(ctx, config{duration: time.Minute, nodes: 2, callers: 2, kill: true, out: &out})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancellation", err)
	}
}

func TestConfig(t *testing.T) {
	sound := config{duration: time.Second, nodes: 3, callers: 1, kill: true}
	if err := sound.check(); err != nil {
		t.Errorf("%+v: %v", sound, err)
	}
	tests := []struct {
		change func(*config)
		names  string
	}{
		{func(c *config) { c.duration = time.Millisecond }, "-duration=1ms"},
		{func(c *config) { c.nodes = 0 }, "-nodes=0"},
		{func(c *config) { c.nodes = 1 }, "-nodes=1"},
		{func(c *config) { c.nodes = 1000 }, "-nodes=1000"},
		{func(c *config) { c.callers = -1 }, "-callers=-1"},
	}
	for _, tt := range tests {
		c := sound
		tt.change(&c)
		if err := c.check(); err == nil || !strings.Contains(err.Error(), tt.names) {
			t.Errorf("%+v: %v, want an error that names %s", c, err, tt.names)
		}
	}
}
