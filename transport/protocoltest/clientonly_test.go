package protocoltest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"unsafe"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

// plain is what a newcomer writes: a client, without a server side.
//
//	| length u32 | id u32 | code u8 | body, or the text of an error |
type plain struct{}

const plainHeader = 9

func (plain) Parse(r io.Reader) (uint32, []byte, error) {
	frame, err := transport.ReadFrame(r, 8, func(h []byte) (int, error) { return int(binary.BigEndian.Uint32(h)), nil })
	if err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(frame[4:]), frame, nil
}

func (plain) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	return appendPlain(dst, id, 0, req.Body), nil
}

func appendPlain(dst []byte, id uint32, code byte, body []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(plainHeader+len(body)))
	dst = binary.BigEndian.AppendUint32(dst, id)
	return append(append(dst, code), body...)
}

func (plain) ParseResponse(frame []byte, resp *transport.Message) error {
	if len(frame) < plainHeader {
		return errors.New("a short answer")
	}
	if code := frame[8]; code != 0 {
		return transport.Business(int(code), string(frame[plainHeader:]))
	}
	resp.Body = frame[plainHeader:]
	return nil
}

var plainPeer = []protocoltest.Option{
	protocoltest.Answer(func(dst []byte, id uint32, body []byte) []byte { return appendPlain(dst, id, 0, body) }),
	protocoltest.ErrorAnswer(func(dst []byte, id uint32) []byte { return appendPlain(dst, id, 7, []byte("no")) }),
}

func TestSoundClientPasses(t *testing.T) {
	protocoltest.Run(t, plain{}, plainPeer...)
	protocoltest.Run(t, plain{}) // requests and answers are cut alike
	protocoltest.Run(t, greeting{}, append(plainPeer[:2:2], protocoltest.PeerHandshake(func(nc net.Conn) error {
		_, err := io.ReadFull(nc, make([]byte, 5))
		return err
	}))...)
	protocoltest.Run(t, choosy{}, append(plainPeer[:2:2], protocoltest.Bodies([]byte("<1>"), []byte("<2>")),
		protocoltest.LargeBody(func(n int) []byte { return append(append([]byte("<"), make([]byte, n)...), '>') }))...)
	protocoltest.Run(t, several{}, append(plainPeer[1:2:2], protocoltest.Answer(func(dst []byte, id uint32, body []byte) []byte {
		return appendPlain(appendPlain(dst, id, 0, append([]byte{1}, body[:len(body)/2]...)), id, 0, append([]byte{0}, body[len(body)/2:]...))
	}))...)
}

// greeting says hello.
type greeting struct{ plain }

func (greeting) Handshake(_ context.Context, nc net.Conn) error {
	_, err := nc.Write([]byte("hello"))
	return err
}

// choosy looks at its bodies.
type choosy struct{ plain }

func (p choosy) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	if len(req.Body) < 2 || req.Body[0] != '<' || req.Body[len(req.Body)-1] != '>' {
		return dst, fmt.Errorf("choosy: %.20q does not stand in <>", req.Body)
	}
	return p.plain.AppendRequest(dst, id, req)
}

// several has answers of several frames: a body begins with how many others follow.
type several struct{ plain }

func (several) ClassifyFrame(_ uint32, frame []byte) muxpool.FrameKind {
	if len(frame) > plainHeader && frame[8] == 0 && frame[plainHeader] > 0 {
		return muxpool.FrameMore
	}
	return muxpool.FrameLast
}

func (p several) ParseResponse(frame []byte, resp *transport.Message) error {
	var part transport.Message
	if err := p.plain.ParseResponse(frame, &part); err != nil {
		return err
	}
	if len(part.Body) == 0 {
		return errors.New("a short part")
	}
	resp.Body = append(resp.Body, part.Body[1:]...)
	return nil
}

// Each of these has one fault.

type sameBuffer struct { // reads all frames into one buffer
	plain
	buf *[1 << 20]byte
}

