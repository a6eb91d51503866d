package main

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestSleeps(t *testing.T) {
	root := t.TempDir()
	write(t, root, "muxpool/world/world.go", `package world

func InBubble(t *testing.T, f func()) { run(t, f) }

func run(t *testing.T, f func()) { synctest.Test(t, func(t *testing.T) { f() }) }
`)
	write(t, root, "muxpool/a_test.go", `package muxpool

import "github.com/muxkit/muxkit/muxpool/world"

func TestA(t *testing.T) {
	time.Sleep(1) // found
	time.Sleep(1) // the outage
	<-time.After(1) // found
	select {
	case <-time.After(1):
	case <-c:
	}
	for start := time.Now(); !ok(); time.Sleep(1) {
		time.Sleep(1) // found
	}
	helper()
}

func helper() {
	go func() { time.Sleep(1) }() // found
}

func TestB(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(1)
		inBubble()
	})
}

func TestC(t *testing.T) {
	world.InBubble(t, func() { time.Sleep(1); rows[0](t) })
}

var rows = []func(t *testing.T){func(t *testing.T) { time.Sleep(1); inBubble() }}

func inBubble() { deeper(); time.Sleep(1) }

func deeper() { time.Sleep(1) }

func both() {
	time.Sleep(1) // found
}

func TestD(t *testing.T) { world.InBubble(t, func() { both() }) }

func TestE(t *testing.T) { both() }
`)
	const name = "muxpool/a_test.go"
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	var want []string // lines
	for i, line := range strings.Split(string(b), "\n") {
		if strings.HasSuffix(line, " // found") {
			want = append(want, strconv.Itoa(i+1))
		}
	}
	write(t, root, name, strings.ReplaceAll(string(b), " // found", ""))
	faults, err := checkSleeps(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range faults {
		_, at, _ := strings.Cut(f, name+":")
		line, _, _ := strings.Cut(at, " ")
		got = append(got, line)
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("found sleeps in lines %v, want %v", got, want)
	}
}
