package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// What a process of this program can be, its first argument.
const (
	actMember = "member" // of etcd
	actNode   = "node"
	actClient = "client"
)

// isAct reports whether a command line is that of one of these processes.
func isAct(args []string) bool {
	return len(args) > 1 && slices.Contains([]string{actMember, actNode, actClient}, args[1])
}

// told is what a process is told at its start.
type told struct {
	name, zone      string
	address         string        // where it serves
	dir             string        // member: of its data
	peers, together string        // member: where it serves the other members, and all of them, as etcd's -initial-cluster
	etcd            string        // node, client: addresses of the members, separated by commas
	lease           time.Duration // node
	ledger          string        // node: the file in which it notes what may be run only once
	rate            int           // client: calls a second
	prefers         bool          // client: nodes of its own zone
}

// actor is what it is then.
type actor interface {
	// do obeys a word of the parent's. What it returns is the answer, in JSON.
	do(word string) (any, error)
	// end ends it in good order.
	end() error
	// close ends it at once.
	close() error
}

// act is the life of such a process. When it is ready it prints a line, the address at which it serves; from then on it
// answers each line that it reads. SIGTERM ends it in good order, the end of in at once.
func act(args []string, in io.Reader, out, logs io.Writer) int {
	signal.Ignore(os.Interrupt) // Ctrl-C is for the parent, whose end closes in
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	var t told
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(logs)
	for name, to := range map[string]*string{"name": &t.name, "zone": &t.zone, "address": &t.address, "dir": &t.dir, "peers": &t.peers,
		"together": &t.together, "etcd": &t.etcd, "ledger": &t.ledger} {
		flags.StringVar(to, name, "", "")
	}
	flags.DurationVar(&t.lease, "lease", 0, "")
	flags.IntVar(&t.rate, "rate", 0, "")
	flags.BoolVar(&t.prefers, "prefers", false, "")
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	a, address, err := begin(args[0], t, logs)
	if err == nil {
		fmt.Fprintln(out, address)
		err = obey(a, in, out, terminated)
	}
	if err != nil {
		fmt.Fprintf(logs, "%s %s: %v\n", args[0], t.name, err)
		return 1
	}
	return 0
}

func begin(what string, t told, logs io.Writer) (a actor, address string, err error) {
	switch what {
	case actMember:
		return newMember(t)
	case actNode:
		return newNode(t, logs)
	}
	return newCaller(t, logs)
}

// answer is a process's to a word.
type answer struct {
	Value any    `json:"value"`
	Err   string `json:"err"`
}

func obey(a actor, in io.Reader, out io.Writer, terminated <-chan os.Signal) error {
	released := make(chan struct{})
	go func() {
		defer close(released)
		answers := json.NewEncoder(out)
		for words := bufio.NewScanner(in); words.Scan(); {
			v, err := a.do(words.Text())
			said := answer{Value: v}
			if err != nil {
				said.Err = err.Error()
			}
			if err := answers.Encode(said); err != nil {
				return // nobody listens
			}
		}
	}()
	select {
	case <-terminated:
		return a.end()
	case <-released:
		return a.close()
	}
}

// errWord is for a word that a process does not know.
func errWord(word string) error { return fmt.Errorf("what is %q?", word) }

// addresses are those of a list.
func addresses(list string) []string { return strings.Split(list, ",") }

func unless(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// ignore is err, unless it is what.
func ignore(what, err error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}