func (p sameBuffer) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := p.plain.Parse(r)
	return id, p.buf[:copy(p.buf[:], frame)], err
}

type peeked struct{ plain } // returns what Peek looked at

func (p peeked) Parse(r io.Reader) (uint32, []byte, error) {
	fr, ok := r.(muxpool.FrameReader)
	if !ok {
		return p.plain.Parse(r)
	}
	h, err := fr.Peek(8)
	if err != nil {
		return 0, nil, err
	}
	frame, err := fr.Peek(max(int(binary.BigEndian.Uint32(h)), 8))
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	_, err = fr.Discard(len(frame))
	return binary.BigEndian.Uint32(frame[4:]), frame, err
}

type releasing struct{ plain } // releases the frame that it returns

func (p releasing) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := p.plain.Parse(r)
	muxpool.Release(frame)
	return id, frame, err
}

type releasingLater struct{ plain } // releases the frame that Body lies in

func (p releasingLater) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.plain.ParseResponse(frame, resp)
	muxpool.Release(frame)
	return err
}

type fatal struct{ plain } // takes an error answer for a broken frame

func (p fatal) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := p.plain.Parse(r)
	if err == nil && len(frame) > 8 && frame[8] != 0 {
		err = errors.New("the peer says no")
	}
	return id, frame, err
}

type wordless struct{ plain } // returns an error answer as any error

func (p wordless) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.plain.ParseResponse(frame, resp)
	var e *transport.Error
	if errors.As(err, &e) {
		return errors.New(e.Message)
	}
	return err
}

type short struct{ plain } // has ids of 16 bits, and does not say so

func (p short) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := p.plain.Parse(r)
	return uint32(uint16(id)), frame, err
}

type waiting struct{ plain } // looks whether there is another frame

func (p waiting) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := p.plain.Parse(r)
	if fr, ok := r.(muxpool.FrameReader); ok && err == nil {
		_, _ = fr.Peek(1)
	}
	return id, frame, err
}

type trusting struct{ plain } // trusts that an answer has a code

func (trusting) ParseResponse(frame []byte, resp *transport.Message) error {
	if code := frame[8]; code != 0 {
		return transport.Business(int(code), string(frame[plainHeader:]))
	}
	resp.Body = frame[plainHeader:]
	return nil
}

type endless struct{ plain } // never ends an answer

func (endless) ClassifyFrame(uint32, []byte) muxpool.FrameKind { return muxpool.FrameMore }

type believing struct{ plain } // takes memory for whatever a length says

func (believing) Parse(r io.Reader) (uint32, []byte, error) {
	var h [8]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(h[:])
	if n < 8 {
		return 0, nil, errors.New("short")
	}
	frame := make([]byte, n)
	copy(frame, h[:])
	if _, err := io.ReadFull(r, frame[8:]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(frame[4:]), frame, nil
}

type stuck struct{ plain } // tries again for ever

func (p stuck) Parse(r io.Reader) (uint32, []byte, error) {
	for {
		id, frame, err := p.plain.Parse(r)
		if err == nil || err == io.EOF {
			return id, frame, err
		}
	}
}

type misplacing struct{ plain } // sets the error instead of returning it

func (p misplacing) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.plain.ParseResponse(frame, resp)
	if errors.As(err, &resp.Err) {
		return nil
	}
	return err
}

type aliasing struct{ plain } // an error's text lies in the frame

func (p aliasing) ParseResponse(frame []byte, resp *transport.Message) error {
	err := p.plain.ParseResponse(frame, resp)
	var e *transport.Error
	if errors.As(err, &e) && len(frame) > plainHeader {
		e.Message = unsafe.String(&frame[plainHeader], len(frame)-plainHeader)
	}
	return err
}

type keeping struct { // keeps what it was to append to
	plain
	buf *[64 << 10]byte
}

func (p keeping) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	return appendPlain(append(p.buf[:0], dst...), id, 0, req.Body), nil
}

