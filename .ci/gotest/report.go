package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// An event is a line of go test -json.
type event struct {
	Action, Package, Test, Output, ImportPath string
}

// A report gathers what go test tells.
type report struct {
	w       io.Writer
	excused []excuse
	given   map[string]bool // the conditions of excuses that hold in this run
	strict  bool            // a skip that is not excused is a failure

	said    map[string][]string // by package, until it ends
	crashed []string            // packages in which Go's own runtime has, once
	ran     map[string]bool     // packages of which a test has begun
	idle    []string            // packages that have tests, of which none was to run
	why     map[string]string   // by test: its last line, which is a skip's reason
	failed  bool
	skips   map[string][]string // excused, by reason
	faults  []string            // those that are not
}

func (r *report) read(in io.Reader) error {
	r.said = make(map[string][]string)
	if r.ran == nil {
		r.ran, r.why, r.skips = make(map[string]bool), make(map[string]string), make(map[string][]string)
	}
	for d := json.NewDecoder(in); ; {
		var e event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go test -json: %w", err)
		}
		r.take(e)
	}
}

func (r *report) take(e event) {
	name := e.Package + "." + e.Test
	switch {
	case e.Action == "build-output":
		fmt.Fprint(r.w, e.Output)
	case e.Action == "output":
		r.output(e, name)
	case e.Action == "run":
		r.ran[e.Package] = true
	case e.Action == "skip" && e.Test != "":
		r.skip(name)
	case e.Test == "" && (e.Action == "pass" || e.Action == "fail" || e.Action == "skip"):
		if e.Action == "fail" {
			said := strings.Join(r.said[e.Package], "")
			fmt.Fprint(r.w, said)
			if r.given["race"] && runtimeCrash.MatchString(said) && !slices.Contains(r.crashed, e.Package) {
				r.crashed = append(r.crashed, e.Package)
			} else {
				r.failed = true
			}
		}
		delete(r.said, e.Package)
	}
}

// runtimeCrash is what a process says that dies in the race detector's own code, not in Go's,
// on no goroutine: Go 1.26 does so now and then in bubbles (golang/go#78156 is of that kind).
// This module has no C. What a test does wrong is a panic, and looks otherwise.
var runtimeCrash = regexp.MustCompile(`(?m)^SIGSEGV: segmentation violation\nPC=.*\n\ngoroutine 0 gp=.*synctest bubble`)

// again is what to run once more, with the arguments args had: packages that have crashed
// like that; nil: none.
func (r *report) again(args []string) (again []string) {
	if len(r.crashed) == 0 {
		return nil
	}
	for _, a := range args {
		if a != "." && !strings.HasPrefix(a, "./") && !strings.HasPrefix(a, "/") {
			again = append(again, a)
		}
	}
	fmt.Fprintln(r.w, "Go's runtime has crashed, not a test; once more:", strings.Join(r.crashed, " "))
	return append(again, r.crashed...)
}

// output keeps what a package says for the case that it fails, and prints the
// line with which it ends well.
func (r *report) output(e event, name string) {
	line := strings.TrimSpace(e.Output)
	if e.Test == "" && strings.HasSuffix(line, "[no tests to run]") {
		r.idle = append(r.idle, e.Package)
	}
	if e.Test == "" && (strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ")) {
		fmt.Fprint(r.w, e.Output)
		return
	}
	if strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- PASS") {
		return
	}
	if !strings.HasPrefix(line, "--- SKIP") {
		r.why[name] = line
	}
	r.said[e.Package] = append(r.said[e.Package], e.Output)
}

func (r *report) skip(name string) {
	for _, x := range r.excused {
		if x.covers(name, r.given) {
			r.skips[x.reason] = append(r.skips[x.reason], name)
			return
		}
	}
	r.faults = append(r.faults, fmt.Sprintf("SKIPPED  %s: %s", name, r.why[name]))
}

// end says what was skipped and reports whether all is well.
func (r *report) end() bool {
	skipped := len(r.faults)
	for _, reason := range slices.Sorted(maps.Keys(r.skips)) {
		names := r.skips[reason]
		skipped += len(names)
		fmt.Fprintf(r.w, "skipped  %d, as %s: %s\n", len(names), names[0], reason)
	}
	for _, s := range r.faults {
		fmt.Fprintln(r.w, s)
	}
	fmt.Fprintf(r.w, "tests of %d packages ran, %d were skipped\n", len(r.ran), skipped)
	if len(r.ran) == 0 {
		fmt.Fprintln(r.w, "no test ran")
		return false
	}
	if len(r.idle) > 0 {
		fmt.Fprintln(r.w, "no test ran of", strings.Join(r.idle, " "))
		return false
	}
	if r.strict && len(r.faults) > 0 {
		fmt.Fprintln(r.w, "as root nothing is skipped but what .ci/gotest/skips.txt excuses")
		return false
	}
	return !r.failed
}
