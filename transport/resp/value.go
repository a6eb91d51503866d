package resp

import (
	"errors"
	"fmt"
	"strconv"
)

// Kind is what a reply is.
type Kind uint8

const (
	KindNull Kind = iota
	// KindString: a simple or a bulk string.
	KindString
	KindError
	KindInt
	KindDouble
	KindBool
	// KindBigNumber: its digits are in Text.
	KindBigNumber
	// KindVerbatim: a text with its format, which is Format.
	KindVerbatim
	KindArray
	// KindMap: a key and its value in turn.
	KindMap
	KindSet
	KindPush
)

var kinds = [...]string{"null", "string", "error", "int", "double", "bool", "big number", "verbatim", "array", "map", "set", "push"}

func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("unknown(%d)", uint8(k))
}

// Value is a reply, or a part of one. Its texts may lie in the memory of the answer.
type Value struct {
	Kind   Kind
	Text   []byte  // of a string, error, big number or verbatim text
	Format string  // of a verbatim text: "txt" or "mkd"
	Int    int64   // of an int; 1 of a bool that is true
	Float  float64 // of a double
	Elems  []Value // of an array, map, set or push; those of a null array are nil, too
}

// IsNull reports whether the reply says that there is nothing.
func (v Value) IsNull() bool { return v.Kind == KindNull }

// Bool is that of a bool; of a number, whether it is not 0.
func (v Value) Bool() bool { return v.Int != 0 }

// Err returns the error that a part of a reply is, such as of EXEC in a script; nil if it is
// none. A whole reply that is one is an error of the call.
func (v Value) Err() error {
	if v.Kind != KindError {
		return nil
	}
	return failure(string(v.Text))
}

// String returns the text, of a number its digits, "" of a null, and of an aggregate what it
// is.
func (v Value) String() string {
	switch v.Kind {
	case KindInt:
		return strconv.FormatInt(v.Int, 10)
	case KindDouble:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case KindBool:
		return strconv.FormatBool(v.Bool())
	case KindArray, KindMap, KindSet, KindPush:
		return fmt.Sprintf("%v of %d", v.Kind, len(v.Elems))
	}
	return string(v.Text)
}

// Parse reads one whole reply. The Value's texts lie in b.
func Parse(b []byte) (Value, error) {
	v, rest, err := parse(b, 0)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("resp: %d bytes behind a reply", len(rest))
	}
	return v, err
}

// leastElement is how few bytes an element has: "_\r\n".
const leastElement = 3

// parse reads the first reply of b, which is in depth aggregates.
func parse(b []byte, depth int) (v Value, rest []byte, err error) {
	end := 0
	for end < len(b) && b[end] != '\n' {
		end++
	}
	if end == len(b) {
		return v, nil, errors.New("resp: a reply that ends in its first line")
	}
	line, rest := b[:end+1], b[end+1:]
	if err := lineFits(line, len(line)); err != nil {
		return v, nil, err
	}
	h, err := parseHead(line)
	if err != nil {
		return v, nil, err
	}
	if n := h.tail(); n > 0 {
		if n > len(rest) || !endsLine(rest[:n]) {
			return v, nil, errNoEnd
		}
		h.text, rest = rest[:h.bytes:h.bytes], rest[n:]
	}
	switch h.kind {
	case '*', '~', '>', '%', '|':
		if depth+1 >= maxDepth {
			return v, nil, errDepth
		}
		return parseElements(h, rest, depth+1)
	}
	v, err = scalar(h)
	return v, rest, err
}

func parseElements(h head, b []byte, depth int) (v Value, rest []byte, err error) {
	v.Kind = map[byte]Kind{'*': KindArray, '~': KindSet, '>': KindPush, '%': KindMap, '|': KindMap}[h.kind]
	if h.null() {
		return Value{}, b, nil
	}
	if h.elements*leastElement > len(b) {
		return v, nil, fmt.Errorf("resp: %d elements in %d bytes", h.elements, len(b))
	}
	v.Elems = make([]Value, h.elements)
	for i := range v.Elems {
		if v.Elems[i], b, err = parse(b, depth); err != nil {
			return v, nil, err
		}
	}
	if h.kind == '|' { // nobody asked for attributes
		return v.Elems[h.elements-1], b, nil
	}
	return v, b, nil
}

// scalar reads what has no elements.
func scalar(h head) (v Value, err error) {
	v.Text = h.text
	switch h.kind {
	case '+':
		v.Kind = KindString
	case '-', '!':
		v.Kind = KindError
	case '(':
		v.Kind = KindBigNumber
	case '$':
		if v.Kind = KindString; h.bytes < 0 {
			return Value{}, nil
		}
	case '=':
		if len(h.text) < 4 || h.text[3] != ':' {
			return v, fmt.Errorf("resp: %.10q is no verbatim text", h.text)
		}
		v.Kind, v.Format, v.Text = KindVerbatim, string(h.text[:3]), h.text[4:]
	case '_':
		return Value{}, empty(h.text)
	case '#':
		v = Value{Kind: KindBool}
		switch string(h.text) {
		case "t":
			v.Int = 1
		case "f":
		default:
			return v, fmt.Errorf("resp: %.10q is neither true nor false", h.text)
		}
	case ':':
		v = Value{Kind: KindInt}
		v.Int, err = strconv.ParseInt(string(h.text), 10, 64)
	case ',':
		v = Value{Kind: KindDouble}
		v.Float, err = strconv.ParseFloat(string(h.text), 64)
	}
	if err != nil {
		err = fmt.Errorf("resp: %.40q is no number", h.text)
	}
	return v, err
}

func empty(text []byte) error {
	if len(text) > 0 {
		return fmt.Errorf("resp: a null that is %.10q", text)
	}
	return nil
}
