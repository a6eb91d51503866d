package main

import (
	"strings"
	"testing"
)

const p = "github.com/muxkit/muxkit/p"

func TestReport(t *testing.T) {
	excused, err := readExcuses("# why\nrace p\\.TestCost memory\nalways p\\.Test.*/udp6 no IPv6\n")
	if err != nil {
		t.Fatal(err)
	}
	pass := `{"Action":"run","Package":"` + p + `","Test":"TestA"}
{"Action":"output","Package":"` + p + `","Test":"TestA","Output":"=== RUN TestA\n"}
{"Action":"pass","Package":"` + p + `","Test":"TestA"}
{"Action":"output","Package":"` + p + `","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"` + p + `"}
`
	skip := func(name string) string {
		return `{"Action":"output","Package":"` + p + `","Test":"` + name + `","Output":"    a_test.go:3: needs nft\n"}
{"Action":"output","Package":"` + p + `","Test":"` + name + `","Output":"--- SKIP: ` + name + `\n"}
{"Action":"skip","Package":"` + p + `","Test":"` + name + `"}
`
	}
	tests := []struct {
		name, in string
		args     []string
		user     bool
		sound    bool
		says     string
	}{
		{"pass", pass, nil, false, true, "ok  \tp\t0.1s"},
		{"nothing ran", `{"Action":"skip","Package":"` + p + `"}`, nil, false, false, "no test ran"},
		{"nothing ran of another", pass + `{"Action":"output","Package":"q","Output":"ok  \tq\t0.1s [no tests to run]\n"}`, nil, false, false, "no test ran of q"},
		{"failed", pass + `{"Action":"output","Package":"` + p + `","Test":"TestB","Output":"boom\n"}
{"Action":"fail","Package":"` + p + `"}`, nil, false, false, "boom"},
		{"skipped", skip("TestB") + pass, nil, false, false, "SKIPPED  " + p + ".TestB: a_test.go:3: needs nft"},
		{"skipped, not root", skip("TestB") + pass, nil, true, true, "SKIPPED"},
		{"excused", skip("TestAll/udp6") + pass, nil, false, true, "skipped  1, as " + p + ".TestAll/udp6: no IPv6"},
		{"excused with -race", skip("TestCost") + pass, []string{"-race", "./..."}, false, true, "memory"},
		{"excused with -race only", skip("TestCost") + pass, []string{"-count=1", "./race"}, false, false, "SKIPPED"},
		{"does not build", `{"Action":"build-output","ImportPath":"p","Output":"undefined: x\n"}`, nil, false, false, "undefined: x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var said strings.Builder
			r := report{w: &said, excused: excused, given: flagsIn(tt.args), strict: !tt.user}
			if err := r.read(strings.NewReader(tt.in)); err != nil {
				t.Fatal(err)
			}
			if got := r.end(); got != tt.sound || !strings.Contains(said.String(), tt.says) {
				t.Errorf("sound %v, want %v, and %q in:\n%s", got, tt.sound, tt.says, said.String())
			}
		})
	}
}

// TestARuntimeCrash: a package in which the race detector has crashed runs once more.
func TestARuntimeCrash(t *testing.T) {
	const begun = `{"Action":"run","Package":"` + p + `","Test":"TestA"}
`
	const crash = begun + `{"Action":"output","Package":"` + p + `","Test":"TestA","Output":"SIGSEGV: segmentation violation\n"}
{"Action":"output","Package":"` + p + `","Test":"TestA","Output":"PC=0x437870 m=6 sigcode=1 addr=0x7f9bbbb00000\n"}
{"Action":"output","Package":"` + p + `","Test":"TestA","Output":"\n"}
{"Action":"output","Package":"` + p + `","Test":"TestA","Output":"goroutine 0 gp=0xc00044e780 m=6 mp=0xc000085008 [idle, synctest bubble 2]:\n"}
{"Action":"fail","Package":"` + p + `"}
`
	const fine = begun + `{"Action":"pass","Package":"` + p + `"}
`
	for _, tt := range []struct {
		name        string
		args        []string
		first, then string
		again       string
		sound       bool
	}{
		{"once", []string{"-race", "-timeout", "12m", "./..."}, crash, fine, "-race -timeout 12m " + p, true},
		{"twice", []string{"-race", "./..."}, crash, crash, "-race " + p, false},
		{"without the detector", []string{"./..."}, crash, "", "", false},
		{"a panic", []string{"-race", "."}, strings.ReplaceAll(crash, "SIGSEGV", "panic"), "", "", false},
		{"and a failure elsewhere", []string{"-race", "."}, crash + `{"Action":"fail","Package":"q"}`, fine, "-race " + p, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var said strings.Builder
			r := report{w: &said, given: flagsIn(tt.args), strict: true}
			if err := r.read(strings.NewReader(tt.first)); err != nil {
				t.Fatal(err)
			}
			if again := strings.Join(r.again(tt.args), " "); again != tt.again {
				t.Errorf("once more: %q, want %q", again, tt.again)
			}
			if err := r.read(strings.NewReader(tt.then)); err != nil {
				t.Fatal(err)
			}
			if r.end() != tt.sound {
				t.Errorf("sound: %v, want %v", !tt.sound, tt.sound)
			}
		})
	}
}

func TestExcuses(t *testing.T) {
	if _, err := readExcuses(skips); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"always p.Test", "sometimes p.Test why", "always p.(Test why"} {
		if _, err := readExcuses(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
