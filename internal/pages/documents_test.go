package pages_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
)

func tell(t *testing.T, faults []string) {
	t.Helper()
	for _, f := range faults {
		t.Error(f)
	}
}

// Every block of Go code in a document stands in a file that is compiled.
func TestCodeIsCompiled(t *testing.T) {
	blocks := 0
	for _, p := range pages.All(t, root) {
		for _, b := range p.Blocks() {
			if b.Language == "go" {
				blocks++
			}
		}
		if !followed(p.Path) {
			tell(t, pages.Uncompiled(p, readSource().text))
		}
	}
	if blocks < 60 {
		t.Errorf("only %d blocks", blocks)
	}
}

func TestLinks(t *testing.T) {
	tell(t, pages.BrokenLinks(pages.All(t, root), func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err == nil
	}))
}

// The pages are drawn as they are meant, no part is left of another version, and the first of them is
// two screens.
func TestShape(t *testing.T) {
	const screens = 90 // lines
	for _, p := range pages.All(t, root) {
		tell(t, pages.Misshapen(p))
		if n := strings.Count(p.Text, "\n"); p.Path == "README.md" && n > screens {
			t.Errorf("README.md has %d lines, and at most %d are read before a reader decides", n, screens)
		}
	}
}

// Who begins at the index of the documents finds each of them.
func TestIndex(t *testing.T) { tell(t, pages.Unfound(pages.All(t, root), "docs/README.md")) }

// foreign are the names in documents that are others': of code that is in no file here.
var foreign = map[string][]string{
	"docs/README.md":          {"MaxConnectionAge", "WaitForReady"},
	"docs/breaker.md":         {"BucketPeriod", "CircuitBreakerConfig", "DistributedCircuitBreaker", "FailureAccrualFactory", "IsExcluded", "TwoStepCircuitBreaker"},
	"docs/endpoint.md":        {"ErrQuota"},
	"docs/from-gokit-grpc.md": {"ClientParameters", "ContextToGRPC", "GRPCToContext", "MaxConnectionAge", "NewTLS", "TLSInfo", "WaitForReady"},
	"docs/from-gokit-http.md": {"ServeTLS"},
	"docs/from-trpc-go.md": {"DefaultMultiplexedPool", "ErrAssertFail", "ErrChanClose", "ErrInitPoolFail", "ErrWriteNotFinished",
		"TestClientStreamNetworkError", "VirtualConnection"},
	"docs/security.md":           {"NameOfTheTest"},
	"docs/protocols-trpc.md":     {"RetServerFullLinkTimeout"},
	"docs/protocols-ttheader.md": {"BinaryThriftGeneric", "CBSuite", "FailurePolicy", "GetPayloadCodec", "NewBizStatusError", "RPCTimeout", "WithPersistentValue"},
}

// Tests and names of Go that the documents name are there. Records of decisions, and of changes, may
// name what is gone.
func TestNames(t *testing.T) {
	s := readSource()
	met := map[string]bool{}
	for _, p := range pages.All(t, root) {
		among := func(there map[string]bool) func(string) bool {
			return func(name string) bool {
				if there[name] {
					return true
				}
				met[p.Path+name] = true
				return slices.Contains(foreign[p.Path], name)
			}
		}
		tell(t, pages.NoTests(p, among(s.tests)))
		if p.Path != "docs/changelog.md" && !strings.HasPrefix(p.Path, "docs/decisions/") {
			tell(t, pages.NoNames(p, func(name string) bool {
				return among(s.names)(name) || s.tests["Benchmark"+name] // of a pattern
			}))
		}
	}
	for page, names := range foreign {
		for _, name := range names {
			if !met[page+name] {
				t.Errorf("%s does not name %s, or it is no foreign name any more", page, name)
			}
		}
	}
}

var variable = regexp.MustCompile(`\bMUX(?:KIT|POOL)_[A-Z]+\b`)

// Variables of the environment that the documents or the steps of CI set are read: a test that knows one by
// another name makes the short run.
func TestVariables(t *testing.T) {
	texts := pages.All(t, root)
	steps, err := filepath.Glob(root + "/.ci/steps/*.sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range steps {
		texts = append(texts, pages.Page{Path: name, Text: pages.Read(t, name)})
	}
	found := 0
	for _, p := range texts {
		for _, name := range variable.FindAllString(p.Text, -1) {
			if found++; !readSource().names[name] {
				t.Errorf("%s sets %s, which nobody reads", p.Path, name)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d are set", found)
	}
}

// docs/versioning.md names every module but the root, programs and tests.
func TestModules(t *testing.T) {
	page, found := pages.Read(t, root+"/docs/versioning.md"), 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "go.mod" || strings.Contains(path, "testdata") {
			return err
		}
		name, err := filepath.Rel(root, filepath.Dir(path))
		if name = filepath.ToSlash(name); name == "." || strings.HasPrefix(name, "examples/") || strings.HasSuffix(name, "/interop") {
			return err
		}
		if found++; !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/versioning.md does not name the module %s", name)
		}
		return err
	})
	if err != nil || found < 10 {
		t.Errorf("%d modules, %v", found, err)
	}
}

var numbers = regexp.MustCompile(`(\d{4}) to (\d{4})`)

// Each record of a decision has one row among the ranges of numbers, which say what it is about.
func TestDecisions(t *testing.T) {
	const folder = root + "/docs/decisions"
	ranges := numbers.FindAllStringSubmatch(pages.Read(t, folder+"/README.md"), -1)
	records, err := filepath.Glob(folder + "/[0-9]*.md")
	if err != nil || len(records) < 100 || len(ranges) < 10 {
		t.Fatalf("%d records, %d ranges, %v", len(records), len(ranges), err)
	}
	for _, record := range records {
		rows, number := 0, filepath.Base(record)[:4]
		for _, r := range ranges {
			if r[1] <= number && number <= r[2] {
				rows++
			}
		}
		if rows != 1 {
			t.Errorf("docs/decisions/README.md has %d ranges for %s", rows, filepath.Base(record))
		}
	}
}
