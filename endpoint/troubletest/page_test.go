package troubletest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/internal/pages"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

var update = flag.Bool("update", false, "write the tables of docs/trouble.md anew")

const page = "../../docs/trouble.md"

// trouble is a row of the page: what is wrong, made by a function that returns what its caller
// gets, and what a reader wants to know of it.
type trouble struct {
	what  string
	make  func(t *testing.T) error
	means string
	do    string
}

// chapters are the page's tables, by their headings.
var chapters = []struct {
	title string
	rows  []trouble
}{
	{"No connection", connecting},
	{"TLS", secured},
	{"Another protocol, or another version", slices.Concat(foreign, http2)},
	{"Frames and limits", slices.Concat(limits, budgets)},
	{"Time", late},
	{"A server that goes away", leaving},
	{"Nodes, breakers, retries", chosen},
	{"What the server says", answered},
	{"This process", local},
}

// TestPage makes every trouble and compares the page with what is said of it. Each row is made
// beside the others of its table.
func TestPage(t *testing.T) {
	for _, c := range chapters {
		t.Run(c.title, func(t *testing.T) {
			lines := make([]string, len(c.rows))
			t.Run("rows", func(t *testing.T) {
				for i, row := range c.rows {
					t.Run(row.what, func(t *testing.T) {
						t.Parallel()
						lines[i] = row.line(t)
					})
				}
			})
			if t.Failed() || slices.Contains(lines, "") { // of a run of some rows there is no table
				return
			}
			const head = "| what is wrong | the error says | what it means | whose; was it sent | what to do |\n|---|---|---|---|---|\n"
			compare(t, c.title, head+strings.Join(lines, ""))
		})
	}
}

// line makes the trouble, looks whether its error is one that helps, and returns it as a row.
func (r trouble) line(t *testing.T) string {
	err := r.make(t)
	if err == nil {
		t.Fatal("nothing went wrong")
	}
	for _, fault := range faults(err) {
		t.Errorf("%s: %v", fault, err)
	}
	said, v := plain(err.Error()), verdict.Of(err)
	return fmt.Sprintf("| %s | `%s` | %s | %v; %v | %s |\n", r.what, strings.ReplaceAll(said, "|", `\|`), r.means, v.Whose, v.Ran, r.do)
}

// compare looks for the table under its heading, or puts it there.
func compare(t *testing.T, title, table string) {
	t.Helper()
	text := pages.Read(t, page)
	_, behind, ok := strings.Cut(text, "\n## "+title+"\n")
	start := strings.Index(behind, "\n|")
	if !ok || start < 0 {
		t.Fatalf("%s has no table under %q", page, title)
	}
	start++
	end := len(behind)
	if i := strings.Index(behind[start:], "\n\n"); i >= 0 {
		end = start + i + 1
	}
	is := behind[start:end]
	switch {
	case is == table:
	case *update:
		at := len(text) - len(behind)
		if err := os.WriteFile(page, []byte(text[:at]+behind[:start]+table+behind[end:]), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s, under %q, is\n%s\nand should be (go test ./endpoint/troubletest -run TestPage -update)\n%s", page, title, is, table)
	}
}

// What differs from run to run.
var (
	addresses = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	moments   = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
	times     = regexp.MustCompile(`(waited|retry after|nothing arrived for) [0-9.]+(m?s|µs)`)
	versions  = regexp.MustCompile(`a version 0x[0-9a-f]+ is not known`)
	resolver  = regexp.MustCompile(`(lookup \S+) on \S+: `)
	sizes     = regexp.MustCompile(`\b(\d+)\d\d bytes`)
	lost      = regexp.MustCompile(`\): write: connection lost`)
	resets    = regexp.MustCompile(`(write: broken pipe; )?(read: connection reset by peer|write: connection reset by peer|write: broken pipe|EOF)(; (EOF|(read: )?connection reset by peer))?`)
)

// plain is what an error says wherever it is made: the nodes are 10.0.0.1 and those that follow,
// sizes are round, as ids and times are told in as many bytes as they take,
// a connection's end is met by the call's read, and a peer that hangs up does so as most do.
func plain(said string) string {
	nodes := make(map[string]string)
	said = addresses.ReplaceAllStringFunc(said, func(address string) string {
		if nodes[address] == "" {
			nodes[address] = fmt.Sprintf("10.0.0.%d:8080", len(nodes)+1)
		}
		return nodes[address]
	})
	said = resolver.ReplaceAllString(said, "$1 on 10.0.0.53:53: ")
	said = versions.ReplaceAllString(said, "a version 0x2f is not known")
	said = moments.ReplaceAllString(said, "...")
	said = sizes.ReplaceAllString(said, "${1}00 bytes")
	said = lost.ReplaceAllString(said, "): read: connection lost")
	said = times.ReplaceAllString(said, "$1 1s")
	return resets.ReplaceAllString(said, "EOF")
}

// faults are what keeps an error from helping: a text of several lines or without end, one that
// says a thing twice, one whose verdict nobody gave.
func faults(err error) (all []string) {
	said := err.Error()
	if strings.ContainsAny(said, "\r\n") {
		all = append(all, "it has several lines")
	}
	if len(said) > mostSaid {
		all = append(all, fmt.Sprintf("it has %d bytes", len(said)))
	}
	for _, prefix := range []string{"muxpool: ", "muxendpoint: ", "breaker: ", "transport: "} {
		if strings.Count(said, prefix) > 1 {
			all = append(all, "it has the prefix "+prefix+"twice")
		}
	}
	seen := make(map[string]bool)
	for _, name := range nodeNames.FindAllString(said, -1) {
		if seen[name] {
			all = append(all, "it names the node "+name+" twice")
		}
		seen[name] = true
	}
	var teller verdict.Teller
	var pool interface{ Sent() bool }
	if !errors.As(err, &teller) && !errors.As(err, &pool) {
		all = append(all, "it does not say whose it is")
	}
	return all
}

// mostSaid is how long an error may be, in bytes.
const mostSaid = 8 << 10

var nodeNames = regexp.MustCompile(`(tcp|udp|unix)://[^\s\]),;]*[^\s\]),;:.]`)
