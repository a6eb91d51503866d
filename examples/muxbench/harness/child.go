package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"
)

// A child process is told its Job in the environment, hears commands on its
// standard input, one a line, and answers with a line of JSON on descriptor 3.
// It ends when its input does, so no child outlives its parent.

const jobVariable = "MUXBENCH_JOB"

// Job is what a child does.
type Job struct {
	Role     string // "server" or "client"
	Entry    string
	Env      Env
	Deadline time.Duration // of each call's context, where the entry has one
	Warmup   time.Duration
	Duration time.Duration
	Profiles string // the directory for CPU profiles of the window; empty: none
}

// What children answer with. Err is for the reader of the parent's output.
type (
	serverStarted struct{ Addr, Err string }
	clientWarm    struct {
		Err  string
		Idle *Footprint
	}
	// ClientResult is what the client counted in its window.
	ClientResult struct {
		Err      string
		Calls    uint64
		P50, P99 time.Duration
		P999     time.Duration
		Bulk     BulkResult
		Used     Usage
	}
)

const (
	commandMark = "mark" // to a server: answer with the Usage now
	commandGo   = "go"   // to a client: open the window
)

// RunChild runs the process as a child and returns true, if the environment says
// that it is one.
func RunChild() bool {
	text, ok := os.LookupEnv(jobVariable)
	if !ok {
		return false
	}
	var job Job
	err := json.Unmarshal([]byte(text), &job)
	if err == nil {
		err = job.run(bufio.NewScanner(os.Stdin), json.NewEncoder(os.NewFile(3, "parent")))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "muxbench %s of %s: %v\n", job.Role, job.Entry, err)
		os.Exit(1)
	}
	return true
}

func (j Job) run(commands *bufio.Scanner, answers *json.Encoder) error {
	entry, err := FindEntry(j.Entry)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(ballast(j.Env.Heap))
	switch j.Role {
	case "server":
		return j.serve(entry, commands, answers)
	case "client":
		return j.call(entry, commands, answers)
	}
	return fmt.Errorf("unknown role %q", j.Role)
}

func (j Job) serve(entry Entry, commands *bufio.Scanner, answers *json.Encoder) error {
	addr, err := j.Env.serve(entry)
	if err := answers.Encode(serverStarted{addr, errorText(err)}); err != nil {
		return err
	}
	stopProfile := func() error { return nil }
	for marks := 1; commands.Scan(); marks++ {
		if commands.Text() != commandMark {
			return fmt.Errorf("unknown command %q", commands.Text())
		}
		used := usageNow()
		if marks == 1 { // the window opens; with the second mark it closes
			stopProfile, err = startProfile(j.profileFile())
		} else {
			err = stopProfile()
		}
		if err := errors.Join(err, answers.Encode(used)); err != nil {
			return err
		}
	}
	return commands.Err()
}

func (j Job) call(entry Entry, commands *bufio.Scanner, answers *json.Encoder) error {
	loads, idle, err := j.warmUp(entry)
	if err := answers.Encode(clientWarm{errorText(err), idle}); err != nil {
		return err
	}
	if err != nil {
		return nil // the parent knows
	}
	if !commands.Scan() || commands.Text() != commandGo {
		return errors.Join(io.ErrUnexpectedEOF, commands.Err())
	}
	go func() { // the parent has no more to say: this ends when it does
		commands.Scan()
		os.Exit(1)
	}()
	stopProfile, err := startProfile(j.profileFile())
	if err != nil {
		return err
	}
	before := usageNow()
	for _, l := range loads {
		l.open(j.Duration)
	}
	time.Sleep(j.Duration)
	used := usageNow().Since(before)
	err = stopProfile()
	return answers.Encode(loads.close(err, used))
}

// loads are the load that is measured and, if there is one, that of bulk beside it.
type loads []*load

// close ends the loads and tells what was counted.
func (all loads) close(err error, used Usage) ClientResult {
	latency, errLoad := all[0].close()
	r := ClientResult{Calls: latency.count(), P50: latency.quantile(0.5), P99: latency.quantile(0.99), P999: latency.quantile(0.999), Used: used}
	for _, bulk := range all[1:] {
		beside, errBulk := bulk.close()
		r.Bulk = BulkResult{beside.count(), beside.quantile(0.5), beside.quantile(0.99)}
		errLoad = errors.Join(errLoad, errBulk)
	}
	r.Err = errorText(errors.Join(err, errLoad))
	return r
}

// warmUp dials, and calls for Warmup at least, until every caller has had an
// answer. A client of many nodes is first left idle, and weighed.
func (j Job) warmUp(entry Entry) (loads, *Footprint, error) {
	var calls []Call
	var idle *Footprint
	var err error
	if j.Env.Nodes > 0 {
		calls, idle, err = j.dialNodes(entry)
	} else {
		calls, err = j.Env.dial(entry)
	}
	if err != nil {
		return nil, nil, err
	}
	var all loads
	small := calls[:len(calls)-j.Env.Bulk.Callers]
	if j.Env.Rate == 0 {
		all = append(all, startLoad(small, func(i int) *payload { return newPayload(j.Env.Size, i) }, entry.contexts, j.Deadline))
	} else {
		sleep, err := newSleeper()
		if err != nil {
			return nil, nil, err
		}
		all = append(all, startOpen(small, j.Env.Size, j.Env.Rate, entry.contexts, j.Deadline, sleep))
	}
	if bulk := calls[len(small):]; len(bulk) > 0 {
		request := func(i int) *payload { return newBulkPayload(j.Env.Bulk.Size, i) }
		all = append(all, startLoad(bulk, request, entry.contexts, j.Deadline))
	}
	time.Sleep(j.Warmup)
	for _, l := range all {
		l.warm.Wait()
	}
	return all, idle, nil
}

// dial makes the calls of all callers.
func (e Env) dial(entry Entry) ([]Call, error) {
	client, err := entry.Dial(e)
	if err != nil {
		return nil, err
	}
	calls := make([]Call, e.Callers)
	if entry.Info().Batched {
		calls = calls[:1]
	}
	for i := range calls {
		if calls[i], err = client.Caller(i); err != nil {
			return nil, err
		}
	}
	return calls, nil
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// ballast is memory of some MiB in objects of 1 KiB, which the garbage collector has to
// go through as if it were the program's own.
func ballast(mib int) [][]byte {
	all := make([][]byte, mib<<10)
	for i := range all {
		all[i] = make([]byte, 1<<10)
	}
	return all
}
