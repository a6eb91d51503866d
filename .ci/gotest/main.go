// Command gotest runs go test and sees to it that tests have run: it fails if none did of a package that has some, and as root,
// which CI is, if one was skipped that .ci/gotest/skips.txt does not excuse. Its
// arguments are go test's:
//
//	go run ./.ci/gotest -race ./muxpool
//
// It prints a line for each package, all that a failed one has said, and which
// tests were skipped.
package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
)

//go:embed skips.txt
var skips string

func main() {
	args := os.Args[1:]
	excused, err := readExcuses(skips)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(2)
	}
	r := report{w: os.Stdout, excused: excused, given: flagsIn(args), strict: isRoot()}
	sound := run(&r, args)
	for range 3 { // in a fresh process each time
		again := r.again(args)
		if again == nil || !sound {
			break
		}
		r.crashed = nil
		sound = run(&r, again)
	}
	if !r.end() || !sound || len(r.crashed) > 0 {
		os.Exit(1)
	}
}

// run runs go test, reads what it tells into r, and reports whether that went well but for
// what r knows of.
func run(r *report, args []string) bool {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(2)
	}
	crashed := len(r.crashed)
	readErr := r.read(out)
	_, _ = io.Copy(io.Discard, out) // lest go test waits for a reader
	err = cmd.Wait()
	if readErr != nil {
		fmt.Fprintln(os.Stderr, "gotest:", readErr)
		os.Exit(2)
	}
	return err == nil || len(r.crashed) > crashed
}

// isRoot reports whether this is root, and one that may make network namespaces: in some
// containers it may not, and the tests that need them say so.
func isRoot() bool {
	if os.Geteuid() != 0 {
		return false
	}
	err := exec.Command("unshare", "--net", "true").Run()
	if err != nil {
		fmt.Println("root, but without network namespaces: tests may be skipped:", err)
	}
	return err == nil
}
