package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/muxkit/muxkit/endpoint/filesd"
)

// files are what a process reads, all in one folder.
type files struct {
	certificate, key, authority string // PEM; the service's own, and who vouches for the others'
	customers                   string // PEM; the public key of customers' tokens
	settings                    string // JSON
	sales                       string // what the stock has sold
}

func filesOf(dir, service string) files {
	in := func(name string) string { return filepath.Join(dir, name) }
	return files{in(service + ".pem"), in(service + ".key"), in("ca.pem"), in("customers.pub"), in("settings.json"), in("sales")}
}

// customersKey is the private key of customers' tokens, which the services do not have.
func customersKey(dir string) string { return filepath.Join(dir, "customers.key") }

// nodesOf is the file that names the nodes of a service, one a line.
func nodesOf(dir, service string) string { return filepath.Join(dir, service+".nodes") }

// followNodes is discovery: something else writes the file.
func followNodes(dir, service string) (*filesd.Instancer, error) {
	return filesd.NewInstancer(nodesOf(dir, service), filesd.WithInterval(100*time.Millisecond))
}

// hostOf is the name in a service's certificate.
func hostOf(service string) string { return service + ".shop.internal" }

// replace writes a file that others read meanwhile: they see the old one, or the new.
func replace(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
