package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A package of the module.
type pkg struct {
	ImportPath, Dir, Name     string
	GoFiles                   []string
	TestGoFiles, XTestGoFiles []string
	Deps                      []string // all that it imports, and they
	TestImports, XTestImports []string
}

func (p pkg) tested() bool { return len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 }

func (p pkg) sites(options bool) (all []site, err error) {
	wd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for _, name := range p.GoFiles {
		file, err := filepath.Rel(wd, filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		found, err := sitesIn(file, options)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// toPlantIn lists the packages to plant in: no commands, and nothing that is there
// for tests only.
func toPlantIn(patterns []string) ([]pkg, error) {
	all, err := goList(patterns...)
	return slices.DeleteFunc(all, func(p pkg) bool {
		return p.Name == "main" || len(p.GoFiles) == 0 || forTests.MatchString(p.ImportPath)
	}), err
}

var forTests = regexp.MustCompile(`/(examples|internal/(bounded|callertest|discoverytest|pages|peertest)|muxpool/(muxtest|faulttest|internal/world)|transport/(protocoltest|attacktest))(/|$)`)

// toRun lists the packages whose tests may notice. Examples are no tests of what
// they show.
func toRun() ([]pkg, error) {
	all, err := goList("./...")
	return slices.DeleteFunc(all, func(p pkg) bool {
		return !p.tested() || strings.Contains(p.ImportPath, "/examples/") || strings.HasSuffix(p.ImportPath, "/attacktest")
	}), err
}

func goList(patterns ...string) (all []pkg, err error) {
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Name,GoFiles,TestGoFiles,XTestGoFiles,Deps,TestImports,XTestImports"}, patterns...)...)
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
