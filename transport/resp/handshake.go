package resp

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/muxkit/muxkit/muxpool/verdict"
	"github.com/muxkit/muxkit/transport"
)

// Handshake implements muxpool.Handshaker. All that it says goes out at once. A server that
// has too many clients is refused here, and dialed again. One that is still loading answers.
func (p Protocol) Handshake(_ context.Context, nc net.Conn) error {
	greeting, err := p.greeting()
	if err != nil {
		return err
	}
	var b []byte
	for _, c := range greeting {
		b = c.AppendTo(b)
	}
	if _, err := nc.Write(b); err != nil {
		return err
	}
	r := transport.AsFrameReader(nc)
	for i := 0; i < len(greeting); {
		_, frame, err := p.Parse(r)
		if err != nil {
			return fmt.Errorf("resp: the answer to %s: %w", greeting[i].name(), err)
		}
		v, err := Parse(frame)
		if err != nil {
			return err
		}
		if v.Kind == KindPush {
			continue
		}
		if v.Kind == KindError {
			return p.refused(greeting[i], string(v.Text))
		}
		i++
	}
	return nil
}

func (p Protocol) greeting() (all []Command, err error) {
	switch p.Version {
	case 0, 3:
		hello := Cmd("HELLO", "3")
		if p.Password != "" {
			hello = hello.Arg("AUTH", p.user(), p.Password)
		}
		all = append(all, hello)
	case 2:
		if p.Password != "" && p.Username != "" {
			all = append(all, Cmd("AUTH", p.Username, p.Password))
		} else if p.Password != "" {
			all = append(all, Cmd("AUTH", p.Password))
		}
		if p.Tracking {
			return nil, invalid("Tracking needs version 3")
		}
	default:
		return nil, invalid(fmt.Sprintf("there is no version %d", p.Version))
	}
	if p.DB != 0 {
		all = append(all, Cmd("SELECT", strconv.Itoa(p.DB)))
	}
	if p.ClientName != "" {
		all = append(all, Cmd("CLIENT", "SETNAME", p.ClientName))
	}
	if p.Tracking {
		all = append(all, Cmd("CLIENT", "TRACKING", "ON", "BCAST"))
	}
	if len(all) == 0 {
		all = append(all, Cmd("PING")) // who accepts and is full says so only when it is asked
	}
	return all, nil
}

func (p Protocol) user() string {
	if p.Username == "" {
		return "default"
	}
	return p.Username
}

func invalid(text string) error {
	return verdict.Tell(fmt.Errorf("%w: resp.Protocol: %s", transport.ErrInvalidOption, text), verdict.ByCode(verdict.CodeInvalidArgument))
}

// refused is the error of a greeting that was answered with one.
func (p Protocol) refused(c Command, text string) error {
	e := failure(text)
	hint := ""
	if e.Code == transport.CodeUnimplemented && p.Version != 2 {
		hint = " (a server before Redis 6 wants Protocol{Version: 2})"
	}
	err := fmt.Errorf("resp: %s was answered: %s%s", c.name(), text, hint)
	switch e.Code {
	case transport.CodeUnauthenticated, transport.CodePermissionDenied:
		return verdict.Tell(err, verdict.ByCode(e.Code))
	}
	return err
}

// name is the command's, for errors: its arguments may be secrets.
func (c Command) name() string {
	word, _, _ := cutWord(c.words)
	return string(word)
}
