package interop

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// muxcall against the real server: see examples/muxcall.
func TestMuxcallToServer(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "muxcall")
	build := exec.CommandContext(t.Context(), "go", "build", "-race=false", "-o", bin, "./examples/muxcall")
	build.Dir = "../../.." // the root module's
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := newCaller(t, nil)
	call := func(code int, out, errs string, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, bin, append([]string{"-protocol", "trpc"}, args...)...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(stdout.String(), out) || !strings.Contains(stderr.String(), errs) {
			t.Errorf("%q: exit code %d, want %d; stdout %q, want %q; stderr lacks %q:\n%s", args, got, code, stdout.String(), out, errs, stderr.String())
		}
	}
	a, value := c.Node.Address, nonce()
	call(0, `{"n":"`+value+`"}`+"\n", "", a, Service+"Echo", `{ "n": "`+value+`" }`)
	call(0, "", "metadata answered-by=trpc-go", "-v", a, Service+"Echo", "{}")
	call(0, `"Metadata":{"nonce":"`+value+`"}`, "", "-H", "nonce="+value, a, Service+"Describe")
	call(1, "", "status  10001\n  code    business", a, Service+"Business", "10001")
	call(1, "", "status  22\n  code    resource exhausted", "-raw", a, Service+"Framework", "22")
	call(1, "", "sent    yes, and answered: whether it was run the answer does not tell", "-raw", a, Service+"Framework", "51")
	call(1, "", "in the service's .proto file", a, Service+"Absent")
	call(4, "", "not answered: whether it was run is not known\n  hint    tRPC-Go does not answer", "-timeout=2s", "-raw", a, Service+"Framework", "21")
	call(4, "", "status  21", "-timeout=0", "-raw", a, Service+"Framework", "21")
	for range 5 { // the process ends behind each of them
		key := nonce()
		call(0, "", "", "-oneway", "-raw", a, Service+"Note", key)
		c.Must("Arrived", key)
	}
	call(0, "", "0 failed", "-rate=200", "-duration=200ms", a, Service+"Echo", "{}")
}
