package resp

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/muxkit/muxkit/transport"
)

// Command is a command with its arguments. It does not change: its methods return another one,
// with more of them. The zero Command is none.
type Command struct {
	words []byte // each as a bulk string; never appended to in place
	n     int
}

// around is how many bytes a word has around it at most.
const around = 16

// Cmd is the command of a name, such as "GET", with arguments. A subcommand is the first:
// Cmd("CONFIG", "GET", "maxmemory").
func Cmd(name string, args ...string) Command {
	var c Command
	c.reserve(around + len(name) + sizeOf(args))
	add(&c, name)
	for _, a := range args {
		add(&c, a)
	}
	return c
}

// Arg appends arguments.
func (c Command) Arg(args ...string) Command {
	c.reserve(sizeOf(args))
	for _, a := range args {
		add(&c, a)
	}
	return c
}

// Bytes appends one argument of any bytes.
func (c Command) Bytes(arg []byte) Command {
	c.reserve(around + len(arg))
	add(&c, arg)
	return c
}

// reserve gives c words of its own, with room for n bytes more.
func (c *Command) reserve(n int) {
	c.words = append(make([]byte, 0, len(c.words)+n), c.words...)
}

func sizeOf(args []string) (n int) {
	for _, a := range args {
		n += around + len(a)
	}
	return n
}

// add appends a word.
func add[T string | []byte](c *Command, word T) {
	c.words = append(appendLength(c.words, '$', len(word)), word...)
	c.words = append(c.words, "\r\n"...)
	c.n++
}

// Int appends a number.
func (c Command) Int(arg int64) Command {
	var b [20]byte
	return c.Bytes(strconv.AppendInt(b[:0], arg, 10))
}

// Float appends a number, in as many digits as tell it.
func (c Command) Float(arg float64) Command {
	var b [32]byte
	return c.Bytes(strconv.AppendFloat(b[:0], arg, 'g', -1, 64))
}

// AppendTo appends the command as it is sent.
func (c Command) AppendTo(dst []byte) []byte {
	return append(appendLength(dst, '*', c.n), c.words...)
}

func appendLength(dst []byte, kind byte, n int) []byte {
	dst = strconv.AppendInt(append(dst, kind), int64(n), 10)
	return append(dst, "\r\n"...)
}

// EncodeCommand is a transport.EncodeRequestFunc for a Command.
func EncodeCommand(_ context.Context, m *transport.Message, request any) error {
	c, ok := request.(Command)
	if !ok {
		return fmt.Errorf("resp: EncodeCommand got a %T, not a Command", request)
	}
	m.Body = c.AppendTo(m.AllocBody(around + len(c.words))[:0])
	return nil
}

// keepFrom is the size from which on a reply is not copied out of its frame.
const keepFrom = 4 << 10

// DecodeValue is a transport.DecodeResponseFunc: the reply, as a Value that its receiver owns.
func DecodeValue(_ context.Context, m *transport.Message) (any, error) {
	body := m.Body
	if len(body) < keepFrom {
		body = bytes.Clone(body)
		m.ReleaseBody()
	}
	v, err := Parse(body)
	if err != nil {
		return nil, err
	}
	return v, nil
}
