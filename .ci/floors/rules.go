package main

import (
	"fmt"
	"slices"
	"strings"
)

const modulePath = "github.com/muxkit/muxkit"

// allowed are the modules that the root module may require. More need a record
// in docs/decisions.
var allowed = []string{
	"github.com/go-kit/kit",
	"github.com/go-kit/log",
	"github.com/sony/gobreaker",
	testOnly,
}

// testOnly is for tests alone.
const testOnly = "go.uber.org/goleak"

// testTools may be imported by every test above the ground floor, and by each other,
// and are themselves no part of what users run.
var testTools = []string{"muxpool/muxtest", world}

// world tells the stories of the pool's tests, and only tests can import it: it may use what they may.
const world = "muxpool/internal/world"

// testHelpers may be imported by all tests, and by each other, and by nothing else.
var testHelpers = []string{"internal/bounded", "internal/callertest", "internal/discoverytest", "internal/pages", "internal/peertest"}

// floors says where each package lives; "x/..." stands for all packages below x.
var floors = []struct {
	pattern string
	floor   int
}{
	{"internal/bounded", 0},       // for tests only
	{"internal/pages", 0},         // likewise
	{"internal/peertest", 0},      // likewise
	{"internal/callertest", 4},    // likewise
	{"internal/discoverytest", 4}, // likewise
	{"internal/text", 0},
	{"internal/speaks", 0},
	{"internal/discovery", 1}, // for followers of discovery systems, here and in nested modules
	{"muxpool/wire", 0},
	{"muxpool/deadline", 0},
	{"muxpool", 1},
	{"muxpool/muxtest", 1},
	{world, 1},
	{"muxpool/faulttest", 3}, // tests only, of pools and Services in network namespaces
	{"muxpool/debug", 1},
	{"muxpool/verdict", 1},
	{"transport", 2},
	{"transport/...", 2},
	{"internal/rpcstatus", 2},
	{"breaker", 2},
	{"endpoint", 3},
	{"endpoint/admin", 3},
	{"endpoint/troubletest", 3}, // tests only
	{"endpoint/filesd", 3},
	{"endpoint/consulsd", 3},
	{"endpoint/kubesd", 3},
	{"examples/...", 4},
}

func floorOf(pkg string) (floor int, ok bool) {
	for _, f := range floors {
		below, tree := strings.CutSuffix(f.pattern, "...")
		if pkg == f.pattern || tree && strings.HasPrefix(pkg, below) {
			return f.floor, true
		}
	}
	return 0, false
}

// house is the part of a floor that a package and its relatives live in.
func house(pkg string) string {
	parts := strings.SplitN(pkg, "/", 3)
	if parts[0] == "examples" && len(parts) > 1 {
		return parts[0] + "/" + parts[1] // examples are independent of each other
	}
	return parts[0]
}

// checkPackage tells what is wrong with the imports of p.
func checkPackage(p listed, origin map[string]string) (faults []string) {
	name := relative(p.ImportPath)
	if _, ok := floorOf(name); !ok {
		return []string{fmt.Sprintf("%s lives on no floor: say in .ci/floors/rules.go where it belongs", name)}
	}
	for _, to := range p.Imports {
		faults = append(faults, checkImport(name, to, origin[to], false)...)
	}
	tests := append(slices.Clone(p.TestImports), p.XTestImports...)
	slices.Sort(tests)
	for _, to := range slices.Compact(tests) {
		faults = append(faults, checkImport(name, to, origin[to], true)...)
	}
	return faults
}

// checkImport tells what is wrong with the import of to, which belongs to module,
// by the package from, or by its tests.
func checkImport(from, to, module string, test bool) []string {
	who := from
	if test {
		who = "a test of " + from
	}
	if module == "" && !strings.HasPrefix(to, modulePath+"/") {
		return nil // the standard library
	}
	if module != "" && module != modulePath {
		if !slices.Contains(allowed, module) || module == testOnly && !test {
			return []string{fmt.Sprintf("%s imports %s", who, to)}
		}
		return nil
	}
	to = relative(to)
	if direction := judge(from, to, test); direction != "" {
		return []string{fmt.Sprintf("%s imports %s: %s", who, to, direction)}
	}
	return nil
}

// judge says which rule forbids from, or its tests, to import to; empty if none
// does.
func judge(from, to string, test bool) string {
	above, _ := floorOf(from)
	below, ok := floorOf(to)
	switch {
	case !ok:
		return "it lives on no floor"
	case test && from == to, slices.Contains(testHelpers, to) && (test || slices.Contains(testHelpers, from) || from == world):
		return ""
	case slices.Contains(testTools, to) && (test && above > 0 || slices.Contains(testTools, from)):
		return ""
	case slices.Contains(testHelpers, to) && !slices.Contains(testHelpers, from):
		return "downward, but it is for tests"
	case above < below:
		return fmt.Sprintf("upward, from floor %d to floor %d", above, below)
	case above > below:
		return ""
	case strings.HasPrefix(from, to+"/"):
		return "" // a part knows its whole
	case house(from) == house(to) && (test || above == 4):
		return "" // the tests of a house may use all of it, and an example is one program
	}
	return fmt.Sprintf("sideways, on floor %d", above)
}

// checkRequirements tells what is wrong with the direct requirements of go.mod.
func checkRequirements(direct []string) (faults []string) {
	for _, m := range direct {
		if !slices.Contains(allowed, m) {
			faults = append(faults, fmt.Sprintf("go.mod requires %s", m))
		}
	}
	for _, m := range allowed {
		if !slices.Contains(direct, m) {
			faults = append(faults, fmt.Sprintf("go.mod does not require %s directly: run go mod tidy", m))
		}
	}
	return faults
}

// relative is the import path without the module's.
func relative(pkg string) string {
	if rest, ok := strings.CutPrefix(pkg, modulePath+"/"); ok {
		return rest
	}
	return pkg
}
