package muxpool

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTLSFilesThatCannotBeRead: no file of WithDialTLS that is missing or bad leaves a
// configuration, which would trust other authorities, or nobody's certificate. The error says
// once that it is about TLS.
func TestTLSFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	missing, junk := filepath.Join(dir, "missing.pem"), filepath.Join(dir, "junk.pem")
	if err := os.WriteFile(junk, []byte("-----BEGIN NOTHING-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]tlsFiles{
		"CA: missing":          {ca: missing},
		"CA: a folder":         {ca: dir},
		"CA: no PEM":           {ca: junk},
		"certificate: missing": {cert: missing, key: junk},
		"certificate: no PEM":  {cert: junk, key: junk},
		"key: missing":         {cert: junk, key: missing},
		"key: a folder":        {cert: junk, key: dir, ca: "none"},
	} {
		cfg, err := f.load()
		if cfg != nil || err == nil || !strings.Contains(err.Error(), dir) || strings.Count(err.Error(), "tls: ") != 1 {
			t.Errorf("%s: %v, %v", name, cfg, err)
		}
	}
}
