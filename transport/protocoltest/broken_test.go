package protocoltest_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/transport"
	"github.com/muxkit/muxkit/transport/native"
	"github.com/muxkit/muxkit/transport/protocoltest"
)

// Each of these has one fault, which the kit must find.

type greedy struct{ native.Protocol } // reads beyond its frame

func (greedy) Parse(r io.Reader) (uint32, []byte, error) {
	return native.Protocol{}.Parse(bufio.NewReader(r))
}

type reusing struct { // gives out the same memory twice
	native.Protocol
	buf *[1 << 20]byte
}

func (p reusing) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := p.Protocol.Parse(r)
	return id, p.buf[:copy(p.buf[:], frame)], err
}

type uncomparable struct {
	native.Protocol
	_ []byte
}

type overwriting struct{ native.Protocol } // does not append

func (p overwriting) AppendRequest(_ []byte, id uint32, req *transport.Message) ([]byte, error) {
	return p.Protocol.AppendRequest(nil, id, req)
}

type tagging struct{ native.Protocol } // keeps a part of the body

func (p tagging) AppendRequest(dst []byte, id uint32, req *transport.Message) ([]byte, error) {
	req.Tag = req.Body
	return p.Protocol.AppendRequest(dst, id, req)
}

type narrow struct{ native.Protocol } // loses the high bits of an id

func (p narrow) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := p.Protocol.Parse(r)
	return id & 0xffff, frame, err
}

type cutOff struct{ native.Protocol } // takes the end inside of a frame for one between two

func (p cutOff) Parse(r io.Reader) (uint32, []byte, error) {
	id, frame, err := p.Protocol.Parse(r)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return id, frame, err
}

type boundless struct{ native.Protocol } // allocates whatever a length says

func (p boundless) Parse(r io.Reader) (uint32, []byte, error) {
	var all bytes.Buffer
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, nil, err
	}
	all.Write(head)
	b := make([]byte, binary.BigEndian.Uint32(head)%(8<<20))
	if _, err := io.ReadFull(bytes.NewReader(b), b); err != nil { // never asks r
		return 0, nil, err
	}
	all.Write(b)
	return p.Protocol.Parse(&all)
}

type crashing struct{ native.Protocol } // trusts what it reads

func (p crashing) ParseResponse(frame []byte, resp *transport.Message) error {
	_ = make([]byte, 128)[frame[7]] // the code
	return p.Protocol.ParseResponse(frame, resp)
}

type silent struct{ native.Protocol } // takes an error answer for an answer

func (p silent) ParseResponse(frame []byte, resp *transport.Message) error {
	_ = p.Protocol.ParseResponse(frame, resp)
	return nil
}

type deaf struct{ native.Protocol } // classifies answers as unsolicited

func (deaf) ClassifyFrame(uint32, []byte) muxpool.FrameKind { return muxpool.FrameUnsolicited }

type talkative struct{ native.Protocol } // answers one-way calls

func (p talkative) ParseRequest(frame []byte, req *transport.Message) error {
	err := p.Protocol.ParseRequest(frame, req)
	req.OneWay = false
	return err
}

type unsettled struct{ native.Protocol } // does not know its own settings

func (unsettled) ClassifyFrame(uint32, []byte) muxpool.FrameKind { return muxpool.FrameLast }

type forgetful struct{ native.Protocol } // reads settings for nothing

func (forgetful) ReadSettings([]byte) (muxpool.Settings, error) { return muxpool.Settings{}, nil }

type brittle struct{ native.Protocol } // trusts the length of settings

func (p brittle) ReadSettings(frame []byte) (muxpool.Settings, error) {
	_ = frame[16+9] // a pair
	return p.Protocol.ReadSettings(frame)
}

type unserved struct{ native.Protocol } // takes settings for a request

func (unserved) ClassifyRequest(uint32, []byte) transport.RequestKind { return transport.RequestCall }

// mistake is a protocol with one fault, and what the kit has to say of it.
type mistake struct {
	protocol transport.Protocol
	options  []protocoltest.Option
	rule     string // a part of the sentence that names the rule
}

// broken are protocols with a server side; those without one are in clientonly_test.go.
var broken = map[string]mistake{
	"greedy":       {greedy{}, nil, "Parse must not read beyond its frame"},
	"reusing":      {reusing{buf: new([1 << 20]byte)}, nil, "Parse reuses memory"},
	"uncomparable": {uncomparable{}, nil, "the pool uses them as a part of its keys"},
	"overwriting":  {overwriting{}, nil, "AppendRequest must append to what it is given"},
	"tagging":      {tagging{}, nil, "AppendRequest must copy what its Tag keeps of the Body"},
	"narrow":       {narrow{}, nil, "would give the answer to another call"},
	"cut off":      {cutOff{}, nil, "not io.ErrUnexpectedEOF"},
	"boundless":    {boundless{}, nil, "Parse fails"},
	"crashing":     {crashing{}, nil, "nothing that a peer sends may do that"},
	"silent":       {silent{}, nil, "takes it for a good answer"},
	"deaf":         {deaf{}, nil, "the call would never hear of its answer"},
	"talkative":    {talkative{}, nil, "a one-way call was answered"},
	"unsettled":    {unsettled{}, nil, "does not know settings for FrameSettings"},
	"forgetful":    {forgetful{}, nil, "at least the frame size must come over"},
	"brittle":      {brittle{}, nil, "nothing that a peer sends may do that"},
	"unserved":     {unserved{}, nil, "does not know settings for RequestSettings"},
}

const brokenEnv = "PROTOCOLTEST_BROKEN"

// TestBroken is run by TestFaultsAreFound in a process of its own, since it fails.
func TestBroken(t *testing.T) {
	maps.Copy(broken, brokenClients)
	m, ok := broken[os.Getenv(brokenEnv)]
	if !ok {
		t.Skip("for TestFaultsAreFound")
	}
	protocoltest.Run(t, m.protocol, m.options...)
}

// TestFaultsAreFound: each by its rule, and in seconds. Memory that was released too early
// is poisoned by the tag muxguard, which ends the process before the kit has a look.
func TestFaultsAreFound(t *testing.T) {
	maps.Copy(broken, brokenClients)
	for name, m := range broken {
		if guarded && strings.HasPrefix(name, "released") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$", "-test.timeout=60s")
			cmd.Env = append(os.Environ(), brokenEnv+"="+name)
			out, err := cmd.CombinedOutput()
			var failed *exec.ExitError
			if !errors.As(err, &failed) || strings.Contains(string(out), "test timed out") || !strings.Contains(string(out), m.rule) {
				t.Errorf("the fault was not found by its rule, %q: %v\n%.3000s", m.rule, err, out)
			}
		})
	}
}

func TestSoundProtocolPasses(t *testing.T) { protocoltest.Run(t, native.Protocol{}) }

// clientOnly is a protocol without a server side.
type clientOnly struct{ transport.Protocol }

func TestClientOnlyProtocol(t *testing.T) {
	protocoltest.Run(t, clientOnly{native.Protocol{}}, protocoltest.Answer(func(dst []byte, id uint32, body []byte) []byte {
		dst, err := native.Protocol{}.AppendResponse(dst, id, nil, &transport.Message{Body: body})
		if err != nil {
			t.Fatal(err)
		}
		return dst
	}))
}
