package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// judging matches code that finds out for itself what an error of a call means.
var judging = regexp.MustCompile(`errors\.(Is|As)\(.*\b(context\.(Canceled|DeadlineExceeded)|muxpool\.Err\w+|ratelimit\.Err\w+|gobreaker\.Err\w+|lb\.Err\w+|io\.(EOF|ErrUnexpectedEOF)|net\.Err\w+|os\.Err\w+)` +
	`|interface\s*\{[^}]*\b(Sent|Neutral|Refused|Timeout|Temporary)\(\) bool`)

// judges are the folders whose errors of calls only muxpool/verdict may judge.
var judges = []string{"breaker", "endpoint", "transport"}

// ofConnections are files that judge the end of a connection or of a listener, or what
// reading a frame met, not a call.
var ofConnections = map[string]bool{
	"transport/jsonrpc/parse.go": true,
	"transport/service_conn.go":  true, "transport/service_listen.go": true, "transport/service_packet.go": true,
}

// checkJudgement tells where in the tree below root errors of calls are judged
// outside of muxpool/verdict. Modules of their own are not looked at.
func checkJudgement(root string) (faults []string, err error) {
	for _, dir := range judges {
		if _, err := os.Stat(filepath.Join(root, dir)); os.IsNotExist(err) {
			continue
		}
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name, _ := filepath.Rel(root, path)
			name = filepath.ToSlash(name)
			if d.IsDir() {
				if name == "transport/protocoltest" { // it judges plug-ins
					return filepath.SkipDir
				}
				if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
					return filepath.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || ofConnections[name] {
				return nil
			}
			found, err := judgesIn(path)
			for _, line := range found {
				faults = append(faults, fmt.Sprintf("%s:%d judges an error itself: ask muxpool/verdict", name, line))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return faults, nil
}

// judgesIn returns the numbers of the lines of a file that judge.
func judgesIn(path string) (lines []int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for n := 1; s.Scan(); n++ {
		code, _, _ := strings.Cut(s.Text(), "//")
		if judging.MatchString(code) {
			lines = append(lines, n)
		}
	}
	return lines, s.Err()
}
