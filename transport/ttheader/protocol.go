package ttheader

import (
	"encoding/binary"
	"io"
	"math"
	"strings"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
)

// Form is what a frame is made of.
type Form uint8

const (
	// FormTTHeader is a TTHeader and a message: Kitex's transport.TTHeader. The zero value.
	FormTTHeader Form = iota
	// FormTTHeaderFramed is a TTHeader and a framed message: Kitex's TTHeaderFramed.
	FormTTHeaderFramed
	// FormFramed is a framed message: Kitex's Framed, Apache Thrift's TFramedTransport.
	// Ids are the sequence ids of messages.
	FormFramed
)

// Protocol is Thrift, both sides. The zero value is ready to use, by any number of clients and
// services at once. Form and names are about requests: an answer has the form of its request,
// whatever that of the Service's Protocol is.
type Protocol struct {
	// Form is what frames of requests are made of.
	Form Form
	// Caller and Callee are the names of the two services, in the header's info: Kitex's
	// FromService and ToService, by which a mesh routes. With Callee goes the method.
	// Default: none are told.
	Caller, Callee string
	// Service is the service's name in its IDL, which a Kitex server that has several
	// needs to tell methods of one name apart. Default: none is told.
	Service string
	// OneWayMethods are the methods, with spaces between them, that a Service does not
	// answer even if they come as ordinary calls: Apache's Go clients send one-way calls so,
	// and would take the answer for that to their next call. Default: the type of the
	// message says it.
	OneWayMethods string
}

var (
	_ transport.ServerProtocol = Protocol{}
	_ transport.OneWayer       = Protocol{}
	_ muxpool.IDSpacer         = Protocol{}
	_ muxpool.Measurer         = Protocol{}
	_ muxpool.FrameClassifier  = Protocol{}
)

// Parse implements muxpool.FrameParser. It reads frames of all forms. The id is that of the
// TTHeader if there is one, else that of the message.
func (Protocol) Parse(r io.Reader) (uint32, []byte, error) {
	fr := transport.AsFrameReader(r)
	looked, err := look(fr)
	if err != nil {
		return 0, nil, err
	}
	frame, err := transport.ReadFrame(fr, looked, frameLength)
	if err != nil {
		return 0, nil, err
	}
	id, _ := idOf(frame)
	return id, frame, nil
}

// Measure implements muxpool.Measurer.
func (Protocol) Measure(b []byte) (id uint32, total int64, ok bool) {
	if len(b) < beginning {
		return 0, 0, false
	}
	n, err := frameLength(b)
	if err == nil {
		id, ok = idOf(b)
	}
	return id, int64(n), ok
}

// IDSpace implements muxpool.IDSpacer. 0 is what a frame has that is no answer, and Thrift's
// ids are signed: what is negative is left out.
func (Protocol) IDSpace() muxpool.IDSpace { return muxpool.IDSpace{Min: 1, Max: math.MaxInt32} }

// ClassifyFrame implements muxpool.FrameClassifier: a frame with the id 0 is no answer. Kitex's
// servers say with one that they shut down.
func (Protocol) ClassifyFrame(id uint32, frame []byte) muxpool.FrameKind {
	switch {
	case id != 0:
		return muxpool.FrameLast
	case endsConnection(frame):
		return muxpool.FrameGoingAway
	}
	return muxpool.FrameUnsolicited
}

// OneWay implements transport.OneWayer.
func (Protocol) OneWay() {}

// oneWay reports whether a method is one of the OneWayMethods.
func (p Protocol) oneWay(method string) bool {
	if p.OneWayMethods == "" {
		return false
	}
	for name := range strings.FieldsSeq(p.OneWayMethods) {
		if name == method {
			return true
		}
	}
	return false
}

// idOf is the id of a frame of which at least the beginning is there, as far as look looks.
func idOf(b []byte) (id uint32, ok bool) {
	at := 8
	if !isHeader(b) {
		if len(b) < framedBeginning {
			return 0, false
		}
		at = framedBeginning + int(binary.BigEndian.Uint32(b[8:]))
	}
	if at < 0 || len(b) < at+4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[at:]), true
}
