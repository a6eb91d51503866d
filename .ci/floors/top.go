package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// topLevel is what the repository's root may hold, besides what begins with a dot.
var topLevel = []string{
	"go.mod", "go.sum", "README.md", "LICENSE",
	"transport", "muxpool", "endpoint", "breaker", "examples", "docs", "internal",
}

// leftBehind is how the names end of what tests leave, and .gitignore names.
var leftBehind = []string{".test", ".prof", ".out"}

func ignored(name string) bool {
	return slices.ContainsFunc(leftBehind, func(end string) bool { return strings.HasSuffix(name, end) })
}

// checkTop tells what stands in the root and belongs nowhere there: as a rule it was
// made beside the work, and would be committed with it.
func checkTop(root string) (faults []string, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(topLevel, name) || ignored(name) {
			continue
		}
		faults = append(faults, fmt.Sprintf("%s does not belong at the top level", name))
	}
	return faults, nil
}
