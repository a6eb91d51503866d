package main

import (
	"go/parser"
	"go/token"
	"slices"
	"testing"
)

func TestWaits(t *testing.T) {
	const source = `package p

func TestA(t *testing.T) {
	<-c // found
	go func() { <-c }()
	serve(func() { <-c }) // another's goroutine
	rows := map[string]func(t *testing.T){"a": func(t *testing.T) { <-c }} // found
	handle(rows, func(t *testing.T) { <-c }) // found
	wg.Wait() // found
	defer wg.Wait() // found
	_ = cmd.Wait() // a process
	synctest.Wait()
	if v := <-c; v != 1 { // found
	}
	select { // found
	case <-a:
	case <-b:
	}
	select {
	case <-a:
	case <-time.After(time.Second):
	}
	late := time.After(time.Minute)
	select {
	case <-a:
		<-b // found
	case <-late:
	}
	select {
	case <-a:
	default:
	}
	<-ctx.Done()
	t.Cleanup(func() { <-c }) // found
	synctest.Test(t, func(t *testing.T) {
		defer func() { <-c }() // found
		equal(t, <-c) // found
	})
}

func helper(tb testing.TB, c chan int) int {
	return <-c // found
}

var rows = []func(t *testing.T){func(t *testing.T) { <-c }} // found

func made() func(t *testing.T) {
	<-c
	return func(t *testing.T) { <-c } // found
}

func BenchmarkA(b *testing.B) { <-c }

func other() { <-c }
`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p_test.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []int
	for _, at := range waitsIn(file) {
		got = append(got, fset.Position(at).Line)
	}
	for _, c := range file.Comments {
		if c.Text() == "found\n" {
			want = append(want, fset.Position(c.Pos()).Line)
		}
	}
	if slices.Sort(got); len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("found waits in lines %v, want %v", got, want)
	}
}

func TestAWaitIsFoundInATree(t *testing.T) {
	root := t.TempDir()
	const text = "package p\n\nfunc TestA(t *testing.T) { <-c }\n"
	write(t, root, "breaker/a_test.go", text)
	write(t, root, "breaker/a.go", text) // no test
	write(t, root, "endpoint/own/go.mod", "module own\n")
	write(t, root, "endpoint/own/b_test.go", text) // nested modules are looked at
	faults, err := checkWaits(root)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"breaker/a_test.go:3 ", "endpoint/own/b_test.go:3 "} {
		if len(faults) != 2 || faults[i][:len(want)] != want {
			t.Errorf("found %q, want %q first", faults, want)
		}
	}
}
