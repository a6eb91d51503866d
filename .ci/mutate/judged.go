package main

import (
	"fmt"
	"os"
	"strings"
)

// A judged mistake is one that changes nothing that a test could see, as somebody
// has found who says why.
type judged map[string]string

// readJudged reads the file of equivalent mistakes: the key of a mistake on a line
// of its own, its reason, indented, on the next.
func readJudged(name string) (judged, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	j, key := make(judged), ""
	for i, line := range strings.Split(string(text), "\n") {
		reason := strings.TrimSpace(line)
		switch {
		case reason == "" || strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, " "):
			if key != "" {
				return nil, fmt.Errorf("%s:%d: the mistake above has no reason", name, i+1)
			}
			key = line
		case key == "":
			return nil, fmt.Errorf("%s:%d: a reason without a mistake", name, i+1)
		default:
			j[key], key = reason, ""
		}
	}
	if key != "" {
		return nil, fmt.Errorf("%s: the last mistake has no reason", name)
	}
	return j, nil
}

func (j judged) reason(m site) string { return j[m.key()] }
