package pages_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
)

// runner says of commands in a document who runs them.
type runner struct {
	page, command string // those of the page that begin so; all, if it is empty: a test follows the page, and compiles its code
	by            string // a step of .ci, a test, or "nobody: " and why
	in            string // the folder where its reader is
}

const (
	heard    = "nobody: it prints the documentation"
	heavy    = "nobody: it is what the figures beside it were taken with"
	measures = "TestCommandsOfTheDocs" // of examples/muxbench: understood, and planned; minutes to hours
)

var runners = []runner{
	{"README.md", "go run ./examples/quickstart", "step examples", ""},
	{"README.md", "go test ./...", "step test", ""},
	{"README.md", "bash .ci/run", "nobody: this is it", ""},
	{".github/CONTRIBUTING.md", "bash .ci/run", "nobody: this is it", ""},
	{".github/CONTRIBUTING.md", "go run ./.ci/mutate ./breaker", "step mutate", ""},
	{"examples/README.md", "go test ./examples/", "step test", ""},
	{"examples/README.md", "go run -C examples/shop", "step shop", ""},
	{"examples/README.md", "go run -C examples/cluster", "step cluster", ""},
	{"examples/README.md", "go run", "step examples", ""},
	{"docs/afternoon.md", "go test ./examples/afternoon", "step test", ""},
	{"docs/breaker.md", "go test -bench . -benchmem ./breaker/", heavy, ""},
	{"docs/breaker.md", "go run ./examples/resilience", "step examples", ""},
	{"docs/discovery.md", "MUXPOOL_FULL=1 go test ./endpoint -run TestADeployOfAllNodesLosesNoCall", "step pool", ""},
	{"docs/discovery.md", "bash .ci/run kube", "step kube", ""},
	{"docs/discovery.md", "go run -C examples/cluster .", "step cluster", ""},
	{"docs/discovery.md", "go test ./endpoint -run", "step test", ""},
	{"docs/discovery.md", "go test -tags peers", "step peers", "endpoint/etcdsd/interop"},
	{"docs/endpoint.md", "go test ./endpoint -run xxx -bench", heavy, ""},
	{"docs/from-gokit-grpc.md", "go run -C examples/addsvc", "TestBothPrograms", ""},
	{"docs/from-gokit-http.md", "go run ./examples/profilesvc/", "TestBothPrograms", ""},
	{"docs/from-scratch.md", "", "step follow", ""},
	{"docs/from-trpc-go.md", "go test -tags peers -run TestTRPCGoOwnTests .", "step peers", "transport/trpc/trpcpool"},
	{"docs/getting-started.md", "go get github.com/muxkit/muxkit", "step stranger", ""},
	{"docs/getting-started.md", "go run ./examples/quickstart", "step examples", ""},
	{"docs/getting-started.md", "go install github.com/muxkit/muxkit/examples/muxcall@latest", "step stranger", ""},
	{"docs/getting-started.md", "kill -", "nobody: the reader's own process; examples/quickstart and resilience do it to theirs", ""},
	{"docs/getting-started.md", "muxcall -h", "TestHelp", ""},
	{"docs/getting-started.md", "muxcall top", "TestDocumentedTop", ""},
	{"docs/getting-started.md", "muxcall", "TestDocumentedCommands", ""},
	{"docs/getting-started.md", "source <(muxcall completion bash)", "TestCompletion", ""},
	{"docs/performance/growth.md", "go run . -growth", measures, "examples/muxbench"},
	{"docs/performance/method.md", "cd examples/muxbench", "nobody: it is where the others are run", ""},
	{"docs/performance/method.md", "D=../../docs", "nobody: a name for the others", ""},
	{"docs/performance/method.md", "go run .", measures, "examples/muxbench"},
	{"docs/performance/redis.md", "go run .", measures, "examples/muxbench"},
	{"docs/performance/where-the-time-goes.md", "go run .", measures, "examples/muxbench"},
	{"docs/performance/where-the-time-goes.md", "go test -run '^$' -bench Calls", heavy, ""},
	{"docs/production.md", "go run -C examples/shop .", "step shop", ""},
	{"docs/production.md", "curl -s", "TestCommandsOfTheDocs", ""},
	{"docs/production.md", "kill -HUP $PID", "TestCommandsOfTheDocs", ""},
	{"docs/production.md", "muxcall", "TestCommandsOfTheDocs", ""},
	{"docs/protocols-trpc.md", "cd transport/trpc/interop", "nobody: it is where the others are run", ""},
	{"docs/protocols-trpc.md", "go build -o /tmp/peer ./peer", "nobody: TestMain builds and starts the same program", "transport/trpc/interop"},
	{"docs/protocols-trpc.md", "go test -race ./...", "step nested", "transport/trpc/interop"},
	{"docs/protocols-trpc.md", "go test -run GoldenFrames . -update", "nobody: it writes what TestGoldenFrames compares", "transport/trpc/interop"},
	{"docs/protocols-ttheader.md", "muxcall -protocol ttheader", "TestThrift", ""},
	{"docs/protocols-ttheader.md", "cd transport/ttheader/interop && go test -tags peers ./...", "step peers", ""},
	{"docs/README.md", "go doc", heard, ""},
	{"docs/releasing.md", "bash .ci/run", "nobody: this is it", ""},
	{"docs/releasing.md", "go run ./.ci/release v0.1.0", "nobody: it is run once a release; what it builds the step stranger does", ""},
	{"docs/releasing.md", "go run ./.ci/api", "step api", ""},
	{"docs/reliability.md", "MUXKIT_ATTACK=60s go test -v -run TestServerUnderAttack ./transport/attacktest", "step attack", ""},
	{"docs/reliability.md", "go test -run '^$' -fuzz FuzzPeerNative", "step fuzz_long", ""},
	{"docs/trouble.md", "muxcall list", "TestListAndDescribe", ""},
	{"docs/security.md", "go doc", heard, ""},
	{"docs/security.md", "go test ./transport -run 'NameOfTheTest'", "nobody: a pattern", ""},
	{"docs/telemetry.md", "go generate ./...", "TestFilesAreFresh", "endpoint/prommux/dashboard"},
	{"docs/telemetry.md", "curl -d action=drain", "TestActions", ""},
	{"docs/transport.md", "go doc github.com/muxkit/muxkit/transport", heard, ""},
}

