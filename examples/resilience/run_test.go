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

func TestRunPrintsTheTables(t *testing.T) {
	muxtest.CheckLeaks(t)
	var out bytes.Buffer
	cfg := shortly()
	cfg.cases, cfg.sick, cfg.out = caseList{"failing", "bad-caller"}, 400*time.Millisecond, &out
	if err := run(context.Background(), cfg); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"300 calls a second, round-robin", "\nfailing     without ", "\nfailing     with ",
		"\nbad-caller          without ", "\nbad-caller          with "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > 120 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestRunInterrupted(t *testing.T) {
	muxtest.CheckLeaks(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cfg := shortly()
	cfg.cases, cfg.out = allCases, new(bytes.Buffer)
	if err := run(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancellation", err)
	}
}
