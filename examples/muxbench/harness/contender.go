// Package harness measures: cells, each in a server process and a client process that are
// started for it, in rounds.
//
//	Bench.Rounds -> Bench.Measure -> process -> Job -> load (closed), open, bulk -> histogram
//	                     |
//	                     +-- relay, link: networks that are not the loopback
package harness

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

// DialOne is the Dial of a contender that could call many.
func DialOne(c ManyNodes, env Env) (Client, error) {
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
	// Sized: its server answers a bulk request with as much as it asks for (Answer).
	Sized bool
	// NoWrites: it writes with a system call that /proc/self/io does not count.
	NoWrites bool
	// Variant: it differs from another contender in one setting, and is left out
	// of the plots.
	Variant bool
	// Program is one that its server is, which has to be there: it is measured where it is
	// named. Empty: there is none.
	Program string
	// Nets are the networks it runs on, of "tcp", "tls" and "unix". Nil: tcp.
	Nets []string
}

// AllNets are the networks that a contender may know.
var AllNets = []string{TCP, TLS, Unix}

// Entry is a contender in one mode.
type Entry struct {
	Name string
	Contender
	contexts contexts
}

// contexts says which context each call gets.
type contexts int

const (
	background contexts = iota // context.background for all
	ofContext                  // one of its own with a deadline, of context.WithTimeout
	ofDeadline                 // likewise, of muxpool/deadline
)

// What ends the names of entries, of a contender that takes contexts, whose contexts
// are others than those of context.WithTimeout.
const (
	WithoutContexts = "+bg"
	WithDeadline    = "+deadline"
)

// Usual reports whether the entry is the contender as most would run it.
func (e Entry) Usual() bool { return e.Name == e.Info().Name }

// field are the contenders that entered, and hidden the entries of those that are
// there to check the program.
var (
	field  []Contender
	hidden []Entry
)

// Enter adds contenders, in the order of tables. It is for init functions.
func Enter(c ...Contender) { field = append(field, c...) }

// EnterHidden adds contenders that are found by name only, and get no contexts. It is
// for init functions.
func EnterHidden(c ...Contender) {
	for _, c := range c {
		hidden = append(hidden, Entry{c.Info().Name, c, background})
	}
}

// Field returns the contenders that entered.
func Field() []Contender { return field }

// Entries lists what can be measured.
func Entries() []Entry {
	var all []Entry
	for _, c := range field {
		info := c.Info()
		if !info.Contexts {
			all = append(all, Entry{info.Name, c, background})
			continue
		}
		all = append(all, Entry{info.Name, c, ofContext},
			Entry{info.Name + WithDeadline, c, ofDeadline},
			Entry{info.Name + WithoutContexts, c, background})
	}
	return all
}

// FindEntry finds an entry by its exact name, hidden ones too.
func FindEntry(name string) (Entry, error) {
	plain := strings.TrimSuffix(name, OfOther)
	for _, e := range append(Entries(), hidden...) {
		if e.Name == plain {
			e.Name = name
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("unknown contender %q; there are: %s", name, strings.Join(EntryNames(Entries()), ", "))
}

// SelectEntries finds the entries that match one of the comma-separated
// patterns of path.Match. The empty string selects each contender that needs no program once,
// with the contexts that most would use. A pattern that ends with OfOther selects the same of another
// commit.
func SelectEntries(patterns string) ([]Entry, error) {
	var selected []Entry
	if patterns == "" {
		for _, e := range Entries() {
			if e.Usual() && e.Info().Program == "" {
				selected = append(selected, e)
			}
		}
		return selected, nil
	}
	for p := range strings.SplitSeq(patterns, ",") {
		found := false
		plain, other := strings.CutSuffix(p, OfOther)
		for _, e := range Entries() {
			ok, err := path.Match(plain, e.Name)
			if err != nil {
				return nil, fmt.Errorf("-contenders: %q: %w", p, err)
			}
			if ok {
				found = true
				if other {
					e.Name += OfOther
				}
				if !slices.ContainsFunc(selected, func(s Entry) bool { return s.Name == e.Name }) {
					selected = append(selected, e)
				}
			}
		}
		if !found {
			_, err := FindEntry(p)
			return nil, fmt.Errorf("-contenders: %w", err)
		}
	}
	return selected, nil
}

func EntryNames(all []Entry) []string {
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name
	}
	return names
}

// Networks returns the networks it runs on.
func (i Info) Networks() []string {
	if i.Nets == nil {
		return []string{"tcp"}
	}
	return i.Nets
}

// Can reports whether the contender can do what a cell asks for.
func (i Info) Can(c Cell) bool {
	return slices.Contains(i.Networks(), c.base()) && (i.Sized || c.Bulk.Callers == 0)
}
