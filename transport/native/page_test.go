package native_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPageShowsTheGoldenFrames compares each frame of docs/native-protocol.md with its
// file in testdata, and wants one for each file.
func TestPageShowsTheGoldenFrames(t *testing.T) {
	page, err := os.ReadFile("../../docs/native-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, frames, ok := strings.Cut(string(page), "\n## Frames\n")
	if !ok {
		t.Fatal("the page has no frames")
	}
	shown := make(map[string]bool)
	for _, block := range regexp.MustCompile("(?ms)^`([a-z-]+)`[^`\n]*[^\n]*\n\n```\n(.*?)\n```$").FindAllStringSubmatch(frames, -1) {
		name := block[1]
		if got, want := shownBytes(t, name, block[2]), readHex(t, name); string(got) != string(want) {
			t.Errorf("%s:\nthe page %x\nthe file %x", name, got, want)
		}
		shown[name] = true
	}
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil || len(files) != len(golden(t)) {
		t.Errorf("%d files, %d golden frames, %v", len(files), len(golden(t)), err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".hex"); !shown[name] {
			t.Errorf("the page does not show %s", name)
		}
	}
}

// shownBytes reads the bytes of a block; behind three spaces in a line is a comment.
func shownBytes(t *testing.T, name, block string) (b []byte) {
	t.Helper()
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(line, "   ")
		part, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
		if err != nil {
			t.Errorf("%s: %q: %v", name, line, err)
		}
		b = append(b, part...)
	}
	return b
}
