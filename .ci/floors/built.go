package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// executables is how the files begin that compilers make: ELF, Mach-O, PE.
var executables = [][]byte{[]byte("\x7fELF"), []byte("\xcf\xfa\xed\xfe"), []byte("MZ")}

// checkBuilt tells which files are programs: go build leaves one in a folder with a main package of a
// module of its own, and who adds all that is new commits it.
func checkBuilt(root string) (faults []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case !d.Type().IsRegular() || ignored(d.Name()):
			return nil
		}
		head, err := beginning(path, 4)
		if err != nil {
			return err
		}
		for _, magic := range executables {
			if bytes.HasPrefix(head, magic) {
				name, _ := filepath.Rel(root, path)
				faults = append(faults, fmt.Sprintf("%s is a program that a build has left", name))
			}
		}
		return nil
	})
	return faults, err
}

// beginning returns the first n bytes of a file, or all if it has fewer.
func beginning(path string, n int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, n)
	n, err = io.ReadFull(f, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return b[:n], err
}
