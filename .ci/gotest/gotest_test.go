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
