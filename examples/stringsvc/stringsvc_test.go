package stringsvc_test

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTwoProcesses builds the server and the client and lets them talk.
func TestTwoProcesses(t *testing.T) {
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./server", "./client")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server, address, logged := startServer(t, filepath.Join(dir, "server"))

	out, err := runClient(filepath.Join(dir, "client"), address, "hello, world", "grün")
	if err != nil || out != "HELLO, WORLD 12\nGRÜN 4\n" {
		t.Errorf("the client printed %q, %v", out, err)
	}
	out, err = runClient(filepath.Join(dir, "client"), address, "", "next")
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 1 || out != "NEXT 4\n" {
		t.Errorf("with an empty string the client printed %q, %v; want the others' answers and exit code 1", out, err)
	}

	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	log := logged()
	if err := server.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	for _, want := range []string{
		`method=uppercase input="hello, world" output="HELLO, WORLD" err=null`,
		`method=uppercase input= output= err="stringsvc: empty string"`,
		`method=count input=next n=4`,
		`request_count,method,uppercase,error,true\": 1`,
		`request_count,method,count,error,false\": 3`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the server's log lacks %s:\n%s", want, log)
		}
	}
}

// startServer returns the server, its address, and a function that reads its log
// to the end.
func startServer(t *testing.T, program string) (cmd *exec.Cmd, address string, logged func() string) {
	t.Helper()
	cmd = exec.Command(program, "-listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test failed on the way
	lines := bufio.NewScanner(stderr)
	addr := regexp.MustCompile(`addr=(\S+)`)
	for lines.Scan() {
		if m := addr.FindStringSubmatch(lines.Text()); m != nil {
			return cmd, m[1], func() string {
				var log strings.Builder
				for lines.Scan() {
					log.WriteString(lines.Text() + "\n")
				}
				return log.String()
			}
		}
	}
	t.Fatal("the server did not tell its address")
	return nil, "", nil
}

func runClient(program, address string, texts ...string) (stdout string, err error) {
	cmd := exec.Command(program, append([]string{"-nodes", address}, texts...)...)
	var out bytes.Buffer
	cmd.Stdout = &out
	err = cmd.Run()
	return out.String(), err
}
