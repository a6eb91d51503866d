package filesd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// readTime is how long a file system is waited for.
const readTime = 5 * time.Second

// maxSize is the largest file that is read, in bytes.
const maxSize = 16 << 20

// Instancer tells the nodes that a file lists: a line for each, which is an address or a JSON object
// (muxendpoint.ParseInstance). Empty lines, and those that begin with #, are passed over:
//
//	# stock, in both zones
//	10.0.0.1:8080
//	{"address": "10.0.1.1:8080", "weight": 200, "zone": "south"}
//
// The file is looked at each second (WithInterval), and its content believed when looks that far apart saw the same, or
// when it was not written to for that long: what somebody is just writing is not taken. Its last line has to end
// as lines do. Whoever writes should all the same write another file and rename it.
//
// A line that is no instance is left out, and named once. What is no list is an error, and the last list stands: a file
// that is not there, is not read, is not one, is larger than 16 MiB, has not a byte, or in which no line of several is an instance. A
// list without nodes is a file with nothing but comments.
//
// It is safe for concurrent use.
type Instancer struct {
	muxendpoint.Instancer // publisher, but for Stop
	publisher             *muxendpoint.Publisher

	path     string
	cfg      config
	follower *discovery.Follower
	read     func(path string) (text []byte, written time.Time, err error)

	// These belong to its goroutine.
	disk       discovery.Outside
	last       []byte    // what the last look saw; nil: nothing
	since      time.Time // when it was seen first
	complaints discovery.Complaints
}

// NewInstancer follows the file until Stop. What there is at the beginning, it looks at before it
// returns; a file system that does not answer is waited for 5 s, at each look, and is an error.
func NewInstancer(path string, opts ...Option) (*Instancer, error) {
	return newInstancer(read, path, opts...)
}

func newInstancer(read func(string) ([]byte, time.Time, error), path string, opts ...Option) (*Instancer, error) {
	cfg, err := config{}.with(opts)
	cfg.Logger = discovery.Careful(cfg.Logger)
	if err != nil {
		return nil, err
	}
	if cfg.ofRemember != "" {
		return nil, fmt.Errorf("%w: %s is for Remember", ErrInvalidOption, cfg.ofRemember)
	}
	if path == "" {
		return nil, fmt.Errorf("%w: no path", ErrInvalidOption)
	}
	publisher := &muxendpoint.Publisher{}
	i := &Instancer{Instancer: publisher, publisher: publisher, path: path, cfg: cfg, read: read}
	i.complaints.Logger, i.disk.Name = cfg.Logger, "reading "+path
	i.look()
	i.follower = discovery.Follow(context.Background(), i.run)
	return i, nil
}

// Await returns when there was a list, or with an error when ctx ends.
func (i *Instancer) Await(ctx context.Context) error { return i.publisher.Await(ctx) }

// Refresh implements muxendpoint.Refresher: the file is looked at now. It does not wait.
func (i *Instancer) Refresh() { i.follower.Wake() }

// Stop implements sd.Instancer. When it returns nothing is told any more. It does not wait for a file
// system that does not answer.
func (i *Instancer) Stop() {
	i.follower.Quit()
	i.publisher.Stop()
}

func (i *Instancer) run(ctx context.Context, wake <-chan struct{}) {
	for !discovery.Pause(ctx, i.cfg.interval, wake) {
		i.look()
	}
}

// look reads the file, and tells what is new.
func (i *Instancer) look() {
	text, written, err := i.readFile()
	if err != nil {
		i.last = nil
		i.publisher.Fail(fmt.Errorf("filesd: %w", err))
		return
	}
	if i.last == nil || !bytes.Equal(text, i.last) {
		i.last, i.since = text, time.Now()
	}
	if time.Since(i.since) < i.cfg.interval && time.Since(written) < i.cfg.interval {
		return
	}
	list, err := i.parse(text)
	if err != nil {
		i.publisher.Fail(fmt.Errorf("filesd: %s: %w", i.path, err))
		return
	}
	i.publisher.Publish(list)
}

// readFile is read, for which a file system that does not answer is waited for no longer than readTime.
func (i *Instancer) readFile() (text []byte, written time.Time, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	type file struct {
		text    []byte
		written time.Time
	}
	f, err := discovery.Run(ctx, &i.disk, func() (f file, err error) {
		f.text, f.written, err = i.read(i.path)
		return f, err
	})
	return f.text, f.written, err
}

// read returns the file's content and when it was written.
func read(path string) (text []byte, written time.Time, err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe would not open before somebody writes to it
		return nil, written, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, written, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, written, err
	case !info.Mode().IsRegular():
		return nil, written, fmt.Errorf("%s is no regular file", path)
	case info.Size() > maxSize:
		return nil, written, fmt.Errorf("%s has more than %d bytes", path, maxSize)
	}
	text, err = io.ReadAll(io.LimitReader(f, maxSize)) // it may grow meanwhile: what is cut is no list
	return text, info.ModTime(), err
}

// parse reads the lines.
func (i *Instancer) parse(text []byte) (list []muxendpoint.Instance, err error) {
	if len(text) == 0 {
		return nil, errors.New("it is empty: a list without nodes has a comment")
	}
	if text[len(text)-1] != '\n' {
		return nil, errors.New("its last line does not end: it is not written to its end")
	}
	none := &discovery.NoneError{}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		none.Entries++
		in, err := muxendpoint.ParseInstance(string(line))
		if err != nil {
			i.complaints.LeftOut(string(line), err)
			if none.First == nil {
				none.First = err
			}
			continue
		}
		list = append(list, in)
	}
	if len(list) == 0 && none.First != nil {
		return nil, none
	}
	return list, nil
}
