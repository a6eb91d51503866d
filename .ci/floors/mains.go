package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// unwatched are packages whose tests may take as long as they want, with all below them.
var unwatched = []string{
	"examples",             // programs
	"internal/bounded",     // watches itself
	"internal/pages",       // a helper of tests
	"transport/attacktest", // as long as it is told
}

// runs is the call, and no comment.
var runs = regexp.MustCompile(`(?m)^[^/\n]*\.Tests\(m\)`)

// checkMains tells which package of the root module has tests that nobody watches: one
// that makes no end is then found by the binary's time only. See bounded.Tests.
func checkMains(root string, pkgs []listed) (faults []string, err error) {
	for _, p := range pkgs {
		dir := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
		if !p.own() || slices.ContainsFunc(unwatched, func(u string) bool { return dir == u || strings.HasPrefix(dir, u+"/") }) {
			continue
		}
		tests, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
		if err != nil {
			return nil, err
		}
		watched := len(tests) == 0
		for _, name := range tests {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			watched = watched || runs.Match(text)
		}
		if !watched {
			faults = append(faults, fmt.Sprintf("%s: tests without an end hang: its TestMain runs no bounded.Tests", dir))
		}
	}
	return faults, nil
}
