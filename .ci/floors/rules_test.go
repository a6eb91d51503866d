package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	tests := []struct {
		from, to string
		test     bool
		want     string // what the verdict begins with; empty: allowed
	}{
		{"muxpool", "muxpool/wire", false, ""},
		{"endpoint", "muxpool", false, ""},
		{"endpoint", "breaker", false, ""},
		{"examples/quickstart", "endpoint", false, ""},
		{"transport/native", "transport", false, ""},
		{"muxpool/muxtest", "muxpool", false, ""},
		{"muxpool/internal/world", "muxpool/muxtest", false, ""},
		{"examples/stringsvc/client", "examples/stringsvc/service", false, ""},

		{"muxpool/wire", "muxpool", false, "upward"},
		{"muxpool", "transport", false, "upward"},
		{"breaker", "endpoint", false, "upward"},
		{"endpoint", "examples/quickstart", false, "upward"},
		{"transport", "breaker", false, "sideways"},
		{"breaker", "transport", false, "sideways"},
		{"breaker", "transport/native", false, "sideways"},
		{"transport", "transport/native", false, "sideways"},
		{"transport/native", "transport/trpc", false, "sideways"},
		{"muxpool", "muxpool/muxtest", false, "sideways"},
		{"muxpool", "muxpool/internal/world", false, "sideways"},
		{"examples/stringsvc/client", "examples/quickstart", false, "sideways"},
		{"endpoint", "sidecar", false, "it lives on no floor"},

		{"muxpool", "muxpool", true, ""}, // a test beside the package
		{"muxpool", "muxpool/muxtest", true, ""},
		{"muxpool/faulttest", "muxpool/internal/world", true, ""},
		{"transport", "transport/native", true, ""},
		{"muxpool/wire", "muxpool/muxtest", true, "upward"},
		{"muxpool", "transport", true, "upward"},
		{"breaker", "transport", true, "sideways"},
		{"muxpool/wire", "internal/bounded", true, ""},
		{"endpoint", "internal/bounded", true, ""},
		{"endpoint", "internal/bounded", false, "downward, but"},
		{"muxpool/internal/world", "internal/bounded", false, ""},
		{"muxpool/muxtest", "internal/bounded", false, "downward, but"},
		{"endpoint/kubesd", "internal/discoverytest", true, ""},
		{"internal/discoverytest", "internal/bounded", false, ""},
		{"examples/quickstart", "internal/discoverytest", false, "downward, but"},
	}
	for _, tt := range tests {
		got := judge(tt.from, tt.to, tt.test)
		if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
			t.Errorf("judge(%q, %q, test %v) = %q, want %q", tt.from, tt.to, tt.test, got, tt.want)
		}
	}
}

func TestOutsideImports(t *testing.T) {
	tests := []struct {
		to, module string
		test       bool
		allowed    bool
	}{
		{"context", "", false, true},
		{"github.com/go-kit/kit/sd", "github.com/go-kit/kit", false, true},
		{"go.uber.org/goleak", "go.uber.org/goleak", true, true},
		{"go.uber.org/goleak", "go.uber.org/goleak", false, false},
		{"google.golang.org/grpc", "google.golang.org/grpc", false, false},
		{"google.golang.org/grpc", "google.golang.org/grpc", true, false},
	}
	for _, tt := range tests {
		faults := checkImport("transport", tt.to, tt.module, tt.test)
		if (len(faults) == 0) != tt.allowed {
			t.Errorf("import of %s (test %v): %v, want allowed %v", tt.to, tt.test, faults, tt.allowed)
		}
	}
}

func TestRequirements(t *testing.T) {
	if faults := checkRequirements(allowed); len(faults) > 0 {
		t.Errorf("the allowed requirements are refused: %v", faults)
	}
	if faults := checkRequirements(allowed[1:]); len(faults) != 1 {
		t.Errorf("one requirement less: %v, want one fault", faults)
	}
	if faults := checkRequirements(append([]string{"example.com/more"}, allowed...)); len(faults) != 1 {
		t.Errorf("one requirement more: %v, want one fault", faults)
	}
}

// TestModule runs the whole check on modules with one fault each.
func TestModule(t *testing.T) {
	const imports = "package p\nimport _ \"" + modulePath + "/"
	tests := []struct {
		name, file, text, want string
	}{
		{"sound", "breaker/b.go", imports + "muxpool\"\n", ""},
		{"upward", "muxpool/wire/w.go", imports + "breaker\"\n", "muxpool/wire imports breaker: upward"},
		{"sideways", "breaker/b.go", imports + "transport\"\n", "breaker imports transport: sideways"},
		{"sideways in a test", "breaker/b_test.go", "package p_test\nimport _ \"" + modulePath + "/transport\"\n",
			"a test of breaker imports transport: sideways"},
		{"unknown", "helpers/h.go", "package helpers\n", "helpers lives on no floor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "go.mod", "module "+modulePath+"\n\ngo 1.25\n")
			for _, pkg := range []string{"muxpool/wire", "muxpool", "breaker", "transport"} {
				write(t, dir, pkg+"/doc.go", "package p\n")
			}
			write(t, dir, tt.file, tt.text)
			faults, err := run(dir)
			if err != nil {
				t.Fatal(err)
			}
			faults = faults[:len(faults)-len(allowed)] // this module requires nothing
			if got := strings.Join(faults, "\n"); tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
				t.Errorf("faults: %q, want %q", got, tt.want)
			}
		})
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
