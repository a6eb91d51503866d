package report

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/muxkit/muxkit/examples/muxbench/harness"
)

// A Markdown file says where tables go: each stands between a line
// "<!-- muxbench: NAME -->" and the next line "<!-- end -->".

var sections = map[string]func(*bytes.Buffer, harness.Results){
	"machine":                machineSection,
	"contenders":             contenderSection,
	"throughput":             matrixSection("thousand calls/s", thousandCalls),
	"latency":                latencySection,
	"cpu":                    matrixSection("CPU seconds of both sides for 100,000 calls", harness.CPUPer100k),
	"batches":                batchSection,
	"allocs":                 allocSection,
	"costs":                  costSection,
	"targets":                targetSection,
	"targets" + oneProcessor: targetSection,
	"limits":                 limitSection,
	"limits" + oneProcessor:  limitSection,
	"networks":               networkSection,
	"one-core":               oneCoreSection,
	"nodes":                  nodesSection,
	"rivals":                 rivalsSection,
	"load":                   openSection,
	"beside":                 besideSection,
	"layers":                 layersSection,
	"prices":                 pricesSection,
	"unmet":                  unmetSection,
	"growth":                 growthSection,
}

// ownWords are the sections that say themselves where their figures are from, or have none.
var ownWords = []string{"machine", "contenders", "unmet", "growth"}

// oneProcessor ends the names of sections that are filled from a run with -procs 1,
// and left as they are by any other; and the other way round.
const oneProcessor = "-one-processor"

const (
	sectionStart = "<!-- muxbench: "
	sectionEnd   = "<!-- end -->"
)

// UpdateMarkdown writes the sections of a file anew, or only those named.
func UpdateMarkdown(file string, r harness.Results, only []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, err = fillSections(text, r, only)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, text, 0o644)
}

func fillSections(text []byte, r harness.Results, only []string) ([]byte, error) {
	for _, name := range only {
		if !bytes.Contains(text, []byte(sectionStart+name+" -->")) {
			return nil, fmt.Errorf("no section %q", name)
		}
	}
	var out bytes.Buffer
	inside, keep := "", false // the section, and whether its old lines stay
	for line := range bytes.Lines(text) {
		trimmed := strings.TrimSpace(string(line))
		if inside != "" {
			if trimmed == sectionEnd {
				inside = ""
			} else if !keep {
				continue
			}
			out.Write(line)
			continue
		}
		out.Write(line)
		if name, ok := strings.CutPrefix(trimmed, sectionStart); ok {
			inside = strings.TrimSuffix(name, " -->")
			write, ok := sections[inside]
			if !ok {
				return nil, fmt.Errorf("unknown section %q", inside)
			}
			if keep = strings.HasSuffix(inside, oneProcessor) != (r.Machine.Procs == 1) ||
				len(only) > 0 && !slices.Contains(only, inside); keep {
				continue
			}
			out.WriteByte('\n')
			write(&out, r)
			if !slices.Contains(ownWords, inside) {
				out.WriteByte('\n')
				tellMachine(&out, r)
			}
			out.WriteByte('\n')
		}
	}
	if inside != "" {
		return nil, fmt.Errorf("section %q has no line %q", inside, sectionEnd)
	}
	return out.Bytes(), nil
}

// row writes a line of a table.
func row(w *bytes.Buffer, cells ...string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

// header writes a table's first two lines.
func header(w *bytes.Buffer, cells ...string) {
	row(w, cells...)
	row(w, slices.Repeat([]string{"---"}, len(cells))...)
}
