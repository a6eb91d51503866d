package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

type outcome string

const (
	noticed      outcome = "noticed"
	hung         outcome = "hang"
	survived     outcome = "SURVIVED"
	equivalent   outcome = "equivalent"
	uncompilable outcome = "uncompilable"
)

// A package of the module that has Go files beside its tests.
type pkg struct {
	ImportPath, Dir, Name     string
	GoFiles                   []string
	Imports                   []string
	TestGoFiles, XTestGoFiles []string
	TestImports, XTestImports []string
}

func (p pkg) tested() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

func (p pkg) uses(path string) bool {
	return slices.Contains(p.Imports, path) || slices.Contains(p.TestImports, path) || slices.Contains(p.XTestImports, path)
}

func (p pkg) sites() (all []site, err error) {
	wd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for _, name := range p.GoFiles {
		file, err := filepath.Rel(wd, filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		found, err := sitesIn(file)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// listPackages lists the packages to plant in: no commands, and nothing that is
// there for tests only.
func listPackages(patterns []string) ([]pkg, error) {
	all, err := goList(patterns...)
	return slices.DeleteFunc(all, func(p pkg) bool {
		return p.Name == "main" || len(p.GoFiles) == 0 || forTests.MatchString(p.ImportPath)
	}), err
}

var forTests = regexp.MustCompile(`/(examples|muxpool/(muxtest|faulttest|internal/world)|transport/protocoltest)(/|$)`)

func goList(patterns ...string) (all []pkg, err error) {
	cmd := exec.Command("go", append([]string{"list", "-json"}, patterns...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// A lab tries the mistakes of one package.
type lab struct {
	settings
	pkg    pkg
	work   string
	stages [][]string // packages whose tests are run, one stage after the other
	usual  []time.Duration
}

// newLab runs the tests without a mistake: they have to pass, and their time says
// what a hang is.
func newLab(p pkg, work string, s settings) (*lab, error) {
	l := &lab{settings: s, pkg: p, work: work}
	if p.tested() {
		l.stages = append(l.stages, []string{p.ImportPath})
	}
	if !s.near {
		all, err := goList("./...")
		if err != nil {
			return nil, err
		}
		var others []string
		for _, q := range all {
			if q.ImportPath != p.ImportPath && q.tested() && q.uses(p.ImportPath) && !strings.Contains(q.ImportPath, "/examples/") {
				others = append(others, q.ImportPath)
			}
		}
		if len(others) > 0 {
			l.stages = append(l.stages, others)
		}
	}
	for i, stage := range l.stages {
		begin := time.Now()
		if out, err := l.test(stage, 10*time.Minute, ""); err != nil {
			return nil, fmt.Errorf("the tests fail without a mistake: %w\n%s", err, out)
		}
		l.usual = append(l.usual, time.Since(begin))
		fmt.Printf("-- %s, stage %d: %d packages, %.0f s\n", p.ImportPath, i+1, len(stage), l.usual[i].Seconds())
	}
	if len(l.stages) == 0 {
		return nil, fmt.Errorf("%s has no tests", p.ImportPath)
	}
	return l, nil
}

// try plants a mistake and tells what came of it, and by what.
func (l *lab) try(m site) (o outcome, by string) {
	overlay, err := l.plant(m)
	if err != nil {
		return uncompilable, err.Error()
	}
	build := exec.Command("go", "build", "-overlay", overlay, "-o", os.DevNull, l.pkg.ImportPath)
	if out, err := build.CombinedOutput(); err != nil {
		return uncompilable, string(out)
	}
	for i, stage := range l.stages {
		out, err := l.test(stage, l.usual[i]*2+l.grace, overlay)
		switch {
		case err == nil:
		case strings.Contains(out, "panic: test timed out") || errors.Is(err, context.DeadlineExceeded):
			return hung, firstFailure(out)
		default:
			return noticed, firstFailure(out)
		}
	}
	return survived, fmt.Sprintf("%d stages", len(l.stages))
}

// plant writes the overlay with the changed file.
func (l *lab) plant(m site) (string, error) {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(l.work, "changed.go")
	text := string(src[:m.from]) + m.text + string(src[m.to:])
	if err := os.WriteFile(changed, []byte(text), 0o644); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{abs: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(l.work, "overlay.json")
	return name, os.WriteFile(name, overlay, 0o644)
}

// test runs the tests of packages; those of one that hangs, and what they have
// started, are ended.
func (l *lab) test(pkgs []string, limit time.Duration, overlay string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit+5*time.Minute) // to compile as well
	defer cancel()
	args := []string{"test", "-count=1", "-failfast", "-vet=off", "-timeout", limit.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, pkgs...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(out), err
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^(panic: .*)$|^(fatal error: .*)$`)

// firstFailure names the test that noticed.
func firstFailure(out string) string {
	m := failure.FindStringSubmatch(out)
	if m == nil {
		return "see the output"
	}
	return m[1] + m[2] + m[3]
}
