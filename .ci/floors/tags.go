package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// given are the build tags that a step of .ci gives, and those of the go command that occur here.
var given = []string{"browser", "muxguard", "peers", "race", "linux", "unix", "386"}

var (
	constraint = regexp.MustCompile(`(?m)^//go:build (.*)`)
	tag        = regexp.MustCompile(`\w+`)
)

// checkTags tells which files below root have a build tag that nobody gives: they are never compiled, nor are the tests
// in them run.
func checkTags(root string) (faults []string, err error) {
	err = eachGoFile(root, func(name string) error {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if m := constraint.FindSubmatch(text); m != nil {
			for _, t := range tag.FindAllString(string(m[1]), -1) {
				if !slices.Contains(given, t) {
					faults = append(faults, fmt.Sprintf("%s: no step gives the build tag %s", name, t))
				}
			}
		}
		return nil
	})
	return faults, err
}
