// Command kitexpeer is Kitex as it comes, driven by the tests: a server or a client. It ends
// with its standard input, so that it never outlives them.
package main

import (
	"github.com/cloudwego/gopkg/protocol/thrift"
)

// args and result are what Kitex's generator makes of
//
//	string Method(1: string text)

type args struct{ Text string }

type result struct{ Text *string }

var binary = thrift.Binary

func (a *args) BLength() int {
	return binary.FieldBeginLength() + binary.StringLength(a.Text) + binary.FieldStopLength()
}

func (a *args) FastWriteNocopy(b []byte, _ thrift.NocopyWriter) int {
	n := binary.WriteFieldBegin(b, thrift.STRING, 1)
	n += binary.WriteString(b[n:], a.Text)
	return n + binary.WriteFieldStop(b[n:])
}

func (a *args) FastRead(b []byte) (int, error) {
	return readStruct(b, 1, func(s string) { a.Text = s })
}

func (r *result) BLength() int {
	n := binary.FieldStopLength()
	if r.Text != nil {
		n += binary.FieldBeginLength() + binary.StringLength(*r.Text)
	}
	return n
}

func (r *result) FastWriteNocopy(b []byte, _ thrift.NocopyWriter) (n int) {
	if r.Text != nil {
		n = binary.WriteFieldBegin(b, thrift.STRING, 0)
		n += binary.WriteString(b[n:], *r.Text)
	}
	return n + binary.WriteFieldStop(b[n:])
}

func (r *result) FastRead(b []byte) (int, error) {
	return readStruct(b, 0, func(s string) { r.Text = &s })
}

// readStruct reads a struct that has a text in a field.
func readStruct(b []byte, field int16, set func(string)) (n int, err error) {
	for {
		kind, id, l, err := binary.ReadFieldBegin(b[n:])
		if n += l; err != nil || kind == thrift.STOP {
			return n, err
		}
		if kind == thrift.STRING && id == field {
			var s string
			s, l, err = binary.ReadString(b[n:])
			set(s)
		} else {
			l, err = binary.Skip(b[n:], kind)
		}
		if n += l; err != nil {
			return n, err
		}
	}
}
