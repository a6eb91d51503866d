package main

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// serve writes a version of a module, which requires the same version of the others,
// into the folder of a module proxy: go.dev/ref/mod#goproxy-protocol.
func (m *module) serve(proxy string, modules []*module, version string) error {
	dir := filepath.Join(proxy, m.path, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(m.root, m.dir, "go.mod"))
	if err != nil {
		return err
	}
	gomod := string(text)
	for _, other := range modules {
		gomod = setRequired(gomod, other.path, version)
	}
	for name, text := range map[string]string{
		"list":            version + "\n",
		version + ".info": fmt.Sprintf("{\"Version\":%q,\"Time\":\"2000-01-01T00:00:00Z\"}\n", version),
		version + ".mod":  gomod,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		return err
	}
	defer f.Close()
	z := zip.NewWriter(f)
	if err := m.pack(z, version, gomod); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}

// pack puts the module's files into a zip, as the go command does with those of a
// tag: without what is vendored, and with the repository's license.
func (m *module) pack(z *zip.Writer, version, gomod string) error {
	prefix := ""
	if m.dir != "." {
		prefix = m.dir + "/"
	}
	files := m.files
	if license := prefix + "LICENSE"; !slices.Contains(files, license) {
		files = append(slices.Clone(files), license)
	}
	for _, name := range files {
		within := strings.TrimPrefix(name, prefix)
		if strings.Contains("/"+within, "/vendor/") {
			continue
		}
		var text []byte
		var err error
		switch within {
		case "go.mod":
			text = []byte(gomod)
		case "LICENSE":
			text, err = os.ReadFile(filepath.Join(m.root, "LICENSE"))
		default:
			text, err = os.ReadFile(filepath.Join(m.root, name))
		}
		if err != nil {
			return err
		}
		w, err := z.Create(m.path + "@" + version + "/" + within)
		if err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}
