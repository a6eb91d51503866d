package harness

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Bench measures cells, each in two new processes.
type Bench struct {
	Warmup   time.Duration
	Duration time.Duration // of the window; those of loads that are counted in few calls are longer
	Deadline time.Duration // of each call, where the entry takes contexts
	Procs    int           // GOMAXPROCS of the children; 0: Go's default
	Other    string        // the program, of another commit, whose processes run entries that end with OfOther
	Log      io.Writer     // progress, a line a measurement
	Profiles string        // the directory for CPU profiles; empty: none
	dir      string        // for certificates and sockets
	link     *link         // made for the first cell that needs it
}

// answerTime bounds how long a child may take beyond what it was told to.
const answerTime = 30 * time.Second

// ErrNoCalls is why a measurement failed in which nothing was answered, on a machine that
// was too busy, or a window that was too short.
var ErrNoCalls = errors.New("no call was answered inside the window")

// NewBench makes the directory of certificates and sockets; close removes it.
func NewBench(log io.Writer) (*Bench, error) {
	dir, err := os.MkdirTemp("", "muxbench")
	if err != nil {
		return nil, err
	}
	b := &Bench{
		Warmup: 250 * time.Millisecond, Duration: time.Second, Deadline: 30 * time.Second, dir: dir, Log: log,
	}
	if err := writeCertificate(dir); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close removes what the bench made.
func (b *Bench) Close() error { return errors.Join(b.link.remove(), os.RemoveAll(b.dir)) }

// Measure measures one cell. A failure is told in the record.
func (b *Bench) Measure(cell Cell) Record { return b.measureAt(cell, 0) }

// measureAt measures a cell with offered calls a second; 0: as the cell says.
func (b *Bench) measureAt(cell Cell, offered int) Record {
	r := Record{Cell: cell, Window: b.window(cell), Offered: offered}
	if err := b.measureInto(&r); err != nil {
		r = Record{Cell: cell, Err: err.Error()}
	}
	return r
}

// Windows that are longer than Duration: so many times.
const (
	openWindow = 2 // of an open loop: its p99 is of few calls
	bulkWindow = 3 // beside bulk: large answers are few
)

// window is how long a cell is measured.
func (b *Bench) window(c Cell) time.Duration {
	switch {
	case c.Bulk.Callers > 0:
		return bulkWindow * b.Duration
	case c.Rate > 0 || c.Percent > 0:
		return openWindow * b.Duration
	}
	return b.Duration
}

// slowWarmUp is how many times Warmup it takes beside bulk on a slow net.
const slowWarmUp = 10

// warmUp is how long a cell is warmed up. Beside bulk that is longer, too: who learns from
// answers which calls are large has to have had some, and on a slow net the first ones take
// some tenths of a second, with what stands behind them.
func (b *Bench) warmUp(c Cell) time.Duration {
	if c.Bulk.Callers > 0 && (c.Net == Relay || c.Net == Link) {
		return slowWarmUp * b.Warmup
	}
	if c.Bulk.Callers > 0 {
		return bulkWindow * b.Warmup
	}
	return b.Warmup
}

func (b *Bench) measureInto(r *Record) error {
	entry, program := b.program(r.Entry)
	job := Job{
		Entry: entry,
		Env: Env{
			Net: r.base(), Dir: b.dir, Size: r.Size, Callers: r.Callers + r.Cell.Bulk.Callers, Nodes: r.Nodes,
			Rate: cmp.Or(r.Offered, r.Rate), Bulk: r.Cell.Bulk, Heap: r.Heap,
		},
		Deadline: b.Deadline, Warmup: b.warmUp(r.Cell), Duration: r.Window, Profiles: b.Profiles,
	}
	if r.Profiled && job.Profiles == "" {
		job.Profiles = b.dir
	}
	place := place{program: program, cpu: -1, procs: cmp.Or(r.Procs, b.Procs)}
	if r.Pinned {
		place.cpu = 0
	}
	clients := place
	if r.Net == Link {
		if err := b.onLink(&job, &place, &clients); err != nil {
			return err
		}
	}
	server, err := startServer(&job, place)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	defer server.stop()
	if r.Net == Relay {
		relay, err := startRelay(job.Env.Addr, RelayRate)
		if err != nil {
			return err
		}
		defer relay.stop()
		job.Env.Addr = relay.addr()
	}
	job.Role = "client"
	client, err := startProcess(job, clients)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	defer client.stop()
	if err := b.observe(r, client, server); err != nil || !r.Profiled {
		return err
	}
	r.Parts = Parts{}
	clientJob, serverJob := job, job
	serverJob.Role = "server"
	return errors.Join(r.Parts.add(clientJob.profileFile()), r.Parts.add(serverJob.profileFile()))
}

func startServer(job *Job, where place) (*process, error) {
	job.Role = "server"
	server, err := startProcess(*job, where)
	if err != nil {
		return nil, err
	}
	var started serverStarted
	err = errors.Join(server.answer(&started, answerTime), textError(started.Err))
	if err != nil {
		server.stop()
		return nil, err
	}
	job.Env.Addr = started.Addr
	return server, nil
}

// observe waits for the client to be warm, and takes the figures of one window.
func (b *Bench) observe(r *Record, client, server *process) error {
	var warm clientWarm
	if err := errors.Join(client.answer(&warm, 2*r.Window+nodesSettle*b.Warmup+answerTime+idleTime), textError(warm.Err)); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	r.Idle = warm.Idle
	before, err := server.usage()
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if err := client.command(commandGo); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	time.Sleep(r.Window)
	after, err := server.usage()
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	var result ClientResult
	if err := client.answer(&result, b.Deadline+answerTime); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if result.Err != "" {
		return fmt.Errorf("client: %s", result.Err)
	}
	if result.Calls == 0 {
		return ErrNoCalls
	}
	r.Calls, r.P50, r.P99, r.P999, r.Large = result.Calls, result.P50, result.P99, result.P999, result.Bulk
	r.Client, r.Server = result.Used, after.Since(before)
	return nil
}

// usage asks a server what it has used.
func (p *process) usage() (Usage, error) {
	if err := p.command(commandMark); err != nil {
		return Usage{}, err
	}
	var u Usage
	err := p.answer(&u, answerTime)
	return u, err
}

func textError(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
