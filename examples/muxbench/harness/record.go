package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Record is one measurement of a cell. Of a failed one only Err counts.
type Record struct {
	Cell
	Round   int
	Err     string        `json:",omitzero"`
	Window  time.Duration `json:",omitzero"` // how long was measured
	Offered int           `json:",omitzero"` // calls/s that were due, where Percent decides
	Calls   uint64        `json:",omitzero"` // answered and checked in the window; in an open loop, due in it
	P50     time.Duration `json:",omitzero"`
	P99     time.Duration `json:",omitzero"`
	P999    time.Duration `json:",omitzero"`
	Large   BulkResult    `json:",omitzero"` // of the large answers beside
	Client  Usage         `json:",omitzero"` // in the window
	Server  Usage         `json:",omitzero"`
	Parts   Parts         `json:",omitzero"` // of a cell that is profiled
	Idle    *Footprint    `json:",omitzero"` // of a client of many nodes, before the load
}

// BulkResult is what the callers of large answers had.
type BulkResult struct {
	Calls    uint64
	P50, P99 time.Duration
}

// Results is what a run leaves behind.
type Results struct {
	Machine Machine
	LeftOut []string `json:",omitzero"` // what was not measured, and why
	Records []Record `json:",omitzero"`
}

// Failed is an error if a measurement failed.
func (r Results) Failed() error {
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
		Kernel: strings.TrimSpace(ReadText("/proc/sys/kernel/osrelease")),
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
	"github.com/cloudwego/kitex":        true,
	"github.com/cloudwego/netpoll":      true,
	"github.com/redis/go-redis/v9":      true,
	"github.com/redis/rueidis":          true,
	"connectrpc.com/connect/v2":         true,
}

func ReadText(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	return string(b)
}

func fieldOf(file, field string) string {
	for line := range strings.Lines(ReadText(file)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == field {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// Save writes the results as JSON: a line for the run, and one for each record.
func (r Results) Save(file string) error {
	var out bytes.Buffer
	head := r
	head.Records = nil
	b, err := json.Marshal(head)
	if err != nil {
		return err
	}
	fmt.Fprintf(&out, "%s\n", b)
	for _, rec := range r.Records {
		if b, err = json.Marshal(rec); err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s\n", b)
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// LoadAll reads several runs of one machine as if they were one: the rounds of the later
// ones count on.
func LoadAll(files []string) (Results, error) {
	all, err := LoadResults(files[0])
	for _, file := range files[1:] {
		next, failed := LoadResults(file)
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

func LoadResults(file string) (Results, error) {
	var r Results
	f, err := os.Open(file)
	if err != nil {
		return r, err
	}
	defer f.Close()
	lines := json.NewDecoder(f)
	if err := lines.Decode(&r); err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	for {
		var rec Record
		if err := lines.Decode(&rec); errors.Is(err, io.EOF) {
			return r, nil
		} else if err != nil {
			return r, fmt.Errorf("%s, record %d: %w", file, len(r.Records)+1, err)
		}
		r.Records = append(r.Records, rec)
	}
}

// Distinct returns what key finds in the records, each once, in order of
// appearance.
func Distinct[K comparable](records []Record, key func(Record) K) []K {
	var all []K
	for _, r := range records {
		if k := key(r); !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return all
}
