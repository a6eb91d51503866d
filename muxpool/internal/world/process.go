package world

import (
	"os/exec"
	"testing"

	"github.com/muxkit/muxkit/muxpool/muxtest"
)

// OnProcess is a world whose victim is a process of its own.
func OnProcess(t *testing.T, s Setup, start func(*exec.Cmd) error, story func(*World, *muxtest.Process)) {
	t.Helper()
	s.checkLeaks(t)
	p, err := muxtest.StartProcess("tcp", "127.0.0.1:0", start)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	w := &World{T: t, Victim: muxtest.NewPeer(nil), healthy: muxtest.NewPeer(nil), real: true}
	healthy := w.must(w.healthy.Listen("tcp", "127.0.0.1:0", nil))
	w.run(s, "tcp", p.Addr(), healthy, s.Opts, func(w *World) { story(w, p) })
}

// Do sends a command to the victim's process.
func (w *World) Do(p *muxtest.Process, command string) muxtest.Stats {
	w.Helper()
	s, err := p.Do(command)
	if err != nil {
		w.Fatal(err)
	}
	return s
}
