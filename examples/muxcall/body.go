package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxBody bounds a request's body and an answer, in bytes.
const maxBody = 64 << 20

// readBody returns the body that BODY means: itself, a file's content (@file), or what
// stdin holds (-). Unless it is raw it must be JSON, and {} stands for none.
func readBody(arg string, given, raw bool, stdin io.Reader) ([]byte, error) {
	var body []byte
	var err error
	file, isFile := strings.CutPrefix(arg, "@")
	switch {
	case !given && raw:
		return []byte{}, nil
	case !given:
		return []byte("{}"), nil
	case arg == "-":
		body, err = readAll(stdin)
	case isFile:
		body, err = readFile(file)
	default:
		body = []byte(arg)
	}
	if err != nil {
		return nil, misused("BODY: %w", err)
	}
	if raw {
		return body, nil
	}
	var value json.RawMessage
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, misused("BODY is no JSON: %w; -raw sends bytes as they are", err)
	}
	return body, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return readAll(f)
}

func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(b) > maxBody {
		err = fmt.Errorf("more than %d MiB", maxBody>>20)
	}
	return b, err
}

// showJSON returns an answer as one line of JSON of the same meaning in which nothing is
// left that a terminal would obey; false if it is no JSON.
func showJSON(body []byte) ([]byte, bool) {
	var line bytes.Buffer
	if err := json.Compact(&line, body); err != nil {
		return nil, false
	}
	shown := make([]byte, 0, line.Len()+1)
	for rest := line.Bytes(); len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		// Only strings hold what is not ASCII, and there an escape means the same.
		switch {
		case strconv.IsPrint(r) && (r != utf8.RuneError || size > 1):
			shown = append(shown, rest[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			shown = fmt.Appendf(shown, `\u%04x\u%04x`, high, low)
		default:
			shown = fmt.Appendf(shown, `\u%04x`, r)
		}
		rest = rest[size:]
	}
	return append(shown, '\n'), true
}
