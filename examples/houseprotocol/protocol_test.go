package houseprotocol_test

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/examples/houseprotocol"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

func TestConformance(t *testing.T) {
	protocoltest.Run(t, houseprotocol.Protocol{}, protocoltest.Garbage([]byte("GET / HTTP/1.1\r\n"), []byte{0, 0, 0, 9}))
}

func FuzzParse(f *testing.F) {
	for _, seed := range protocoltest.Seeds(houseprotocol.Protocol{}) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) { protocoltest.Fuzz(houseprotocol.Protocol{}, b) })
}

// A plug-in is small, or the plug is wrong.
func TestUnderSixtyLinesOfCode(t *testing.T) {
	f, err := os.Open("protocol.go")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "//") {
			lines++
		}
	}
	if lines >= 60 {
		t.Errorf("%d lines of code", lines)
	}
}