type anonymous struct{ plain } // sends no id

func (anonymous) AppendRequest(dst []byte, _ uint32, req *transport.Message) ([]byte, error) {
	return appendPlain(dst, 0, 0, req.Body), nil
}

type half struct{ plain } // takes half an answer for one

func (p half) Parse(r io.Reader) (uint32, []byte, error) {
	fr, ok := r.(muxpool.FrameReader)
	if !ok {
		return p.plain.Parse(r)
	}
	h, err := fr.Peek(8)
	if err != nil {
		return 0, nil, err
	}
	frame, err := fr.Alloc(max(int(binary.BigEndian.Uint32(h)), 8))
	if err != nil {
		return 0, nil, err
	}
	n, err := io.ReadFull(fr, frame)
	if n > plainHeader {
		err = nil
	}
	return binary.BigEndian.Uint32(frame[4:]), frame[:max(n, 8)], err
}

type mute struct{ plain } // leaves out what an answer says

func (p mute) ParseResponse(frame []byte, resp *transport.Message) error {
	return p.plain.ParseResponse(frame, new(transport.Message))
}

var brokenClients = map[string]mistake{
	"reused buffer":               {sameBuffer{buf: new([1 << 20]byte)}, plainPeer, "Parse reuses memory"},
	"reused buffer, no options":   {sameBuffer{buf: new([1 << 20]byte)}, nil, "Parse reuses memory"},
	"Peek's memory":               {peeked{}, plainPeer, "the frame lies in what Peek returned"},
	"Peek's memory, no options":   {peeked{}, nil, "the frame lies in what Peek returned"},
	"released by Parse":           {releasing{}, plainPeer, "Parse has released the frame that it returns"},
	"released by Parse, none":     {releasing{}, nil, "Parse has released the frame that it returns"},
	"released by ParseResponse":   {releasingLater{}, plainPeer, "ParseResponse has released the frame"},
	"error answer ends it":        {fatal{}, plainPeer, "an error answer is a frame like others"},
	"error answer without *Error": {wordless{}, plainPeer, "an answer of the peer is returned as an *Error"},
	"short id":                    {short{}, plainPeer, "would give the answer to another call"},
	"short id, no options":        {short{}, nil, "would give the answer to another call"},
	"waits for the next frame":    {waiting{}, plainPeer, "and not wait for the next"},
	"waits, no options":           {waiting{}, nil, "and not wait for the next"},
	"panic on a short answer":     {trusting{}, plainPeer, "nothing that a peer sends may do that"},
	"panic, no options":           {trusting{}, nil, "nothing that a peer sends may do that"},
	"FrameMore for every frame":   {endless{}, plainPeer, "a call would wait for ever for the last frame"},
	"memory by a length":          {believing{}, plainPeer, "a length is a claim"},
	"memory by a length, none":    {believing{}, nil, "a length is a claim"},
	"never returns":               {stuck{}, plainPeer, "it must end with the bytes"},
	"sets Message.Err":            {misplacing{}, plainPeer, "an error answer is returned, as an *Error"},
	"text in the frame":           {aliasing{}, plainPeer, "must copy all but Body"},
	"keeps dst":                   {keeping{buf: new([64 << 10]byte)}, plainPeer, "it must not keep dst"},
	"no id":                       {anonymous{}, plainPeer, "AppendRequest makes the same frame for the ids"},
	"no body":                     {mute{}, plainPeer, "ParseResponse reads it as answer 0 to id"},
	"half an answer":              {half{}, plainPeer, "not io.ErrUnexpectedEOF"},
	"no way to cut requests":      {foreign{}, nil, "tell with protocoltest.Answer how the peer answers"},
}

// foreign has requests that Parse does not take.
type foreign struct{ plain }

func (foreign) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	return fmt.Appendf(dst, "%d %s\r\n", id, req.Body), nil
}

func TestForeignRequests(t *testing.T) { protocoltest.Run(t, foreign{}, plainPeer...) }
