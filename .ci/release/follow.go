package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The pages that are followed: the first one step by step, and the code of the second in the
// directory named.
const (
	walk   = "docs/from-scratch.md"
	plugin = "docs/afternoon.md"
	within = "afternoon"
)

// commandTime bounds a command.
const commandTime = 10 * time.Minute

// follow does in an empty directory what the pages say, as somebody who has nothing but them, with
// the modules as they are now.
func follow(root, version string) error {
	modules, err := modulesIn(root)
	if err != nil {
		return err
	}
	s, err := newStranger(root, version, modules)
	if err != nil {
		return err
	}
	defer os.RemoveAll(s.work)
	page, err := os.ReadFile(filepath.Join(root, walk))
	if err != nil {
		return err
	}
	other, err := os.ReadFile(filepath.Join(root, plugin))
	if err != nil {
		return err
	}
	bin := filepath.Join(s.work, "bin")
	f := follower{dir: filepath.Join(s.work, "empty"), env: append(s.env,
		"GOFLAGS=-modcacherw -trimpath", // as a reader, who changes go.mod by go get alone
		"GOSUMDB=off",                   // modules are from the disk
		"GOBIN="+bin, "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))}
	if f.plug, err = plugIn(string(other), within, importable(modules[0])); err != nil {
		return fmt.Errorf("%s: %w", plugin, err)
	}
	text, err := onFreePorts(string(page))
	if err != nil {
		return err
	}
	return f.follow(steps(text))
}

// importable are the packages that an editor knows by the names that code gives them.
func importable(root *module) map[string]string {
	imports := make(map[string]string)
	for _, p := range root.packages() {
		if !p.command {
			imports[path.Base(p.path)] = p.path
		}
	}
	for _, p := range []string{"bytes", "context", "encoding/binary", "errors", "fmt", "io", "net", "sync", "testing", "time"} {
		imports[path.Base(p)] = p
	}
	imports["rand"] = "math/rand/v2"
	return imports
}

// onFreePorts replaces the ports of the loopback on a page by others that are free.
func onFreePorts(page string) (string, error) {
	for port := 7001; port < 7010; port++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		defer l.Close() // none of the others gets it
		page = strings.ReplaceAll(page, fmt.Sprintf("127.0.0.1:%d", port), l.Addr().String())
	}
	return page, nil
}

// follower is one shell in a directory.
type follower struct {
	dir  string
	env  []string
	plug map[string]string // the files of the plug-in

	in  io.Writer
	out chan string // lines
}

func (f *follower) follow(all []step) error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return err
	}
	shell := exec.Command("bash")
	shell.Dir, shell.Env, shell.SysProcAttr = f.dir, f.env, &syscall.SysProcAttr{Setpgid: true}
	in, err := shell.StdinPipe()
	if err != nil {
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	shell.Stdout, shell.Stderr = write, write
	err = shell.Start()
	write.Close()
	if err != nil {
		return err
	}
	f.in, f.out = in, make(chan string)
	done := make(chan struct{})
	defer func() {
		_ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) // and what it has started
		close(done)
		_ = shell.Wait()
	}()
	go func() {
		defer close(f.out)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			select {
			case f.out <- lines.Text() + "\n":
			case <-done:
				return
			}
		}
	}()
	files, commands := 0, 0
	for _, s := range all {
		if s.file != "" {
			files++
			if err := f.write(s.file, s.text); err != nil {
				return err
			}
		}
		for _, c := range s.commands {
			commands++
			if strings.Contains(c.text, "./"+within) {
				for name, text := range f.plug {
					if err := f.write(name, text); err != nil {
						return err
					}
				}
			}
			if err := f.give(c); err != nil {
				return fmt.Errorf("%s: %w", walk, err)
			}
		}
	}
	if files < 5 || commands < 20 {
		return fmt.Errorf("%s has %d files and %d commands: it is not read right", walk, files, commands)
	}
	fmt.Printf("ok      %d files, %d commands\n", files, commands)
	return nil
}

func (f *follower) write(name, text string) error {
	name = filepath.Join(f.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, []byte(text), 0o644)
}

// endMark is printed behind what a command prints.
const endMark = "~~~ that was "

// give gives a command to the shell, and compares what it prints. One that fails is a failure,
// unless the page has its exit code printed.
func (f *follower) give(c command) error {
	began := time.Now()
	if _, err := fmt.Fprintf(f.in, "{ %s\n} </dev/null; printf '\\n%s%%d\\n' $?\n", c.text, endMark); err != nil {
		return err
	}
	timeout := time.After(commandTime)
	var got strings.Builder
	for {
		select {
		case line, ok := <-f.out:
			if !ok {
				return fmt.Errorf("$ %s\nthe shell has ended", c.text)
			}
			status, ended := strings.CutPrefix(line, endMark)
			if !ended {
				got.WriteString(line)
				continue
			}
			said := strings.TrimSuffix(got.String(), "\n") // printf's own
			fmt.Printf("%5.1f s  $ %s\n", time.Since(began).Seconds(), c.text)
			switch {
			case !c.prints(said):
				return fmt.Errorf("$ %s\nprints\n%s\nand not\n%s", c.text, said, c.want)
			case status != "0\n" && !strings.HasPrefix(c.want, "no: "):
				return fmt.Errorf("$ %s\nends with %s%s", c.text, status, said)
			}
			return nil
		case <-timeout:
			return fmt.Errorf("$ %s\nhas no end; so far it has printed\n%s", c.text, got.String())
		}
	}
}
