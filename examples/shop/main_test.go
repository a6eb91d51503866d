package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary a node, or prints a token, where the program would.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "token") {
		os.Exit(command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

func TestSenselessArguments(t *testing.T) {
	for args, want := range map[string]string{
		"sell":                                 `"sell" is neither serve nor certs`,
		"-rate 1":                              "-rate=1 is not from 10 to 5000",
		"-rate x":                              "invalid value",
		"-stop 1ms":                            "-stop=1ms is not",
		"-timeout 0s":                          "-timeout=0s is not",
		"-settle 2m":                           "-settle=2m0s is not",
		"-duration -1s":                        "-duration=-1s is negative",
		"-traces here":                         `-traces="here" is neither`,
		"-scenes flood":                        `"flood" is neither all nor one of restart,kill,stop,scale,renew`,
		"-scenes kill, more":                   `"" is neither`,
		"more":                                 `"more" is neither`,
		"-plan more":                           `what is "more"?`,
		"serve -service stock":                 "-dir is wanted",
		"serve -dir x":                         `-service "" is none of`,
		"serve -dir x -service edge":           `-service "edge" is none of`,
		"serve -dir x -service shop -p":        "-p",
		"serve -dir x -service shop -grace 0s": "-grace must be above 0",
		"certs":                                "-dir is wanted",
	} {
		var said bytes.Buffer
		if code := command(strings.Fields(args), strings.NewReader(""), io.Discard, &said); code != 2 || !strings.Contains(said.String(), want) {
			t.Errorf("shop %s: exit code %d, %q; want 2 and %q", args, code, said.String(), want)
		}
	}
}

// What cannot begin is told, and nothing of it goes on: TestMain looks for goroutines.
func TestWhatCannotBegin(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"no folder":          os.RemoveAll,
		"no certificate":     func(dir string) error { return os.Remove(filesOf(dir, shop).certificate) },
		"another's key":      func(dir string) error { return os.Rename(filesOf(dir, edge).key, filesOf(dir, shop).key) },
		"no customers' key":  func(dir string) error { return os.Remove(filesOf(dir, shop).customers) },
		"a customers' cert":  func(dir string) error { return os.Rename(filesOf(dir, edge).certificate, filesOf(dir, shop).customers) },
		"senseless settings": func(dir string) error { return replace(filesOf(dir, shop).settings, []byte(`{"retry": 1}`)) },
	} {
		dir := t.TempDir()
		if err := makeCertificates(dir); err != nil {
			t.Fatal(err)
		}
		if err := replace(filesOf(dir, shop).settings, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		args := []string{"serve", "-dir", dir, "-service", shop}
		if code := command(args, strings.NewReader(""), io.Discard, &said); code != 1 || !strings.Contains(said.String(), dir) {
			t.Errorf("%s: exit code %d, %q", name, code, said.String())
		}
	}
}

func TestPlan(t *testing.T) {
	var said bytes.Buffer
	if code := command([]string{"-plan"}, strings.NewReader(""), &said, io.Discard); code != 0 {
		t.Error(code)
	}
	for _, s := range scenes {
		if !strings.Contains(said.String(), "\n"+s.name+" ") {
			t.Errorf("the plan lacks %s:\n%s", s.name, said.String())
		}
	}
}
