package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The mistakes of a package are compiled at once, those that can be; each is there when it
// is asked for and no other, whatever the function looks like.
func TestSown(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module sown\n\ngo 1.26\n",
		"p.go": `package sown

func one() int { return 1 }

// named has its result's name in front, which it declares anew.
func named(a int) (n int, err error) {
	n, b := a+1, a
	defer func() { n += b }()
	if n < 10 {
		goto end
	}
	n = 0
end:
	return
}

func saved() (ok bool) {
	defer save(&ok)
	panic("x")
}

func save(ok *bool) {
	if recover() != nil {
		*ok = true
	}
}

func endless() int {
	for i := 0; ; i++ {
		if i < 3 {
			continue
		}
		return i
	}
}
`,
		"p_test.go": `package sown

import "testing"

func TestOne(t *testing.T) {
	if one() != 1 {
		t.Error()
	}
}

func TestNamed(t *testing.T) {
	if n, _ := named(2); n != 5 {
		t.Error(n)
	}
}

func TestSaved(t *testing.T) {
	if !saved() {
		t.Error()
	}
}

func TestEndless(t *testing.T) {
	if endless() != 3 {
		t.Error()
	}
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	pkgs, err := goList(".")
	if err != nil {
		t.Fatal(err)
	}
	p := pkgs[0]
	sites, err := p.sites(false)
	if err != nil {
		t.Fatal(err)
	}
	f, sown, err := sow(p, sites, len(sites), nil, filepath.Join(dir, "work"))
	if err != nil {
		t.Fatal(err)
	}
	bin, err := f.binary(p)
	if err != nil {
		t.Fatal(err)
	}
	lab, tests := &lab{grace: 5 * time.Second}, []*test{{Pkg: p, Name: "TestOne"}, {Pkg: p, Name: "TestNamed"}, {Pkg: p, Name: "TestSaved"}, {Pkg: p, Name: "TestEndless"}}
	if !lab.sound(bin, tests) {
		t.Fatal("the tests fail without a mistake")
	}
	var got []string
	for _, m := range sown {
		o, by := lab.once(bin, m.number, tests, lab.grace)
		got = append(got, m.old+" => "+m.new+": "+strings.TrimSpace(string(o)+" "+by))
	}
	slices.Sort(got)
	want := []string{
		"*ok = true => (nothing): noticed TestSaved",
		"defer func() { n += b }() => defer func() { n -= b }(): noticed TestNamed",
		"defer save(&ok) => (nothing): noticed TestSaved",
		"for i := 0; ; i++ { => for i := 0; ; i-- {: hang TestEndless",
		"for i := 0; ; i++ { => for i := 1; ; i++ {: SURVIVED",
		"func one() int { return 1 } => func one() int { return 2 }: noticed TestOne",
		"if i < 3 { => if !(i < 3) {: noticed TestEndless",
		"if i < 3 { => if i < 4 {: noticed TestEndless",
		"if i < 3 { => if i <= 3 {: noticed TestEndless",
		"if n < 10 { => if !(n < 10) {: noticed TestNamed",
		"if n < 10 { => if n < 11 {: SURVIVED",
		"if n < 10 { => if n <= 10 {: SURVIVED",
		"if recover() != nil { => if recover() == nil {: noticed TestSaved",
		"n = 0 => (nothing): SURVIVED",
		"n = 0 => n = 1: SURVIVED",
		"n, b := a+1, a => n, b := a+2, a: noticed TestNamed",
		"n, b := a+1, a => n, b := a-1, a: noticed TestNamed",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
