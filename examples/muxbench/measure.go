package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// bench measures cells, each in two new processes.
type bench struct {
	warmup   time.Duration
	duration time.Duration // of the window
	deadline time.Duration // of each call, where the entry takes contexts
	pin      int           // the CPU of pinned cells
	procs    int           // GOMAXPROCS of the children; 0: Go's default
	dir      string        // for certificates and sockets
	log      io.Writer     // progress, a line a measurement
	profiles string        // the directory for CPU profiles; empty: none
}

// answerTime bounds how long a child may take beyond what it was told to.
const answerTime = 30 * time.Second

var errNoCalls = errors.New("no call was answered inside the window")

// newBench makes the directory of certificates and sockets; close removes it.
func newBench(log io.Writer) (*bench, error) {
	dir, err := os.MkdirTemp("", "muxbench")
	if err != nil {
		return nil, err
	}
	b := &bench{
		warmup: 250 * time.Millisecond, duration: time.Second, deadline: 30 * time.Second, dir: dir, log: log,
	}
	if err := writeCertificate(dir); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() error { return os.RemoveAll(b.dir) }

// measure measures one cell. A failure is told in the record.
func (b *bench) measure(cell Cell) Record {
	r := Record{Cell: cell, Window: b.duration}
	if err := b.measureInto(&r); err != nil {
		r = Record{Cell: cell, Err: err.Error()}
	}
	return r
}

func (b *bench) measureInto(r *Record) error {
	job := Job{
		Entry:    r.Entry,
		Env:      Env{Net: r.Net, Dir: b.dir, Size: r.Size, Callers: r.Callers, Nodes: r.Nodes},
		Deadline: b.deadline, Warmup: b.warmup, Duration: b.duration, Profiles: b.profiles,
	}
	cpu := -1
	if r.Pinned {
		cpu = b.pin
	}
	server, err := b.startServer(&job, cpu)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	defer server.stop()
	job.Role = "client"
	client, err := startProcess(job, cpu, b.procs)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	defer client.stop()
	return b.window(r, client, server)
}

func (b *bench) startServer(job *Job, cpu int) (*process, error) {
	job.Role = "server"
	server, err := startProcess(*job, cpu, b.procs)
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

// window waits for the client to be warm, and takes the figures of one window.
func (b *bench) window(r *Record, client, server *process) error {
	var warm clientWarm
	if err := errors.Join(client.answer(&warm, 2*b.duration+nodesSettle*b.warmup+answerTime+idleTime), textError(warm.Err)); err != nil {
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
	time.Sleep(b.duration)
	after, err := server.usage()
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	var result ClientResult
	if err := client.answer(&result, b.deadline+answerTime); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if result.Err != "" {
		return fmt.Errorf("client: %s", result.Err)
	}
	if result.Calls == 0 {
		return errNoCalls
	}
	r.Calls, r.P50, r.P99, r.Client, r.Server = result.Calls, result.P50, result.P99, result.Used, after.Since(before)
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
