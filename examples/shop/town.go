package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// town is all processes of the three services, and the folder of their files.
type town struct {
	dir    string
	traces string                // "files": each process has one of its own
	grace  time.Duration         // that a process has at its end
	nodes  map[string][]*process // by service
	gone   []*process            // that were ended for good since unclean looked last
	number int                   // of processes that were started, for the names of logs
}

// sizes are how many nodes of a service there are.
var sizes = map[string]int{shop: 2, orders: 3, stock: 3}

// buildTown starts all nodes, those first that are called by others.
func buildTown(dir, traces string, grace time.Duration) (t *town, err error) {
	t = &town{dir: dir, traces: traces, grace: grace, nodes: map[string][]*process{}}
	if err := makeCertificates(dir); err != nil {
		return t, err
	}
	if err := t.setSettings("{}"); err != nil {
		return t, err
	}
	for _, service := range slices.Backward(services) {
		if err := t.grow(service, sizes[service]); err != nil {
			return t, errors.Join(err, t.end())
		}
	}
	return t, nil
}

func (t *town) setSettings(text string) error {
	return replace(filesOf(t.dir, edge).settings, []byte(text))
}

// grow starts nodes of a service until there are n, and then has discovery name them.
func (t *town) grow(service string, n int) error {
	for len(t.nodes[service]) < n {
		args := []string{"-takes", "5ms", "-drain", "200ms", "-grace", t.grace.String()}
		if t.traces == "files" {
			args = append(args, "-traces", filepath.Join(t.dir, fmt.Sprintf("%s-%d.spans", service, t.number)))
		}
		p, err := startProcess(t.dir, service, t.number, args...)
		t.number++
		if err != nil {
			return err
		}
		t.nodes[service] = append(t.nodes[service], p)
	}
	return t.list(service)
}

// shrink has discovery name only n nodes of a service, and at once tells the others to end.
func (t *town) shrink(service string, n int) error {
	gone := t.nodes[service][n:]
	t.nodes[service] = t.nodes[service][:n]
	err := t.list(service)
	for _, p := range gone {
		err = errors.Join(err, p.terminate())
	}
	t.gone = append(t.gone, gone...)
	return err
}

// unclean is how processes have ended that did not in good order, since it was asked last.
func (t *town) unclean() (errs []error) {
	for _, p := range append(t.all(), t.gone...) {
		errs = append(errs, p.unclean...)
		p.unclean = nil
	}
	t.gone = nil
	return errs
}

// list writes down where the nodes of a service are.
func (t *town) list(service string) error {
	var addresses []string
	for _, p := range t.nodes[service] {
		addresses = append(addresses, p.address)
	}
	return replace(nodesOf(t.dir, service), []byte(strings.Join(addresses, "\n")+"\n"))
}

// all are all nodes, those first that are called by others.
func (t *town) all() (nodes []*process) {
	for _, service := range slices.Backward(services) {
		nodes = append(nodes, t.nodes[service]...)
	}
	return nodes
}

// sold is how often each item was sold, by the nonce of the call.
func (t *town) sold() (map[string]int, error) {
	text, err := os.ReadFile(filesOf(t.dir, stock).sales)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	n := make(map[string]int)
	for line := range bytes.Lines(text) {
		n[string(bytes.TrimSpace(line))]++
	}
	return n, err
}

// end kills all processes.
func (t *town) end() (err error) {
	for _, p := range t.all() {
		err = errors.Join(err, p.kill())
	}
	return err
}
