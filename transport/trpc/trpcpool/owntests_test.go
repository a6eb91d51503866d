//go:build peers

package trpcpool_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const trpcGo = "trpc.group/trpc-go/trpc-go"

// differ are tRPC-Go's own tests that fail on purpose, their package and why.
var differ = map[string][2]string{
	"TestClientStreamNetworkError": {"./transport", "wants a lost connection to be a bare io.EOF, which is also how a stream ends in peace"},
}

// TestTRPCGoOwnTests runs tRPC-Go's own tests of its transport, stream, client and root
// packages on a copy of the module in which muxpool is beneath pool/multiplexed. They take
// half a minute, once compiled, and use fixed ports and short times of their own: one that
// fails has two more tries.
func TestTRPCGoOwnTests(t *testing.T) {
	dir := overlaid(t)
	skip := "^(" + strings.Join(slices.Collect(maps.Keys(differ)), "|") + ")$"
	passed := make(map[string]bool)
	var failed map[string]string
	for range 3 {
		if failed = runOwnTests(t, dir, passed, "-skip", skip, "./transport", "./stream", "./client", "."); len(failed) == 0 {
			break
		}
	}
	for name, output := range failed {
		t.Errorf("%s fails:\n%.4000s", name, output)
	}
	const least = 250 // of over 300: a line that says so is lost where a test has printed something before it
	if t.Logf("%d tests have passed, subtests included", len(passed)); len(passed) < least {
		t.Errorf("%d tests have passed, at least %d are wanted", len(passed), least)
	}
	for name, why := range differ {
		passed := make(map[string]bool)
		runOwnTests(t, dir, passed, "-run", "^"+name+"$", why[0])
		if len(passed) > 0 {
			t.Errorf("%s passes: it %s, and is to be taken off the list", name, why[1])
		}
	}
}

// overlaid makes the copy.
func overlaid(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "trpc-go")
	if err := os.CopyFS(dir, os.DirFS(strings.TrimSpace(command(t, ".", "go", "list", "-m", "-f", "{{.Dir}}", trpcGo)))); err != nil {
		t.Fatal(err)
	}
	command(t, dir, "chmod", "-R", "u+w", ".")
	ours, err := os.ReadFile("testdata/overlay/multiplexed.go.txt")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "pool/multiplexed/multiplexed.go"), ours, 0o600)
	}
	if err == nil {
		err = os.Remove(filepath.Join(dir, "pool/multiplexed/multiplexed_test.go")) // of its inside
	}
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	const mux = "github.com/muxkit/muxkit"
	command(t, dir, "go", "mod", "edit", "-require", mux+"@v0.0.0", "-require", mux+"/transport/trpc/trpcpool@v0.0.0",
		"-replace", mux+"="+root, "-replace", mux+"/transport/trpc/trpcpool="+filepath.Join(root, "transport/trpc/trpcpool"),
		"-replace", trpcGo+"="+dir)
	return dir
}

func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// runOwnTests runs the tests, adds those that pass, and returns the output of those that do
// not, and never have; a package that fails without a test that does is one of them.
func runOwnTests(t *testing.T, dir string, passed map[string]bool, args ...string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-mod=mod", "-vet=off", "-count=1", "-json"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	outputs, failed, blamed := make(map[string]string), make(map[string]string), make(map[string]bool)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var e struct{ Action, Package, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		name := strings.TrimSuffix(e.Package+" "+e.Test, " ")
		switch e.Action {
		case "output":
			outputs[name] += e.Output
		case "pass":
			if e.Test != "" {
				passed[name] = true
			}
		case "fail": // of a package: after those of its tests
			if blamed[e.Package] && e.Test == "" {
				continue
			}
			blamed[e.Package], failed[name] = true, outputs[name]
		}
	}
	if len(outputs) == 0 {
		t.Fatalf("no test of tRPC-Go ran: %v\n%.4000s", err, out)
	}
	maps.DeleteFunc(failed, func(name, _ string) bool { return passed[name] })
	return failed
}
