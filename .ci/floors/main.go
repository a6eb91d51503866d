// Command floors checks that the packages of this module import downward only,
// and nothing from outside but what the module is allowed to require, that the
// errors of calls are judged in one place, that tests have a bound, and their waits, and
// do not sleep where they mean to wait, that each build tag is given by a step, that nothing strays into the root, nor a program into the tree, that a godoc
// example shows each option, and that the index of the examples lacks none.
//
// Run it in the module's root: go run ./.ci/floors
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

func main() {
	faults, err := run(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "floors:", err)
		os.Exit(2)
	}
	for _, f := range faults {
		fmt.Fprintln(os.Stderr, "floors:", f)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
}

// run checks the module in dir.
func run(dir string) (faults []string, err error) {
	pkgs, err := listPackages(dir)
	if err != nil {
		return nil, err
	}
	direct, err := listRequirements(dir)
	if err != nil {
		return nil, err
	}
	origin := make(map[string]string) // import path -> module; none for the standard library
	for _, p := range pkgs {
		if p.Module != nil {
			origin[p.ImportPath] = p.Module.Path
		}
	}
	checked := 0
	for _, p := range pkgs {
		if p.own() {
			checked++
			faults = append(faults, checkPackage(p, origin)...)
		}
	}
	if checked == 0 {
		return nil, errors.New("go list names no package of the module")
	}
	faults = append(faults, checkRequirements(direct)...)
	judged, err := checkJudgement(dir)
	if err != nil {
		return nil, err
	}
	waits, err := checkWaits(dir)
	if err != nil {
		return nil, err
	}
	mains, err := checkMains(dir, pkgs)
	if err != nil {
		return nil, err
	}
	sleeps, err := checkSleeps(dir)
	if err != nil {
		return nil, err
	}
	tags, err := checkTags(dir)
	if err != nil {
		return nil, err
	}
	top, err := checkTop(dir)
	if err != nil {
		return nil, err
	}
	built, err := checkBuilt(dir)
	if err != nil {
		return nil, err
	}
	options, err := checkOptions(dir, pkgs)
	if err != nil {
		return nil, err
	}
	index, err := checkIndex(dir)
	if err != nil {
		return nil, err
	}
	faults = slices.Concat(faults, judged, waits, mains, sleeps, tags, top, built, options, index)
	fmt.Printf("floors: %d packages, %d direct requirements, %d faults\n", checked, len(direct), len(faults))
	return faults, nil
}
