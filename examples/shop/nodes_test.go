package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-kit/kit/sd"

	"github.com/muxkit/muxkit/internal/bounded"
)

func TestTheListOfNodesIsFollowed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "stock.nodes")
	f := watchNodes(name)
	defer f.Stop()
	events := make(chan sd.Event, 10)
	f.Register(events)
	if e := bounded.Receive(t, events); e.Err == nil {
		t.Errorf("a file that is not there: %v", e)
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"127.0.0.1:1\n127.0.0.1:2\n", []string{"127.0.0.1:1", "127.0.0.1:2"}},
		{"127.0.0.1:2\n127.0.0.1:3", []string{"127.0.0.1:2", "127.0.0.1:3"}},
		{"\n", nil},
	} {
		if err := replace(name, []byte(c.text)); err != nil {
			t.Fatal(err)
		}
		f.Refresh()
		f.Refresh()
		if e := bounded.Receive(t, events); e.Err != nil || !slices.Equal(e.Instances, c.want) {
			t.Errorf("%q: %v, want %v", c.text, e, c.want)
		}
	}
	f.Deregister(events)
	if err := replace(name, []byte("127.0.0.1:4")); err != nil {
		t.Fatal(err)
	}
	later := make(chan sd.Event, 10)
	f.Register(later)
	for e := bounded.Receive(t, later); !slices.Equal(e.Instances, []string{"127.0.0.1:4"}); {
		e = bounded.Receive(t, later)
	}
	if n := len(events); n > 0 {
		t.Errorf("%d events after Deregister", n)
	}
	f.Stop()
	f.Stop()
}
