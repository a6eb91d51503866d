//go:build muxguard

package wire

import (
	"bytes"
	"strings"
	"testing"
)

// TestGuardSeesWhatIsDoneToFreedMemory: of the kinds of mistakes, each is seen.
func TestGuardSeesWhatIsDoneToFreedMemory(t *testing.T) {
	turn := func() { // enough for what is held to have its turn
		for range guardMost + 1 {
			guard.free(make([]byte, 1<<minClass))
		}
	}
	tests := []struct {
		name    string
		mistake func()
		says    string // empty: none
	}{
		{"none", func() { Free(Alloc(100)); turn() }, ""},
		{"given back twice", func() { b := Alloc(100); Free(b); Free(b[:10]) }, "given back twice"},
		{"written to at its beginning", func() { b := Alloc(100); Free(b); b[0] = 1; turn() }, "written to after"},
		{"written to at its end", func() { b := Alloc(100); Free(b); b[:cap(b)][cap(b)-1] = 1; turn() }, "written to after"},
		{"what is large", func() { b := Alloc(2 * guardKeeps); Free(b); Free(b) }, ""},
		{"what is no memory of a class", func() { Free(nil); b := make([]byte, 100); Free(b); Free(b) }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said := ""
			guard.fail = func(complaint string) { said += complaint }
			t.Cleanup(func() { guard.fail = end })
			tt.mistake()
			if tt.says == "" && said != "" || !strings.Contains(said, tt.says) {
				t.Errorf("said %q, want %q", said, tt.says)
			}
		})
	}
}

// TestGuardPutsAPatternIntoMemory: nobody can count on zeros, nor read on.
func TestGuardPutsAPatternIntoMemory(t *testing.T) {
	b := Alloc(100)
	if bytes.Equal(b, make([]byte, len(b))) {
		t.Error("fresh memory is zero")
	}
	copy(b, "secret")
	Free(b)
	if !bytes.Equal(b, freedBytes[:len(b)]) {
		t.Errorf("freed memory holds %q", b[:6])
	}
}
