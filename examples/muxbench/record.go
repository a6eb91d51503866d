package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Cell is what is measured: an entry under one load.
type Cell struct {
	Entry   string
	Net     string
	Size    int  // bytes of payload
	Callers int  // in a closed loop
	Pinned  bool // both processes on one CPU
	Nodes   int  // servers that the callers share among them; 0: one
}

func (c Cell) String() string {
	s := fmt.Sprintf("%s %s %s c=%d", c.Entry, c.Net, sizeName(c.Size), c.Callers)
	if c.Pinned {
		s += " pinned"
	}
	if c.Nodes > 0 {
		s += fmt.Sprintf(" nodes=%d", c.Nodes)
	}
	return s
}

// Record is one measurement of a cell. Of a failed one only Err counts.
type Record struct {
	Cell
	Round  int
	Err    string        `json:",omitempty"`
	Window time.Duration // how long was measured
	Calls  uint64        // answered and checked in the window
	P50    time.Duration
	P99    time.Duration
	Client Usage // in the window
	Server Usage
	Idle   *Footprint `json:",omitempty"` // of a client of many nodes, before the load
}

// Results is what a run leaves behind.
type Results struct {
	Machine Machine
	Records []Record
}

// failed is an error if a measurement failed.
func (r Results) failed() error {
	n := 0
	for _, rec := range r.Records {
		if rec.Err != "" {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d measurements failed: see above", n, len(r.Records))
}

// Machine tells where the figures come from.
type Machine struct {
	CPU     string
	Cores   int
	Kernel  string
	Go      string
	Date    string
	Modules []string // the rivals' versions
	Procs   int      `json:",omitempty"` // GOMAXPROCS of clients and servers; 0: Go's default
}

func thisMachine() Machine {
	m := Machine{
		CPU:    fieldOf("/proc/cpuinfo", "model name"),
		Cores:  runtime.NumCPU(),
		Kernel: strings.TrimSpace(readText("/proc/sys/kernel/osrelease")),
		Go:     runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		Date:   time.Now().Format(time.DateOnly),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if rivalModules[dep.Path] {
				m.Modules = append(m.Modules, dep.Path+" "+dep.Version)
			}
		}
	}
	return m
}

var rivalModules = map[string]bool{
	"trpc.group/trpc-go/trpc-go":        true,
	"github.com/go-kit/kit":             true,
	"google.golang.org/grpc":            true,
	"github.com/nats-io/nats.go":        true,
	"github.com/nats-io/nats-server/v2": true,
	"storj.io/drpc":                     true,
	"github.com/hashicorp/yamux":        true,
	"github.com/cloudwego/netpoll":      true,
	"github.com/redis/rueidis":          true,
}

func readText(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	return string(b)
}

func fieldOf(file, field string) string {
	for line := range strings.Lines(readText(file)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == field {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// save writes the results as JSON.
func (r Results) save(file string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

// loadAll reads several runs of one machine as if they were one: the rounds of the later
// ones count on.
func loadAll(files []string) (Results, error) {
	all, err := loadResults(files[0])
	for _, file := range files[1:] {
		next, failed := loadResults(file)
		if failed == nil && !reflect.DeepEqual(next.Machine, all.Machine) {
			failed = fmt.Errorf("%s: another machine, day or setting than in %s", file, files[0])
		}
		err = errors.Join(err, failed)
		rounds := 0
		for _, rec := range all.Records {
			rounds = max(rounds, rec.Round+1)
		}
		for _, rec := range next.Records {
			rec.Round += rounds
			all.Records = append(all.Records, rec)
		}
	}
	return all, err
}

func loadResults(file string) (Results, error) {
	var r Results
	b, err := os.ReadFile(file)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// sizeName writes 128 as "128 B" and 4096 as "4 KiB".
func sizeName(size int) string {
	if size >= 1024 && size%1024 == 0 {
		return fmt.Sprintf("%d KiB", size/1024)
	}
	return fmt.Sprintf("%d B", size)
}

// distinct returns what key finds in the records, each once, in order of
// appearance.
func distinct[K comparable](records []Record, key func(Record) K) []K {
	var all []K
	for _, r := range records {
		if k := key(r); !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}