// followed reports whether a test follows a page from its first line to its last.
func followed(page string) bool {
	return slices.ContainsFunc(runners, func(r runner) bool { return r.page == page && r.command == "" })
}

// Every command in the documents is run by somebody, or it is said why not; and its folders, and the tests
// that it names, are there. Logs, records of decisions and the changelog tell what was typed once.
func TestCommandsAreRun(t *testing.T) {
	steps := ""
	files, err := filepath.Glob(root + "/.ci/steps/*.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		steps += pages.Read(t, f)
	}
	used := map[int]bool{}
	for _, p := range pages.All(t, root) {
		if strings.HasPrefix(p.Path, "docs/decisions/") || strings.HasPrefix(p.Path, "docs/runs/") || p.Path == "docs/changelog.md" {
			continue
		}
		for _, c := range p.Commands() {
			i := slices.IndexFunc(runners, func(r runner) bool { return r.page == p.Path && strings.HasPrefix(c, r.command) })
			if i < 0 {
				t.Errorf("%s: who runs this? Say so in this table:\n%s", p.Path, c)
				continue
			}
			used[i] = true
			if runners[i].command == "" {
				continue // its reader's folders are elsewhere
			}
			for _, fault := range lost(c, runners[i].in) {
				t.Errorf("%s: %s: %s", p.Path, c, fault)
			}
		}
	}
	for i, r := range runners {
		step, isStep := strings.CutPrefix(r.by, "step ")
		switch {
		case !used[i]:
			t.Errorf("%s has no command that begins with %q, or another row has it", r.page, r.command)
		case isStep && !strings.Contains(steps, "\nstep_"+step+"()"):
			t.Errorf("%s: %s: there is no %s", r.page, r.command, r.by)
		case !isStep && !strings.HasPrefix(r.by, "nobody: ") && !readSource().tests[r.by]:
			t.Errorf("%s: %s: there is no test %s", r.page, r.command, r.by)
		}
	}
}

