package filesd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-kit/kit/sd"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
	"github.com/muxkit/muxkit/internal/discovery"
)

// ErrRemembered is wrapped by the error that stands while a list is one of the process before.
var ErrRemembered = errors.New("filesd: the list is of the process before")

// Remembered tells what another Instancer does, and remembers the last list in a file. A process that begins
// while its discovery system is away has the nodes of the one before. It is safe for concurrent use.
type Remembered struct {
	muxendpoint.Instancer // publisher, but for Stop
	publisher             *muxendpoint.Publisher

	of   sd.Instancer
	path string
	cfg  config
	save func(path string, m remembered) error

	quit  chan struct{}               // closed by Stop
	done  chan struct{}               // closed when no event is passed on any more
	lists chan []muxendpoint.Instance // of one: what is to be written; closed with done
	kept  chan struct{}               // closed when the last was
	stop  func()
}

// lastWrite is how long Stop waits for the disk.
const lastWrite = time.Second

// remembered is what the file holds.
type remembered struct {
	Written   time.Time              `json:"written"`
	Instances []muxendpoint.Instance `json:"instances"`
}

// Remember has the last list of an Instancer in a file, and begins with it: that list is told, and after it an error that wraps
// ErrRemembered and says how old it is, until the Instancer says something: a list, or an error of its own. A file that is older than WithMaxAge, cannot be read, or is none of
// Remember's, is passed over; the log says so.
//
// The file is written when the list is another, at most once each second (WithInterval), beside and renamed, with
// rights for its owner alone: who can write to it says where calls go. Lists without nodes, and errors, are not written. A disk that hangs holds up no list. A process has a file of its
// own for each service.
//
// Stop stops the Instancer too. If that is a muxendpoint.Refresher it is asked to look when
// this one is.
func Remember(of muxendpoint.Instancer, path string, opts ...Option) (*Remembered, error) {
	return rememberWith(load, save, of, path, opts...)
}

func rememberWith(load func(string) (remembered, error), save func(string, remembered) error, of muxendpoint.Instancer, path string, opts ...Option) (*Remembered, error) {
	cfg, err := config{}.with(opts)
	cfg.Logger = discovery.Careful(cfg.Logger)
	switch {
	case err != nil:
		return nil, err
	case of == nil:
		return nil, fmt.Errorf("%w: nil instancer", ErrInvalidOption)
	case path == "":
		return nil, fmt.Errorf("%w: no path", ErrInvalidOption)
	}
	publisher := &muxendpoint.Publisher{}
	r := &Remembered{Instancer: publisher, publisher: publisher, of: of, path: path, cfg: cfg, save: save,
		quit: make(chan struct{}), done: make(chan struct{}), lists: make(chan []muxendpoint.Instance, 1), kept: make(chan struct{})}
	r.recall(load)
	events := make(chan muxendpoint.InstancesEvent)
	go r.run(events)
	go r.keep()
	of.RegisterInstances(events)
	r.stop = sync.OnceFunc(func() {
		of.DeregisterInstances(events)
		close(r.quit)
		<-r.done
		r.publisher.Stop()
		of.Stop()
		select {
		case <-r.kept:
		case <-time.After(lastWrite):
		}
	})
	return r, nil
}

// Await returns when there was a list, one that is remembered too, or with an error when ctx ends.
func (r *Remembered) Await(ctx context.Context) error { return r.publisher.Await(ctx) }

// Refresh implements muxendpoint.Refresher.
func (r *Remembered) Refresh() {
	if of, ok := r.of.(muxendpoint.Refresher); ok {
		of.Refresh()
	}
}

// Stop implements sd.Instancer, for the one that is remembered too. What is not written yet is, if the disk takes it within a second.
func (r *Remembered) Stop() { r.stop() }

// recall begins with what the file says.
func (r *Remembered) recall(load func(string) (remembered, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	m, err := discovery.Run(ctx, &discovery.Outside{Name: "reading " + r.path}, func() (remembered, error) { return load(r.path) })
	age := time.Since(m.Written).Round(time.Second)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err == nil && (age > r.cfg.maxAge || age < 0):
		err = fmt.Errorf("it was written %v ago, at most %v are allowed", age, r.cfg.maxAge)
	case err == nil && len(m.Instances) == 0:
		err = errors.New("it names no instances")
	}
	if err != nil {
		r.cfg.Log("msg", "what was remembered is not used", "file", r.path, "err", err)
		return
	}
	r.cfg.Log("msg", "the nodes are those that were remembered", "file", r.path, "nodes", len(m.Instances), "age", age)
	r.publisher.Publish(m.Instances)
	r.publisher.Fail(fmt.Errorf("%w, and was written %v ago", ErrRemembered, age))
}

// run passes events on, and hands the last list to keep.
func (r *Remembered) run(events chan muxendpoint.InstancesEvent) {
	defer close(r.done)
	defer close(r.lists)
	for {
		select {
		case ev := <-events:
			if ev.Err != nil {
				r.publisher.Fail(ev.Err)
				continue
			}
			r.publisher.Publish(ev.Instances)
			if len(ev.Instances) == 0 {
				continue
			}
			select {
			case <-r.lists: // an older one that is not written yet
			default:
			}
			r.lists <- ev.Instances
		case <-r.quit:
			return
		}
	}
}

// keep writes lists.
func (r *Remembered) keep() {
	defer close(r.kept)
	failing := false
	for list := range r.lists {
		err := r.save(r.path, remembered{time.Now(), list})
		if err != nil && !failing {
			r.cfg.Log("msg", "the nodes are not remembered", "file", r.path, "err", err)
		}
		failing = err != nil
		select {
		case <-time.After(r.cfg.interval):
		case <-r.quit:
		}
	}
}

func load(path string) (m remembered, err error) {
	text, _, err := read(path)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, err
	}
	for _, in := range m.Instances {
		if _, err := muxendpoint.ParseInstance(in.String()); err != nil {
			return m, err
		}
	}
	return m, nil
}

// save writes the file beside, and renames it: whoever reads sees all of one list.
func save(path string, m remembered) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // for its owner alone
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
