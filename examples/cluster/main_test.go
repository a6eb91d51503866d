package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/muxkit/muxkit/internal/pages"
)

// TestMain makes the test binary a member of etcd, a node or a client, where the program would be one.
func TestMain(m *testing.M) {
	if isAct(os.Args) {
		os.Exit(act(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

func TestSenselessArguments(t *testing.T) {
	for args, want := range map[string]string{
		"more":                  `what is "more"?`,
		"-rate 1":               "-rate=1 is not from 10 to 1000",
		"-rate x":               "invalid value",
		"-lease 1s":             "-lease=1s is not from 2s to 1m",
		"-lease 2500ms":         "in whole seconds",
		"-lease 5s":             "-outage=10s is not over twice as long as a lease, which lasts for 5s",
		"-outage 1h":            "at most 10m",
		"-scenes flood":         `"flood" is none of kill,grow,member,etcd,spill,partition,deploy`,
		"-scenes kill,":         `"" is none of`,
		"-scenes kill -scenes=": `"" is none of`,
	} {
		if _, err := parse(strings.Fields(args), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("cluster %s: %v, want %q", args, err, want)
		}
	}
}

func TestPlan(t *testing.T) {
	var said bytes.Buffer
	p, err := parse([]string{"-plan"}, &said, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	p.tell()
	for _, s := range scenes {
		if !strings.Contains(said.String(), "\n"+s.name+" ") {
			t.Errorf("the plan lacks %s:\n%s", s.name, said.String())
		}
	}
}

// What the documents have typed is understood, and CI runs it.
func TestCommandsOfTheDocs(t *testing.T) {
	steps, found := pages.Read(t, "../../.ci/steps/examples.sh"), 0
	for line := range strings.Lines(pages.Read(t, "../../docs/discovery.md")) {
		args, ok := strings.CutPrefix(strings.TrimSpace(line), "go run -C examples/cluster .")
		if !ok {
			continue
		}
		found++
		if _, err := parse(strings.Fields(args), io.Discard, io.Discard); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if found == 0 || !strings.Contains(steps, "go run -C examples/cluster .") {
		t.Errorf("%d commands; the steps of CI run it: %v", found, strings.Contains(steps, "go run -C examples/cluster ."))
	}
}

// A scene for which the zones would have to be parted is left out where they cannot be, and that is told.
func TestWhatIsLeftOutIsTold(t *testing.T) {
	var out bytes.Buffer
	p := &play{scenes: sceneList{{name: "partition", parts: true}}, out: &out}
	if err := p.playAll(t.Context(), &cluster{partable: errors.New("not here")}); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "partition: LEFT OUT, since the zones cannot be parted: not here\n") {
		t.Error(out.String())
	}
}

// A process that cannot begin says why, and is not waited for.
func TestWhatCannotBegin(t *testing.T) {
	for name, args := range map[string][]string{
		"node":   {"node", "-address", "127.0.0.1:0", "-ledger", t.TempDir() + "/no/ledger"},
		"member": {"member", "-address", "127.0.0.1:0", "-peers", "no address", "-dir", t.TempDir(), "-name", "m", "-together", "m=http://127.0.0.1:1"},
		"flag":   {"node", "-such"},
	} {
		var said bytes.Buffer
		if code := act(args, strings.NewReader(""), io.Discard, &said); code == 0 || said.Len() == 0 {
			t.Errorf("%s: exit code %d, %q", name, code, said.String())
		}
	}
}

// Two scenes, played shortly. All of them at full length are a step of their own: see .ci/steps.
func TestScenes(t *testing.T) {
	var out bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	p, err := parse([]string{"-scenes", "kill,etcd", "-lease", "3s", "-outage", "7s", "-dir", t.TempDir()}, &out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.run(ctx); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	t.Log(out.String())
	if n := strings.Count(out.String(), "its page: http://127.0.0.1:"); n != 4 {
		t.Errorf("%d pages", n)
	}
}
