package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

func TestConfig(t *testing.T) {
	sound := shortly()
	sound.cases = allCases
	if err := sound.check(); err != nil {
		t.Errorf("%+v: %v", sound, err)
	}
	tests := []struct {
		change func(*config)
		names  string
	}{
		{func(c *config) { c.before = 0 }, "-before=0s"},
		{func(c *config) { c.sick = time.Millisecond }, "-sick=1ms"},
		{func(c *config) { c.after = -1 }, "-after=-1ns"},
		{func(c *config) { c.rate = 0 }, "-rate=0"},
		{func(c *config) { c.rate = 1e6 }, "-rate=1000000"},
		{func(c *config) { c.cases = nil }, "-cases"},
	}
	for _, tt := range tests {
		c := sound
		tt.change(&c)
		if err := c.check(); err == nil || !strings.Contains(err.Error(), tt.names) {
			t.Errorf("%+v: %v, want an error that names %s", c, err, tt.names)
		}
	}
}

func TestFlags(t *testing.T) {
	var cases caseList
	if err := cases.Set("slow,killed"); err != nil || !slices.Equal(cases, caseList{"slow", "killed"}) {
		t.Errorf("%v, %v", cases, err)
	}
	if err := cases.Set("slow,sad"); err == nil || !strings.Contains(err.Error(), "sad") {
		t.Errorf("got %v, want an error that names sad", err)
	}
	var b balance
	if err := b.Set("round-robin"); err != nil || b != balance(muxendpoint.RoundRobin) {
		t.Errorf("%v, %v", b, err)
	}
	if err := b.Set("fair"); err == nil || !strings.Contains(err.Error(), "fair") {
		t.Errorf("got %v, want an error that names fair", err)
	}
}