var (
	within  = regexp.MustCompile(` -C (\S+)`)
	folders = regexp.MustCompile(`(?:^| )(\.?\.?/?[\w./-]*/[\w./-]*|examples/\w+)`)
	chosen  = regexp.MustCompile(`-(run|bench|fuzz) '?([^' ]+)'?`)
)

// lost tells what a command of go names in vain, for who is in a folder.
func lost(command, in string) (faults []string) {
	if !strings.Contains(command, "go ") {
		return nil
	}
	if m := within.FindStringSubmatch(command); m != nil {
		if _, err := os.Stat(filepath.Join(root, in, m[1])); err != nil {
			faults = append(faults, err.Error())
		}
		command, in = strings.Replace(command, m[0], " ", 1), path.Join(in, m[1])
	}
	for _, m := range folders.FindAllStringSubmatch(command, -1) {
		name := strings.TrimSuffix(strings.TrimSuffix(m[1], "..."), "/")
		if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "github.com/") || strings.HasPrefix(name, "golang.org/") {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, in, path.Clean(name))); err != nil {
			faults = append(faults, err.Error())
		}
	}
	faults = append(faults, unknownFlags(command, in)...)
	for _, m := range chosen.FindAllStringSubmatch(command, -1) {
		for _, pattern := range strings.Split(m[2], "|") {
			pattern, _, _ = strings.Cut(pattern, "/")
			there := slices.Contains([]string{"^$", "xxx", ".", "NameOfTheTest"}, pattern)
			for name := range readSource().tests {
				there = there || strings.Contains(name, pattern)
			}
			if !there {
				faults = append(faults, "there is no test "+pattern)
			}
		}
	}
	return faults
}

// unknownFlags tells which flags are given to a program that go run runs, and of which its source says nothing.
func unknownFlags(command, in string) (faults []string) {
	_, given, _ := strings.Cut(command, "go run ")
	args := strings.Fields(given)
	program := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
	if program < 0 {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(root, in, path.Clean(args[program]), "*.go")) // a wrong pattern finds none
	source := ""
	for _, f := range files {
		text, _ := os.ReadFile(f) // nor does one that is gone
		source += string(text)
	}
	for _, a := range args[program+1:] {
		if strings.ContainsAny(a, "|>&#") {
			break // another command, or a file
		}
		name, isFlag := strings.CutPrefix(a, "-")
		name, _, _ = strings.Cut(name, "=")
		if isFlag && name != "h" && !strings.Contains(source, strconv.Quote(name)) {
			faults = append(faults, "there is no flag -"+name)
		}
	}
	return faults
}

func TestLost(t *testing.T) {
	for command, want := range map[string]string{
		"go run ./examples/quickstart":                   "",
		"go run ./examples/quickstart -kill=false":       "",
		"go run ./examples/quickstart -killed":           "there is no flag -killed",
		"go run -C examples/shop . -rate 10 # -x":        "",
		"go run -C examples/shop . -nosuch 10":           "there is no flag -nosuch",
		"go test ./... -run 'TestLost|TestLinks/x' -v":   "",
		"go run -C examples/nowhere .":                   "no such file",
		"go run -C examples/addsvc ./before":             "",
		"go run -C examples/addsvc ./nowhere":            "no such file",
		"go test ./nowhere/... -run xxx":                 "no such file",
		"go test -run TestLos -bench TestOfNobody2 .":    "there is no test TestOfNobody2",
		"curl http://localhost/nowhere":                  "",
		"go install github.com/muxkit/muxkit/x/y@latest": "",
	} {
		if got := strings.Join(lost(command, ""), "; "); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}
