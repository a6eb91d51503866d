package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// listed is what the check needs to know of a package, as go list tells it.
type listed struct {
	ImportPath string
	ForTest    string // not empty: compiled anew for that package's test
	Module     *struct {
		Path string
		Main bool
	}
	Imports      []string
	TestImports  []string // of tests in the package
	XTestImports []string // of tests beside the package
}

// own reports whether p is a package of the module as its users get it.
func (p listed) own() bool {
	return p.Module != nil && p.Module.Main && p.ForTest == "" && !strings.HasSuffix(p.ImportPath, ".test")
}

// listPackages lists the module's packages and all that they and their tests need, those with a tag that a step gives too.
func listPackages(dir string) ([]listed, error) {
	out, err := goCommand(dir, "list", "-deps", "-test", "-tags", "browser,muxguard,peers",
		"-json=ImportPath,ForTest,Module,Imports,TestImports,XTestImports", "./...")
	if err != nil {
		return nil, err
	}
	var pkgs []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		pkgs = append(pkgs, p)
	}
}

// listRequirements lists the modules that go.mod requires directly.
func listRequirements(dir string) ([]string, error) {
	out, err := goCommand(dir, "mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, fmt.Errorf("go mod edit: %w", err)
	}
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	return direct, nil
}

func goCommand(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	var out, complaint bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, complaint.Bytes())
	}
	return out.Bytes(), nil
}
