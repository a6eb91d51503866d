package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Contender is one way of making a call. A zero value must be usable.
type Contender interface {
	Info() Info
	// Serve starts an echo server and returns the address to dial. The server
	// runs until its process ends.
	Serve(env Env) (addr string, err error)
	// Dial connects to env.Addr on behalf of env.Callers callers.
	Dial(env Env) (Client, error)
}

// Client is a contender's client, shared by all callers of the process.
type Client interface {
	// Caller makes the Call of caller i, 0 <= i < env.Callers. It is called once
	// for each i, from one goroutine, before the first Call.
	Caller(i int) (Call, error)
}

// ClientFunc is a Client that is a function.
type ClientFunc func(i int) (Call, error)

func (f ClientFunc) Caller(i int) (Call, error) { return f(i) }

// Call sends req and hands the answer to check, which copies nothing and keeps
// nothing: the answer's memory may be given back when check returns. One caller
// runs one Call at a time. Nobody writes to req before Call returns.
type Call func(ctx context.Context, req []byte, check Check) error

// ManyNodes is a Contender whose client calls any number of servers.
type ManyNodes interface {
	Contender
	// Connect returns what makes a caller's way to call the servers. Dial is
	// dialOne of it.
	Connect(env Env) (func() CallTo, error)
}

// CallTo is a Call to the server at addr.
type CallTo func(ctx context.Context, addr string, req []byte, check Check) error

// dialOne is the Dial of a contender that could call many.
func dialOne(c ManyNodes, env Env) (Client, error) {
	newCall, err := c.Connect(env)
	return ClientFunc(func(int) (Call, error) {
		call := newCall()
		return func(ctx context.Context, req []byte, check Check) error { return call(ctx, env.Addr, req, check) }, nil
	}), err
}

// Check verifies an answer. A Call returns its error.
type Check func(resp []byte) error

// Info describes a contender.
type Info struct {
	Name  string
	About string // its settings, in a line for the documentation

	// Contexts: Call ends with its context. Such a contender is run with a fresh
	// context and deadline for each call, of context.WithTimeout; as "name+deadline"
	// of muxkit's own deadline.WithTimeout; and as "name+bg" without.
	Contexts bool
	// Batched: one Call stands for all env.Callers callers, and checks as many
	// answers.
	Batched bool
	// NoWrites: it writes with a system call that /proc/self/io does not count.
	NoWrites bool
	// Variant: it differs from another contender in one setting, and is left out
	// of the plots.
	Variant bool
	// Nets are the networks it runs on, of "tcp", "tls" and "unix". Nil: tcp.
	Nets []string
}

var allNets = []string{"tcp", "tls", "unix"}

// Entry is a contender in one mode.
type Entry struct {
	Name string
	Contender
	contexts contexts
}

// contexts says which context each call gets.
type contexts int

const (
	background contexts = iota // context.Background for all
	ofContext                  // one of its own with a deadline, of context.WithTimeout
	ofDeadline                 // likewise, of muxpool/deadline
)

// What ends the names of entries, of a contender that takes contexts, whose contexts
// are others than those of context.WithTimeout.
const (
	withoutContexts = "+bg"
	withDeadline    = "+deadline"
)

// usual reports whether the entry is the contender as most would run it.
func (e Entry) usual() bool { return e.Name == e.Info().Name }

// entries lists what can be measured.
func entries() []Entry {
	var all []Entry
	for _, c := range contenders {
		info := c.Info()
		if !info.Contexts {
			all = append(all, Entry{info.Name, c, background})
			continue
		}
		all = append(all, Entry{info.Name, c, ofContext},
			Entry{info.Name + withDeadline, c, ofDeadline},
			Entry{info.Name + withoutContexts, c, background})
	}
	return all
}

// findEntry finds an entry by its exact name, among those of check too.
func findEntry(name string) (Entry, error) {
	for _, e := range append(entries(), checkEntries()...) {
		if e.Name == name {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("unknown contender %q; there are: %s", name, strings.Join(entryNames(entries()), ", "))
}

// selectEntries finds the entries that match one of the comma-separated
// patterns of path.Match. The empty string selects each contender once, with the
// contexts that most would use.
func selectEntries(patterns string) ([]Entry, error) {
	var selected []Entry
	if patterns == "" {
		for _, e := range entries() {
			if e.usual() {
				selected = append(selected, e)
			}
		}
		return selected, nil
	}
	for p := range strings.SplitSeq(patterns, ",") {
		found := false
		for _, e := range entries() {
			ok, err := path.Match(p, e.Name)
			if err != nil {
				return nil, fmt.Errorf("-contenders: %q: %w", p, err)
			}
			if ok {
				found = true
				if !slices.ContainsFunc(selected, func(s Entry) bool { return s.Name == e.Name }) {
					selected = append(selected, e)
				}
			}
		}
		if !found {
			_, err := findEntry(p)
			return nil, fmt.Errorf("-contenders: %w", err)
		}
	}
	return selected, nil
}

func entryNames(all []Entry) []string {
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name
	}
	return names
}

// networks returns the networks it runs on.
func (i Info) networks() []string {
	if i.Nets == nil {
		return []string{"tcp"}
	}
	return i.Nets
}

// runsOn reports whether the contender runs on the network.
func (i Info) runsOn(network string) bool { return slices.Contains(i.networks(), network) }
